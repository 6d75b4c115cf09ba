"""Python: what the schema asks of the members that callers write."""

from __future__ import annotations

from typing import TypeGuard

from wiregen import escape
from wiregen.emit._asked import bounds_of
from wiregen.ir import Const, Scalar, Type


def is_decimal(type_: Type) -> TypeGuard[Const]:
    """Whether a constant is a number that no `Literal` may name."""
    return isinstance(type_, Const) and isinstance(type_.value, float)


def bounds(type_: Type) -> list[str]:
    """Return the bounds of a member as arguments of pydantic's `Field`."""
    is_number = isinstance(type_, Scalar) and type_.kind != "string"
    if is_decimal(type_):
        return [f"ge={type_.value!r}", f"le={type_.value!r}"]
    asked = bounds_of(type_)
    named = asked.named("ge", "le") if is_number else asked.named("min_length", "max_length")
    printed = [f"{name}={value!r}" for name, value in named]
    if asked.pattern:
        printed.append(f"pattern={escape.python(asked.pattern)}")
    return printed
