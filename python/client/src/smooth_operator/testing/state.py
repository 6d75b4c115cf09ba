"""What a fake server remembers: conversations, their sessions, their turns. In memory alone."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from .._clock import Clock, Timer
from ..wire.codes import CAPABILITIES

EVENTS_KEPT = 120.0  # seconds after the terminal event (REQ-SRV-34)
LINKLESS = 90.0  # seconds that a turn runs on without a link (REQ-SRV-36)

QuestionKind = Literal["confirmation", "otp", "interaction"]
Outcome = Literal["completed", "cancelled", "failed"]


class Link(Protocol):
    """One link, as the server sees it."""

    number: int
    """Links are counted in the order in which they opened, from 1."""
    owner: str
    """The token that it was opened with; people see only what is their own."""
    is_open: bool

    def write(self, text: str) -> None:
        """Send one frame, behind those before it."""

    def end(self, code: int) -> None:
        """End the link behind its frames; 1006 without a close frame."""


class RefusedError(Exception):
    """An action is refused with this code; the text has no value of the frame."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class StoredMessage:
    """One message of a conversation, as the server keeps it."""

    id: str
    direction: Literal["inbound", "outbound"]
    text: str
    request_id: str
    """The turn that it belongs to."""
    created_at: float
    """Epoch seconds, by the server's clock."""
    turn: str | None = None
    """How the turn stands that an inbound message opened: running, completed, cancelled, failed."""


@dataclass(frozen=True, slots=True)
class StoredConversation:
    """A conversation, as the server keeps it."""

    conversation_id: str
    title: str | None
    """What it was renamed to; None before."""
    messages: tuple[StoredMessage, ...]
    """What was said, oldest first."""


@dataclass(eq=False, slots=True)
class Question:
    """What a person is asked; ``answer`` holds what they said, None when nobody did in time."""

    id: str
    kind: QuestionKind
    answer: asyncio.Future[Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    timer: Timer | None = None


@dataclass(eq=False, slots=True)
class FakeTurn:
    """One turn; on a replay session its events are kept."""

    request_id: str
    session: FakeSession
    body: Mapping[str, Any]
    holder: Link
    message: StoredMessage
    events: list[str] = field(default_factory=list)
    sent: int = 0
    """How many events the holder has."""
    settled_at: float | None = None
    task: asyncio.Task[None] | None = None
    question: Question | None = None
    answered: dict[str, Any] = field(default_factory=dict)
    """What was said to questions that are answered, by their ids (REQ-SRV-41)."""
    told: set[int] = field(default_factory=set)
    """Links that were told of the turn since another link took it (REQ-SRV-30)."""
    linkless: Timer | None = None

    @property
    def settled(self) -> bool:
        """Whether it had its terminal event."""
        return self.settled_at is not None

    def pump(self) -> None:
        """Send the holder what it has not yet."""
        while self.sent < len(self.events) and self.holder.is_open:
            self.sent += 1
            self.holder.write(self.events[self.sent - 1])


@dataclass(eq=False, slots=True)
class FakeConversation:
    """A conversation of one owner."""

    id: str
    owner: str
    messages: list[StoredMessage] = field(default_factory=list)
    """What was said, oldest first."""
    title: str | None = None
    words: frozenset[str] = frozenset()
    """Capability words that its newest session listed."""
    turns: dict[str, FakeTurn] = field(default_factory=dict)
    running: FakeTurn | None = None
    fences: dict[str, Link] = field(default_factory=dict)
    """Ids that were promised to be never, and who may use them all the same (REQ-SRV-28)."""
    touched: int = 0
    """Grows with what is said in any conversation: the newest one has the greatest."""

    @property
    def shown_title(self) -> str:
        """The title, or what was said first."""
        return self.title or (self.messages[0].text if self.messages else "")


@dataclass(eq=False, slots=True)
class FakeSession:
    """A session on a conversation, with the words that both sides know."""

    id: str
    conversation: FakeConversation
    agent_id: str
    user_id: str
    robot_id: str
    words: frozenset[str]
    verified: bool = False
    attempts: int | None = None
    """Tries at a code; None when no code is waited for."""
    code: str = ""

    @property
    def replays(self) -> bool:
        """Whether events of its turns are numbered and kept."""
        return "replay" in self.words


class World:
    """Everything there is, and where its ids and times come from."""

    def __init__(self, clock: Clock, *, replay: bool, agent_name: str, question: float) -> None:
        self.clock = clock
        self.agent_name = agent_name
        self.question_seconds = question
        self.words = tuple(row.word for row in CAPABILITIES if replay or row.word != "replay")
        self.sessions: dict[str, FakeSession] = {}
        self.conversations: dict[str, FakeConversation] = {}
        self._ids = itertools.count(1)
        self._touches = itertools.count(1)

    def new_id(self) -> str:
        """Return the next id of this server."""
        return f"00000000-0000-4000-8000-{next(self._ids):012d}"

    def now_ms(self) -> int:
        """Return the time that frames carry."""
        return max(0, round(self.clock.wall() * 1000))

    def touch(self, conversation: FakeConversation) -> None:
        """Take note that something was said in it."""
        conversation.touched = next(self._touches)

    def session(self, session_id: str, owner: str) -> FakeSession:
        """Return the session that an action names.

        Raises:
            RefusedError: it is unknown, or somebody else's.
        """
        found = self.sessions.get(session_id)
        if found is None or found.conversation.owner != owner:
            raise RefusedError("SESSION_NOT_FOUND", "the session is unknown")
        return found

    def running(self) -> list[FakeTurn]:
        """Return all turns that run."""
        return [one.running for one in self.conversations.values() if one.running is not None]


def shown_time(seconds: float) -> str:
    """Return a time as history and lists show it."""
    return datetime.fromtimestamp(max(0.0, seconds), UTC).isoformat(timespec="milliseconds")
