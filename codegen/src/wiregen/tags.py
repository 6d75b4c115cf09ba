"""How the payloads of messages name themselves: constants at the discriminator, before any type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wiregen.load import Node, Store

Json = Any
_DEPTH = 32
_BESIDE = frozenset({"properties", "required", "allOf", "$ref"})


def word_of(store: Store, node: Node, tag: str) -> str | None:
    """Return the constant string that a payload has at ``tag``; None when there is none."""
    found = constants(store, node).get(tag)
    return found if isinstance(found, str) else None


def constants(store: Store, node: Node, depth: int = 0) -> dict[str, Json]:
    """Return every member of an object schema that is a constant, the nearest schema's first."""
    value = node.value
    if not isinstance(value, dict) or depth > _DEPTH:
        return {}
    found: dict[str, Json] = {}
    members = value.get("properties")
    for wire in members if isinstance(members, dict) else ():
        for one in _constant(store, node.child("properties", wire)):
            found.setdefault(wire, one)
    parts = [node.child("allOf", index) for index in range(len(_list(value, "allOf")))]
    if isinstance(value.get("$ref"), str):
        parts.append(store.resolve(node, value["$ref"]))
    for part in reversed(parts):  # what is said later is the narrower
        found = {**constants(store, part, depth + 1), **found}
    return found


def _constant(store: Store, node: Node, depth: int = 0) -> Iterable[Json]:
    value = node.value
    if not isinstance(value, dict) or depth > _DEPTH:
        return
    if "const" in value:
        yield value["const"]
    elif isinstance(value.get("enum"), list) and len(value["enum"]) == 1:
        yield value["enum"][0]
    elif isinstance(value.get("$ref"), str):
        yield from _constant(store, store.resolve(node, value["$ref"]), depth + 1)


def branches(store: Store, node: Node, tag: str) -> list[tuple[str, Node]]:
    """Return word and schema of every branch when a payload is one of several messages.

    Empty when it is none: it has members of its own, a branch has no word, or two have the same.
    """
    value = node.value
    if not isinstance(value, dict) or _BESIDE & value.keys():
        return []
    word = next((key for key in ("oneOf", "anyOf") if len(_list(value, key)) > 1), "")
    if not word:
        return []
    found: list[tuple[str, Node]] = []
    for index in range(len(value[word])):
        branch = node.child(word, index)
        said = word_of(store, branch, tag)
        if said is None:
            return []
        if isinstance(branch.value.get("$ref"), str) and len(branch.value) == 1:
            branch = store.resolve(branch, branch.value["$ref"])
        found.append((said, branch))
    return found if len({said for said, _ in found}) == len(found) else []


def candidates(store: Store, schemas: Iterable[Node]) -> list[str]:
    """Return the members that are a constant string in every payload, its own in each."""
    rows: list[dict[str, Json]] = []
    for schema in schemas:
        value = schema.value if isinstance(schema.value, dict) else {}
        word = next((key for key in ("oneOf", "anyOf") if _list(value, key)), "")
        parts = [schema.child(word, index) for index in range(len(_list(value, word)))]
        rows += [constants(store, part) for part in parts or [schema]]
    shared = [wire for wire in rows[0] if all(wire in row for row in rows)] if rows else []
    return [
        wire
        for wire in shared
        if all(isinstance(row[wire], str) for row in rows)
        and len({row[wire] for row in rows}) == len(rows)
    ]


def _list(value: dict[str, Json], key: str) -> list[Json]:
    found = value.get(key)
    return found if isinstance(found, list) else []
