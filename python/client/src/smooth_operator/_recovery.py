"""What became of a message whose turn was interrupted, as the history tells it (REQ-TURN-30)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from . import wire
from .wire.options import RECOVER_PAGES

TELLS: Final = "spec_1_2"
"""Capability word of servers whose histories name requestIds."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What is proved of a message; it was not sent again."""

    status: Literal["answered", "not_answered", "not_delivered", "unknown"]
    """``unknown`` whenever nothing proves one of the others."""
    message: wire.ConversationMessage | None = None
    """The answer, where it was given."""


async def recover(
    fetch: Callable[[str | None], Awaitable[wire.MessagePage]], request_id: str, *, tells: bool
) -> Recovery:
    """Look for the message of ``request_id`` in the newest ten pages.

    ``fetch`` gets the cursor of a page, None for the newest one; ``tells`` says whether the server
    names requestIds in its history. Raises what ``fetch`` raises.
    """
    answer: wire.ConversationMessage | None = None
    cursor: str | None = None
    for _ in range(RECOVER_PAGES):
        page = await fetch(cursor)
        for message in page.messages:
            if message.request_id != request_id:
                continue
            if message.direction == "inbound":
                return _found(message, answer)
            answer = answer or message
        cursor = page.next_cursor if isinstance(page.next_cursor, str) else None
        if not page.has_more or not cursor:
            return Recovery("not_delivered" if tells and answer is None else "unknown")
    return Recovery("unknown")


def _found(message: wire.ConversationMessage, answer: wire.ConversationMessage | None) -> Recovery:
    if message.turn == "completed" and answer is not None:
        return Recovery("answered", answer)
    over = message.turn in ("completed", "cancelled", "failed")
    return Recovery("not_answered" if over else "unknown")
