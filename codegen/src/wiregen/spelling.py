"""What `x-name` calls things, and which keywords of a schema are none or say nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from wiregen.ir import Names
from wiregen.keywords import ANNOTATIONS, BINDING
from wiregen.load import Node
from wiregen.words import word_set

Json = Any
# Keywords of others that are read or left alone knowingly.
_OTHERS = word_set(
    "discriminator $vocabulary $dynamicAnchor $recursiveAnchor format example externalDocs xml "
    "contentSchema id additionalItems dependencies schemaFormat"
)
_KNOWN = ANNOTATIONS | BINDING | _OTHERS
_OF_KIND = {
    "string": word_set("minLength maxLength pattern"),
    "number": word_set("minimum maximum exclusiveMinimum exclusiveMaximum multipleOf"),
    "array": word_set("items prefixItems minItems maxItems uniqueItems contains unevaluatedItems"),
    "object": word_set(
        "properties required additionalProperties patternProperties minProperties maxProperties "
        "propertyNames dependentRequired dependentSchemas unevaluatedProperties"
    ),
}


def names_of(value: Json) -> Names:
    """Return what an `x-name` says: one name for all languages, or one a language."""
    if isinstance(value, str) and value:
        return (("*", value),)
    if isinstance(value, dict):
        return tuple((str(k), v) for k, v in value.items() if isinstance(v, str) and v)
    return ()


def type_names(node: Node) -> Names:
    """Return the names of the type at a place; at a member an `x-name` names the member."""
    if not isinstance(node.value, dict) or node.pointer.rsplit("/", 2)[-2:-1] == ["properties"]:
        return ()
    return names_of(node.value.get("x-name"))


def value_names(value: Json, values: tuple[str, ...]) -> tuple[tuple[str, Names], ...]:
    """Return the names of an enum's values: `x-names`, or the lists that other tools read."""
    given = value.get("x-names")
    if isinstance(given, dict):
        return tuple((word, names_of(given[word])) for word in values if word in given)
    for key in ("x-enum-varnames", "x-enumNames"):
        listed = value.get(key)
        if isinstance(listed, list) and len(listed) == len(value.get("enum", ())):
            pairs = zip(value["enum"], listed, strict=True)
            return tuple((word, names_of(name)) for word, name in pairs if word in values)
    return ()


def branch_names(branches: list[Node]) -> tuple[tuple[str, Names], ...]:
    """Return the names of constants that stand as branches of their own."""
    return tuple(
        (item.value["const"], names_of(item.value["x-name"]))
        for item in branches
        if isinstance(item.value, dict) and {"const", "x-name"} <= item.value.keys()
    )


def ineffective(value: dict[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield keywords that are unknown, or that say nothing of the type beside them."""
    for key in value:
        if key not in _KNOWN and not key.startswith("x-"):
            yield key, _advice(key)
    kinds = value.get("type")
    listed = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(listed, list):
        return
    shared = {"number" if kind == "integer" else kind for kind in listed}
    for kind, words in _OF_KIND.items():
        if kind not in shared:
            for key in sorted(words & value.keys()):
                yield key, f"says nothing of a value of type {' or '.join(map(str, listed))}"


def _advice(key: str) -> str:
    if key == "nullable":
        return 'is no keyword of JSON Schema: write `type: [..., "null"]`'
    near = difflib.get_close_matches(key, sorted(_KNOWN), n=1, cutoff=0.75)
    if not near:
        low = {known.lower(): known for known in sorted(_KNOWN)}
        near = [low[key.lower()]] if key.lower() in low else []
    return f"is no keyword{f': is {near[0]!r} meant?' if near else ', so that it says nothing'}"
