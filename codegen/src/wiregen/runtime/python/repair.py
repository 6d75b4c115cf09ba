"""The second look at a frame that strict decoding refused: mend, then name the first fault."""

from __future__ import annotations

import re
from typing import Any

from .events import Problem
from .tables import MIRRORS, SHAPES, UNIONS, Check, Row
from .unions import check_of, fits

_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.",
    re.DOTALL,
)
_LONE = re.compile("[\ud800-\udfff]")


def mend_text(text: str) -> str:
    """Replace lone surrogates, escaped or not; an escaped backslash keeps what follows it."""

    def replaced(match: re.Match[str]) -> str:
        found = match.group()
        return "\\ufffd" if len(found) == 6 else found

    return _LONE.sub("\ufffd", _ESCAPE.sub(replaced, text))


def mend(tree: Any, name: str) -> Any:
    """Repair a parsed object in place by its table and return it."""
    tree = _mend(tree, ("struct", name))
    for nested, top, fill, _ in MIRRORS.get(name, ()):
        if fill:
            _fill(tree, nested, top)
    return tree


def _mend(value: Any, check: Check) -> Any:
    kind = check[0]
    if kind == "struct" and isinstance(value, dict):
        _mend_members(value, SHAPES[check[1]])
    elif kind == "array" and isinstance(value, list):
        value[:] = [_mend(item, check[1]) for item in value]
    elif kind == "map" and isinstance(value, dict) and check[1][0] != "any":
        for key in value:
            value[key] = _mend(value[key], check[1])
    elif isinstance(value, float) and value.is_integer() and _asks_integer(check):
        return int(value)
    elif kind == "union" and (chosen := check_of(check[1], value)) is not None:
        return _mend(value, chosen)
    return value


def _asks_integer(check: Check) -> bool:
    return check[0] == "integer" or (check[0] == "kinds" and "integer" in check[1])


def _mend_members(value: dict[str, Any], rows: tuple[Row, ...]) -> None:
    for wire, required, nullable, check in rows:
        if wire not in value:
            continue
        if value[wire] is None:
            if not required and not nullable:
                del value[wire]
            continue
        value[wire] = _mend(value[wire], check)


def _fill(tree: Any, nested: tuple[str, ...], top: tuple[str, ...]) -> None:
    found, value = _get(tree, top)
    there, parent = _get(tree, nested[:-1])
    if found and there and isinstance(parent, dict):
        parent.setdefault(nested[-1], value)


def _get(tree: Any, path: tuple[str, ...]) -> tuple[bool, Any]:
    for segment in path:
        if not isinstance(tree, dict) or segment not in tree:
            return False, None
        tree = tree[segment]
    return True, tree


def find_problem(tree: Any, name: str, at: str = "") -> Problem | None:
    """Return the first fault of a mended object in table order, mirrors last."""
    found = _check(tree, ("struct", name), at)
    if found is not None:
        return found
    for nested, top, _, needed in MIRRORS.get(name, ()):
        if needed and not (_get(tree, nested)[0] or _get(tree, top)[0]):
            return Problem("missing", _join(at, *top))
    return None


def _join(at: str, *segments: str) -> str:
    return at + "".join("/" + one.replace("~", "~0").replace("/", "~1") for one in segments)


def _check(value: Any, check: Check, at: str) -> Problem | None:
    kind = check[0]
    if kind == "any":
        return None
    if kind == "const":
        return None if value == check[1] else Problem("const", at)
    if kind == "kinds":
        return None if any(fits(value, one) for one in check[1]) else Problem("type", at)
    if kind == "struct":
        return _check_members(value, SHAPES[check[1]], at)
    if kind in ("array", "map"):
        return _check_items(value, check, at)
    if kind == "union":
        return _check_branch(value, check[1], at)
    if kind == "integer" and fits(value, kind) and not -(2**63) <= value < 2**63:
        return Problem("type", at)  # the other languages have no integer that holds it
    return None if fits(value, kind) else Problem("type", at)


def _check_branch(value: Any, name: str, at: str) -> Problem | None:
    chosen = check_of(name, value)
    if chosen is not None:
        return _check(value, chosen, at)
    kind, tag, tag_kind, _ = UNIONS[name]
    if kind == "typed" or not isinstance(value, dict):
        return Problem("type", at)
    if kind == "tagged" and not fits(value.get(tag), tag_kind):
        return Problem("type" if tag in value else "missing", _join(at, tag))
    return None


def _check_items(value: Any, check: Check, at: str) -> Problem | None:
    kind, inner, nullable = check
    if not isinstance(value, list if kind == "array" else dict):
        return Problem("type", at)
    items = enumerate(value) if isinstance(value, list) else value.items()
    for key, item in items:
        if item is None and nullable:
            continue
        found = _check(item, inner, _join(at, str(key)))
        if found is not None:
            return found
    return None


def _check_members(value: Any, rows: tuple[Row, ...], at: str) -> Problem | None:
    if not isinstance(value, dict):
        return Problem("type", at)
    for wire, required, nullable, check in rows:
        here = _join(at, wire)
        if wire not in value:
            if required:
                return Problem("missing", here)
            continue
        if value[wire] is None and nullable:
            continue
        found = _check(value[wire], check, here)
        if found is not None:
            return found
    return None
