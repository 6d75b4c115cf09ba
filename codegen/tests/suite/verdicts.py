"""The verdict of a reader beside that of the suite; where they differ, for which keyword."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from wiregen import api
from wiregen.ir import Spec
from wiregen.words import word_set

Json = Any
# Keywords below which a reader asks for nothing, with the reason; any other difference is a fault.
REASONS = {
    "a bound is the writer's promise": word_set(
        "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern "
        "minItems maxItems uniqueItems minProperties maxProperties"
    ),
    "values are open, types are not": word_set("enum const"),
    "objects and arrays are open": word_set(
        "additionalProperties unevaluatedProperties unevaluatedItems"
    ),
    "a condition is the writer's promise": word_set(
        "not if then else dependentRequired dependentSchemas contains minContains maxContains "
        "propertyNames"
    ),
    "places that types do not name": word_set("patternProperties prefixItems $dynamicRef"),
    "branches that cannot be told apart": word_set("anyOf oneOf"),
    "a schema that admits nothing, or only null": word_set("false null"),
    "no type: any JSON": word_set("untyped"),
    "members without a type: an object": word_set("object-assumed"),
}
KEYWORDS = frozenset(keyword for words in REASONS.values() for keyword in words)
_NAMED = word_set("properties patternProperties dependentSchemas $defs")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One test: its frame, what the suite says and what a reader says.

    `why` is the keyword for which they differ, empty where they agree.
    """

    group: str
    test: str
    text: str
    valid: bool
    read: bool
    why: str


def verdict(spec: Spec, group: str, schema: Json, rules: tuple[str, ...], row: Json) -> Verdict:
    """Return the verdict of one test; a difference without a known reason is an error."""
    test, text, valid = row
    tree = json.loads(text)
    read = api.check(spec, group, tree) is None
    why = ""
    if valid and not read:
        why = "object-assumed" if "object-assumed" in rules else "refused"
    elif read and not valid:
        why = _blamed(schema, rules, tree["value"])
    assert not why or why in KEYWORDS, (group, test, text, why)
    return Verdict(group, test, text, valid, read, why)


def _blamed(schema: Json, rules: tuple[str, ...], value: Json) -> str:
    """Return the outermost keyword of the suite's verdict that a reader does not ask for."""
    paths = [list(_keys(error)) for error in Draft202012Validator(schema).iter_errors(value)]
    found = [next((key for key in path if key in KEYWORDS), "") for path in paths]
    named = sorted(key for key in found if key)
    if named:
        return named[0]
    if any("items" in path for path in paths) and '"prefixItems"' in json.dumps(schema):
        return "prefixItems"  # with it, `items` means the rest
    if "opaque-null" in rules:
        return "null"
    return "untyped" if "opaque-untyped" in rules else "read"


def _keys(error: Any) -> Iterator[str]:
    """Yield the keywords that lead to an error, without names of members and indexes."""
    path = [str(key) for key in error.absolute_schema_path]
    at = 0
    while at < len(path):
        if not path[at].isdigit():
            yield path[at]
        at += 2 if path[at] in _NAMED else 1
    if error.validator is None:
        yield "false"


def differences(verdicts: tuple[Verdict, ...]) -> dict[str, int]:
    """Count the tests in which reader and suite differ, by keyword."""
    return dict(sorted(Counter(row.why for row in verdicts if row.why).items()))


def agreeing(verdicts: tuple[Verdict, ...]) -> tuple[list[str], list[str]]:
    """Return the groups in which every verdict is the suite's, and those that also refuse one."""
    differ = {row.group for row in verdicts if row.why}
    refuse = {row.group for row in verdicts if not row.valid}
    same = [name for name in dict.fromkeys(row.group for row in verdicts) if name not in differ]
    return same, [name for name in same if name in refuse]
