"""Rust: what the schema asks of the members that callers write."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wiregen.escape import rust as text
from wiregen.ir import Array, Const, Field, Ref, Scalar, Spec, Struct
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
    asked, found = {item.name for item in spec.actions}, set[str]()
    while asked:
        name = asked.pop()
        found.add(name)
        asked |= {
            inner.name for field in spec.struct(name).fields if (inner := _inner(spec, field))
        }
        asked -= found
    return tuple(
        Arguments(table_name(item), words_of.get(item.name, ""), _rows(spec, item))
        for item in spec.structs
        if item.name in found
    )


def _inner(spec: Spec, field: Field) -> Struct | None:
    """Return the struct of the objects in a member."""
    type_ = field.type.items if isinstance(field.type, Array) else field.type
    inner = spec.type(type_.name) if isinstance(type_, Ref) else None
    return inner if isinstance(inner, Struct) else None


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
    type_ = field.type
    if isinstance(type_, Array):
        facts += _bounds(("least", type_.min_items), ("most", type_.max_items))
    elif isinstance(type_, Scalar) and type_.kind == "string":
        facts += _bounds(("least", type_.min_length), ("most", type_.max_length))
        facts += _letters(type_.pattern)
    elif isinstance(type_, Scalar):
        facts += _bounds(("least", type_.minimum), ("most", type_.maximum))
    if inner := _inner(spec, field):
        facts.append(f"inner: &{table_name(inner)}")
    return facts


def _bounds(*bounds: tuple[str, float | None]) -> list[str]:
    return [f"{name}: Some({float(value)!r})" for name, value in bounds if value is not None]


def _letters(pattern: str | None) -> list[str]:
    """Print a pattern of one class of ASCII letters; any other one is the server's to check."""
    found = re.fullmatch(r"\^\[([\w-]+)\]\{(\d+),(\d+)\}\$", pattern or "", re.ASCII)
    if found is None:
        return []
    members, least, most = found.groups()
    ranges = [f"(b'{low}', b'{high or low}')" for low, high in re.findall(r"(.)(?:-(.))?", members)]
    shown = f"ranges: &[{', '.join(ranges)}], least: {least}, most: {most}"
    return [f"letters: Some(Letters {{ pattern: {text(pattern or '')}, {shown} }})"]
