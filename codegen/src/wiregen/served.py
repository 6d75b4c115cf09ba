"""The server's side of a document: what clients write is read, what they read is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from wiregen.asyncapi import Document, MessageNode, OperationNode
from wiregen.errors import refuse

Side = Literal["client", "server"]


def served(document: Document, name: str) -> Document:
    """Return a document as its server sees it.

    Actions become what is decoded, events what is built and encoded. What a client alone knows of
    them is left out: turns, results, machines and error codes.
    """
    messages = tuple(
        replace(item, role="event" if item.role == "action" else "action", turn=None)
        for item in document.messages
    )
    if not any(item.role == "event" for item in messages):
        message = "no message comes from a client, so that a server has nothing to read"
        raise refuse(name, "/operations", "asyncapi-no-actions", message)
    return replace(
        document,
        action_tag=document.event_tag,
        event_tag=document.action_tag,
        messages=messages,
        operations=tuple(_spoken(item) for item in messages if item.role == "action"),
        tables={},
    )


def _spoken(item: MessageNode) -> OperationNode:
    """Return what a server says, to which nobody owes an answer."""
    return OperationNode(item.wire, (), None, item.node)


__all__ = ["Side", "served"]
