"""Readers of the server's frames with closed models: each knows what its words ask for, no more."""

from __future__ import annotations

import copy
from collections.abc import Collection
from functools import cache
from typing import Any

import jsonschema_rs

from smooth_operator_server.protocol.spec import documents

_RESULTS = {
    "create_conversation_session": "actions/create-conversation-session",
    "get_session": "actions/get-session",
    "get_conversation_messages": "actions/get-conversation-messages",
    "list_conversations": "actions/list-conversations",
    "rename_conversation": "actions/rename-conversation",
}


def faults(frame: dict[str, Any], *, words: Collection[str], answers: str | None) -> list[str]:
    """Return what a reader has against a frame; ``answers`` is the action behind a 200."""
    path = f"events/{frame['type'].replace('_', '-')}"
    checks = [(path, "", frame)]
    if frame["type"] == "immediate_response" and answers in _RESULTS:
        checks.append((_RESULTS[answers], "/$defs/Response", frame["data"]))
    if frame["type"] == "stream_chunk":
        raw = frame["data"]["state"]["rawResponse"]
        steps = {"toolCall": "types/tool-call", "toolResult": "types/tool-result"}
        checks.extend((steps[key], "", step) for key, step in raw.items())
    return [
        f"{path}{part}{error.instance_path}: {error.message}"
        for path, part, value in checks
        for error in _validator(path, part, frozenset(words)).iter_errors(value)
    ]


@cache
def _validator(path: str, part: str, words: frozenset[str]) -> jsonschema_rs.Draft202012Validator:
    schemas = copy.deepcopy(documents())
    for schema in schemas.values():
        _close(schema, words)
    registry = jsonschema_rs.Registry(
        resources=[(schema["$id"], schema) for schema in schemas.values()]
    )
    identity = schemas[path]["$id"]
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"{identity}#{part}"}, registry=registry, validate_formats=False
    )


def _close(schema: Any, words: frozenset[str]) -> None:
    """Remove the members that are there for other words."""
    if isinstance(schema, dict):
        members = schema.get("properties", {})
        for name, member in list(members.items()):
            if isinstance(member, dict) and member.get("x-since", "") not in {"", *words}:
                del members[name]
    for value in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(value, dict | list):
            _close(value, words)
