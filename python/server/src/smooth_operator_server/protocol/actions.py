"""Frames that come in: parsed, and checked against the action schemas of the specification.

The schemas are used as written but opened: fields they do not know are ignored, ``format``
is not asserted, null on an optional field counts as absent (REQ-SRV-06). Bounds hold.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs

from .faults import describe
from .json_text import read_json
from .refusals import Code, RefusalError
from .spec import Schema, documents

Action = dict[str, Any]


def parse_frame(text: str) -> Action:
    """Return the JSON object of one text frame (REQ-SRV-02).

    Raises:
        RefusalError: VALIDATION_ERROR; the text is not JSON (NaN and a byte-order mark included),
            no object, or nested too deeply to be read.
    """
    try:
        value = read_json(text)
    except (ValueError, RecursionError):
        raise RefusalError(Code.VALIDATION_ERROR, "the frame is not JSON") from None
    if not isinstance(value, dict):
        raise RefusalError(Code.VALIDATION_ERROR, "the frame is not a JSON object")
    return value


@cache
def action_names() -> frozenset[str]:
    """Return the words that ``action`` may hold."""
    return frozenset(_checks())


def check(frame: Action) -> Action:
    """Return the action of a frame: nulls of optional fields gone, bounds of the spec kept.

    Raises:
        RefusalError: VALIDATION_ERROR naming the JSON Pointer, or UNSUPPORTED_ACTION.
    """
    name = frame.get("action")
    if not isinstance(name, str):
        raise RefusalError(Code.VALIDATION_ERROR, "/action must be a string")
    found = _checks().get(name)
    if found is None:
        raise RefusalError(Code.UNSUPPORTED_ACTION, "this server does not know the action")
    schema, validator = found
    action: Action = _without_nulls(frame, schema)
    if not isinstance(action.get("requestId"), str):  # of another type: treated as absent
        action.pop("requestId", None)
    try:
        if validator.is_valid(action):
            return action
        fault = next(validator.iter_errors(action))
    except ValueError:  # nested beyond what the validator reads
        raise RefusalError(Code.VALIDATION_ERROR, "the frame is nested too deeply") from None
    raise RefusalError(Code.VALIDATION_ERROR, describe(fault))


# What this server takes beyond what the schemas let clients write (REQ-SRV-22, REQ-SRV-23); the
# handlers of these actions look at it.
_LENIENT = (
    ("actions/list-conversations", "limit", "maximum"),
    ("actions/send-message", "message", "minLength"),
)


@cache
def _checks() -> dict[str, tuple[Schema, jsonschema_rs.Draft202012Validator]]:
    opened = {path: _opened(schema) for path, schema in documents().items()}
    for path, member, bound in _LENIENT:
        del opened[path]["properties"][member][bound]
    registry = jsonschema_rs.Registry(
        resources=[(schema["$id"], schema) for schema in opened.values()]
    )
    checks: dict[str, tuple[Schema, jsonschema_rs.Draft202012Validator]] = {}
    for path, schema in opened.items():
        if path.startswith("actions/"):
            validator = jsonschema_rs.Draft202012Validator(
                schema, registry=registry, validate_formats=False
            )
            checks[schema["properties"]["action"]["const"]] = (schema, validator)
    return checks


def _opened(schema: Any) -> Any:
    """Return the schema with every object open and no ``format``."""
    if isinstance(schema, list):
        return [_opened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    opened = {
        key: _opened(value)
        for key, value in schema.items()
        if not (key == "format" and isinstance(value, str))
    }
    if "properties" in opened:
        opened["additionalProperties"] = True
    return opened


def _without_nulls(value: Any, schema: Any) -> Any:
    """Drop null members that the schema names; free-form members keep theirs."""
    if not isinstance(schema, dict):
        return value
    if isinstance(value, list):
        return [_without_nulls(item, schema.get("items")) for item in value]
    if not isinstance(value, dict):
        return value
    known = schema.get("properties", {})
    return {
        key: _without_nulls(item, known.get(key)) if isinstance(item, (dict, list)) else item
        for key, item in value.items()
        if not (item is None and key in known)
    }
