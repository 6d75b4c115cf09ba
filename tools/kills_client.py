"""The client of tools/server_kills.py: one conversation over links that are lost again and again.

It does what the specification asks of a client on a replay session, and nothing that it forbids:
after a loss it asks for its turn, sends the message again only when it was never accepted, and
counts every event. What it was told is kept for the judge.
"""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

WORDS = ("spec_1_1", "spec_1_2", "replay", "otp_park")
LOST = (ConnectionClosed, OSError, InvalidHandshake, InvalidMessage, TimeoutError)
TERMINALS = ("eventual_response", "cancelled", "error")
STEP_S = 60.0
"""Seconds in which a link says something: a turn that runs says ``keepalive`` every ten."""

PAUSE_S = 0.3
"""Seconds that a person takes between an answer and the next message, at most."""

TURN_S = 180.0
"""Seconds in which a turn ends, however often its servers are killed."""

Frame = dict[str, Any]


class WrongError(Exception):
    """The server broke a promise."""


@dataclass
class Message:
    """A message and what its client was told of it."""

    request_id: str
    acknowledged: bool = False
    seq: int = 0
    end: str = ""
    """Type of the terminal event; ``gone`` when only the history can tell."""

    code: str = ""
    """Of an ``error`` that ended the turn."""

    why: str = ""
    """What that ``error`` said."""

    message_id: str | None = None
    results: list[str] = field(default_factory=list)
    """What tools gave, as the stream told it."""

    question: str | None = None
    """A question that was not seen to be answered."""

    losses: int = 0
    last: str = ""
    """What was read last of it, in short."""


def is_end(frame: Frame) -> bool:
    """Tell whether an event that can end its turn does: that of a verb does not."""
    error = frame.get("error", {})
    return error.get("terminal") is not False


