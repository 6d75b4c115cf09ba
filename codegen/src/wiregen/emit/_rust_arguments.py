"""Rust: what the schema asks of the members that callers write."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wiregen.emit._asked import LETTERS, bounds_of, inner_struct, written_structs
from wiregen.escape import rust as text
from wiregen.ir import Const, Field, Spec, Struct
from wiregen.naming import identifier, member_name, type_name, upper


@dataclass(frozen=True, slots=True)
class Arguments:
    """The rows of a type that callers write; `wire` is the word of an action, else empty."""

    name: str
    wire: str
    rows: tuple[str, ...]


def written(spec: Spec) -> tuple[Arguments, ...]:
    """Return every type that is sent, with the rows of its members."""
    words_of = {item.name: item.wire for item in spec.actions}
    return tuple(
        Arguments(table_name(item), words_of.get(item.name, ""), _rows(spec, item))
        for item in written_structs(spec)
    )


def table_name(struct: Struct) -> str:
    """Return the name of the table of a type; the role keeps types and actions apart."""
    return identifier("rust", f"{upper(struct.name)}_{struct.role.upper()}", "X")


def _rows(spec: Spec, struct: Struct) -> tuple[str, ...]:
    name = type_name("rust", struct.name, struct.role)
    rows: list[str] = []
    for field in struct.fields:
        facts = [] if isinstance(field.type, Const) else _asked(spec, field)
        if facts:
            title = f"{name}.{member_name('rust', field.word)}"
            given = f"wire: {text(field.wire)}, name: {text(title)}, {', '.join(facts)}"
            rows.append(f"Row {{ {given}, ..ROW }}")
    return tuple(rows)


def _asked(spec: Spec, field: Field) -> list[str]:
    facts = ["required: true"] if field.required and not field.nullable else []
    bounds = bounds_of(field.type)
    facts += [f"{name}: Some({float(value)!r})" for name, value in bounds.named("least", "most")]
    facts += _letters(bounds.pattern)
    if inner := inner_struct(spec, field):
        facts.append(f"inner: &{table_name(inner)}")
    return facts


def _letters(pattern: str | None) -> list[str]:
    """Print a pattern of one class of ASCII letters; any other one is the server's to check."""
    found = LETTERS.fullmatch(pattern or "")
    if found is None:
        return []
    members, least, most = found.groups()
    ranges = [f"(b'{low}', b'{high or low}')" for low, high in re.findall(r"(.)(?:-(.))?", members)]
    shown = f"ranges: &[{', '.join(ranges)}], least: {least}, most: {most}"
    return [f"letters: Some(Letters {{ pattern: {text(pattern or '')}, {shown} }})"]
