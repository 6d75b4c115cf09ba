"""Hooks for spans, counters and logs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import logging


@dataclass(frozen=True, slots=True)
class TurnFacts:
    """What may be told of a turn that has its outcome: figures and ids, no text."""

    model: str | None = None
    """Model that the message asked for."""
    message_id: str | None = None
    """The answer, as the server stored it."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    time_to_first_token: float | None = None
    """Seconds from ``send`` to the first piece of text (REQ-LOG-03)."""


class Observer:
    """What an application may watch of a client; every method does nothing by default.

    Methods are called on the client's loop and must not block. One that raises is logged and
    disturbs nothing. No text of a message, no code and no token is ever given to one.
    """

    def attempt(self, host: str, error: Exception | None) -> None:
        """An attempt to open a link to ``host`` ended: ``error`` is None when it is open."""

    def call(self, action: str, request_id: str, error: Exception | None) -> None:
        """A call has its answer, or failed with ``error``."""

    def session_known(
        self,
        session_id: str,
        conversation_id: str,
        agent_id: str | None,
        agent_name: str | None,
    ) -> None:
        """A session was opened or asked for."""

    def turn_started(self, request_id: str, session_id: str) -> None:
        """A message was queued, and its turn began."""

    def first_token(self, request_id: str) -> None:
        """The first piece of a turn's text came."""

    def question(
        self, request_id: str, kind: Literal["confirmation", "otp", "interaction"]
    ) -> None:
        """A turn asks a human."""

    def turn_renamed(self, request_id: str, new_request_id: str) -> None:
        """The message of a turn is sent again, under another id; the turn goes on with it."""

    def turn_measured(self, request_id: str, facts: TurnFacts) -> None:
        """A turn is about to have its outcome, and this is known of it."""

    def turn_settled(
        self,
        request_id: str,
        outcome: Literal["completed", "cancelled", "failed"],
        error: Exception | None,
    ) -> None:
        """A turn has its outcome; ``error`` is the one of a failed turn."""


class Watch:
    """Tells an observer, and keeps what it raises from the client."""

    def __init__(self, observer: Observer | None, logger: logging.Logger) -> None:
        self._observer = observer
        self._logger = logger

    def session(self, action: Any, session: Any) -> None:
        """Tell of a session that was opened or found."""
        agent = getattr(action, "agent_id", None) or getattr(session, "agent_id", None)
        facts = session.session_id, session.conversation_id, agent, session.agent_name
        self.tell("session_known", *facts)

    def settled(
        self, request_id: str, text: str, result: Any, error: Exception | None, first: float | None
    ) -> None:
        """Tell the outcome of a turn, and before it what is known of it."""
        if self._observer is None:
            return
        usage = getattr(result, "usage", None)
        facts = TurnFacts(
            model=json.loads(text).get("model") if text else None,
            message_id=getattr(result, "message_id", None),
            input_tokens=getattr(usage, "prompt_tokens", None),
            output_tokens=getattr(usage, "completion_tokens", None),
            time_to_first_token=first,
        )
        outcome = "failed" if result is None else result.outcome
        self.tell("turn_measured", request_id, facts)
        self.tell("turn_settled", request_id, outcome, error)

    def tell(self, hook: str, *facts: Any) -> None:
        """Call the hook of that name."""
        if self._observer is None:
            return
        try:
            getattr(self._observer, hook)(*facts)
        except Exception:
            self._logger.error("the observer raised in %s", hook, exc_info=True)
