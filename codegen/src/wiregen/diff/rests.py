"""What a schema says beyond its type: keywords and constructs that no type expresses.

The comparison walks types. Where two of them are one type, or a type is any JSON because nothing
more could be said, the rest of the two schemas decides whether somebody has to look.
"""

from __future__ import annotations

import json
from typing import Any

from wiregen.errors import SpecError, join_pointer
from wiregen.ir import (
    AnyJson,
    Array,
    Const,
    Enum,
    Map,
    Opaque,
    Ref,
    Scalar,
    Spec,
    Struct,
    Type,
    TypeDef,
    Union,
)
from wiregen.keywords import ANNOTATIONS, BINDING, BOUNDS, alias_of, applies, leads_to, only_null
from wiregen.load import Node
from wiregen.metaschema import compiles
from wiregen.words import word_set

Json = Any
_OBJECT = word_set(
    "properties required additionalProperties patternProperties propertyNames minProperties "
    "maxProperties dependentRequired dependentSchemas unevaluatedProperties"
)
_ARRAY = word_set(
    "items prefixItems minItems maxItems uniqueItems contains minContains maxContains "
    "unevaluatedItems"
)
_NAMES = frozenset({"properties", "$defs", "patternProperties", "dependentSchemas", "definitions"})
_UNIONS = ("oneOf", "anyOf")
# What these list says the same in any order.
_SETS = frozenset({*_UNIONS, "allOf", "enum", "required", "type"})
_DEPTH = 16


