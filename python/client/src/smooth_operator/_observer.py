"""Hooks for spans, counters and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import logging


class Observer:
    """What an application may watch of a client; every method does nothing by default.

    Methods are called on the client's loop and must not block. One that raises is logged and
    disturbs nothing. No text of a message, no code and no token is ever given to one.
    """

    def attempt(self, host: str, error: Exception | None) -> None:
        """An attempt to open a link to ``host`` ended: ``error`` is None when it is open."""

    def call(self, action: str, request_id: str, error: Exception | None) -> None:
        """A call has its answer, or failed with ``error``."""

    def turn_started(self, request_id: str, session_id: str) -> None:
        """A message was queued, and its turn began."""

    def first_token(self, request_id: str) -> None:
        """The first piece of a turn's text came."""

    def question(
        self, request_id: str, kind: Literal["confirmation", "otp", "interaction"]
    ) -> None:
        """A turn asks a human."""

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

    def tell(self, hook: str, *facts: Any) -> None:
        """Call the hook of that name."""
        if self._observer is None:
            return
        try:
            getattr(self._observer, hook)(*facts)
        except Exception:
            self._logger.error("the observer raised in %s", hook, exc_info=True)
