"""Python: what the schema asks of the members that callers write."""

from __future__ import annotations

from wiregen import escape
from wiregen.emit._asked import bounds_of
from wiregen.ir import Scalar, Type


def bounds(type_: Type) -> list[str]:
    """Return the bounds of a member as arguments of pydantic's `Field`."""
    is_number = isinstance(type_, Scalar) and type_.kind != "string"
    asked = bounds_of(type_)
    named = asked.named("ge", "le") if is_number else asked.named("min_length", "max_length")
    printed = [f"{name}={value!r}" for name, value in named]
    if asked.pattern:
        printed.append(f"pattern={escape.python(asked.pattern)}")
    return printed
