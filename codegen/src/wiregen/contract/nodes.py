"""Reading a table: what a row must hold, and the place that is told when it does not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from wiregen.errors import join_pointer, refuse
from wiregen.load import Node

Json = Any
_SHOWN = 60


def fail(node: Node, message: str, rule: str = "table-shape") -> NoReturn:
    """Refuse a place of a table."""
    raise refuse(node.file, node.pointer, rule, message)


def _wrong(node: Node, key: str, what: str) -> NoReturn:
    """Refuse the value of a member by its place, with what stands there."""
    value = repr(node.value[key]) if key in node.value else "nothing"
    said = value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"
    raise refuse(
        node.file,
        join_pointer(node.pointer, key),
        "table-shape",
        f"{key!r} must be {what}; found {said}",
    )


def known(node: Node, word: str, words: Iterable[str], what: str) -> str:
    """Return a word of a closed list; refuse another one by its place."""
    if word not in words:
        fail(node, f"{word!r} is no {what} here", "table-word")
    return word


def members(node: Node) -> dict[str, Json]:
    """Return the members of an object; refuse what is none."""
    if not isinstance(node.value, dict):
        fail(node, "must be an object")
    return node.value


def keys(node: Node, *allowed: str) -> None:
    """Refuse what is no object, and members that nobody reads."""
    odd = sorted(set(members(node)) - set(allowed))
    if odd:
        fail(node, f"{odd[0]!r} is no member of this table; there are: {', '.join(allowed)}")


def rows(node: Node, key: str) -> list[Node]:
    """Return the rows of a list; none where it is missing."""
    value = members(node).get(key, [])
    if not isinstance(value, list):
        _wrong(node, key, "a list")
    return [node.child(key, index) for index in range(len(value))]


def named(node: Node, key: str, *, needed: bool = False) -> list[tuple[str, Node]]:
    """Return the rows of a map by name; none where it is missing and not ``needed``."""
    if needed and key not in members(node):
        fail(node, f"needs {key!r}")
    value = members(node).get(key, {})
    if not isinstance(value, dict):
        _wrong(node, key, "an object")
    return [(name, node.child(key, name)) for name in value]


def sentence(node: Node) -> str:
    """Return what a word of a list means: a sentence, or the `doc` of an object."""
    if isinstance(node.value, dict):
        return str(text(node, "doc", ""))
    if not isinstance(node.value, str):
        fail(node, "a word has a sentence that says what it means, or an object with 'doc'")
    return node.value


def text(node: Node, key: str, default: Any = ...) -> Any:
    """Return a member that is a string; null only where it may be missing and is then None."""
    value = members(node).get(key, default)
    if value is ...:
        fail(node, f"needs {key!r}")
    if value is None and default is None:
        return None
    if not isinstance(value, str) or (default is ... and not value):
        _wrong(node, key, "a string" if default is not ... else "a string that says something")
    return value


def flag(node: Node, key: str, default: Any = ...) -> Any:
    """Return a member that is true or false."""
    value = members(node).get(key, default)
    if value is ...:
        fail(node, f"needs {key!r}")
    if not isinstance(value, bool):
        _wrong(node, key, "true or false")
    return value


def number(node: Node, key: str, default: Any = ...) -> Any:
    """Return a member that is an integer; null only where it may be missing and is then None."""
    value = members(node).get(key, default)
    if value is ...:
        fail(node, f"needs {key!r}")
    if value is None and default is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        _wrong(node, key, "an integer")
    return value


def strings(node: Node, key: str) -> tuple[str, ...]:
    """Return a member that is a list of strings; empty where it is missing."""
    value = members(node).get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        _wrong(node, key, "a list of strings")
    return tuple(value)


def once(nodes: Iterable[tuple[str, Node]], what: str) -> None:
    """Refuse a name that stands twice."""
    seen: set[str] = set()
    for name, node in nodes:
        if name in seen:
            fail(node, f"the {what} {name!r} stands twice", "table-twice")
        seen.add(name)
