"""How a type of the specification is written, read and named in C#."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from wiregen.emit.base import clean, reader_type, wrap
from wiregen.errors import refuse
from wiregen.escape import csharp as quoted
from wiregen.graph import reach
from wiregen.ir import (
    Accessor,
    AnyJson,
    Array,
    Enum,
    Field,
    Map,
    Opaque,
    Ref,
    Scalar,
    Spec,
    Struct,
    Type,
)
from wiregen.naming import type_name

DOC_WIDTH = 96
STREAMS = "streams"
__all__ = ["STREAMS", "Speller", "Spelling", "doc_lines", "quoted"]
_SCALARS = {
    "string": ("string", "String", "Text", "{w}.WriteStringValue({v})"),
    "integer": ("long", "Integer", "Integer", "{w}.WriteNumberValue({v})"),
    "number": ("double", "Number", "Number", "Json.WriteNumber({w}, {v})"),
    "boolean": ("bool", "Boolean", "Boolean", "{w}.WriteBooleanValue({v})"),
}
_KIND_FLAGS = {
    "object": "JsonKinds.Object",
    "array": "JsonKinds.Array",
    "string": "JsonKinds.String",
    "number": "JsonKinds.Number",
    "integer": "JsonKinds.Integer | JsonKinds.Large",  # of raw JSON; a typed one has 64 bits
    "boolean": "JsonKinds.Boolean",
    "null": "JsonKinds.Null",
}


@dataclass(frozen=True, slots=True)
class Spelling:
    """A type in C#: its name, and the code that reads and writes one non-null value of it.

    `read`, `take` and `write` hold `{r}`, `{e}`, `{w}` and `{v}` for the reader, the parsed
    element, the writer and the value. `value` says that absence needs `Nullable<T>`; `raw` that
    the value is a `JsonElement`; `plain` that a member is written by its value alone, with
    `inner` behind it.
    """

    name: str
    read: str
    take: str
    write: str
    value: bool = False
    raw: bool = False
    plain: bool = False
    inner: str = ""

    def taking(self, element: str) -> str:
        """Return the code that reads a value of a parsed tree."""
        return self.take.replace("{e}", element)

    def reading(self, reader: str) -> str:
        """Return the code that reads a value."""
        return self.read.replace("{r}", reader)

    def writing(self, writer: str, value: str) -> str:
        """Return the statement, without semicolon, that writes a value."""
        return self.write.replace("{w}", writer).replace("{v}", value)


class Speller:
    """Spells the types of one specification."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        streams = [item.name for item in spec.events if item.turn == STREAMS]
        self.streamed = reach({item.name: item for item in spec.types}, streams)
        """Types that are read from bytes: of events that stream, and what they hold."""

    def held(self, type_: Type) -> str:
        """Return the record or union that a type names, through lists and maps; else nothing."""
        while isinstance(type_, Array | Map):
            type_ = type_.items if isinstance(type_, Array) else type_.values
        found = self.spec.type(type_.name) if isinstance(type_, Ref) else None
        if found is None or isinstance(found, Enum):
            return ""
        return type_name("csharp", found.name, found.role if isinstance(found, Struct) else "type")

    def facts(self, struct: str) -> list[Accessor]:
        """Return the facts of an event."""
        return [item for e in self.spec.events if e.name == struct for item in e.accessors]

    def shown(self, struct: str) -> list[Field]:
        """Return the facts that an event shows beside its own members, as members."""
        return [
            Field(
                wire=item.name,
                type=item.type,
                required=not item.optional,
                nullable=item.nullable,
                read_required=not item.optional,
                label=item.word,
            )
            for event in self.spec.events
            if event.name == struct
            for item in event.accessors
        ]

    def spell(self, type_: Type, *, nullable: bool = False) -> Spelling:
        """Return the C# spelling of a type; `nullable` matters to free-form JSON alone."""
        match reader_type(type_):
            case Scalar(kind=kind):
                name, read, take, write = _SCALARS[kind]
                reads, takes = f"Json.Read{read}(ref {{r}})", f"Json.{take}({{e}})"
                return Spelling(name, reads, takes, write, value=kind != "string", plain=True)
            case AnyJson():
                return _raw("JsonKinds.Any")
            case Opaque(kinds=kinds):
                return _raw(_flags(kinds, nullable))
            case Map(values=AnyJson()):
                return _raw(_flags(("object",), nullable))
            case Array(items=inner, nullable_items=loose):
                return self._many("List", "IReadOnlyList<{}>", inner, loose)
            case Map(values=inner, nullable_values=loose):
                return self._many("Map", "IReadOnlyDictionary<string, {}>", inner, loose)
            case Ref(name=name):
                return self._named(name)
            case other:
                raise refuse("", "", "csharp-type", f"no C# spelling for {other!r}")

    def _many(self, helper: str, pattern: str, inner: Type, loose: bool) -> Spelling:
        item = self.spell(inner, nullable=loose)
        loose = loose and not item.raw
        name = item.name + ("?" if loose else "")
        read, take, write = item.reading("r"), item.taking("e"), item.writing("w", "v")
        if loose:
            value = "v.Value" if item.value else "v"
            written = item.writing("w", value)
            read = f"Json.IsNull(ref r) ? ({name})null : {read}"
            take = f"e.ValueKind == JsonValueKind.Null ? ({name})null : {take}"
            write = f"{{{{ if (v is null) w.WriteNullValue(); else {written}; }}}}"
            write = write.replace("{{", "{").replace("}}", "}")
        return Spelling(
            pattern.format(name),
            f"Json.Read{helper}(ref {{r}}, static (ref r) => {read})",
            f"Json.{helper}({{e}}, static e => {take})",
            f"Json.Write{helper}({{w}}, {{v}}, static (w, v) => {write})",
        )

    def _named(self, name: str) -> Spelling:
        found = self.spec.type(name)
        if isinstance(found, Enum):
            cs = type_name("csharp", name, "type")
            return Spelling(
                cs,
                f"new {cs}(Json.ReadString(ref {{r}}))",
                f"new {cs}(Json.Text({{e}}))",
                "{w}.WriteStringValue({v}.Value)",
                value=True,
                plain=True,
                inner=".Value",
            )
        write = "{v}.WriteTo({w})"
        role = found.role if isinstance(found, Struct) else "type"
        cs = type_name("csharp", name, role)
        read = f"{cs}.ReadFrom(ref {{r}})"
        if isinstance(found, Struct) and name not in self.streamed:
            read = f"{cs}.ReadFrom(JsonElement.ParseValue(ref {{r}}))"
            return Spelling(cs, read, f"{cs}.ReadFrom({{e}})", write, plain=True)
        take = f"Json.Again({{e}}, {cs}.ReadFrom)"
        return Spelling(cs, read, take, write, plain=isinstance(found, Struct))


def _raw(flags: str) -> Spelling:
    return Spelling(
        "JsonElement",
        f"Json.ReadElement(ref {{r}}, {flags})",
        f"Json.Kept({{e}}, {flags})",
        "{v}.WriteTo({w})",
        value=True,
        raw=True,
        plain=True,
    )


def _flags(kinds: tuple[str, ...], nullable: bool) -> str:
    listed = (*kinds, "null") if nullable else kinds
    return " | ".join(dict.fromkeys(_KIND_FLAGS[kind] for kind in listed))


def doc_lines(text: str, tag: str = "summary") -> tuple[str, ...]:
    """Return an XML documentation comment; one line when it fits."""
    safe = _code(escape(clean(text) or "No description.", quote=False))
    if len(safe) <= DOC_WIDTH - 22:
        return (f"/// <{tag}>{safe}</{tag}>",)
    return (f"/// <{tag}>", *(f"/// {line}" for line in wrap(safe, DOC_WIDTH)), f"/// </{tag}>")


def _code(text: str) -> str:
    """Turn pairs of backticks into `<c>` elements; an odd one stays as it is."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return text
    return "".join(f"<c>{part}</c>" if index % 2 else part for index, part in enumerate(parts))
