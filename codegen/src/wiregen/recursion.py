"""Schemas that lead back to themselves: which of them have a type, and which no value at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import suppress
from typing import Any

from wiregen.errors import SpecError, refuse
from wiregen.ir import Array, Enum, Map, Ref, Struct, Type, TypeDef
from wiregen.load import Node

Json = Any
MAX_LEVELS = 64
"""Levels of types in types: what is deeper is outside the contract of any frame."""
MAX_UNNAMED = 8
"""Lists and maps directly in each other: a compiler's time doubles with every one of them."""
_INSIDE = ("items", "additionalProperties", "contains")


class Loops:
    """Finds references that close a circle in which no type has a name.

    Objects with members and unions are named; a list of itself is not. The answer is the same from
    wherever the circle is entered.
    """

    def __init__(self, target: Callable[[Node, str], Node]) -> None:
        self._target = target
        self._known: dict[str, bool] = {}

    def through(self, node: Node, target: Node) -> bool:
        """Whether the reference at a place leads back to that place.

        Raises:
            SpecError: it does so without a list or a map between; the rule is `ref-cycle`.
        """
        if node.uri not in self._known:
            if self._leads(target, node.uri, inside=False):
                raise refuse(node.file, node.pointer, "ref-cycle", "the $ref leads in a circle")
            self._known[node.uri] = self._leads(target, node.uri, inside=True)
        return self._known[node.uri]

    def _leads(self, start: Node, goal: str, *, inside: bool) -> bool:
        seen: set[str] = set()
        todo = [start]
        while todo:
            node = todo.pop()
            if node.uri in seen:
                continue
            seen.add(node.uri)
            for found in self._next(node, inside=inside):
                if found.uri == goal:
                    return True
                todo.append(found)
        return False

    def _next(self, node: Node, *, inside: bool) -> Iterator[Node]:
        value = node.value
        if not isinstance(value, dict) or _is_named(value):
            return
        for key in _INSIDE if inside else ():
            if isinstance(value.get(key), dict):
                yield node.child(key)
        for key in ("allOf", "oneOf", "anyOf"):
            parts = value.get(key)
            for index in range(len(parts) if isinstance(parts, list) else 0):
                yield node.child(key, index)
        if isinstance(value.get("$ref"), str):
            yield self._target(node, value["$ref"])


_PLACES = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")
_BELOW = (
    *(*_INSIDE, "prefixItems", "properties", "patternProperties", "propertyNames"),
    *("unevaluatedProperties", "unevaluatedItems"),
)


def check_circles(roots: Iterable[Node], target: Callable[[Node, str], Node]) -> None:
    """Refuse schemas that nobody can judge a value by: they ask themselves of the same value.

    Types follow not every keyword (`not`, `if`, …), whoever judges a frame does.

    Raises:
        SpecError: the rule is `ref-cycle`.
    """
    todo, seen = list(roots), set[str]()
    while todo:
        start = todo.pop()
        open_: dict[str, Iterator[Node]] = {}
        onward: Node | None = start
        while onward is not None:
            if onward.uri in open_:
                said = "the schema leads back to itself at the same place of a frame"
                raise refuse(onward.file, onward.pointer, "ref-cycle", said)
            if onward.uri not in seen:
                seen.add(onward.uri)
                todo += _parts(onward, _BELOW)
                open_[onward.uri] = iter([*_parts(onward, _PLACES), *_led(onward, target)])
            onward = None
            while open_ and onward is None:
                last = next(reversed(open_))
                onward = next(open_[last], None)
                if onward is None:
                    del open_[last]


def _parts(node: Node, keywords: Iterable[str]) -> Iterator[Node]:
    """Yield the schemas under some keywords, be there one, a list of them, or one a name."""
    for key in keywords:
        value = node.value.get(key) if isinstance(node.value, dict) else None
        if isinstance(value, list):
            yield from (node.child(key, index) for index in range(len(value)))
        elif isinstance(value, dict) and key in ("properties", "patternProperties", _PLACES[-1]):
            yield from (node.child(key, name) for name in value)
        elif isinstance(value, dict):
            yield node.child(key)