class Rests:
    """The rests of one specification."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._bare: dict[str, Json] = {}
        self._within: list[str] = []

    def at(self, uri: str, type_: Type) -> Json:
        """Return what the schema at a place says beyond a type; None when that is nothing.

        What a named type says beyond its members is `of_type`'s.
        """
        node = self._read(uri)
        if node is None or isinstance(type_, Ref):
            return None
        if not isinstance(node.value, dict):
            return False if node.value is False else None
        if isinstance(type_, AnyJson | Opaque):
            said = self.bare(node)
            return None if not said or said.keys() <= {"type"} else said
        own = self._beyond(node, _expressed(node.value, type_))
        inner = None
        if isinstance(type_, Array) and "prefixItems" not in node.value:
            inner = self.at(f"{node.uri}/items", type_.items)
        elif isinstance(type_, Map):
            inner = self.at(f"{node.uri}/additionalProperties", type_.values)
        return (own, inner) if own or inner is not None else None

    def of_type(self, item: TypeDef) -> Json:
        """Return what the schema of a named type says beyond it; None when that is nothing."""
        node = self._read(item.uri)
        if node is None or not isinstance(node.value, dict):
            return None
        value = node.value
        if isinstance(item, Enum):
            return self._beyond(node, {"type", "const", "enum", *BOUNDS, *_UNIONS}) or None
        own = self._beyond(node, {"type", *_UNIONS, "properties", "required"} | _ARRAY)
        if isinstance(item, Union):
            own.pop("additionalProperties", None)
            parts = [self._inline(part) for key in _UNIONS for part in _parts(node, key)]
            return [own, *sorted(parts, key=_spelled)] if own or any(parts) else None
        if not isinstance(own.get("additionalProperties"), dict):
            own.pop("additionalProperties", None)
        declared = value.get("properties", {})
        if more := sorted(wire for wire in value.get("required", []) if wire not in declared):
            own["required"] = more
        if "type" not in value:
            own["type"] = None
        for key in _UNIONS:
            if key in value and item.choices:
                own[key] = self._said(node, key, value[key])
        return own or None

    def is_open(self, item: Enum) -> bool:
        """Whether a list of words says that any other text may come as well."""
        node = self._read(item.uri)
        found = [part.value for key in _UNIONS for part in _parts(node, key)] if node else []
        plain = [it for it in found if isinstance(it, dict)]
        return any(not {"const", "enum", "$ref"} & it.keys() for it in plain)

    def excludes(self, item: Enum) -> bool:
        """Whether a list of words with an open branch is a `oneOf`, which refuses its own words."""
        node = self._read(item.uri)
        return node is not None and isinstance(node.value, dict) and "oneOf" in node.value

    def member(self, item: Struct, wire: str) -> Json:
        """Return the schema of a member; None where it cannot be read."""
        node = self._read(join_pointer(item.uri, "properties", wire))
        return None if node is None else self.bare(node)

    def bare(self, node: Node) -> Json:
        """Return a schema with its references followed, without words that bind nobody."""
        if node.uri in self._within:
            return {"circle": node.uri}
        if node.uri not in self._bare:
            self._within.append(node.uri)
            self._bare[node.uri] = self._value(node, node.value)
            self._within.pop()
        return self._bare[node.uri]

    def _read(self, uri: str) -> Node | None:
        """Return the schema at a place as it was read, behind references that add nothing."""
        node: Node | None = self._spec.read.get(uri)
        for _ in range(_DEPTH):
            if node is None or not isinstance(node.value, dict):
                return node
            node = _without_null(node)
            if not isinstance(node.value, dict):
                return node
            place = alias_of(node.value)
            onward = node.child(*place) if place is not None else leads_to(node)
            if onward is None or not isinstance(onward.value, dict):
                return node
            target = self._target(onward)
            if target is None:
                return node
            node = self._spec.read.get(target.uri, target)
        return node

    def _target(self, node: Node) -> Node | None:
        try:
            found: Node = self._spec.store.resolve(node, node.value["$ref"])
        except (SpecError, KeyError, TypeError):
            return None
        return found

    def _beyond(self, node: Node, expressed: set[str] | frozenset[str]) -> dict[str, Json]:
        found = {key: item for key, item in node.value.items() if key in BINDING - expressed}
        return {key: self._said(node, key, item) for key, item in found.items()}

    def _inline(self, part: Node) -> Json:
        """Return what a branch says that is no named type."""
        if not isinstance(part.value, dict) or {"properties", "$ref"} & part.value.keys():
            return None
        return self._beyond(part, {"type", "const", "enum", *BOUNDS, *_UNIONS}) or None

    def _value(self, node: Node, value: Json, *, names: bool = False) -> Json:
        if isinstance(value, list):
            return [self._value(node, item) for item in value]
        if not isinstance(value, dict):
            return value
        if not names and isinstance(value.get("$ref"), str):
            target = self._target(Node(node.file, node.pointer, value))
            rest = {key: item for key, item in value.items() if key != "$ref"}
            said = self._value(node, rest)
            led = self.bare(target) if target is not None else value["$ref"]
            return [led, said] if said else led
        return {
            key: self._said(node, key, item) if not names else self._value(node, item)
            for key, item in value.items()
            if names or (key not in ANNOTATIONS and not key.startswith("x-"))
        }

    def _said(self, node: Node, key: str, item: Json) -> Json:
        """Return what a keyword says; what it lists in any order, in one order."""
        found = self._value(node, item, names=key in _NAMES)
        return sorted(found, key=_spelled) if key in _SETS and isinstance(found, list) else found


def _spelled(value: Json) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _without_null(node: Node) -> Node:
    """Return the one branch of a union that is not null, where that is all that the union says."""
    found = [key for key in _UNIONS if isinstance(node.value.get(key), list)]
    if len(found) != 1 or any(key in BINDING for key in node.value if key != found[0]):
        return node
    solid = [part for part in _parts(node, found[0]) if not only_null(part.value)]
    return solid[0] if len(solid) == 1 < len(node.value[found[0]]) else node


def differing(before: Json, after: Json) -> list[str]:
    """Return the keywords of two rests that differ."""
    pairs = zip(
        *(it if isinstance(it, tuple | list) else [it] for it in (before, after)), strict=False
    )
    found: dict[str, None] = {}
    for one, two in pairs:
        ours, theirs = (it if isinstance(it, dict) else {} for it in (one, two))
        keys = sorted(ours.keys() | theirs.keys())
        found |= dict.fromkeys(key for key in keys if ours.get(key, ...) != theirs.get(key, ...))
    return list(found)


def one_of_alike(spec: Spec) -> bool:
    """Whether there is a `oneOf` whose branches cannot be told apart."""
    noted = [it for it in spec.noted if it.rule == "opaque-union"]
    alike = (spec.read.get(f"{it.file}#{it.pointer}") for it in noted)
    return any(node and isinstance(node.value, dict) and "oneOf" in node.value for node in alike)


def _parts(node: Node, key: str) -> list[Node]:
    listed = node.value.get(key) if isinstance(node.value, dict) else None
    return [node.child(key, at) for at in range(len(listed))] if isinstance(listed, list) else []


def _expressed(value: dict[str, Json], type_: Type) -> set[str]:
    """Return the keywords that a type says, and those that say nothing of its values."""
    known = {"type"}
    match type_:
        case Const():
            return known | {"const", "enum", *BOUNDS, *_OBJECT, *_ARRAY}
        case Scalar(kind=kind):
            told = {key for key in BOUNDS if applies(key, kind) or key != "format"}
            if not compiles(value.get("pattern", "")):
                told.discard("pattern")
            return known | told | _OBJECT | _ARRAY
        case Array():
            bounds = {"minItems", "maxItems", "uniqueItems", "items"}
            if "prefixItems" in value:
                bounds.discard("items")
            return known | bounds | _OBJECT | set(BOUNDS)
        case _:
            free = set() if value.get("additionalProperties") is False else {"additionalProperties"}
            return known | free | _ARRAY | set(BOUNDS)
