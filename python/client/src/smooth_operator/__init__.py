"""Conversations with AI agents over one WebSocket.

Start with :class:`SmoothAgentClient`, its ``start_conversation`` and :class:`Conversation`.
"""

from types import FunctionType as _FunctionType

from ._accumulator import ToolCall, ToolResult, tool_call, tool_result
from ._calls import Pong
from ._client import SessionOptions, SmoothAgentClient
from ._clock import Clock, IdGenerator, SystemClock, Timer
from ._connection_state import ConnectionState, StateChange
from ._conversation import Conversation, SendOptions
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
from ._listeners import FrameInfo
from ._observer import Observer
from ._options import Options, OptionWords, TokenProvider
from ._questions import Answer, OtpCheck, Question, SubmitResult
from ._transport import HandshakeError, LinkEnd, Opener, OpenRequest, Receiver, Transport
from ._turn import Turn
from ._turn_events import TextStream, TurnEvents
from ._turn_outcome import TurnResult

__version__ = "0.1.0"

__all__ = [
    "AgentConnectionError",
    "AgentTimeoutError",
    "AlreadyAnsweredError",
    "Answer",
    "AuthenticationError",
    "ClientClosedError",
    "Clock",
    "ConflictError",
    "ConnectFailedError",
    "ConnectionLostError",
    "ConnectionState",
    "Conversation",
    "FrameInfo",
    "HandlerError",
    "HandshakeError",
    "IdGenerator",
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
    "OtpCheck",
    "PermissionDeniedError",
    "Pong",
    "ProtocolError",
    "Question",
    "QueueFullError",
    "RateLimitedError",
    "Receiver",
    "ReconnectExhaustedError",
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
    "SystemClock",
    "TextStream",
    "Timer",
    "TokenProvider",
    "ToolCall",
    "ToolResult",
    "Transport",
    "Turn",
    "TurnEvents",
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
