"""What the stores of turns and questions take and give: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from .records import NewMessage


class TurnState(StrEnum):
    """Where a stored turn stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who runs a turn, and until when (epoch ms) nobody else may."""

    owner: str
    until: int


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn to be begun: its message is stored with it."""

    turn_id: str
    request_id: str
    session_id: str
    message: NewMessage
    body: str
    """Digest of the action, to tell a repetition from another message under the same id."""

    once: bool
    """Whether the requestId names one turn of the conversation for good (capability replay)."""

    holder: str
    """The socket that the message came over."""

    wants_tokens: bool
    lease: Lease
    saved: bytes = b""
    """What the turn begins from, should another server have to run it."""


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A turn as stored."""

    turn_id: str
    conversation_id: str
    session_id: str
    request_id: str
    state: TurnState
    message_id: str
    message: str
    wants_tokens: bool
    step: int
    """Steps of the engine that are stored."""

    saved: bytes | None
    """What the turn goes on from after ``step`` steps; None once it has ended."""

    lease: Lease
    terminal: str | None = None
    """The event that ended the turn, as JSON text."""

    people: int = 0
    """The people who are in the conversation beside its owner."""

    is_held: bool = False
    """Whether one of them has the word: the agent does not answer."""


@dataclass(frozen=True, slots=True)
class NewEvents:
    """Events of a turn that went out, up to ``seq``, as JSON texts: the last one's is ``seq``."""

    seq: int
    texts: tuple[str, ...]


class Ended(NamedTuple):
    """That a turn was ended, for the first time."""

    people: int
    """The people who were in the conversation beside its owner when the answer was stored."""


class Refused(StrEnum):
    """Why a turn was not begun."""

    BUSY = "busy"
    """The conversation runs another turn."""

    DIFFERENT = "different"
    """The requestId names another message of the conversation."""

    PROMISED = "promised"
    """Another socket was promised that a message with this id was never accepted."""


@dataclass(frozen=True, slots=True)
class NewCall:
    """A tool call that is about to run."""

    turn_id: str
    call_id: str
    name: str
    arguments: Any
    step: int
    now: int


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A tool call as stored; ``ended`` is False while nobody knows what became of it."""

    call_id: str
    name: str
    step: int
    ended: bool
    result: Any = None
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class NewQuestion:
    """A question to a human that opens. ``subject`` is what its answer is judged by."""

    question_id: str
    turn_id: str
    session_id: str
    request_id: str
    kind: str
    subject: Any
    now: int
    expires_ms: int
    attempts: int | None = None
    """Tries at a one-time code; None for other kinds."""

    parked: bool = True
    """Whether its turn waits for the answer; a code may be asked for when the turn is over."""


@dataclass(frozen=True, slots=True)
class QuestionRecord:
    """A question as stored."""

    question_id: str
    turn_id: str
    session_id: str
    request_id: str
    kind: str
    subject: Any
    expires_ms: int
    attempts_left: int | None
    parked: bool
    is_open: bool
    answer: Any = None
    """None while it is open, and when it was closed without an answer."""