class Conversation:
    """One conversation with a fleet of servers."""

    def __init__(self, number: int, urls: list[str], seed: int) -> None:
        self.number = number
        self.session_id = ""
        self.messages: list[Message] = []
        self._urls = urls
        self._random = random.Random(seed)
        self._link: ClientConnection | None = None
        self._count = 0

    async def open(self) -> None:
        """Open the session; it is tried again until it is there."""
        while not self.session_id:
            try:
                frame = await self._call(
                    "create_conversation_session", agentId="agent", supports=list(WORDS)
                )
                self.session_id = frame["data"]["sessionId"]
            except LOST:
                self._drop()

    async def talk(self, stop: asyncio.Event, least: int) -> None:
        """Send messages, at least some, until it is told to stop."""
        while len(self.messages) < least or not stop.is_set():
            await self.say()

    async def say(self) -> None:
        """Send one message and follow its turn to the end, over as many links as it takes."""
        message = Message(f"c{self.number}-m{len(self.messages)}")
        self.messages.append(message)
        try:
            async with asyncio.timeout(TURN_S):
                await self._follow(message)
        except TimeoutError:
            told = f"it did not end; {message.losses} links lost, read last: {message.last}"
            raise WrongError(f"{message.request_id}: {told}") from None
        if message.end == "gone":
            await self.history()  # it may run on, and ask something that nobody was shown
        await asyncio.sleep(self._random.uniform(0, PAUSE_S))

    async def _follow(self, message: Message) -> None:
        is_sent = False
        while not message.end:
            try:
                is_sent = is_sent and await self._resume(message)
                if not is_sent and not message.end:
                    await self._tx("send_message", message.request_id, message=message.request_id)
                    is_sent = True
                await self._answer(message)
                while not message.end:
                    await self._take(message, await self._rx())
            except LOST:
                message.losses += 1
                is_sent = True
                self._drop()

    async def _resume(self, message: Message) -> bool:
        """Ask for the turn; False when the message has to be sent again."""
        while True:
            await self._tx("resume_turn", message.request_id, afterSeq=message.seq)
            frame = await self._rx()
            while frame["type"] not in ("turn_resumed", "error") or "seq" in frame:
                frame = await self._rx()  # of a turn that this link still has
            if frame["type"] == "error":
                message.last = f"not resumed, {frame['error']}"
                if frame["error"].get("retryAfterMs") is None:
                    raise WrongError(f"{message.request_id}: resume_turn {frame['error']}")
                await asyncio.sleep(0.1)
                continue
            told = frame["data"]["data"]
            message.last = f"resumed, {told}"
            if told["state"] == "never" and message.acknowledged:
                raise WrongError(f"{message.request_id}: acknowledged, and never accepted")
            if told["state"] == "gone":
                message.end = "gone"
            return bool(told["state"] != "never")

    async def _take(self, message: Message, frame: Frame) -> None:
        if frame.get("requestId") != message.request_id:
            raise WrongError(f"{message.request_id}: a frame of {frame.get('requestId')}")
        if frame["type"] in ("keepalive", "turn_resumed"):
            return
        if frame["type"] == "error" and "seq" not in frame:
            await self._refused(message, frame)
            return
        if frame.get("status") == 200:
            message.question = None
            if "seq" not in frame:
                return  # the answer to whoever asked, when the turn was no longer this link's
        if frame.get("seq") != message.seq + 1:
            told = f"{frame['type']} {frame.get('seq')} after {message.seq}"
            raise WrongError(f"{message.request_id}: {told}")
        message.seq = frame["seq"]
        message.last = f"{frame['type']} {frame['seq']}"
        self._see_words(message, frame)
        message.acknowledged = True
        if frame["type"] == "stream_chunk":
            result = frame["data"]["state"]["rawResponse"].get("toolResult")
            if result is not None and not result["isError"]:
                message.results.append(result["result"])
        if frame["type"] == "write_confirmation_required":
            message.question = frame["data"]["data"]["confirmationId"]
            await self._answer(message)
        if frame["type"] in TERMINALS and is_end(frame):
            message.end = frame["type"]
            message.code = frame.get("error", {}).get("code", "")
            message.why = frame.get("error", {}).get("message", "")
            message.message_id = frame["data"].get("data", {}).get("messageId")

    def _see_words(self, message: Message, frame: Frame) -> None:
        """Every word of a turn names its message."""
        told = frame.get("token", "")
        if frame["type"] == "eventual_response":
            told = frame["data"]["data"]["response"]["responseParts"][0]
        for word in told.split():
            if not word.startswith(f"{message.request_id}."):
                raise WrongError(f"{message.request_id}: was told {word!r}")

    async def _answer(self, message: Message) -> None:
        """Approve the question of a turn, once more when nobody knows whether that was read."""
        if message.question is not None and not message.end:
            members = {"confirmationId": message.question, "approved": True}
            await self._tx("confirm_tool_action", message.request_id, **members)

    async def _refused(self, message: Message, frame: Frame) -> None:
        """A question that was answered before is no fault; neither is a turn that still ends."""
        code = frame["error"]["code"]
        if code == "NO_PENDING_CONFIRMATION":
            return
        message.last = f"refused, {frame['error']}"
        if code == "TURN_IN_PROGRESS" and not message.acknowledged:
            await asyncio.sleep(0.1)
            await self._tx("send_message", message.request_id, message=message.request_id)
            return
        raise WrongError(f"{message.request_id}: {frame['error']}")

    async def history(self) -> list[Frame]:
        """Return all stored messages, oldest first, once no turn runs any more."""
        try:
            async with asyncio.timeout(TURN_S):
                while True:
                    found = await self._settled()
                    if found is not None:
                        return found
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise WrongError(f"conversation {self.number}: a turn was left open") from None

    async def _settled(self) -> list[Frame] | None:
        """Return all stored messages, unless a turn runs or the link is lost."""
        try:
            found = await self._pages()
            running = [item["requestId"] for item in found if item.get("turn") == "running"]
            if running:
                await self._approve_left(running[0])
        except LOST:
            self._drop()
            return None
        return None if running else found

    async def _approve_left(self, request_id: str) -> None:
        """Approve what a turn waits for that nobody follows any more."""
        await self._tx("confirm_tool_action", request_id, approved=True)
        frame = await self._rx()
        while frame["type"] not in ("immediate_response", "error"):
            frame = await self._rx()

    async def _pages(self) -> list[Frame]:
        found: list[Frame] = []
        cursor: dict[str, str] = {}
        while True:
            frame = await self._call(
                "get_conversation_messages", sessionId=self.session_id, limit=100, **cursor
            )
            found += frame["data"]["messages"]
            if not frame["data"]["hasMore"]:
                return found[::-1]
            cursor = {"cursor": frame["data"]["nextCursor"]}

    async def _call(self, action: str, **members: Any) -> Frame:
        self._count += 1
        request_id = f"call-{self._count}"
        await self._tx(action, request_id, **members)
        frame = await self._rx()
        while frame.get("requestId") != request_id:
            frame = await self._rx()
        if frame["type"] == "error":
            raise WrongError(f"conversation {self.number}: {action} {frame['error']}")
        return frame

    async def _tx(self, action: str, request_id: str, **members: Any) -> None:
        link = await self._linked()
        named = {"sessionId": self.session_id} if self.session_id else {}
        told = {"action": action, "requestId": request_id, **named, **members}
        await link.send(json.dumps(told))

    async def _rx(self) -> Frame:
        link = await self._linked()
        try:
            frame: Frame = json.loads(await asyncio.wait_for(link.recv(), STEP_S))
        except TimeoutError:
            raise WrongError(f"conversation {self.number}: nothing for {STEP_S:.0f} s") from None
        return frame

    async def _linked(self) -> ClientConnection:
        while self._link is None:
            url = self._random.choice(self._urls)
            try:
                self._link = await connect(url, compression=None, proxy=None, open_timeout=5)
            except LOST:
                await asyncio.sleep(0.05)
        return self._link

    def _drop(self) -> None:
        """Leave the link that was lost."""
        if self._link is not None:
            self._link.transport.abort()
        self._link = None

    async def close(self) -> None:
        """Close the link."""
        if self._link is not None:
            await self._link.close()
