"""Two readers of the server's frames: the spec as written, and closed models of version 1.0."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import jsonschema_rs

from smooth_operator_server.protocol.spec import documents

ADDED_IN_1_1 = {
    "events/error": {"terminal", "retryAfterMs"},
    "events/write-confirmation-required": {"confirmationId", "expiresAt"},
    "events/otp-verification-required": {"expiresAt"},
    "events/interaction-required": {"expiresAt"},
    "actions/create-conversation-session": {"capabilities"},
    "actions/list-conversations": {"nextCursor", "hasMore"},
    "types/tool-call": {"callId"},
    "types/tool-result": {"callId"},
}

_RESULTS = {
    "create_conversation_session": "actions/create-conversation-session",
    "get_session": "actions/get-session",
    "get_conversation_messages": "actions/get-conversation-messages",
    "list_conversations": "actions/list-conversations",
    "rename_conversation": "actions/rename-conversation",
}


def faults(frame: dict[str, Any], *, extended: bool, answers: str | None) -> list[str]:
    """Return what a reader has against a frame; ``answers`` is the action behind a 200."""
    path = f"events/{frame['type'].replace('_', '-')}"
    checks = [(path, "", frame)]
    if frame["type"] == "immediate_response" and answers in _RESULTS:
        checks.append((_RESULTS[answers], "/$defs/Response", frame["data"]))
    if frame["type"] == "stream_chunk":
        raw = frame["data"]["state"]["rawResponse"]
        words = {"toolCall": "types/tool-call", "toolResult": "types/tool-result"}
        checks.extend((words[key], "", step) for key, step in raw.items())
    return [
        f"{path}{part}{error.instance_path}: {error.message}"
        for path, part, value in checks
        for error in _validator(path, part, extended).iter_errors(value)
    ]


@cache
def _validator(path: str, part: str, extended: bool) -> jsonschema_rs.Draft202012Validator:
    schemas = copy.deepcopy(documents())
    if not extended:
        for old, names in ADDED_IN_1_1.items():
            removed = _without(schemas[old], names)
            assert removed == names, f"{old}: the spec has no {names - removed}"
    registry = jsonschema_rs.Registry(
        resources=[(schema["$id"], schema) for schema in schemas.values()]
    )
    identity = schemas[path]["$id"]
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"{identity}#{part}"}, registry=registry, validate_formats=False
    )


def _without(schema: Any, names: set[str]) -> set[str]:
    """Remove properties wherever they are defined; return those that were found."""
    found: set[str] = set()
    if isinstance(schema, dict):
        properties = schema.get("properties", {})
        for name in names & set(properties):
            del properties[name]
            found.add(name)
        for value in schema.values():
            found |= _without(value, names)
    if isinstance(schema, list):
        for value in schema:
            found |= _without(value, names)
    return found
