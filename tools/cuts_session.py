"""The sessions of tools/cuts.py: what one client is led to do over links that are cut.

A session opens a client of its own, starts a conversation and sends messages; whatever a turn asks
is answered. It goes on until its messages are said and its cuts have happened. What the client
showed is kept for the judge.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from field import AGENT, STEP

from conform.spec import Tree
from conform.testee import EventLog, ProcessTestee, TesteeError

OTP = "012345"
OPTIONS = {
    "retryInitialConnect": True,
    "backoffBase": 1,
    "backoffMax": 20,
}
ANSWERS: dict[str, Tree] = {
    "write_confirmation_required": {"cmd": "confirm", "approved": True},
    "otp_sent": {"cmd": "otp", "code": OTP},
    "interaction_required": {"cmd": "submit", "values": {"email": "ada@example.com"}},
}
"""What is done about an item that asks; the agent asks for nothing else."""

MOST = 10
"""Messages of a session whose cuts do not all happen."""


class Lanes(EventLog):
    """What a testee reports, sorted by what it is about."""

    def __init__(self) -> None:
        super().__init__()
        self._queues: dict[str, asyncio.Queue[Tree]] = {}
        self.escaped: list[str] = []

    def add(self, event: Tree) -> None:
        """Hand an event to the one who waits for its lane."""
        if event["ev"] == "unhandled":
            self.escaped.append(str(event["what"]))
        name = event.get("turn") or event.get("as")
        if name is not None:
            self.lane(name).put_nowait(event)

    def lane(self, name: str) -> asyncio.Queue[Tree]:
        """All that comes about one name."""
        return self._queues.setdefault(name, asyncio.Queue())

    async def next(self, name: str) -> Tree:
        """Wait for the next event about a name."""
        try:
            return await asyncio.wait_for(self.lane(name).get(), STEP)
        except TimeoutError:
            raise TesteeError(f"nothing more came of {name}") from None


@dataclass
class Message:
    """A message and what its client showed of it."""

    text: str
    items: list[Tree] = field(default_factory=list)
    ends: list[Tree] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Answers to questions that failed."""


class Session:
    """One conversation of one client."""

    def __init__(self, testee: ProcessTestee, number: int, is_cut: Callable[[], bool]) -> None:
        assert isinstance(testee.log, Lanes)
        self._testee = testee
        self._lanes = testee.log
        self.number = number
        self._is_cut = is_cut
        self._names = itertools.count(1)
        self._answers: set[asyncio.Task[None]] = set()
        self.session_id = ""
        self.messages: list[Message] = []
        self.counters: Tree = {}

    async def play(self, url: str, least: int) -> None:
        """Say the messages, at least so many; raises ``TesteeError``."""
        client = f"c{self.number}"
        opened = {"cmd": "open", "as": client, "url": url, "ids": [], "options": OPTIONS}
        answer = await self._returned({**opened, "supports": ["identity_form"]})
        if "error" in answer:
            raise TesteeError(f"{client} did not connect: {answer['error']}")
        on = await self._start(client)
        while len(self.messages) < least or (not self._is_cut() and len(self.messages) < MOST):
            await self._say(on)
        name = self._name("n")
        self.counters = (await self._returned({"cmd": "counters", "on": client, "as": name}))[
            "value"
        ]
        await self._returned({"cmd": "close", "on": client, "as": self._name("k")})

    async def _start(self, client: str) -> str:
        """Start the conversation; a start whose link was cut is tried again."""
        while True:
            name = self._name("h")
            start = {"cmd": "start", "on": client, "args": {"agentId": AGENT}, "as": name}
            answer = await self._returned(start)
            if "value" in answer:
                self.session_id = answer["value"]["sessionId"]
                return name
            if answer["error"]["kind"] != "connection_lost":
                raise TesteeError(f"{client} got no conversation: {answer['error']}")

    async def _say(self, on: str) -> None:
        """Send one message and follow its turn to its end."""
        message = Message(f"message {len(self.messages)} of session {self.number}")
        self.messages.append(message)
        turn = self._name("t")
        command = {"cmd": "turn", "on": on, "via": "conversation", "message": message.text}
        await self._command({**command, "as": turn})
        while not message.ends:
            event = await self._lanes.next(turn)
            if event["ev"] == "item":
                message.items.append(event)
                self._answer(turn, event, message)
            elif event["ev"] == "ended":
                message.ends.append(event)
            else:
                raise TesteeError(f"{turn} was refused: {event.get('error')}")
        with contextlib.suppress(TesteeError):
            await asyncio.gather(*self._answers)
        while not self._lanes.lane(turn).empty():
            event = self._lanes.lane(turn).get_nowait()
            (message.ends if event["ev"] == "ended" else message.items).append(event)

    def _answer(self, turn: str, item: Tree, message: Message) -> None:
        verb = ANSWERS.get(item["type"])
        if verb is not None:
            task = asyncio.create_task(self._give(turn, verb, message))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def _give(self, turn: str, verb: Tree, message: Message) -> None:
        """Answer a question; a code of which nobody knows whether it arrived is given again."""
        while True:
            answer = await self._returned({**verb, "turn": turn, "as": self._name("v")})
            if "error" not in answer:
                return
            kind = answer["error"]["kind"]
            if kind != "connection_lost" or verb["cmd"] != "otp":
                message.faults.append(f"{verb['cmd']} failed: {answer['error']}")
                return

    def _name(self, letter: str) -> str:
        return f"{letter}{self.number}-{next(self._names)}"

    async def _command(self, body: Tree) -> None:
        reply = await self._testee.command(body, STEP)
        if "fail" in reply:
            raise TesteeError(f"{body['cmd']} was refused: {reply['fail']}")

    async def _returned(self, body: Tree) -> Any:
        await self._command(body)
        return await self._lanes.next(body["as"])
