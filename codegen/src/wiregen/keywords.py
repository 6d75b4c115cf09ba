"""What the keywords of one schema say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, cast

from wiregen.errors import refuse
from wiregen.ir import AnyJson, Array, Map, Opaque, Scalar, ScalarKind, Type, TypeDef
from wiregen.load import Node
from wiregen.metaschema import plain_text
from wiregen.naming import lettered, pascal, rooted, spelled
from wiregen.words import word_set

Json = Any
KINDS = ("array", "boolean", "integer", "null", "number", "object", "string")
ANNOTATIONS = word_set(
    "$id $schema $defs definitions $comment $anchor title description default examples deprecated "
    "readOnly writeOnly"
)
UNTYPED = word_set(
    "not if then else dependentSchemas dependentRequired unevaluatedProperties unevaluatedItems "
    "contains minContains maxContains propertyNames patternProperties prefixItems minProperties "
    "maxProperties $dynamicRef $recursiveRef contentEncoding contentMediaType"
)
# How the bounds of a value are called here.
BOUNDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
    "format": "format",
}
# All that says something of a value.
BINDING = UNTYPED | word_set(
    "$ref type const enum properties required additionalProperties items allOf anyOf oneOf minimum "
    "maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern minItems "
    "maxItems uniqueItems"
)
LONGEST = 20_000
"""The largest length of a text or a list that a schema may ask for, or that frames try out."""
# The ways to say that a value is null.
_NULL: dict[str, tuple[Json, ...]] = {
    "type": ("null", ["null"]),
    "const": (None,),
    "enum": ([None],),
}
_DEFINED = (("$defs",), ("definitions",), ("components", "schemas"))
_NAMING = frozenset({"properties", "enum", "oneOf", "anyOf", "allOf", "additionalProperties"})
_WORDS = word_set("description $comment examples deprecated")


def only_null(schema: Json) -> bool:
    """Whether a schema says that a value is null, and nothing else but words."""
    if not isinstance(schema, dict):
        return False
    words = [(key, schema[key]) for key in ("type", "const", "enum") if key in schema]
    if not words or any(item not in _NULL[key] for key, item in words):
        return False
    return all(key in ANNOTATIONS or key[:2] == "x-" or key in _NULL for key in schema)


def plain_key(key: str) -> str:
    """Return the key of a definition as words; generators write lists as `Text[]`."""
    return key.replace("[]", "List")


def definitions(root: Node) -> Iterator[tuple[str, Node]]:
    """Yield the schemas of a file that others refer to, by the names of their types."""
    for path in _DEFINED:
        node = root
        for step in path:
            inside = isinstance(node.value, dict) and isinstance(node.value.get(step), dict)
            node = node.child(step) if inside else Node(root.file, "", {})
        for key, value in node.value.items():
            if isinstance(value, dict) and value.keys() & _NAMING:
                title = value.get("title")
                name = rooted(title) if isinstance(title, str) and title else ""
                yield name or rooted(plain_key(key)), node.child(key)


def is_pure(value: Json) -> bool:
    """Whether a `$ref` has only words beside it; what JSON Schema does not know binds nobody."""
    return not any(key in BINDING for key in value if key != "$ref")


def leads_to(node: Node) -> Node | None:
    """Return the place of the `$ref` of a schema that is another one by another name."""
    if isinstance(node.value.get("$ref"), str) and is_pure(node.value):
        return node
    place = alias_of(node.value)
    return None if place is None else node.child(*place)


def alias_of(value: Json) -> tuple[str, int] | None:
    """Return the place of the one reference that an `allOf`, or a union of one, adds words to."""
    found = [(key, value[key]) for key in ("allOf", "oneOf", "anyOf") if key in value]
    if len(found) != 1 or any(key in BINDING for key in value if key != found[0][0]):
        return None
    key, parts = found[0]
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return None
    if key != "allOf" and len(parts) != 1:
        return None
    solid = [index for index, part in enumerate(parts) if any(word in BINDING for word in part)]
    only = parts[solid[0]] if len(solid) == 1 else {}
    return (key, solid[0]) if isinstance(only.get("$ref"), str) and is_pure(only) else None


def one_branch(value: Json) -> str | None:
    """Return the union keyword of a schema whose one branch every value must fit."""
    for key in ("oneOf", "anyOf"):
        parts = value.get(key)
        if isinstance(parts, list) and len(parts) == 1:
            return key
    return None


def alike(one: Json, two: Json) -> bool:
    """Whether two schemas are the same but for their words."""
    if isinstance(one, dict) and isinstance(two, dict):
        keys = (one.keys() | two.keys()) - _WORDS
        return all(k in one and k in two and alike(one[k], two[k]) for k in keys)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(alike(*pair) for pair in zip(one, two, strict=True))
    return type(one) is type(two) and bool(one == two)


def with_members(branch: Node, shared: dict[str, Json]) -> Node:
    """Return a branch with the members that its union declares for all branches."""
    if not isinstance(branch.value, dict):
        return branch
    both = {"allOf": [shared, {k: v for k, v in branch.value.items() if k != "title"}]}
    titled = {"title": branch.value["title"]} if "title" in branch.value else {}
    return Node(branch.file, branch.pointer, {**both, **titled})


def branch_hint(value: Json, *, signs: bool = False) -> str:
    """Return a name for a branch without a title: its one constant, its one key, or its kind.

    With ``signs`` those of the constant or the key are spelled out.
    """

    def named(word: Json) -> str:
        text = word if isinstance(word, str) else json.dumps(word)
        return pascal(spelled(text) if signs else lettered(text))

    if not isinstance(value, dict):
        return ""
    members = value.get("properties")
    if isinstance(members, dict):
        tags = [
            item["const"] for item in members.values() if isinstance(item, dict) and "const" in item
        ]
        if len(tags) == 1:
            return named(tags[0])
        required = value.get("required", [])
        return named(required[0]) if isinstance(required, list) and len(required) == 1 else ""
    kind = value.get("type")
    return pascal(kind) if isinstance(kind, str) else ""


def branch_hints(branches: list[Json]) -> list[str]:
    """Return a name for every branch: by its words, by its signs where words fall together."""
    found = [branch_hint(item) for item in branches]
    if len(set(found)) < len(found):
        found = [branch_hint(item, signs=True) for item in branches]
    return [
        hint if hint and found.count(hint) == 1 else f"{hint}{index + 1}"
        for index, hint in enumerate(found)
    ]


def same_but_words(one: TypeDef, two: TypeDef) -> bool:
    """Whether two types are one but for where they stand and what is said of them."""
    return replace(one, uri="", doc="") == replace(two, uri="", doc="")


def doc_of(node: Node) -> str:
    """Return the description of a schema as plain text, empty where there is none."""
    text = node.value.get("description", "") if isinstance(node.value, dict) else ""
    return plain_text(text) if isinstance(text, str) else ""


def kinds_of(node: Node) -> tuple[str, ...] | None:
    """Return the JSON types that a schema lists, None where it lists none."""
    kinds = node.value.get("type")
    if kinds is None:
        return None
    listed = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(listed, list) or not all(kind in KINDS for kind in listed):
        message = f"'type' must be a JSON type or a list of them; found {kinds!r}"
        raise refuse(node.file, node.pointer, "schema-shape", message)
    return tuple(listed)


def free_form(kinds: frozenset[str]) -> tuple[Type, bool]:
    """Return the type of any value of these JSON types, and whether null is one of them."""
    solid = kinds - {"null"}
    if {"integer", "number"} <= solid:
        solid -= {"integer"}
    if not solid or solid >= {"object", "array", "string", "number", "boolean"}:
        return AnyJson(), True
    nullable = "null" in kinds
    if len(solid) > 1:
        return Opaque(tuple(sorted(solid))), nullable
    match next(iter(solid)):
        case "object":
            return Map(AnyJson(), True), nullable
        case "array":
            return Array(AnyJson(), True), nullable
        case kind:
            return Scalar(cast(ScalarKind, kind)), nullable


def kind_of(value: Json) -> str:
    """Return the JSON type of a value; a whole number is an integer."""
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    by_class = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return by_class[type(value)]


def check_least(node: Node) -> None:
    """Refuse a text or a list that must be longer than any frame.

    Raises:
        SpecError: the rule is `bound-frame`.
    """
    for keyword in ("minLength", "minItems"):
        least = node.value.get(keyword, 0)
        if least > LONGEST:
            message = f"{keyword} of {least} is more than a frame holds: at most {LONGEST}"
            raise refuse(node.file, node.pointer, "bound-frame", message)


def applies(keyword: str, kind: str) -> bool:
    """Whether a bound says something about values of a JSON type."""
    if keyword in ("minLength", "maxLength", "pattern"):
        return kind == "string"
    if keyword == "format":
        return True
    return kind in ("integer", "number")


def beyond_64_bits(value: Json) -> bool:
    """Whether an integer may be one that 64 bits with a sign do not hold."""
    if value.get("format") in ("uint64", "uint128", "int128", "bigint"):
        return True
    least = value.get("minimum", value.get("exclusiveMinimum", 0))
    most = value.get("maximum", value.get("exclusiveMaximum", 0))
    return bool(least < -(2**63) or most > 2**63)


def is_large(value: Json) -> bool:
    """Whether a value is an integer that 64 bits with a sign do not hold."""
    return kind_of(value) == "integer" and not -(2**63) <= value < 2**63


def raw_kinds(values: Iterable[Json]) -> tuple[str, ...]:
    """Return the JSON types of values that are kept as they are."""
    kinds = {kind_of(value) for value in values}
    return tuple(sorted(kinds - {"integer"} if "number" in kinds else kinds))


def only_constrain(branches: Json, members: Json) -> bool:
    """Whether branches only say which members must be there, or their values.

    Where every branch has a constant at a member that nothing beside them declares, that member
    tells them apart: they are types.
    """
    if not (isinstance(branches, list) and branches and all(map(_only_constrains, branches))):
        return False
    told = set.intersection(*(set(branch.get("properties", ())) for branch in branches))
    return told <= set(members)


def _only_constrains(branch: Json) -> bool:
    if not isinstance(branch, dict) or not set(branch) <= {"required", "properties", "type"}:
        return False
    if branch.get("type", "object") != "object" or "required" not in branch:
        return False
    members = branch.get("properties", {})
    return all(isinstance(item, dict) and set(item) <= {"const"} for item in members.values())


def alternative_of(branch: Json) -> tuple[tuple[str, Json], ...]:
    """Return the members that a branch requires, each with its constant or an ellipsis."""
    members = branch.get("properties", {})
    return tuple((wire, members.get(wire, {}).get("const", ...)) for wire in branch["required"])
