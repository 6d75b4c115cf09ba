"""Go types and statements for the types of the IR. Decisions only; templates lay them out."""

from __future__ import annotations

from dataclasses import dataclass

from wiregen.emit.base import reader_type
from wiregen.escape import go as quote
from wiregen.ir import (
    AnyJson,
    Array,
    Const,
    Enum,
    Map,
    Opaque,
    Presence,
    Ref,
    Scalar,
    Spec,
    Struct,
    Type,
    Union,
)
from wiregen.naming import member_name, type_name

RAW = "json.RawMessage"
_SCALARS = {"string": "string", "integer": "int64", "number": "float64", "boolean": "bool"}
_READS = {"string": "string", "integer": "int64", "number": "float64", "boolean": "bool"}
_KINDS = {
    "object": "kindObject",
    "array": "kindArray",
    "string": "kindString",
    "integer": "kindInteger",
    "number": "kindNumber",
    "boolean": "kindBoolean",
    "null": "kindNull",
}


def words(items: tuple[str, ...]) -> str:
    """Return a Go slice of strings; nil when there are none."""
    return "[]string{" + ", ".join(map(quote, items)) + "}" if items else "nil"


def kinds(names: tuple[str, ...]) -> str:
    """Return the Go set of JSON kinds."""
    return " | ".join(_KINDS[name] for name in names)


