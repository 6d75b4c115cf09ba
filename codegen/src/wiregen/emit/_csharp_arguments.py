"""C#: what the schema asks of the members that callers write."""

from __future__ import annotations

from dataclasses import dataclass

from wiregen.emit._asked import bounds_of, inner_struct, written_structs
from wiregen.emit._csharp_types import quoted
from wiregen.ir import Const, Field, Spec, Struct
from wiregen.naming import member_name, type_name


@dataclass(frozen=True, slots=True)
class Arguments:
    """The rows of a type that callers write."""

    key: str
    rows: tuple[str, ...]


def written(spec: Spec) -> tuple[Arguments, ...]:
    """Return every type that is sent, with the rows of its members; an action by its word."""
    words = {item.name: item.wire for item in spec.actions}
    return tuple(
        Arguments(quoted(_key(item, words)), _rows(spec, item)) for item in written_structs(spec)
    )


def _key(struct: Struct, words: dict[str, str]) -> str:
    """Name the table of a struct: the word of an action, else a name that no word can be."""
    return words.get(struct.name) or f"#{struct.name}"


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
    bounds = bounds_of(field.type)
    facts += [f"{name}: {float(value)!r}" for name, value in bounds.named("Least", "Most")]
    if bounds.pattern:
        facts.append(f"Pattern: {quoted(bounds.pattern)}")
    if inner := inner_struct(spec, field):
        facts.append(f"Inner: {quoted(f'#{inner.name}')}")
    return facts
