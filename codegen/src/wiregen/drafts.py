"""Older drafts of JSON Schema, written as 2020-12: tuples, dependencies and boolean bounds."""

from __future__ import annotations

import re
from typing import Any

Json = Any
_OLDER = re.compile(r"json-schema\.org/(draft-0[3-7]|draft/2019-09)/")
_DATA = frozenset({"const", "enum", "default", "examples", "example", "bindings"})
_COUNTS = frozenset(
    {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
    | {"minContains", "maxContains"}
)
_NAMED = frozenset({"properties", "patternProperties", "definitions", "$defs", "schemas"})


def is_older(document: Json) -> bool:
    """Whether a file is of an older draft; an AsyncAPI document is of draft 7 by itself."""
    if not isinstance(document, dict):
        return False
    said = document.get("$schema")
    return "asyncapi" in document or (isinstance(said, str) and bool(_OLDER.search(said)))


def modern(value: Json, *, names: bool = False) -> Json:
    """Return a schema, or a document of schemas, in the words of 2020-12.

    With ``names`` the keys are names of members or definitions and not keywords.
    """
    if isinstance(value, list):
        return [modern(item) for item in value]
    if not isinstance(value, dict):
        return value
    if names:
        return {key: modern(item) for key, item in value.items()}
    found = value.get("$id")
    if isinstance(found, str) and found.startswith("#"):
        value = {key: item for key, item in value.items() if key != "$id"} | {"$anchor": found[1:]}
    out = {
        key: item if key in _DATA else modern(item, names=key in _NAMED)
        for key, item in value.items()
    }
    if isinstance(out.get("items"), list):
        out["prefixItems"] = out.pop("items")
        if "additionalItems" in out:
            out["items"] = out.pop("additionalItems")
    _dependencies(out)
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if out.get(exclusive) is True and bound in out:
            out[exclusive] = out.pop(bound)
        elif out.get(exclusive) is False:
            del out[exclusive]
    return out


def whole(value: Json) -> Json:
    """Write the counts of schemas as integers, in place: `minLength` may say 2.0 for 2."""
    todo, seen = [value], set[int]()
    while todo:
        item = todo.pop()
        if not isinstance(item, dict | list) or id(item) in seen:  # such as an alias of YAML
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            for key in _COUNTS & item.keys():
                if isinstance(item[key], float) and item[key].is_integer():
                    item[key] = int(item[key])
        todo += item.values() if isinstance(item, dict) else item
    return value


def _dependencies(out: dict[str, Json]) -> None:
    found = out.get("dependencies")
    if not isinstance(found, dict) or not ({"type", "properties"} & out.keys()):
        return
    required = {key: item for key, item in found.items() if isinstance(item, list)}
    schemas = {key: item for key, item in found.items() if not isinstance(item, list)}
    del out["dependencies"]
    if required:
        out["dependentRequired"] = required
    if schemas:
        out["dependentSchemas"] = schemas
