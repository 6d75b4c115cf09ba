"""What the stand-in remembers: people's conversations, their sessions, their turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

from conform.spec import Tree


class Sink(Protocol):
    """Where frames go: one link."""

    owner: str
    is_open: bool

    async def send(self, text: str) -> None:
        """Send one frame."""


class RefusedError(Exception):
    """An action is refused by this code."""

    def __init__(self, code: str, message: str = "no") -> None:
        super().__init__(message)
        self.code = code


def now_ms() -> int:
    """Epoch time."""
    return int(time.time() * 1000)


def iso(ms: float) -> str:
    """A time as history and lists show it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def new_id() -> str:
    """An id that nobody has."""
    return str(uuid4())


@dataclass
class Message:
    """One message of a conversation."""

    direction: str
    text: str
    request: str
    turn: str | None
    made: float
    id: str = field(default_factory=new_id)


@dataclass
class Question:
    """What a person is asked; ``answer`` is what they said, None when nobody did in time."""

    kind: str
    answer: asyncio.Future[Any]
    id: str = field(default_factory=new_id)


@dataclass(eq=False)
class Turn:
    """One turn; on a replay session its events are kept."""

    request: str
    session: Session
    body: Tree
    holder: Sink
    events: list[str] = field(default_factory=list)
    settled: bool = False
    accepted: bool = False
    task: asyncio.Task[None] | None = None
    question: Question | None = None
    message: Message | None = None
    sent: int = 0  # events that the holder has
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def pump(self) -> None:
        """Send the holder what it has not yet. Needs the lock."""
        while self.sent < len(self.events):
            self.sent += 1
            await self.holder.send(self.events[self.sent - 1])


@dataclass(eq=False)
class Conversation:
    """A conversation of one owner; ``fences``: ids that were promised to be never."""

    owner: str
    id: str = field(default_factory=new_id)
    messages: list[Message] = field(default_factory=list)
    title: str | None = None
    turns: dict[str, Turn] = field(default_factory=dict)
    fences: dict[str, Sink] = field(default_factory=dict)
    running: Turn | None = None

    @property
    def updated(self) -> float:
        """When its newest message came."""
        return self.messages[-1].made if self.messages else 0.0


@dataclass(eq=False)
class Session:
    """A session on a conversation, with the words that both sides know."""

    conversation: Conversation
    agent: str
    words: frozenset[str]
    id: str = field(default_factory=new_id)
    person: str = field(default_factory=new_id)
    robot: str = field(default_factory=new_id)
    verified: bool = False
    left: int | None = None  # tries at a code; None: no code is waited for

    @property
    def replays(self) -> bool:
        """Whether its turns have numbers."""
        return "replay" in self.words


@dataclass
class Script:
    """What the model says, and with which tools."""

    model: Sequence[Tree] = ()
    tools: dict[str, Tree] = field(default_factory=dict)
    otp: Tree = field(default_factory=dict)
    place: int = 0

    def next(self) -> Tree:
        """The next entry."""
        if self.place >= len(self.model):
            return {"error": "the script has no entry left"}
        self.place += 1
        return self.model[self.place - 1]


class World:
    """Everything there is, with the switches."""

    def __init__(self, faults: frozenset[str], version: str, question_s: float) -> None:
        self.faults, self.version, self.question_s = faults, version, question_s
        self.script = Script()
        self.sessions: dict[str, Session] = {}
        self.conversations: dict[str, Conversation] = {}

    def has(self, fault: str) -> bool:
        """Whether a defect is switched on."""
        return fault in self.faults

    def session(self, frame: Tree, owner: str) -> Session:
        """The session that an action names.

        Raises: RefusedError: it is unknown, or somebody else's.
        """
        found = self.sessions.get(frame["sessionId"])
        foreign = found is not None and found.conversation.owner != owner
        if found is None or (foreign and not self.has("foreign-seen")):
            raise RefusedError("SESSION_NOT_FOUND")
        return found
