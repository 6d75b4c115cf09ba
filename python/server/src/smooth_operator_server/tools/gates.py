"""What stands before a tool: a one-time code, a human's approval, or a plain no. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..store import SessionRecord
from .tool import AuthLevel, Tool

_FORBIDDEN = "this tool needs the {level} level, which nobody can reach from a conversation"
_NO_SERVICE = "this tool needs a one-time code, and this server cannot send one"


@dataclass(frozen=True, slots=True)
class ConfirmGate:
    """A human has to approve the call."""


@dataclass(frozen=True, slots=True)
class AuthGate:
    """The person has to give a one-time code first."""

    level: AuthLevel


@dataclass(frozen=True, slots=True)
class RefusalGate:
    """The call is refused without asking anybody."""

    reason: str


Gate = ConfirmGate | AuthGate | RefusalGate


def gates_before(
    tool: Tool, session: SessionRecord, *, confirm_words: Sequence[str], can_send_codes: bool
) -> tuple[Gate, ...]:
    """Return the gates of a call in the order in which they are passed: proof before approval.

    ``confirm_words`` are substrings of tool names (``SMOOTH_AGENT_CONFIRM_TOOLS``).
    """
    gates: list[Gate] = []
    if tool.auth is AuthLevel.ADMIN:
        return (RefusalGate(_FORBIDDEN.format(level=tool.auth)),)
    if tool.auth is AuthLevel.END_USER and not session.verified:
        if not can_send_codes:
            return (RefusalGate(_NO_SERVICE),)
        gates.append(AuthGate(tool.auth))
    if tool.confirm or any(word in tool.name for word in confirm_words):
        gates.append(ConfirmGate())
    return tuple(gates)