def _led(node: Node, target: Callable[[Node, str], Node]) -> Iterator[Node]:
    ref = node.value.get("$ref") if isinstance(node.value, dict) else None
    if isinstance(ref, str):
        with suppress(SpecError):  # told by whoever has to know what lies there
            yield target(node, ref)


def _is_named(value: dict[str, Json]) -> bool:
    """Whether a schema is a type with a name: an object with members, an enum, a union."""
    solid = [
        part
        for key in ("oneOf", "anyOf")
        if isinstance(value.get(key), list)
        for part in value[key]
        if not (isinstance(part, dict) and part.get("type") == "null")
    ]
    return bool(value.get("properties")) or "enum" in value or len(solid) > 1


def heights(types: Mapping[str, TypeDef]) -> dict[str, int]:
    """Return how many levels of types the smallest value of a type has; none of an endless one."""
    found: dict[str, int] = {}
    level = 0
    while True:
        flat = [n for n, item in types.items() if n not in found and _ends(item, found.keys())]
        if not flat:
            return found
        found |= dict.fromkeys(flat, level)
        level += 1


def check_endless(types: Mapping[str, TypeDef]) -> None:
    """Refuse a type of which every value would have to hold another one of it.

    Raises:
        SpecError: the rule is `recursion-endless`.
    """
    ends = heights(types)
    for name, item in types.items():
        if name not in ends:
            file, _, pointer = item.uri.partition("#")
            message = (
                f"every {name} holds another {name}, so that no value is finite: "
                "let the member be left out, or be null"
            )
            raise refuse(file, pointer, "recursion-endless", message)


def _ends(item: TypeDef, ends: Set[str]) -> bool:
    if isinstance(item, Struct):
        return all(
            _finite(field.type, ends)
            for field in item.fields
            if field.required and not field.nullable
        )
    if isinstance(item, Enum):
        return True
    return any(_finite(branch.type, ends) for branch in item.branches)


def _finite(type_: Type, ends: Set[str]) -> bool:
    if isinstance(type_, Ref):
        return type_.name in ends
    if isinstance(type_, Array) and type_.min_items and not type_.nullable_items:
        return _finite(type_.items, ends)
    return True


def check_depth(types: Mapping[str, TypeDef]) -> None:
    """Refuse types that hold each other in more levels than a frame may have.

    Raises:
        SpecError: the rule is `type-depth`.
    """
    levels: dict[str, int] = {}

    def level(name: str) -> int:
        if name not in levels:
            levels[name] = 0  # a way back to a type that is open adds no level of its own
            inner = types[name]
            held = _held(inner)
            levels[name] = 1 + max(map(below, held), default=0)
            file, _, pointer = inner.uri.partition("#")
            if max(map(_unnamed, held), default=0) > MAX_UNNAMED:
                message = (
                    f"{name} holds lists and maps in more than {MAX_UNNAMED} levels without a name"
                    ": put an object with members between, or let it take any JSON there"
                )
                raise refuse(file, pointer, "type-depth", message)
            if levels[name] > MAX_LEVELS:
                message = (
                    f"{name} holds types in more than {MAX_LEVELS} levels, more than a frame may "
                    "have: let a member take any JSON there, or lead back to a type above"
                )
                raise refuse(file, pointer, "type-depth", message)
        return levels[name]

    def below(type_: Type) -> int:
        if isinstance(type_, Array | Map):
            return 1 + below(type_.items if isinstance(type_, Array) else type_.values)
        return level(type_.name) if isinstance(type_, Ref) and type_.name in types else 0

    for name in sorted(types):
        level(name)


def _unnamed(type_: Type) -> int:
    inner = type_.items if isinstance(type_, Array) else None
    inner = type_.values if isinstance(type_, Map) else inner
    return 0 if inner is None else 1 + _unnamed(inner)


def _held(item: TypeDef) -> list[Type]:
    if isinstance(item, Struct):
        return [field.type for field in item.fields]
    return [] if isinstance(item, Enum) else [branch.type for branch in item.branches]
