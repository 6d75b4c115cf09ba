"""Several schemas of one value as one: what all of them admit."""

from __future__ import annotations

import math
import re
from typing import Any

from wiregen.errors import refuse
from wiregen.keywords import ANNOTATIONS, KINDS, kind_of
from wiregen.load import Node
from wiregen.metaschema import compiles

Json = Any
_HIGHEST = frozenset(
    {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"}
)
_LOWEST = frozenset(
    {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"}
)
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
_SCHEMAS = frozenset({"items", "additionalProperties", "contains", "propertyNames"})
_SCHEMAS |= {"unevaluatedProperties", "unevaluatedItems"}
UNIONS = ("oneOf", "anyOf")


class Merged:
    """A schema that others are folded into; ``lost`` names what could not be said in one."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.out: dict[str, Json] = {}
        self.lost: list[str] = []

    def add(self, part: dict[str, Json], node: Node) -> None:
        """Fold a schema in, so that a value must satisfy it as well.

        Raises:
            SpecError: no value satisfies both; the rule is `allof-empty`.
        """
        for key, item in part.items():
            if key not in self.out or key in ANNOTATIONS or key.startswith("x-"):
                self.out[key] = item
            elif self.out[key] != item or type(self.out[key]) is not type(item):
                self.out[key] = self._both(key, self.out[key], item, node)
        self._values(node)

    def _both(self, key: str, one: Json, two: Json, node: Node) -> Json:
        if key in _HIGHEST and _numbers(one, two):
            return max(one, two)
        if key in _LOWEST and _numbers(one, two):
            return min(one, two)
        if key in _NAMED and isinstance(one, dict) and isinstance(two, dict):
            return {**one, **{name: _all_of(one.get(name), two[name]) for name in two}}
        if key in _SCHEMAS:
            return _all_of(one, two)
        match key:
            case "required":
                return list(dict.fromkeys([*one, *two]))
            case "type":
                return self._type(one, two, node)
            case "enum":
                return [item for item in one if any(_same(item, other) for other in two)]
            case "const":
                raise _empty(node, f"no value is both {one!r} and {two!r}")
            case "multipleOf" if isinstance(one, int) and isinstance(two, int):
                return math.lcm(one, two)
            case "uniqueItems":
                return one is True or two is True
            case "not":
                return {"anyOf": [one, two]}
            case "dependentRequired":
                return {
                    **one,
                    **{k: list(dict.fromkeys([*one.get(k, []), *v])) for k, v in two.items()},
                }
            case _:
                self.lost.append(key)
                return one

    def _type(self, one: Json, two: Json, node: Node) -> Json:
        ours, theirs = (item if isinstance(item, list) else [item] for item in (one, two))
        shared = [kind for kind in KINDS if _admits(ours, kind) and _admits(theirs, kind)]
        if "number" in shared and "integer" in shared:
            shared.remove("integer")
        if not shared:
            raise _empty(node, "allOf admits no type")
        return shared[0] if len(shared) == 1 else shared

    def _values(self, node: Node) -> None:
        """Leave of listed values those that the rest admits; one that is left is the constant."""
        out = self.out
        if "enum" in out and "const" in out and isinstance(out["enum"], list):
            if not any(_same(item, out["const"]) for item in out["enum"]):
                raise _empty(node, f"{out['const']!r} is none of the values of the enum beside it")
            del out["enum"]
        if isinstance(out.get("enum"), list) and not out["enum"]:
            raise _empty(node, "the enums of one allOf share no value")


def listed_values(value: dict[str, Json]) -> list[Json]:
    """Return the values of an `enum` or a `const` that the `type` beside it admits."""
    listed = [value["const"]] if "const" in value else value["enum"]
    kinds = value.get("type", list(KINDS))
    kinds = kinds if isinstance(kinds, list) else [kinds]
    whole = "integer" in kinds and "number" not in kinds
    listed = [
        int(it) if whole and isinstance(it, float) and it.is_integer() else it for it in listed
    ]
    fit = [item for item in listed if _admits(kinds, kind_of(item))]
    return [item for item in fit if not isinstance(item, str) or _admits_text(value, item)]


def _admits_text(value: dict[str, Json], text: str) -> bool:
    """Whether the bounds beside a list of values admit one of its texts."""
    if not value.get("minLength", 0) <= len(text) <= value.get("maxLength", len(text)):
        return False
    pattern = value.get("pattern", "")
    return not compiles(pattern) or re.search(pattern, text) is not None


def _admits(kinds: list[Json], kind: str) -> bool:
    return kind in kinds or (kind == "integer" and "number" in kinds)


def _numbers(one: Json, two: Json) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, two))


def _same(one: Json, two: Json) -> bool:
    return isinstance(one, bool) == isinstance(two, bool) and bool(one == two)


def _all_of(one: Json, two: Json) -> Json:
    """Return a schema of what both admit, said as plainly as it can be."""
    if one is None or one is True or one == {}:
        return two
    if two is True or two == {} or one == two:
        return one
    if one is False or two is False:
        return False
    parts: list[Json] = []
    for part in (*_parts(one), *_parts(two)):
        if part not in parts:
            parts.append(part)
    return {"allOf": parts}


def _parts(value: Json) -> list[Json]:
    """Return the schemas of a plain `allOf`, so that folding again and again adds none."""
    if isinstance(value, dict) and value.keys() == {"allOf"}:
        return list(value["allOf"])
    return [value]


def _empty(node: Node, message: str) -> Exception:
    return refuse(node.file, node.pointer, "allof-empty", message)
