"""A running server and raw clients for tests: real sockets, a clock that tests move."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from smooth_operator_server.app import Server
from smooth_operator_server.listener import Listener, bind
from smooth_operator_server.settings import Settings
from smooth_operator_server.tools import Tool

from .support_clock import VirtualClock
from .support_models import faults

WAIT_S = 20
NEW = ("otp_park", "spec_1_1")
REPLAY = ("replay", "spec_1_2")
TERMINALS = frozenset({"eventual_response", "cancelled", "error"})
STREAM = frozenset({"stream_token", "stream_reasoning", "stream_preamble", "stream_chunk"})

Frame = dict[str, Any]


class Client:
    """A raw socket. Every frame it gets is read by the models of its version."""

    def __init__(self, socket: ClientConnection, words: Sequence[str]) -> None:
        self.socket = socket
        self.words = words
        """Listed with every session; the frames hold nothing for other words."""
        self.seen: list[Frame] = []
        self._asked: dict[str, str] = {}
        self._count = 0

    async def tx(self, action: str, **members: Any) -> str:
        """Send an action; return its requestId (drawn here unless one was given)."""
        if "requestId" not in members:
            self._count += 1
            members["requestId"] = f"req-{self._count}"
        if members["requestId"] is None:
            del members["requestId"]
        self._asked[str(members.get("requestId"))] = action
        await self.socket.send(json.dumps({"action": action, **members}))
        return str(members.get("requestId"))

    async def raw(self, text: str | bytes) -> None:
        await self.socket.send(text)

    async def rx(self, kind: str | None = None) -> Frame:
        """Return the next frame; with ``kind`` it must be of that type."""
        frame: Frame = json.loads(await asyncio.wait_for(self.socket.recv(), WAIT_S))
        answers = self._asked.get(str(frame.get("requestId")))
        found = faults(frame, words=self.words, answers=answers)
        assert not found, f"{frame}\n{found}"
        self.seen.append(frame)
        assert kind is None or frame["type"] == kind, frame
        return frame

    async def call(self, action: str, **members: Any) -> Frame:
        """Send an action and return the one frame that answers it."""
        request_id = await self.tx(action, **members)
        frame = await self.rx()
        assert frame.get("requestId", "None") == request_id
        return frame

    async def result(self, action: str, **members: Any) -> Frame:
        """Call and return the data of a 200."""
        frame = await self.call(action, **members)
        assert (frame["type"], frame.get("status")) == ("immediate_response", 200), frame
        return frame["data"]

    async def refusal(self, action: str, **members: Any) -> str:
        """Call and return the code of the error."""
        frame = await self.call(action, **members)
        assert frame["type"] == "error", frame
        assert frame["error"] == frame["data"]["error"]
        assert frame["error"]["message"]
        return frame["error"]["code"]

    async def session(self, **members: Any) -> str:
        """Open a session; return its id."""
        if self.words:
            members["supports"] = [*members.get("supports", ()), *self.words]
        data = await self.result("create_conversation_session", **{"agentId": "agent"} | members)
        return data["sessionId"]

    async def until(self, *kinds: str) -> list[Frame]:
        """Return the frames up to and with the first of these types."""
        frames = [await self.rx()]
        while frames[-1]["type"] not in kinds:
            frames.append(await self.rx())
        return frames

    async def turn(self, session_id: str, message: str = "Hello", **members: Any) -> list[Frame]:
        """Send a message and return all frames of its turn."""
        await self.tx("send_message", sessionId=session_id, message=message, **members)
        frames = await self.until(*TERMINALS)
        assert frames[0]["status"] == 202, frames[0]
        return frames

    async def silence(self) -> None:
        """Show that nothing else is on its way: the answer to a ping is the next frame."""
        request_id = await self.tx("ping")
        frame = await self.rx("pong")
        assert frame["requestId"] == request_id


class Running:
    """A server under test."""

    def __init__(self, listener: Listener, clock: VirtualClock) -> None:
        self.listener = listener
        self.clock = clock
        self.url = listener.url

    @asynccontextmanager
    async def client(
        self, *, extended: bool = False, replay: bool = False
    ) -> AsyncIterator[Client]:
        """Connect; ``extended`` clients list the words of 1.1, ``replay`` those of 1.2 too."""
        async with connect(
            self.url, compression=None, proxy=None, ping_interval=None, max_size=None
        ) as socket:
            yield Client(
                socket, (*(NEW if extended or replay else ()), *(REPLAY if replay else ()))
            )


@asynccontextmanager
async def serving(
    folder: Path,
    script: dict[str, Any] | None = None,
    tools: Sequence[Tool] = (),
    clock: VirtualClock | None = None,
    **settings: Any,
) -> AsyncIterator[Running]:
    """Run a server on a free port; with a script it plays that."""
    if script is not None:
        file = folder / "script.json"
        file.write_text(json.dumps(script), encoding="utf-8")
        settings["script"] = file
    clock = clock or VirtualClock()
    server = await Server.build(Settings(**settings), clock=clock, tools=tools)
    listener = Listener(server, bind("127.0.0.1", 0))
    await listener.start()
    running = Running(listener, clock)
    try:
        yield running
    finally:
        ending = asyncio.create_task(listener.stop())
        while not ending.done():
            await clock.advance(1)
            await asyncio.sleep(0.01)
        await ending
        await server.aclose()


def hold_little(client: Client) -> None:
    """Keep the kernel from growing what it holds for a client that does not read.

    Left alone it may take all that a test sends, and the server has nothing to wait for.
    """
    link: socket.socket = client.socket.transport.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds that no event tells of; fail after a few seconds."""
    async with asyncio.timeout(2 * WAIT_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def kinds(frames: list[Frame]) -> list[str]:
    """Return the types of frames, tokens as one."""
    names: list[str] = []
    for frame in frames:
        if not (frame["type"] == "stream_token" and names[-1:] == ["stream_token"]):
            names.append(frame["type"])
    return names


def text_of(frames: list[Frame]) -> str:
    """Return the streamed tokens joined."""
    return "".join(frame["token"] for frame in frames if frame["type"] == "stream_token")


def details(frame: Frame) -> Frame:
    """Return the inner data of a question or an answer."""
    return frame["data"]["data"]


def step(frame: Frame) -> Frame:
    """Return the toolCall or toolResult of a chunk."""
    (value,) = frame["data"]["state"]["rawResponse"].values()
    return value
