"""Events of every kind of envelope: what may miss or be null around a fact, and at its copy."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

Json = Any
PRESENCES = ("required", "nullable", "optional", "optional_nullable")
COPIES = ("", "required", "optional")
_FACTS = {
    "id": {"type": "string"},  # by which events are told to belong to an action
    "list": {"type": "array", "items": {"type": "integer"}},
    "part": {"$ref": "#/components/schemas/part"},
}
_SCHEMAS = {
    "part": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    "tree": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "child": {"$ref": "#/components/schemas/tree"},
            "next": {"anyOf": [{"$ref": "#/components/schemas/tree"}, {"type": "null"}]},
        },
        "required": ["name", "next"],
    },
}


def document() -> Json:
    """Return a document of all events; every second one streams: that has a decoder of its own."""
    messages = {}
    for number, (word, body) in enumerate(_events()):
        members = {"type": {"const": word}, **body["properties"]}
        payload = {**body, "properties": members, "required": ["type", *body["required"]]}
        messages[word] = {"payload": payload} | ({"x-turn": "streams"} if number % 2 else {})
    channel = {"$ref": "#/channels/main"}
    listed = [{"$ref": f"#/channels/main/messages/{word}"} for word in messages]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "envelopes", "version": "1.0.0"},
        "channels": {
            "main": {
                "x-discriminator": "type",
                "x-correlation": ["/id", "/data/id"],
                "messages": messages,
            }
        },
        "operations": {"out": {"action": "send", "channel": channel, "messages": listed}},
        "components": {"schemas": _SCHEMAS},
    }


def _events() -> Iterator[tuple[str, Json]]:
    for payload, fact, copy in product(PRESENCES, PRESENCES, COPIES):
        yield f"{payload}-{fact}-{copy or 'alone'}", _event((payload,), fact, copy)
    for outer, inner, fact in product(PRESENCES, PRESENCES, ("required", "optional_nullable")):
        yield f"{outer}-{inner}-{fact}-deep", _event((outer, inner), fact, "")
    for payload in PRESENCES:  # an envelope that holds another of its kind
        members = {"data": _member({"$ref": "#/components/schemas/tree"}, payload)}
        yield f"{payload}-tree", _envelope(members, payload, "/data")


def _event(payloads: tuple[str, ...], fact: str, copy: str) -> Json:
    """Return the members of one event: facts below its payloads, copied to the top or not."""
    names = ("data", "inner")[: len(payloads)]
    where = "/" + "/".join(names)
    members = {name: _member(schema, fact) for name, schema in _FACTS.items()}
    body = _object(members, fact)
    for name, stands in reversed(tuple(zip(names, payloads, strict=True))):
        beside = {f"beside_{name}": _member(_FACTS["part"], stands)}  # shown by no fact
        body = _envelope({name: _member(body, stands), **beside}, stands, where)
    if copy:
        body["properties"].update(members)
        body["required"] += list(members) if copy == "required" else []
        body["x-mirrors"] = {f"{where}/{name}": f"/{name}" for name in members}
    return body


def _envelope(members: Json, stands: str, where: str) -> Json:
    return {**_object(members, stands), "x-payload": [where]}


def _object(members: Json, stand: str) -> Json:
    required = [] if "optional" in stand else list(members)
    return {"type": "object", "properties": dict(members), "required": required}


def _member(schema: Json, stands: str) -> Json:
    return {"anyOf": [schema, {"type": "null"}]} if "nullable" in stands else schema
