"""A small protocol to change one thing at a time in."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Json = Any
Files = dict[str, Json]


def struct(title: str, properties: Json, required: list[str], **more: Any) -> Json:
    """Return a closed object schema."""
    return {
        "$schema": DIALECT,
        "title": title,
        "description": "A thing.",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        **more,
    }


def _text(**more: Any) -> Json:
    return {"type": "string", "description": "Text.", **more}


def files() -> Files:
    """Return the protocol: two actions, two events, every kind of member."""
    facts = {
        "tag": {"const": "x", "type": "string", "description": "The tag."},
        "name": _text(maxLength=10, pattern="^a"),
        "mail": _text(format="email", **{"x-secret": True}),
        "count": {"type": "integer", "minimum": 0, "maximum": 100, "description": "Count."},
        "flag": {"type": "boolean", "default": True, "description": "Flag."},
        "note": {"type": ["string", "null"], "description": "Note."},
        "kind": {"title": "Kind", "type": "string", "enum": ["a", "b"], "description": "Kind."},
        "items": {"type": "array", "items": _text(), "minItems": 1, "description": "Items."},
        "labels": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Labels.",
        },
        "inner": {
            "title": "Inner",
            "type": "object",
            "description": "Inner.",
            "properties": {"deep": _text(), "wide": {"type": "number", "description": "Wide."}},
            "required": ["deep"],
            "additionalProperties": False,
        },
    }

    def members(tag: str, word: str, kind: str) -> Json:
        found = copy.deepcopy(facts)
        found["kind"]["title"] = kind
        found["inner"]["title"] = f"{kind}Inner"
        return {tag: {"const": word, "type": "string", "description": "Names it."}, **found}

    messages = {
        name: {
            "name": name,
            "payload": {
                "schemaFormat": "application/schema+json;version=2020-12",
                "schema": {"$ref": f"{name}.json"},
            },
        }
        for name in ("ask", "stop", "told", "over")
    }
    operations = {
        name: {
            "action": "receive" if name in ("ask", "stop") else "send",
            "channel": {"$ref": "#/channels/it"},
            "messages": [{"$ref": f"#/channels/it/messages/{name}"}],
        }
        for name in messages
    }
    operations["ask"]["reply"] = {
        "channel": {"$ref": "#/channels/it"},
        "messages": [
            {"$ref": "#/channels/it/messages/told"},
            {"$ref": "#/channels/it/messages/over"},
        ],
    }
    messages["over"]["x-turn"] = "terminal"
    document = {
        "asyncapi": "3.1.0",
        "info": {"title": "small", "version": "1.0"},
        "channels": {
            "it": {
                "address": "/",
                "x-discriminator": {"receive": "action", "send": "type"},
                "messages": {n: {"$ref": f"#/components/messages/{n}"} for n in messages},
            }
        },
        "operations": operations,
        "components": {"messages": messages},
        "x-error-codes": "errors.yaml",
    }
    row = {"kind": "protocol", "leaf": "Protocol", "retryable": False, "terminal": "always"}
    errors = {
        "codes": [{"code": "BAD", **row}],
        "unknown_code": row,
        "kinds": [{"kind": "protocol", "leaf": "Protocol", "parent": None, "retryable": False}],
    }
    required = ["tag", "name", "count", "inner"]
    return {
        "asyncapi.yaml": document,
        "errors.yaml": errors,
        "ask.json": struct("Ask", members("action", "ask", "AskKind"), ["action", *required]),
        "stop.json": struct("Stop", {"action": {"const": "stop", "type": "string"}}, ["action"]),
        "told.json": struct("Told", members("type", "told", "ToldKind"), ["type", *required]),
        "over.json": struct("Over", {"type": {"const": "over", "type": "string"}}, ["type"]),
    }


def write(folder: Path, found: Files) -> Path:
    """Write a protocol into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in found.items():
        if name.endswith(".yaml"):
            with (folder / name).open("w") as out:
                YAML(typ="safe").dump(value, out)
        else:
            (folder / name).write_text(json.dumps(value))
    return folder


def pair(folder: Path, change: Callable[[Files], None]) -> tuple[Path, Path]:
    """Write the protocol before and after ``change``."""
    old, new = files(), files()
    change(new)
    return write(folder / "old", old), write(folder / "new", new)
