"""Exact, closed matching of what was received against what a case expects.

A pattern is plain JSON; opening up is explicit: ``$any``, ``$int``, ``$uuid``, ``$absent``,
``$supports`` (the capability words of every client, sorted), ``{$oneof: [...]}`` and
``$partial: true`` inside an object. Numbers compare by value; null and absent differ.
"""

from __future__ import annotations

import re
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SUPPORTS = ["otp_park", "replay", "spec_1_1", "spec_1_2"]


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _open(pattern: str, value: Any) -> bool | None:
    """Verdict of an opening word; ``None`` when the string is a literal."""
    match pattern:
        case "$any":
            return True
        case "$int":
            return _is_int(value)
        case "$uuid":
            return isinstance(value, str) and UUID.fullmatch(value) is not None
        case "$supports":
            return bool(value == SUPPORTS)
        case _:
            return None


def mismatch(pattern: Any, value: Any, at: str = "") -> str | None:
    """Say where ``value`` differs from ``pattern`` and how; ``None`` when it matches."""
    if isinstance(pattern, str):
        verdict = _open(pattern, value)
        if verdict is not None:
            return None if verdict else f"{at or '/'}: expected {pattern}, got {value!r}"
    if isinstance(pattern, dict):
        if set(pattern) == {"$oneof"}:
            if any(mismatch(p, value, at) is None for p in pattern["$oneof"]):
                return None
            return f"{at or '/'}: {value!r} is none of {pattern['$oneof']!r}"
        return _object(pattern, value, at)
    if isinstance(pattern, list):
        return _list(pattern, value, at)
    same = type(pattern) is type(value) or (_number(pattern) and _number(value))
    if same and pattern == value:
        return None
    return f"{at or '/'}: expected {pattern!r}, got {value!r}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(pattern: dict[str, Any], value: Any, at: str) -> str | None:
    if not isinstance(value, dict):
        return f"{at or '/'}: expected an object, got {value!r}"
    names = {k: p for k, p in pattern.items() if k != "$partial"}
    for name, inner in names.items():
        if isinstance(inner, str) and inner == "$absent":
            if name in value:
                return f"{at}/{name}: must be absent, got {value[name]!r}"
        elif name not in value:
            return f"{at}/{name}: missing"
        elif found := mismatch(inner, value[name], f"{at}/{name}"):
            return found
    if not pattern.get("$partial"):
        for name in value:
            if name not in names:
                return f"{at}/{name}: not expected, got {value[name]!r}"
    return None


def _list(pattern: list[Any], value: Any, at: str) -> str | None:
    if not isinstance(value, list):
        return f"{at or '/'}: expected a list, got {value!r}"
    for index, inner in enumerate(pattern[: len(value)]):
        if found := mismatch(inner, value[index], f"{at}/{index}"):
            return found
    if len(pattern) != len(value):
        return f"{at or '/'}: expected {len(pattern)} elements, got {len(value)}"
    return None
