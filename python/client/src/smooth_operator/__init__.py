"""Conversations with AI agents over one WebSocket.

Start with :class:`SmoothAgentClient`, its ``start_conversation`` and :class:`Conversation`.
"""

from .accumulator import ToolCall, ToolResult, tool_call, tool_result
from .client import Pong, SessionOptions, SmoothAgentClient
from .clock import Clock, IdGenerator, SystemClock, Timer
from .connection_state import ConnectionState, StateChange
from .conversation import Conversation, SendOptions
from .errors import (
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
from .listeners import FrameInfo
from .options import Options, OptionWords, TokenProvider
from .questions import Answer, OtpCheck, Question, SubmitResult
from .transport import HandshakeError, LinkEnd, Opener, OpenRequest, Receiver, Transport
from .turn import Turn
from .turn_driver import TurnResult
from .turn_events import TextStream, TurnEvents

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
