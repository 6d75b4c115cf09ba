"""How the payloads of messages name themselves: constants at the discriminator, before any type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from wiregen.alternatives import followed
from wiregen.discriminators import mapped_words
from wiregen.keywords import with_members
from wiregen.load import Node, Store
from wiregen.merge import UNIONS

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


def branches(store: Store, node: Node, tag: str, depth: int = 0) -> list[tuple[str, Node]]:
    """Return word and schema of every branch when a payload is one of several messages.

    What stands beside the branches belongs to each of them. Empty when it is none: it has a word
    of its own, a branch has no word, or two have the same.
    """
    node = followed(node, store.resolve)
    split = _split(store, node) if depth < _DEPTH and word_of(store, node, tag) is None else None
    if split is None:
        return []
    words = _mapped(store, split, tag)
    found: list[tuple[str, Node]] = []
    for index, branch in enumerate(split.parts):
        inner = branches(store, branch, tag, depth + 1)
        said = word_of(store, branch, tag) or words[index]
        if isinstance(branch.value, dict) and branch.value.keys() == {"$ref"}:
            branch = store.resolve(branch, branch.value["$ref"])
        if not inner and said is None:
            return []
        if not inner and word_of(store, branch, tag) is None:
            worded = {"properties": {tag: {"const": said}}, "required": [tag]}
            inner = [(said or "", with_members(branch, worded))]
        found += [
            (word, _beside(one, split.beside)) for word, one in inner or [(said or "", branch)]
        ]
    return found if len({said for said, _ in found}) == len(found) else []


@dataclass(frozen=True, slots=True)
class _Split:
    """The branches of a payload, what stands beside them, and what its `discriminator` says."""

    parts: list[Node]
    beside: Json
    said: Json


def _split(store: Store, node: Node, depth: int = 0) -> _Split | None:
    """Return the union of a schema, which may be a part of an `allOf`; None if it is not one."""
    value = node.value
    if not isinstance(value, dict) or depth > _DEPTH:
        return None
    beside = {key: item for key, item in value.items() if key in _BESIDE}
    word = next((key for key in UNIONS if len(_list(value, key)) > 1), "")
    if word:
        parts = [node.child(word, index) for index in range(len(value[word]))]
        return _Split(parts, beside, value.get("discriminator"))
    listed = [node.child("allOf", index) for index in range(len(_list(value, "allOf")))]
    inner = [_split(store, followed(part, store.resolve), depth + 1) for part in listed]
    unions = [found for found in inner if found is not None]
    if len(unions) != 1:
        return None
    others = [part.value for part, found in zip(listed, inner, strict=True) if found is None]
    beside["allOf"] = [*others, *([unions[0].beside] if unions[0].beside else [])]
    return replace(unions[0], beside=beside)


def _mapped(store: Store, split: _Split, tag: str) -> list[str | None]:
    """Return the one word that a `discriminator` has for each branch; None for none or several."""
    said, parts = split.said, split.parts
    if (said.get("propertyName") if isinstance(said, dict) else said) != tag:
        return [None] * len(parts)
    words = mapped_words(store, parts[0], said, parts, lambda part: followed(part, store.resolve))
    return [word[0] if len(word) == 1 and word[0] else None for word in words]


def _beside(branch: Node, beside: Json) -> Node:
    return with_members(branch, beside) if any(beside.values()) else branch


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
