"""Messages and their senders as answers, events and the admin REST show them. Pure."""

from __future__ import annotations

from typing import Any

from ..clock import iso_time
from ..store import Direction, Sender

Json = dict[str, Any]


def party(sender: Sender) -> Json:
    """Return who said something."""
    return {"id": sender.participant_id, "type": sender.kind, "name": sender.name}


def message_shown(
    message_id: str, direction: Direction, text: str, created_ms: int, sender: Sender
) -> Json:
    """Return a message with the members that everybody may have."""
    return {
        "id": message_id,
        "direction": direction.value,
        "content": {"text": text},
        "from": party(sender),
        "createdAt": iso_time(created_ms),
    }
