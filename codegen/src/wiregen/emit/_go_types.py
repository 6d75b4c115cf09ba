"""Go types and statements for the types of the IR. Decisions only; templates lay them out."""

from __future__ import annotations

from dataclasses import dataclass

from wiregen.emit.base import reader_type
from wiregen.escape import go as quote
from wiregen.ir import (
    AnyJson,
    Array,
    Check,
    Enum,
    Map,
    Opaque,
    Presence,
    Ref,
    Scalar,
    Spec,
    Struct,
    Type,
    TypeDef,
    Union,
)
from wiregen.naming import member_name, type_name
from wiregen.shapes import check_of

RAW = "json.RawMessage"
_SCALARS = {"string": "string", "integer": "int64", "number": "float64", "boolean": "bool"}
_GIVE_UP = ("\treturn false", "}")
_KINDS = {
    "object": "kindObject",
    "array": "kindArray",
    "string": "kindString",
    "integer": "kindInteger | kindLarge",  # of raw JSON; a typed one has 64 bits
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

    def check(self, type_: Type, nullable: bool = False) -> str:
        """Return the Go literal of what a reader asks of a value."""
        found = self.literal(check_of(type_, self._types()))
        if nullable and (raw := self.raw_kinds(type_)):
            return f"check{{kinds: {raw} | kindNull}}"
        return f"check{found}"

    def _types(self) -> dict[str, TypeDef]:
        return {item.name: item for item in self.spec.types}

    def literal(self, item: Check) -> str:
        """Return the Go literal of a check, without its type."""
        match item.kind:
            case "any":
                return "{kinds: kindAny}"
            case "struct":
                return f"{{kinds: kindObject, shape: {quote(self.of(item.ref))}}}"
            case "union":
                return f"{{kinds: kindAny, union: unionName({quote(self.of(item.ref))})}}"
            case "const":
                return "{kinds: kindString}"
            case "kinds":
                return f"{{kinds: {kinds(item.kinds)}}}"
            case "array" | "map":
                kind = kinds(("array" if item.kind == "array" else "object",))
                if item.item is None or item.item.kind == "any":
                    return f"{{kinds: {kind}}}"
                nullable = ", nullable: true" if item.nullable_item else ""
                return f"{{kinds: {kind}, item: &check{self.literal(item.item)}{nullable}}}"
            case "integer":
                return "{kinds: kindInteger}"
            case kind:
                return f"{{kinds: {kinds((kind,))}}}"

    def _call(self, type_: Type, nullable: bool) -> str | None:
        """Return the call that reads a scalar or raw JSON; None for what tables read."""
        scalar = reader_type(type_)
        if isinstance(scalar, Scalar):
            return f"d.{_SCALARS[scalar.kind]}()"
        raw = self.raw_kinds(type_)
        if raw is None:
            return None
        return f"d.rawOf({raw} | kindNull)" if nullable else f"d.rawOf({raw})"

    def read_into(
        self, target: str, type_: Type, go_type: str, nullable: bool = False
    ) -> list[str]:
        """Return statements that read the next value into a member of a Go type."""
        call = None if go_type.startswith("Opt[") else self._call(type_, nullable)
        if call is None:
            return [f"if !d.into(&{target}, {self.check(type_, nullable)}) {{", *_GIVE_UP]
        if go_type.startswith("*"):
            return [f"v, ok := {call}", "if !ok {", *_GIVE_UP, f"{target} = &v"]
        return [f"if {target}, ok = {call}; !ok {{", *_GIVE_UP]

    def read_unless(
        self, taken: str, target: str, type_: Type, go_type: str, nullable: bool
    ) -> list[str]:
        """Return statements that read a value into a member, unless a better place was there."""
        call = None if go_type.startswith("Opt[") else self._call(type_, nullable)
        if call is None:
            check = self.check(type_, nullable)
            head = [f"var v {go_type}", f"if !d.into(&v, {check}) {{", *_GIVE_UP]
        else:
            head = [f"v, ok := {call}", "if !ok {", *_GIVE_UP]
        value = "&v" if call is not None and go_type.startswith("*") else "v"
        return [*head, f"if !({taken}) {{", f"\t{target} = {value}", "}"]

    def skip(self, type_: Type, nullable: bool) -> list[str]:
        """Return statements that pass over the next value after a look at its type."""
        check = check_of(type_, self._types())
        null = "!d.null() && " if nullable and check.kind != "any" else ""
        if check.kind in ("struct", "array", "map", "union"):
            fault = f'valueFault(d.tree(), check{self.literal(check)}, "") != nil'
            return [f"if {null}{fault} {{", *_GIVE_UP]
        return [f"if {null}!d.skip({self.literal(check)[8:-1]}) {{", *_GIVE_UP]


def field_name(word: str) -> str:
    """Return the Go name of a member, made from its word."""
    return member_name("go", word)
