"""The errors of a client.

    SmoothAgentError
      AgentConnectionError (also ConnectionError)
        ConnectFailedError, AuthenticationError, NotConnectedError, ReconnectExhaustedError,
        ClientClosedError, QueueFullError
        ConnectionLostError
          TurnInterruptedError
      AgentTimeoutError (also TimeoutError)
        RequestTimeoutError, TurnTimeoutError
      ProtocolError                what a server reported
        ValidationError, PermissionDeniedError, RateLimitedError, ServerFaultError, UnsupportedError
        NotFoundError
          SessionNotFoundError
        ConflictError
          TurnInProgressError, NoPendingQuestionError
      WireError                    frames that could not be used
        InvalidFrameError, UnexpectedEventError, MessageTooLargeError, SlowConsumerError
      HandlerError, AlreadyAnsweredError

Misuse raises ``ValueError`` or ``TypeError``, native cancellation ``asyncio.CancelledError``
(REQ-ERR-05, REQ-STOP-04).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from .wire import errors as table

if TYPE_CHECKING:
    from ._recovery import Recovery


class SmoothAgentError(Exception):
    """Base of every error of this package (REQ-ERR-01)."""

    kind: ClassVar[str] = "protocol"
    """Stable word of the family, equal in all languages."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool | None = None,
        code: str | None = None,
        request_id: str | None = None,
        session_id: str | None = None,
        details: Mapping[str, Any] | None = None,
        close_code: int | None = None,
        close_reason: str = "",
        server_message: str | None = None,
        partial_text: str = "",
    ) -> None:
        super().__init__(message)
        self.message: str = message
        """What happened, for a developer; holds no secret (REQ-ERR-04)."""
        self.retryable: bool = table.KINDS[self.kind].retryable if retryable is None else retryable
        """Whether the same action may succeed later without a change."""
        self.code: str | None = code
        """Code that the server sent."""
        self.request_id: str | None = request_id
        """Action or turn that failed."""
        self.session_id: str | None = session_id
        """Session of that action."""
        self.details: Mapping[str, Any] = details or {}
        """Further facts: status, retryAfterMs, pointer, question, …"""
        self.close_code: int | None = close_code
        """Close code of the link, when its end was the cause (REQ-CONN-15)."""
        self.close_reason: str = close_reason
        """What the peer said in its close frame; never part of the message (REQ-ERR-06)."""
        self.server_message: str | None = server_message
        """The server's own sentence; never part of the message (REQ-ERR-06)."""
        self.partial_text: str = partial_text
        """For a turn: the text that was streamed before it failed (REQ-TURN-18)."""

    def __repr__(self) -> str:
        facts = {"code": self.code, "request_id": self.request_id, "close_code": self.close_code}
        told = "".join(f" {name}={value}" for name, value in facts.items() if value is not None)
        return f"<{type(self).__name__} {self.kind}{told}>"


class AgentConnectionError(SmoothAgentError, ConnectionError):
    """Base of everything that concerns the link."""

    kind = "connection"


class ConnectFailedError(AgentConnectionError):
    """The link could not be opened; an HTTP status is in ``details["status"]``."""

    kind = "connect_failed"


class AuthenticationError(AgentConnectionError):
    """The server refused the credentials: HTTP 401 or close code 4401."""

    kind = "authentication"


class ConnectionLostError(AgentConnectionError):
    """The link ended while a call waited; ``close_code`` says how."""

    kind = "connection_lost"


class TurnInterruptedError(ConnectionLostError):
    """The link ended in mid-turn; the message is not sent again (REQ-TURN-20).

    Of a turn that was suspended, ``details`` hold what the server said of it: ``state`` (``gone``,
    ``moved``, ``never``, …; REQ-RESUME-04) or the ``code`` of a refusal (REQ-RESUME-05).
    """

    kind = "turn_interrupted"

    @property
    def sent(self) -> bool:
        """Whether the message was handed to the socket."""
        return bool(self.details.get("sent"))

    _asks: Callable[[], Awaitable[Recovery]] | None = None

    async def recover(self) -> Recovery:
        """Ask what became of the message, as :meth:`Turn.recover` (REQ-TURN-30)."""
        if self._asks is None:
            raise RuntimeError("this error belongs to no turn of a client")
        return await self._asks()


class NotConnectedError(AgentConnectionError):
    """An action was started without a link; nothing was sent (REQ-CONN-09)."""

    kind = "not_connected"


