"""A scripted endpoint of a model: chat completions over real HTTP, as a file of replies says."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Json = dict[str, Any]


def words(*pieces: str, thinking: str | None = None) -> list[Json]:
    """Return the deltas of an answer in words."""
    thought = [{"reasoning_content": thinking}] if thinking else []
    return [*thought, *({"content": piece} for piece in pieces)]


def calls(*wanted: tuple[str, Json]) -> list[Json]:
    """Return the deltas of an answer that wants tools, the arguments in two halves."""
    deltas: list[Json] = []
    for index, (name, arguments) in enumerate(wanted):
        text = json.dumps(arguments)
        half = len(text) // 2
        function = {"name": name, "arguments": text[:half]}
        first = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
        rest = {"index": index, "function": {"arguments": text[half:]}}
        deltas += [{"tool_calls": [first]}, {"tool_calls": [rest]}]
    return deltas


@dataclass(frozen=True)
class Reply:
    """What one call is answered by."""

    deltas: list[Json] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """The connection ends without a word; after deltas once the test has set ``shown``."""

    stall: bool = False
    """Nothing comes after the deltas, until the client goes."""

    usage: tuple[int, int] = (10, 5)
    pause_s: float = 0
    """Seconds between deltas, as a real model takes its time: for what is shown, not for tests."""

    whole: Json | None = None
    """The answer in one piece, to whoever asks for no stream."""


class Endpoint:
    """Answers calls in the order of its replies; keeps what it was asked."""

    def __init__(self, replies: list[Reply]) -> None:
        self.replies = replies
        self.requests: list[Json] = []
        self.keys: list[str | None] = []
        self.shown = asyncio.Event()
        self.left = asyncio.Event()
        """Set when a client went away in the middle of an answer."""

    async def answer(self, request: Request) -> Response:
        self.requests.append(await request.json())
        self.keys.append(request.headers.get("authorization"))
        reply = self.replies.pop(0)
        if reply.status != 200:
            fault = {"error": {"message": "secret words of the endpoint", "type": "fault"}}
            return JSONResponse(fault, reply.status, reply.headers)
        if reply.whole is not None:
            return JSONResponse(reply.whole)
        return StreamingResponse(self._stream(reply, request), media_type="text/event-stream")

    async def _stream(self, reply: Reply, request: Request) -> AsyncIterator[bytes]:
        for delta in reply.deltas:
            yield _event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            await asyncio.sleep(reply.pause_s)
        if reply.cut:
            if reply.deltas:
                await self.shown.wait()
            raise ConnectionResetError("the endpoint is gone")
        if reply.stall:
            await request.receive()  # nothing else comes than the end of the connection
            self.left.set()
            return
        wants = any("tool_calls" in delta for delta in reply.deltas)
        reason = "tool_calls" if wants else "stop"
        yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        read, written = reply.usage
        usage = {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        }
        yield _event({"choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"


def _event(members: Json) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"} | members
    return f"data: {json.dumps(chunk)}\n\n".encode()


@asynccontextmanager
async def hosted(app: Any, lifespan: Literal["on", "off"] = "off") -> AsyncIterator[str]:
    """Serve an application on a free port of this machine; yield its URL."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan=lifespan, log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([bound]))
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def endpoint(*replies: Reply) -> AsyncIterator[tuple[Endpoint, str]]:
    """Run an endpoint; yield it and its URL."""
    scripted = Endpoint(list(replies))
    app = Starlette(routes=[Route("/v1/chat/completions", scripted.answer, methods=["POST"])])
    async with hosted(app) as url:
        yield scripted, f"{url}/v1"
