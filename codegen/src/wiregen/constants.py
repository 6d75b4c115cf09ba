"""Constants that stand as branches: an enum by another name."""

from __future__ import annotations

from collections.abc import Callable

from wiregen.keywords import ANNOTATIONS
from wiregen.load import Node

_OF_WORDS = frozenset({"type", "const", "enum", "$ref"})
_DEPTH = 16


def listed_words(
    branches: list[Node], target: Callable[[Node, str], Node], depth: int = 0
) -> tuple[str, ...]:
    """Return the values when every branch is constant strings, or says that others may come.

    Empty when there are none, or a branch is anything else. ``target`` follows a reference.
    """
    found: list[str] = []
    for branch in branches:
        value = branch.value
        if not isinstance(value, dict) or value.keys() - ANNOTATIONS - _OF_WORDS:
            return ()
        if isinstance(value.get("$ref"), str):
            if depth > _DEPTH or value.keys() - ANNOTATIONS - {"$ref"}:
                return ()
            inner = listed_words([target(branch, value["$ref"])], target, depth + 1)
            if not inner:
                return ()
            found += inner
            continue
        listed = [value["const"]] if "const" in value else value.get("enum", [])
        if value.get("type", "string") != "string" or not (listed or "type" in value):
            return ()
        if not all(isinstance(item, str) for item in listed):
            return ()
        found += listed
    return tuple(dict.fromkeys(found))
