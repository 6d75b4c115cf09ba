"""The blast server of the streaming bench: one turn's tokens as fast as a socket takes them.

It speaks just enough of the protocol for a session: `create_conversation_session`, `ping`, and
`send_message`, whose text is the number of `stream_token` events to send. Frames are built once a
turn, in blocks, so that the server costs next to nothing while a client reads.

    python bench/stream/server.py        prints the port, serves until its standard input ends
    python bench/stream/server.py --replay    its sessions replay, and events of turns are numbered
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

BLOCK = 256  # events in one write, about 50 KiB
BEGAN_MS = 1_764_000_000_000
TOKENS = tuple(f"token{n:>4} " for n in range(BLOCK))


def text_frame(body: dict[str, Any]) -> bytes:
    """Return one unmasked text frame that carries ``body``."""
    payload = json.dumps(body, separators=(",", ":")).encode()
    if len(payload) < 126:
        return bytes((0x81, len(payload))) + payload
    if len(payload) < 65536:
        return bytes((0x81, 126)) + len(payload).to_bytes(2, "big") + payload
    return bytes((0x81, 127)) + len(payload).to_bytes(8, "big") + payload


def token_frame(request_id: str, index: int, seq: int | None = None) -> bytes:
    """Return the frame of one token; its time moves on every tenth."""
    token = TOKENS[index % BLOCK]
    body = {
        "type": "stream_token",
        "requestId": request_id,
        "token": token,
        "data": {"requestId": request_id, "token": token},
        "timestamp": BEGAN_MS + index // 10,
    }
    return text_frame(body if seq is None else body | {"seq": seq})


@lru_cache(maxsize=4096)
def numbered(size: int, start: int, events: int) -> tuple[bytes, ...]:
    """Return the frames of ``events`` tokens from ``start`` on, cut where the id of a turn stands.

    A turn's first event is its acceptance, so token 0 has number 2. Numbered frames differ in every
    block; what costs time is done once for ids of that ``size``.
    """
    name = "@" * size
    frames = (token_frame(name, start + at, start + at + 2) for at in range(events))
    return tuple(b"".join(frames).split(name.encode()))


def answer(request_id: str, status: int, data: dict[str, Any]) -> bytes:
    """Return the frame of an ``immediate_response``."""
    body = {"type": "immediate_response", "requestId": request_id, "status": status, "data": data}
    return text_frame({**body, "timestamp": BEGAN_MS})


class Peer(asyncio.Protocol):
    """One connection. Turns run side by side, block by block, with the socket's own pace."""

    def __init__(self, *, replay: bool) -> None:
        self.replay = replay
        self.protocol = ServerProtocol(max_size=2**20)
        self.transport: asyncio.Transport
        self.room = asyncio.Event()
        self.turns: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.transport.set_write_buffer_limits(high=256 * 1024)
        self.room.set()

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        for turn in self.turns:
            turn.cancel()

    def data_received(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.protocol.send_response(self.protocol.accept(event))
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.act(json.loads(bytes(event.data)))
        for chunk in self.protocol.data_to_send():
            if chunk:
                self.transport.write(chunk)
        if self.protocol.close_expected():
            self.transport.close()

    def act(self, action: dict[str, Any]) -> None:
        """Answer one action."""
        request_id = action.get("requestId", "")
        match action["action"]:
            case "create_conversation_session":
                names = ("sessionId", "conversationId", "userParticipantId", "agentParticipantId")
                data: dict[str, Any] = {name: str(uuid.uuid4()) for name in names}
                data |= {"agentId": action["agentId"], "agentName": "bench"}
                if self.replay:
                    data["capabilities"] = ["replay"]
                self.transport.write(answer(request_id, 200, data))
            case "ping":
                body = {"type": "pong", "requestId": request_id, "timestamp": BEGAN_MS}
                self.transport.write(text_frame(body | {"data": {"timestamp": BEGAN_MS}}))
            case "send_message":
                turn = asyncio.create_task(self.stream(request_id, int(action["message"])))
                self.turns.add(turn)
                turn.add_done_callback(self.turns.discard)

    async def stream(self, request_id: str, events: int) -> None:
        """Send a whole turn."""
        self.transport.write(self.accepted(request_id))
        for block in self.blocks(request_id, events):
            await self.room.wait()
            self.transport.write(block)
            await asyncio.sleep(0)  # other turns, pings
        inner = {"messageId": str(uuid.uuid4()), "response": {"responseParts": []}}
        ending = {"type": "eventual_response", "requestId": request_id, "status": 200}
        data = {"requestId": request_id, "status": 200, "data": inner}
        number = {"seq": events + 2} if self.replay else {}
        await self.room.wait()
        self.transport.write(text_frame(ending | {"data": data} | number))

    def accepted(self, request_id: str) -> bytes:
        """Return the frame of the acceptance of a turn."""
        if not self.replay:
            return answer(request_id, 202, {})
        body = {"type": "immediate_response", "requestId": request_id, "status": 202, "data": {}}
        return text_frame(body | {"timestamp": BEGAN_MS, "seq": 1})

    def blocks(self, request_id: str, events: int) -> Iterator[bytes]:
        """Yield the tokens of a turn, many in one write."""
        if self.replay:
            name = request_id.encode()
            for start in range(0, events, BLOCK):
                yield name.join(numbered(len(name), start, min(BLOCK, events - start)))
            return
        frames = [token_frame(request_id, index) for index in range(min(BLOCK, events))]
        block = b"".join(frames)
        for _ in range(events // BLOCK):
            yield block
        yield b"".join(frames[: events % BLOCK])


async def serve(*, replay: bool) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Peer(replay=replay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), lambda: ended.set() if not os.read(0, 1024) else None)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(replay="--replay" in sys.argv[1:]))
