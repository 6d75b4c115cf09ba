"""Python: what the schema asks of the members that callers write."""

from __future__ import annotations

import re
from typing import Any

from wiregen import escape
from wiregen.ir import Array, Scalar, Type

# The engines of patterns differ; a plain class of letters is read alike by all of them.
_LETTERS = re.compile(r"\^\[[\w-]+\]\{\d+,\d+\}\$", re.ASCII)


def bounds(type_: Type) -> list[str]:
    """Return the bounds of a member as arguments of pydantic's `Field`."""
    asked: list[tuple[str, Any]] = []
    if isinstance(type_, Array):
        asked = [("min_length", type_.min_items), ("max_length", type_.max_items)]
    elif isinstance(type_, Scalar) and type_.kind == "string":
        asked = [("min_length", type_.min_length), ("max_length", type_.max_length)]
        if _LETTERS.fullmatch(type_.pattern or ""):
            return [*_printed(asked), f"pattern={escape.python(type_.pattern or '')}"]
    elif isinstance(type_, Scalar):
        asked = [("ge", type_.minimum), ("le", type_.maximum)]
    return _printed(asked)


def _printed(asked: list[tuple[str, Any]]) -> list[str]:
    return [f"{name}={value!r}" for name, value in asked if value is not None]