class ReconnectExhaustedError(AgentConnectionError):
    """The limit of reconnect attempts was reached."""

    kind = "reconnect_exhausted"


class ClientClosedError(AgentConnectionError):
    """``close()`` was called while the action was in flight (REQ-CONN-06)."""

    kind = "client_closed"


class QueueFullError(AgentConnectionError):
    """Too many actions wait for the link."""

    kind = "queue_full"


class AgentTimeoutError(SmoothAgentError, TimeoutError):
    """Base of the two timeouts."""

    kind = "timeout"


class RequestTimeoutError(AgentTimeoutError):
    """No answer to a call or verb within ``request_timeout`` (REQ-CALL-02)."""

    kind = "request_timeout"


class TurnTimeoutError(AgentTimeoutError):
    """The turn was silent or ran for too long, or its question was not answered in time."""

    kind = "turn_timeout"


class ProtocolError(SmoothAgentError):
    """The server reported an error; ``code`` is kept, known or not (REQ-ERR-03)."""

    kind = "protocol"


class ValidationError(ProtocolError):
    """The server did not accept the frame or one of its fields."""

    kind = "invalid_request"


class NotFoundError(ProtocolError):
    """A conversation or skill is unknown."""

    kind = "not_found"


class SessionNotFoundError(NotFoundError):
    """The session is unknown or belongs to somebody else."""


class PermissionDeniedError(ProtocolError):
    """The agent may not be used from here."""

    kind = "permission"


class ConflictError(ProtocolError):
    """The action does not fit what is going on."""

    kind = "conflict"


class TurnInProgressError(ConflictError):
    """Another turn of the session still runs; only the new one ended."""


class NoPendingQuestionError(ConflictError):
    """Nothing waits for this answer; without a code nothing was sent (REQ-VERB-05)."""


class RateLimitedError(ProtocolError):
    """Too many actions."""

    kind = "rate_limited"


class ServerFaultError(ProtocolError):
    """The server, its store or its agent failed."""

    kind = "server_error"


class UnsupportedError(ProtocolError):
    """The server does not know the action or lacks a capability."""

    kind = "unsupported"


class WireError(SmoothAgentError):
    """Base of the faults of frames."""

    kind = "wire"


class InvalidFrameError(WireError):
    """A frame that had to be understood was broken; ``details["pointer"]`` says where."""

    kind = "invalid_frame"


class UnexpectedEventError(WireError):
    """A call was answered by another event, in ``event``, or a page cursor repeated."""

    kind = "unexpected_event"

    def __init__(self, message: str, *, event: Any = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.event = event
        """The event that came instead."""


class MessageTooLargeError(WireError):
    """A message was over the limit (REQ-CALL-10, REQ-WIRE-11)."""

    kind = "message_too_large"


class SlowConsumerError(WireError):
    """An iterator fell behind its bound."""

    kind = "slow_consumer"


class HandlerError(SmoothAgentError):
    """A handler of a question failed, and nothing was approved (REQ-ASK-07).

    What it raised is in ``__cause__``.
    """

    kind = "handler_failed"

    @property
    def question(self) -> str:
        """Kind of the question: ``confirmation``, ``otp`` or ``interaction``."""
        return str(self.details.get("question"))


class AlreadyAnsweredError(SmoothAgentError):
    """The question was answered before; nothing was sent (REQ-VERB-05)."""

    kind = "already_answered"


def _leaves(base: type[SmoothAgentError]) -> dict[str, type[SmoothAgentError]]:
    found = {base.__name__.removesuffix("Error"): base}
    for child in base.__subclasses__():
        found |= _leaves(child)
    return found


_BY_LEAF = _leaves(SmoothAgentError)
_BY_KIND: dict[str, type[SmoothAgentError]] = {}
for _error in _BY_LEAF.values():
    # The base of a family comes before its leaves, so SessionNotFound does not take not_found.
    _BY_KIND.setdefault(_error.kind, _error)
_BY_KIND["protocol"] = ProtocolError


def of_kind(kind: str) -> type[SmoothAgentError]:
    """Return the class of the errors of ``kind`` that the client itself makes."""
    return _BY_KIND[kind]


def leaf(name: str) -> type[SmoothAgentError]:
    """Return the class that ``errors.yaml`` calls by ``name``."""
    return _BY_LEAF[name]
