"""What stands beside a `oneOf`/`anyOf`: which branches it admits, and choices that are no union."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from wiregen.errors import SpecError
from wiregen.ir import Choice
from wiregen.keywords import (
    BINDING,
    KINDS,
    alternative_of,
    is_large,
    kind_of,
    kinds_of,
    leads_to,
    only_constrain,
    only_null,
)
from wiregen.load import Node
from wiregen.merge import listed_values
from wiregen.unions import mark_of

Json = Any
Look = Callable[[Node], Json]
"""Returns what a branch says, behind its references, with each `allOf` folded."""
Target = Callable[[Node, str], Node]
"""Follows a reference."""
_DEPTH = 16
_PLAIN = frozenset({"string", "integer", "number", "boolean", "array"})
_SHAPING = frozenset({"$ref", "properties", "required", "additionalProperties", "oneOf", "anyOf"})


def fitting(branches: Sequence[Node], kinds: tuple[str, ...] | None, look: Look) -> list[Node]:
    """Return the branches of which the `type` beside them leaves something, cut to that."""
    if kinds is None:
        return list(branches)
    found: list[Node] = []
    for branch in branches:
        own = _kinds_said(look(branch))
        left = frozenset(kinds) if own is None else _both(own, frozenset(kinds))
        if _is_object(look(branch)) if own is None else left - {"null"} == own - {"null"}:
            found.append(branch)
        elif left - {"null"}:
            cut = {"allOf": [branch.value, {"type": sorted(left)}]}
            titled = {"title": branch.value["title"]} if "title" in branch.value else {}
            found.append(Node(branch.file, branch.pointer, {**cut, **titled}))
    return found


def _is_object(value: Json) -> bool:
    """Whether a schema without a type speaks of members, or is a choice of its own."""
    return not isinstance(value, dict) or bool({"properties", "oneOf", "anyOf"} & value.keys())


def plain_kinds(node: Node, look: Look) -> tuple[str, ...] | None:
    """Return the JSON types of a choice that only says which values of one type there may be.

    Such a choice is a writer's promise: `anyOf` of two formats is a string. None for a union.
    """
    said = branch_values(node, look)
    return _one_kind(node, said) if said else None


def branch_values(node: Node, look: Look) -> list[Json]:
    """Return what the branches say of the choice by which a schema is read; none without one."""
    for keyword in ("oneOf", "anyOf"):
        parts = node.value.get(keyword)
        if parts and not only_constrain(parts, node.value.get("properties", {})):
            return [look(node.child(keyword, index)) for index in range(len(parts))]
    return []


def _one_kind(node: Node, said: list[Json]) -> tuple[str, ...] | None:
    own = kinds_of(node)
    admitted = frozenset(KINDS if own is None else own)
    found: set[str] = set()
    for value in said:
        kinds = _kinds_said(value)
        if kinds is None and own is None:
            return None
        found |= _both(admitted if kinds is None else kinds, admitted)
    if {"integer", "number"} <= found:
        found.remove("integer")
    solid = found - {"null"}
    bounding = own is not None and not any(map(_shapes, said))
    several = sum(not only_null(value) for value in said) > 1
    if not several or len(solid) != 1 or not (solid <= _PLAIN or bounding):
        return None
    return (*solid, *(found & {"null"}))


def _both(one: frozenset[str], two: frozenset[str]) -> frozenset[str]:
    """Return the JSON types of values that both lists admit."""
    wide = [kinds | ({"integer"} if "number" in kinds else set()) for kinds in (one, two)]
    both = wide[0] & wide[1]
    return both - {"integer"} if "number" in both else both


def _kinds_said(value: Json) -> frozenset[str] | None:
    """Return the JSON types that a schema says itself to admit; None where it does not."""
    if not isinstance(value, dict):
        return None
    if "const" in value or isinstance(value.get("enum"), list):
        return frozenset(map(kind_of, listed_values(value)))
    kinds = value.get("type")
    return None if kinds is None else frozenset([kinds] if isinstance(kinds, str) else kinds)


def _shapes(value: Json) -> bool:
    """Whether a branch says more of an object than how many members it has."""
    if not isinstance(value, dict):
        return True
    return bool(_SHAPING & value.keys()) or not value.keys() & BINDING


def listed_marks(branch: Node, look: Look) -> Mapping[str, tuple[str, ...]]:
    """Return the integers that a branch lists at members of its own, as the words of a tag."""
    value = look(branch)
    members = value.get("properties") if isinstance(value, dict) else None
    found: dict[str, tuple[str, ...]] = {}
    for wire in members if isinstance(members, dict) else ():
        with suppress(SpecError):  # told by whoever reads the member
            said = look(Node(branch.file, branch.pointer, value).child("properties", wire))
            values = listed_values(said) if isinstance(said, dict) and "enum" in said else []
            if values and all(kind_of(it) == "integer" and not is_large(it) for it in values):
                found[wire] = tuple(dict.fromkeys(map(mark_of, values)))
    return found


def followed(node: Node, target: Target) -> Node:
    """Return the schema that a branch stands for, behind its references."""
    for _ in range(_DEPTH):
        onward = leads_to(node) if isinstance(node.value, dict) else None
        if onward is None:
            break
        node = target(onward, onward.value["$ref"])
    return node


def excludes(branch: Node, target: Target) -> bool:
    """Whether a branch says what it is not: then it may stand for all that others are not."""
    value = branch.value
    if isinstance(value, dict) and isinstance(value.get("$ref"), str):
        value = target(branch, value["$ref"]).value
    parts = value.get("allOf", []) if isinstance(value, dict) else []
    return any(isinstance(part, dict) and "not" in part for part in (value, *parts))


def choices_of(node: Node, note: Callable[[Node, str, str], None]) -> tuple[Choice, ...]:
    """Return the choices over members of an object, each of them told as a writer's promise."""
    found: list[Choice] = []
    for keyword in ("anyOf", "oneOf"):
        branches = node.value.get(keyword)
        if only_constrain(branches, node.value.get("properties", {})):
            note(node, "choice", f"{keyword} over members is a writer's promise, not a union")
            found.append(Choice(tuple(alternative_of(item) for item in branches)))
    return tuple(found)
