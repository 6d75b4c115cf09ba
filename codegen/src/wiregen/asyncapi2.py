"""Read an AsyncAPI document of version 2: `publish` and `subscribe` below channels."""

from __future__ import annotations

from typing import Any

from wiregen.asyncapi import Document, Reader, Role
from wiregen.errors import join_pointer, pointer_path, refuse
from wiregen.load import Node, Store
from wiregen.reading import AS_WRITTEN, Reading

Json = Any
_DEPTH = 16


def read_document(store: Store, name: str, reading: Reading = AS_WRITTEN) -> Document:
    """Return what a document of version 2 or 3 says of messages and operations."""
    root = store.document(name).value
    if not isinstance(root, dict):
        raise refuse(name, "", "asyncapi-shape", "the document must be an object")
    version = root.get("asyncapi")
    if isinstance(version, str) and version.startswith("3."):
        return Reader(store, name, reading).read()
    if isinstance(version, str) and version.startswith("2."):
        return Reader2(store, name, reading).read()
    if version is None and {"openapi", "swagger"} & root.keys():
        message = "this is an OpenAPI document; AsyncAPI 2 and 3 are read"
    else:
        message = f"'asyncapi' must be a 2.x or 3.x version as a text, found {version!r}"
        if isinstance(version, str) and version.startswith("1."):
            message += "; convert it first: asyncapi convert FILE --target-version 3.0.0"
    raise refuse(name, "/asyncapi", "asyncapi-version", message)


class Reader2(Reader):
    """Reads a document of version 2: who publishes to a channel is a client of the server."""

    section = "/channels"
    no_events = (
        "no message comes from the server: clients read what a channel lists under `subscribe`; "
        "a document that says what a client does is read with --side client"
    )

    def _operations(self) -> list[Node]:
        found: list[Node] = []
        for key in self._section("channels"):
            channel = self._deref(self.root.child("channels", key))
            found += self._operations_of(channel)
        return found

    def _operations_of(self, channel: Node) -> list[Node]:
        if not isinstance(channel.value, dict):
            raise refuse(
                channel.file, channel.pointer, "asyncapi-shape", "a channel must be an object"
            )
        there = [word for word in ("subscribe", "publish") if word in channel.value]
        return [self._deref(channel.child(word)) for word in there]

    def _role(self, node: Node) -> Role:
        published = pointer_path(node.pointer)[-1] == "publish"
        return "action" if published == (self.reading.side == "server") else "event"

    def _listed(self, node: Node) -> list[Node]:
        if not isinstance(node.value, dict):
            message = "an operation must be an object"
            raise refuse(node.file, node.pointer, "asyncapi-shape", message)
        return self._each(node.child("message")) if "message" in node.value else []

    def _each(self, node: Node, depth: int = 0) -> list[Node]:
        """Return a message, or those that it is one of."""
        node = self._deref(node)
        listed = node.value.get("oneOf") if isinstance(node.value, dict) else None
        if not isinstance(listed, list):
            return [self._traits(node)]
        if depth > _DEPTH:
            raise refuse(node.file, node.pointer, "ref-cycle", "the $ref leads in a circle")
        parts = (node.child("oneOf", index) for index in range(len(listed)))
        return [item for part in parts for item in self._each(part, depth + 1)]

    def _messages_of(self, channel: Node) -> list[Node]:
        return [item for node in self._operations_of(channel) for item in self._listed(node)]

    def _replies(self, node: Node) -> list[Node]:  # noqa: ARG002 - version 2 knows none
        return []

    def _key(self, node: Node) -> str:
        for word in ("messageId", "title"):
            if isinstance(node.value.get(word), str) and node.value[word]:
                return str(node.value[word])
        path = pointer_path(node.pointer)
        if not path:
            return super()._key(node)
        named = [part for part in path if not part.isdigit() and part not in ("message", "oneOf")]
        return named[-1] if named[-1] not in ("publish", "subscribe") else named[-2]

    def _payload(self, node: Node) -> Node:
        said = node.value.get("schemaFormat")
        if said is not None:
            place = Node(node.file, join_pointer(node.pointer, "schemaFormat"), said)
            self._format(place, str(said))
        return super()._payload(node)