@dataclass(frozen=True, slots=True)
class Named:
    """Names of the Go types that stand for the types of a specification."""

    spec: Spec

    def of(self, name: str) -> str:
        """Return the Go name of a named type."""
        item = self.spec.type(name)
        return type_name("go", name, item.role if isinstance(item, Struct) else "type")

    def struct(self, type_: Type) -> str | None:
        """Return the Go struct that a type refers to, if it does."""
        if isinstance(type_, Ref) and isinstance(self.spec.type(type_.name), Struct):
            return self.of(type_.name)
        return None

    def enum(self, type_: Type) -> str | None:
        """Return the Go enum that a type refers to, if it does."""
        if isinstance(type_, Ref) and isinstance(self.spec.type(type_.name), Enum):
            return self.of(type_.name)
        return None

    def raw_kinds(self, type_: Type) -> str | None:
        """Return the kinds of a value that is kept as raw JSON, None for typed values."""
        match type_:
            case AnyJson():
                return "kindAny"
            case Opaque(kinds=names):
                return kinds(names)
            case Map(values=AnyJson()):
                return "kindObject"
        return None

    def union(self, type_: Type) -> str | None:
        """Return the Go interface of a union that a type refers to, if it does."""
        if isinstance(type_, Ref) and isinstance(self.spec.type(type_.name), Union):
            return self.of(type_.name)
        return None

    def bare(self, type_: Type, *, writes: bool = False) -> str:
        """Return the Go type of a value that is there and not null."""
        if writes and isinstance(type_, Map) and isinstance(type_.values, AnyJson):
            return "map[string]any"
        if writes and self.raw_kinds(type_):
            return "any"
        if self.raw_kinds(type_):
            return RAW
        match reader_type(type_):
            case Scalar(kind=kind):
                return _SCALARS[kind]
            case Array(items=inner, nullable_items=nullable):
                return "[]" + self._pointer(inner, nullable) + self.bare(inner, writes=writes)
            case Map(values=inner, nullable_values=nullable):
                star = self._pointer(inner, nullable)
                return f"map[string]{star}{self.bare(inner, writes=writes)}"
            case Ref(name=name):
                return self.of(name)
        raise TypeError(type_)

    def _pointer(self, inner: Type, nullable: bool) -> str:
        return "*" if nullable and not self.union(inner) else ""

    def holds_absence(self, type_: Type) -> bool:
        """Whether the Go type has a value for an absent member: a nil slice, map or interface."""
        if self.raw_kinds(type_) is not None or self.union(type_):
            return True
        return isinstance(type_, Array | Map)

    def _optional(self, type_: Type) -> str:
        """Return the Opt of a type; a struct that leads back to itself is held by a pointer."""
        found = self.spec.type(type_.name) if isinstance(type_, Ref) else None
        star = "*" if isinstance(found, Struct) and found.recursive else ""
        return f"Opt[{star}{self.bare(type_)}]"

    def member(self, type_: Type, presence: Presence, nullable: bool) -> str:
        """Return the Go type of a member that is read."""
        bare = self.bare(type_)
        if self.raw_kinds(type_):
            return bare
        if nullable:
            return self._optional(type_)
        if presence == "required" or self.holds_absence(type_):
            return bare
        return f"*{bare}"

    def sent(self, type_: Type, presence: Presence, nullable: bool) -> str:
        """Return the Go type of a member that is only written; an empty string is absent."""
        bare = self.bare(type_, writes=True)
        if nullable and not self.raw_kinds(type_):
            return self._optional(type_)
        text = bare == "string" or self.enum(type_) is not None
        if presence == "required" or text or self.holds_absence(type_):
            return bare
        return f"*{bare}"

    # reading --------------------------------------------------------------------------

    def read(self, type_: Type, name: str = "v") -> list[str]:
        """Return statements that declare ``name`` with the next value, or return false."""
        give_up = ["if !ok {", "\treturn false", "}"]
        raw = self.raw_kinds(type_)
        if raw == "kindAny":
            return [f"{name} := d.raw()"]
        if raw:
            return [f"{name}, ok := d.rawOf({raw})", *give_up]
        if union := self.union(type_):
            return [f"{name}, ok := read{union}(d)", *give_up]
        if self.enum(type_):
            return ["word, ok := d.string()", *give_up, f"{name} := {self.bare(type_)}(word)"]
        if self.struct(type_):
            return [
                f"var {name} {self.bare(type_)}",
                f"if !{name}.decode(d) {{",
                "\treturn false",
                "}",
            ]
        match reader_type(type_):
            case Scalar(kind=kind):
                return [f"{name}, ok := d.{_READS[kind]}()", *give_up]
            case Array(items=inner, nullable_items=nullable):
                return self._read_array(type_, inner, nullable, name)
            case Map(values=inner, nullable_values=nullable):
                return self._read_map(type_, inner, nullable, name)
        raise TypeError(type_)

    def _read_array(self, type_: Type, inner: Type, nullable: bool, name: str) -> list[str]:
        item = name + "Item"
        body = self.read(inner, item)
        if nullable:
            skip = ["if d.null() {", f"\t{name} = append({name}, nil)", "\tcontinue", "}"]
            given = item if self.union(inner) else f"&{item}"
            body = [*skip, *body, f"{name} = append({name}, {given})"]
        else:
            body = [*body, f"{name} = append({name}, {item})"]
        return [
            "if !d.take('[') {",
            "\treturn false",
            "}",
            f"{name} := {self.bare(type_)}{{}}",
            "for d.item() {",
            *("\t" + line for line in body),
            "}",
        ]

    def _read_map(self, type_: Type, inner: Type, nullable: bool, name: str) -> list[str]:
        item = name + "Item"
        body = self.read(inner, item)
        if nullable:
            skip = ["if d.null() {", f"\t{name}[string(key)] = nil", "\tcontinue", "}"]
            given = item if self.union(inner) else f"&{item}"
            body = [*skip, *body, f"{name}[string(key)] = {given}"]
        else:
            body = [*body, f"{name}[string(key)] = {item}"]
        return [
            "if !d.enter() {",
            "\treturn false",
            "}",
            f"{name} := {self.bare(type_)}{{}}",
            "for key, ok := d.next(); ok; key, ok = d.next() {",
            *("\t" + line for line in body),
            "}",
        ]

    def read_into(
        self, target: str, type_: Type, go_type: str, nullable: bool = False
    ) -> list[str]:
        """Return statements that read the next value into a member of a Go type."""
        raw = self.raw_kinds(type_)
        if raw and raw != "kindAny" and nullable:
            give_up = ["\treturn false", "}"]
            return [f"if {target}, ok = d.rawOf({raw} | kindNull); !ok {{", *give_up]
        if go_type.startswith("Opt["):
            some = self.read(type_)
            return [
                "if d.null() {",
                f"\t{target} = Null[{go_type[4:-1]}]()",
                "\tcontinue",
                "}",
                *some,
                f"{target} = Some({'&v' if go_type.startswith('Opt[*') else 'v'})",
            ]
        if self.struct(type_) and not go_type.startswith("*"):
            return [f"if !{target}.decode(d) {{", "\treturn false", "}"]
        if go_type.startswith("*"):
            return [*self.read(type_), f"{target} = &v"]
        return self.assign(target, type_)

    def assign(self, target: str, type_: Type) -> list[str]:
        """Return statements that read the next value into a member of its bare type."""
        raw = self.raw_kinds(type_)
        scalar = reader_type(type_)
        if raw == "kindAny":
            return [f"{target} = d.raw()"]
        if raw:
            call = f"d.rawOf({raw})"
        elif isinstance(scalar, Scalar):
            call = f"d.{_READS[scalar.kind]}()"
        else:
            return [*self.read(type_), f"{target} = v"]
        return [f"if {target}, ok = {call}; !ok {{", "\treturn false", "}"]

    def skip(self, type_: Type) -> list[str]:
        """Return statements that pass over the next value after a look at its type."""
        raw, scalar = self.raw_kinds(type_), reader_type(type_)
        if raw == "kindAny":
            return ["d.raw()"]
        if raw:
            found = raw
        elif isinstance(scalar, Scalar):
            found = kinds((scalar.kind,))
        elif self.enum(type_):
            found = kinds(("string",))
        else:
            return [*self.read(type_), "_ = v"]
        return [f"if !d.skip({found}) {{", "\treturn false", "}"]

    # writing --------------------------------------------------------------------------

    def write(self, value: str, type_: Type, *, writes: bool = False) -> list[str]:
        """Return statements that write a value that is there."""
        if self.raw_kinds(type_):
            return [f"e.any({value})" if writes else f"e.raw({value})"]
        if self.enum(type_):
            return [f"e.string(string({value}))"]
        if self.union(type_):
            return [f"e.branch({value})"]
        if self.struct(type_):
            return [f"{value}.append(e)"]
        match reader_type(type_):
            case Scalar(kind=kind):
                return [f"e.{_READS[kind]}({value})"]
            case Array(items=inner, nullable_items=nullable):
                depth = value.count("[at")
                at = f"at{depth + 1}" if depth else "at"
                return [
                    "e.b = append(e.b, '[')",
                    f"for {at} := range {value} {{",
                    "\te.comma()",
                    *self._write_item(f"{value}[{at}]", inner, nullable, writes),
                    "}",
                    "e.b = append(e.b, ']')",
                ]
            case Map(values=inner, nullable_values=nullable):
                return [
                    "e.b = append(e.b, '{')",
                    f"for _, name := range slices.Sorted(maps.Keys({value})) {{",
                    "\te.key(name)",
                    f"\titem := {value}[name]",
                    *self._write_item("item", inner, nullable, writes),
                    "}",
                    "e.b = append(e.b, '}')",
                ]
        raise TypeError(type_)

    def _write_item(self, value: str, inner: Type, nullable: bool, writes: bool) -> list[str]:
        if not nullable:
            return ["\t" + line for line in self.write(value, inner, writes=writes)]
        bare = value if self.struct(inner) or self.union(inner) else f"*{value}"
        return [
            f"\tif {value} == nil {{",
            "\t\te.raw(nil)",
            "\t\tcontinue",
            "\t}",
            *("\t" + line for line in self.write(bare, inner, writes=writes)),
        ]

    def present(self, value: str, type_: Type, go_type: str) -> tuple[str, str]:
        """Return the condition under which a member is there, and the expression of its value."""
        if go_type.startswith("Opt["):
            return f"!{value}.IsZero()", value
        if go_type.startswith("*"):
            return f"{value} != nil", value if self.struct(type_) else f"*{value}"
        if self.holds_absence(type_):
            return f"{value} != nil", value
        return f'{value} != ""', value

    def write_opt(self, value: str, type_: Type) -> list[str]:
        """Return statements that write an Opt that is not absent."""
        return [
            f"if v, ok := {value}.Get(); ok {{",
            *("\t" + line for line in self.write("v", type_)),
            "} else {",
            "\te.raw(nil)",
            "}",
        ]


def field_name(word: str) -> str:
    """Return the Go name of a member, made from its word."""
    return member_name("go", word)


def is_tag(type_: Type) -> bool:
    """Whether a member is a constant."""
    return isinstance(type_, Const)
