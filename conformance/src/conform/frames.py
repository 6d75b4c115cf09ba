"""Whole legal frames from flat facts: the short forms ``tell``, ``accept`` and ``finish``.

A fact is written to every place that the schema gives it, as existing servers do.
"""

from __future__ import annotations

import json
from typing import Any

from conform.documents import CaseError
from conform.spec import Spec, Tree


def _put(tree: Tree, pointer: str, value: Any) -> None:
    *way, last = pointer.split("/")[1:]
    for step in way:
        tree = tree.setdefault(step, {})
    tree[last] = value


def _home(spec: Spec, word: str, name: str) -> str | None:
    """Pointer of the place where a flat fact lives."""
    path, schema = spec.events[word]
    for container in schema.get("x-payload", []):
        inner_path, inner = path, schema
        for step in container.split("/")[1:]:
            inner_path, inner = spec.follow(inner_path, inner["properties"][step])
        if name in inner["properties"]:
            return f"{container}/{name}"
    for nested in schema.get("x-mirrors", {}):
        if nested.rsplit("/", 1)[1] == name:
            return str(nested)
    return f"/{name}" if name in schema["properties"] else None


def build(spec: Spec, word: str, request_id: str | None, facts: Tree) -> Tree:
    """Return the frame of an event; raise ``CaseError`` for a fact that it has no place for."""
    if word not in spec.events:
        raise CaseError(f"{word!r} is no event of the spec")
    _, schema = spec.events[word]
    frame: Tree = {"type": word}
    if request_id is not None:
        facts = {"requestId": request_id, **facts}
    if word == "immediate_response":
        facts = {"status": 200, "data": {}, **facts}
    if word == "eventual_response":
        text = facts.pop("text", None)
        facts = {"status": 200, "messageId": "m-1", **facts}
        facts.setdefault("response", {"responseParts": [] if text is None else [text]})
    if word == "cancelled":
        facts = {"status": 499, **facts}
    for container in schema.get("x-payload", []):
        _put(frame, container, {})
    for name, value in facts.items():
        home = _home(spec, word, name)
        if home is None:
            raise CaseError(f"{word} has no place for {name!r}")
        _put(frame, home, value)
    _mirror(schema, frame)
    return frame


def _mirror(schema: Tree, frame: Tree) -> None:
    for nested, top in schema.get("x-mirrors", {}).items():
        node: Any = frame
        for step in nested.split("/")[1:]:
            node = node.get(step) if isinstance(node, dict) else None
        if node is not None:
            frame[top[1:]] = node


def big_frame(value: Tree) -> str:
    """A ``stream_token`` of the turn ``requestId``, padded to exactly ``bytes`` bytes."""
    data = {"requestId": value["requestId"], "token": ""}
    text = json.dumps({"type": "stream_token", "requestId": value["requestId"], "data": data})
    return text.replace('""', '"' + "x" * (value["bytes"] - len(text)) + '"')


def body_of(plan: Tree) -> bytes:
    """The body of a refused handshake: ``body`` as text, or ``octets`` in hex."""
    return bytes.fromhex(plan["octets"]) if "octets" in plan else str(plan.get("body", "")).encode()
