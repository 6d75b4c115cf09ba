"""How the branch of a union is told: by its tag, by its key, or by the kind of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from sys import float_info
from typing import Any

from .tables import UNIONS, Check


def branch_of(name: str) -> Callable[[Any], str | None]:
    """Return a function that names the branch of a value: empty = of none, None = a fault."""
    kind, tag, tag_kind, rows = UNIONS[name]

    def named(value: Any) -> str | None:
        model = ("struct", type(value).__name__)
        for mark, check in rows:
            if check == model:
                return mark
        chosen = mark_of(name, value)
        if chosen is not None or kind == "typed" or not isinstance(value, dict):
            return chosen
        return "" if kind == "keyed" or fits(value.get(tag), tag_kind) else None

    return named


def mark_of(name: str, value: Any) -> str | None:
    """Return the mark of the branch that a JSON value belongs to; None when it is none's."""
    kind, tag, tag_kind, rows = UNIONS[name]
    if kind == "typed":
        return next((mark for mark, _ in rows if fits(value, mark)), None)
    if not isinstance(value, dict):
        return None
    if kind == "keyed":
        return next((mark for mark, _ in rows if mark in value), None)
    word = value.get(tag)
    if not fits(word, tag_kind):
        return None
    if not isinstance(word, str):
        word = json.dumps(int(word) if isinstance(word, float) else word)
    return next((mark for mark, _ in rows if mark == word), None)


def check_of(name: str, value: Any) -> Check | None:
    """Return what the branch of a JSON value asks of it; None when it is of none."""
    chosen = mark_of(name, value)
    return next((check for mark, check in UNIONS[name][3] if mark == chosen), None)


def fits(value: Any, kind: str) -> bool:
    """Whether a JSON value is of a kind; an integer is a number without a fraction."""
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int | float):
        whole = kind == "integer" and (isinstance(value, int) or value.is_integer())
        return (kind == "number" or whole) and abs(value) <= float_info.max
    by_kind = {"string": str, "array": list, "object": dict}
    return kind in by_kind and isinstance(value, by_kind[kind])
