"""C#: what the schema asks of the members that callers write."""

from __future__ import annotations

from dataclasses import dataclass

from wiregen.emit._csharp_types import quoted
from wiregen.ir import Array, Const, Field, Ref, Scalar, Spec, Struct
from wiregen.naming import member_name, type_name


@dataclass(frozen=True, slots=True)
class Arguments:
    """The rows of a type that callers write."""

    key: str
    rows: tuple[str, ...]


def written(spec: Spec) -> tuple[Arguments, ...]:
    """Return every type that is sent, with the rows of its members; an action by its word."""
    words = {item.name: item.wire for item in spec.actions}
    asked, found = set(words), set[str]()
    while asked:
        name = asked.pop()
        found.add(name)
        fields = spec.struct(name).fields
        asked |= {inner.name for field in fields if (inner := _inner(spec, field))}
        asked -= found
    return tuple(
        Arguments(quoted(_key(item, words)), _rows(spec, item))
        for item in spec.structs
        if item.name in found
    )


def _key(struct: Struct, words: dict[str, str]) -> str:
    """Name the table of a struct: the word of an action, else a name that no word can be."""
    return words.get(struct.name) or f"#{struct.name}"


def _inner(spec: Spec, field: Field) -> Struct | None:
    """Return the struct of the objects in a member."""
    type_ = field.type.items if isinstance(field.type, Array) else field.type
    inner = spec.type(type_.name) if isinstance(type_, Ref) else None
    return inner if isinstance(inner, Struct) else None


def _rows(spec: Spec, struct: Struct) -> tuple[str, ...]:
    owner = type_name("csharp", struct.name, struct.role)
    rows: list[str] = []
    for field in struct.fields:
        facts = [] if isinstance(field.type, Const) else _asked(spec, field)
        if facts:
            title = f"{owner}.{member_name('csharp', field.word)}"
            rows.append(f"new({quoted(field.wire)}, {quoted(title)}, {', '.join(facts)})")
    return tuple(rows)


def _asked(spec: Spec, field: Field) -> list[str]:
    facts = ["Required: true"] if field.required and not field.nullable else []
    type_ = field.type
    if isinstance(type_, Array):
        facts += _bounds(("Least", type_.min_items), ("Most", type_.max_items))
    elif isinstance(type_, Scalar) and type_.kind == "string":
        facts += _bounds(("Least", type_.min_length), ("Most", type_.max_length))
        if type_.pattern:
            facts.append(f"Pattern: {quoted(type_.pattern)}")
    elif isinstance(type_, Scalar):
        facts += _bounds(("Least", type_.minimum), ("Most", type_.maximum))
    if inner := _inner(spec, field):
        facts.append(f"Inner: {quoted(f'#{inner.name}')}")
    return facts


def _bounds(*bounds: tuple[str, float | None]) -> list[str]:
    return [f"{name}: {float(value)!r}" for name, value in bounds if value is not None]
