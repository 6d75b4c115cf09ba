"""A conversation with an agent: send, ask, history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from . import wire
from ._handlers import Handlers, check_handlers, merged
from ._history import messages
from ._turn import Turn
from ._turn_outcome import TurnResult

if TYPE_CHECKING:
    from ._client import SmoothAgentClient


class SendOptions(TypedDict, total=False):
    """What may be said of one message beside its text."""

    stream: bool | None
    model: str | None
    skill: str | None
    images: Sequence[Any] | None
    files: Sequence[Any] | None
    request_id: str | None
    handlers: Handlers | None


class Conversation:
    """One session on one conversation; made by ``start_conversation``, ``resume_conversation``."""

    def __init__(
        self,
        client: SmoothAgentClient,
        *,
        session_id: str,
        conversation_id: str,
        agent_name: str | None,
        capabilities: Sequence[str],
        handlers: Handlers,
        open_turn: str | None,
    ) -> None:
        self._client = client
        self._handlers = handlers
        self.session_id: str = session_id
        """Session that every action of this conversation names."""
        self.conversation_id: str = conversation_id
        """Conversation; survives the session."""
        self.agent_name: str | None = agent_name
        """Display name of the agent, where the server said it."""
        self.capabilities: tuple[str, ...] = tuple(capabilities)
        """Capability words of the server; empty where it did not say."""
        self._open_turn = open_turn

    def __repr__(self) -> str:
        return f"<Conversation {self.conversation_id} session {self.session_id}>"

    def send(self, message: str, **optional: Unpack[SendOptions]) -> Turn:
        """Say something; return the turn at once (REQ-TURN-01).

        ``optional`` takes what ``send_message`` takes: stream, model, skill, images, files,
        request_id, and handlers for this message, which come before those of the conversation
        (REQ-ASK-01). Raises only ValueError and TypeError; everything else settles the turn.
        """
        optional["handlers"] = merged(self._handlers, check_handlers(optional.get("handlers")))
        return self._client.send_message(session_id=self.session_id, message=message, **optional)

    async def ask(self, message: str, **optional: Unpack[SendOptions]) -> TurnResult:
        """Say something and wait for the whole answer; raises the error of a failed turn."""
        return await self.send(message, **optional)

    def open_turn(self) -> Turn | None:
        """Return the turn that ran when this conversation was opened, from its first event on.

        After a restart of the application, or on a second device, it is taken up: suspended until
        the server has told its events, at once when the link is open. A turn that this client has
        already is that one, while it has not settled. None when the server named no turn, or the
        session is no replay session (REQ-RESUME-11).
        """
        if self._open_turn is None:
            return None
        return self._client._open_turn(self.session_id, self._open_turn, self._handlers)

    def messages(self, *, limit: int | None = None) -> AsyncIterator[wire.ConversationMessage]:
        """Yield the stored messages, newest first; ``limit`` is a page size (REQ-HIST-01)."""

        async def fetch(cursor: str | None) -> wire.MessagePage:
            return await self._client.get_conversation_messages(
                session_id=self.session_id, limit=limit, cursor=cursor
            )

        return messages(fetch)
