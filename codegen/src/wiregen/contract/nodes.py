"""Reading a table: what a row must hold, and the place that is told when it does not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from wiregen.errors import refuse
from wiregen.load import Node

Json = Any


def fail(node: Node, message: str, rule: str = "table-shape") -> NoReturn:
    """Refuse a place of a table."""
    raise refuse(node.file, node.pointer, rule, message)


def known(node: Node, word: str, words: Iterable[str], what: str) -> str:
    """Return a word of a closed list; refuse another one by its place."""
    if word not in words:
        fail(node, f"{word!r} is no {what} here", "table-word")
    return word


def keys(node: Node, *allowed: str) -> None:
    """Refuse what is no object, and members that nobody reads."""
    if not isinstance(node.value, dict):
        fail(node, "must be an object")
    odd = sorted(set(map(str, node.value)) - set(allowed))
    if odd:
        fail(node, f"{odd[0]!r} is no member of this table; there are: {', '.join(allowed)}")


def rows(node: Node, key: str) -> list[Node]:
    """Return the rows of a list; none where it is missing."""
    value = node.value.get(key, []) if isinstance(node.value, dict) else []
    if not isinstance(value, list):
        fail(node, f"{key!r} must be a list")
    return [node.child(key, index) for index in range(len(value))]


def named(node: Node, key: str) -> list[tuple[str, Node]]:
    """Return the rows of a map by name; none where it is missing."""
    value = node.value.get(key, {}) if isinstance(node.value, dict) else {}
    if not isinstance(value, dict):
        fail(node, f"{key!r} must be an object")
    return [(str(name), node.child(key, name)) for name in value]


def text(node: Node, key: str, default: str | None = ...) -> Any:  # type: ignore[assignment]
    """Return a member that is a string."""
    value = node.value.get(key, default)
    if value is ...:
        fail(node, f"needs {key!r}")
    if value is not None and not isinstance(value, str):
        fail(node, f"{key!r} must be a string; found {value!r}")
    return value


def flag(node: Node, key: str, default: bool = False) -> bool:
    """Return a member that is true or false."""
    value = node.value.get(key, default)
    if not isinstance(value, bool):
        fail(node, f"{key!r} must be true or false; found {value!r}")
    return value


def number(node: Node, key: str, default: int | None = ...) -> Any:  # type: ignore[assignment]
    """Return a member that is an integer."""
    value = node.value.get(key, default)
    if value is ...:
        fail(node, f"needs {key!r}")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        fail(node, f"{key!r} must be an integer; found {value!r}")
    return value


def strings(node: Node, key: str) -> tuple[str, ...]:
    """Return a member that is a list of strings; empty where it is missing."""
    value = node.value.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        fail(node, f"{key!r} must be a list of strings; found {value!r}")
    return tuple(value)


def once(nodes: Iterable[tuple[str, Node]], what: str) -> None:
    """Refuse a name that stands twice."""
    seen: set[str] = set()
    for name, node in nodes:
        if name in seen:
            fail(node, f"the {what} {name!r} stands twice", "table-twice")
        seen.add(name)
