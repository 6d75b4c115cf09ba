"""What the schema asks of the members that callers write; a language prints it in its own way."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wiregen.ir import Array, Field, Ref, Scalar, Spec, Struct, Type

# The engines of patterns differ; a plain class of letters is read alike by all of them.
_MOST_REPEATS = 1000  # that Go compiles
LETTERS = re.compile(r"\^\[([\w-]+)\]\{(\d+),(\d+)\}\$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of a member: of its items, its characters or its number; None where none is.

    A pattern that engines may read differently, or not at all, is for the server to check.
    """

    least: float | None = None
    most: float | None = None
    pattern: str | None = None

    def named(self, least: str, most: str) -> list[tuple[str, float]]:
        """Return the bounds that are there, under these names."""
        both = ((least, self.least), (most, self.most))
        return [(name, value) for name, value in both if value is not None]


def bounds_of(type_: Type) -> Bounds:
    """Return what a type asks of a value."""
    if isinstance(type_, Array):
        return Bounds(type_.min_items, type_.max_items)
    if isinstance(type_, Scalar) and type_.kind == "string":
        told = LETTERS.fullmatch(type_.pattern or "")
        alike = told is not None and int(told[3]) <= _MOST_REPEATS
        return Bounds(type_.min_length, type_.max_length, type_.pattern if alike else None)
    if isinstance(type_, Scalar):
        return Bounds(type_.minimum, type_.maximum)
    return Bounds()


def inner_struct(spec: Spec, field: Field) -> Struct | None:
    """Return the struct of the objects in a member, or in its list."""
    type_ = field.type.items if isinstance(field.type, Array) else field.type
    inner = spec.type(type_.name) if isinstance(type_, Ref) else None
    return inner if isinstance(inner, Struct) else None


def written_structs(spec: Spec) -> tuple[Struct, ...]:
    """Return the actions and every struct that they hold, in the order of the specification."""
    asked, found = {item.name for item in spec.actions}, set[str]()
    while asked:
        name = asked.pop()
        found.add(name)
        held = (inner_struct(spec, field) for field in spec.struct(name).fields)
        asked |= {inner.name for inner in held if inner is not None}
        asked -= found
    return tuple(item for item in spec.structs if item.name in found)
