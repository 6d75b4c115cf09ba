"""Conversations with AI agents over one WebSocket.

Start with :class:`SmoothAgentClient`, its ``start_conversation`` and :class:`Conversation`.
"""

from types import FunctionType as _FunctionType
from typing import TYPE_CHECKING, Any

from . import wire
from ._accumulator import ToolCall, ToolResult, tool_call, tool_result
from ._calls import Pong
from ._client import SessionOptions, SmoothAgentClient
from ._clock import Clock, IdGenerator, SystemClock, Timer
from ._connection_state import ConnectionState, StateChange
from ._conversation import Conversation, SendOptions
from ._counters import Counters
from ._errors import (
    AgentConnectionError,
    AgentTimeoutError,
    AlreadyAnsweredError,
    AuthenticationError,
    ClientClosedError,
    ConflictError,
    ConnectFailedError,
    ConnectionLostError,
    HandlerError,
    InvalidFrameError,
    MessageTooLargeError,
    NoPendingQuestionError,
    NotConnectedError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    QueueFullError,
    RateLimitedError,
    ReconnectExhaustedError,
    RequestTimeoutError,
    ServerFaultError,
    SessionNotFoundError,
    SlowConsumerError,
    SmoothAgentError,
    TurnInProgressError,
    TurnInterruptedError,
    TurnTimeoutError,
    UnexpectedEventError,
    UnsupportedError,
    ValidationError,
    WireError,
)
from ._handlers import (
    ConfirmAsk,
    ConfirmHandler,
    Handlers,
    InteractionAsk,
    InteractionHandler,
    OtpAsk,
    OtpHandler,
)
from ._listeners import FrameInfo
from ._observer import Observer, TurnFacts
from ._options import Options, OptionWords, TokenProvider, TokenRequest
from ._questions import Answer, OtpCheck, Question, SubmitResult
from ._recovery import Recovery
from ._sync import SyncConversation, SyncSmoothAgentClient, SyncTurn
from ._transport import HandshakeError, LinkEnd, Opener, OpenRequest, Receiver, Transport
from ._turn import Turn
from ._turn_events import TextStream, TurnEvents
from ._turn_outcome import TurnResult

if TYPE_CHECKING:
    from .wire.events import *  # noqa: F403 - it names what it exports

__version__ = "0.1.0"

__all__ = [
    "AgentConnectionError",
    "AgentTimeoutError",
    "AlreadyAnsweredError",
    "Answer",
    "AuthenticationError",
    "ClientClosedError",
    "Clock",
    "ConfirmAsk",
    "ConfirmHandler",
    "ConflictError",
    "ConnectFailedError",
    "ConnectionLostError",
    "ConnectionState",
    "Conversation",
    "Counters",
    "FrameInfo",
    "HandlerError",
    "Handlers",
    "HandshakeError",
    "IdGenerator",
    "InteractionAsk",
    "InteractionHandler",
    "InvalidFrameError",
    "LinkEnd",
    "MessageTooLargeError",
    "NoPendingQuestionError",
    "NotConnectedError",
    "NotFoundError",
    "Observer",
    "OpenRequest",
    "Opener",
    "OptionWords",
    "Options",
    "OtpAsk",
    "OtpCheck",
    "OtpHandler",
    "PermissionDeniedError",
    "Pong",
    "ProtocolError",
    "Question",
    "QueueFullError",
    "RateLimitedError",
    "Receiver",
    "ReconnectExhaustedError",
    "Recovery",
    "RequestTimeoutError",
    "SendOptions",
    "ServerFaultError",
    "SessionNotFoundError",
    "SessionOptions",
    "SlowConsumerError",
    "SmoothAgentClient",
    "SmoothAgentError",
    "StateChange",
    "SubmitResult",
    "SyncConversation",
    "SyncSmoothAgentClient",
    "SyncTurn",
    "SystemClock",
    "TextStream",
    "Timer",
    "TokenProvider",
    "TokenRequest",
    "ToolCall",
    "ToolResult",
    "Transport",
    "Turn",
    "TurnEvents",
    "TurnFacts",
    "TurnInProgressError",
    "TurnInterruptedError",
    "TurnResult",
    "TurnTimeoutError",
    "UnexpectedEventError",
    "UnsupportedError",
    "ValidationError",
    "WireError",
    "tool_call",
    "tool_result",
]

for _name in __all__:
    if isinstance(globals()[_name], type | _FunctionType):
        # Tracebacks, repr and pickles name where applications import it from.
        globals()[_name].__module__ = __name__
del _name

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Return an event's class; its models are loaded when the first one is asked for."""
        if name.endswith("Event") and name in wire.__all__:
            return getattr(wire, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *(name for name in wire.__all__ if name.endswith("Event"))]
