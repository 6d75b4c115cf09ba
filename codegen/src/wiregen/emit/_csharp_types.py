"""How a type of the specification is written, read and named in C#."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from wiregen.emit.base import clean, reader_type, wrap
from wiregen.errors import refuse
from wiregen.escape import csharp as quoted
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
__all__ = ["Speller", "Spelling", "doc_lines", "quoted"]
_SCALARS = {
    "string": ("string", "Json.ReadString(ref {r})", "{w}.WriteStringValue({v})"),
    "integer": ("long", "Json.ReadInteger(ref {r})", "{w}.WriteNumberValue({v})"),
    "number": ("double", "Json.ReadNumber(ref {r})", "Json.WriteNumber({w}, {v})"),
    "boolean": ("bool", "Json.ReadBoolean(ref {r})", "{w}.WriteBooleanValue({v})"),
}
_KIND_FLAGS = {
    "object": "JsonKinds.Object",
    "array": "JsonKinds.Array",
    "string": "JsonKinds.String",
    "number": "JsonKinds.Number",
    "integer": "JsonKinds.Integer",
    "boolean": "JsonKinds.Boolean",
    "null": "JsonKinds.Null",
}


@dataclass(frozen=True, slots=True)
class Spelling:
    """A type in C#: its name, and the code that reads and writes one non-null value of it.

    `read` and `write` hold `{r}`, `{w}` and `{v}` for the reader, the writer and the value.
    `value` says that absence needs `Nullable<T>`; `raw` that the value is a `JsonElement`.
    """

    name: str
    read: str
    write: str
    value: bool = False
    raw: bool = False

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
                name, read, write = _SCALARS[kind]
                return Spelling(name, read, write, value=kind != "string")
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
        read, write = item.reading("r"), item.writing("w", "v")
        if loose:
            value = "v.Value" if item.value else "v"
            written = item.writing("w", value)
            read = f"Json.IsNull(ref r) ? ({name})null : {read}"
            write = f"{{{{ if (v is null) w.WriteNullValue(); else {written}; }}}}"
            write = write.replace("{{", "{").replace("}}", "}")
        return Spelling(
            pattern.format(name),
            f"Json.Read{helper}(ref {{r}}, static (ref r) => {read})",
            f"Json.Write{helper}({{w}}, {{v}}, static (w, v) => {write})",
        )

    def _named(self, name: str) -> Spelling:
        found = self.spec.type(name)
        if isinstance(found, Enum):
            cs = type_name("csharp", name, "type")
            return Spelling(
                cs,
                f"new {cs}(Json.ReadString(ref {{r}}))",
                "{w}.WriteStringValue({v}.Value)",
                value=True,
            )
        if isinstance(found, Struct):
            cs = type_name("csharp", name, found.role)
            return Spelling(cs, f"{cs}.ReadFrom(ref {{r}})", "{v}.WriteTo({w})")
        cs = type_name("csharp", name, "type")
        return Spelling(cs, f"{cs}.ReadFrom(ref {{r}})", "{v}.WriteTo({w})")


def _raw(flags: str) -> Spelling:
    return Spelling(
        "JsonElement",
        f"Json.ReadElement(ref {{r}}, {flags})",
        "{v}.WriteTo({w})",
        value=True,
        raw=True,
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
