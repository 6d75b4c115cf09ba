"""A large protocol that nobody wrote, for the benches of the generator.

Its types hang together as those of public protocols do: a wide union of objects, chains of parts
below it, enumerations, arrays, and a pattern here and there.
"""

from __future__ import annotations

from typing import Any

Json = Any
CHAIN = 10


def document(types: int, events: int = 1) -> Json:
    """Return an AsyncAPI 3 document of ``types`` schemas, with so many events that carry them."""
    schemas = {f"Part{number}": _part(number, types) for number in range(types)}
    schemas["Content"] = {"oneOf": [_ref(f"Part{number}") for number in range(0, types, CHAIN)]}
    words = {"say": "receive", **{f"event_{number}": "send" for number in range(events)}}
    for word in words:
        schemas[word] = _message(word, first=word == "event_0")
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "A large protocol", "version": "1.0.0"},
        "channels": {
            "all": {
                "address": "/",
                "x-discriminator": "type",
                "messages": {word: {"name": word, "payload": _ref(word)} for word in words},
            }
        },
        "operations": {
            word: {
                "action": action,
                "channel": {"$ref": "#/channels/all"},
                "messages": [{"$ref": f"#/channels/all/messages/{word}"}],
            }
            for word, action in words.items()
        },
        "components": {"schemas": schemas},
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _part(number: int, types: int) -> Json:
    """Return an object; the first of a chain is a branch of the union."""
    head = number % CHAIN == 0
    members: Json = {"name": {"type": "string", "description": f"The name of part {number}."}}
    if head:
        members = {"kind": {"type": "string", "const": f"kind_{number}"}, **members}
    if number % 4 == 1:
        members["name"]["pattern"] = "^[a-z]+-[0-9]+$"
    if number % CHAIN < CHAIN - 1 and number + 1 < types:
        members["next"] = _ref(f"Part{number + 1}")
    required = ["kind", "name"] if head else []
    described = {"type": "object", "description": f"Part {number}.", "properties": members}
    return {**described, "required": required} if required else described


def _message(word: str, *, first: bool) -> Json:
    """Return a message; only the first event leads to the types, as all others have few members."""
    members: Json = {
        "type": {"type": "string", "const": word},
        "requestId": {"type": "string"},
        "level": {"type": "string", "enum": ["low", "middle", "high"]},
        "labels": {"type": "array", "items": {"type": "string"}},
        "count": {"type": "integer", "minimum": 0, "maximum": 1000},
    }
    if first:
        members["content"] = _ref("Content")
    described = {"type": "object", "description": f"What {word} says.", "properties": members}
    return {**described, "required": ["type"]}
