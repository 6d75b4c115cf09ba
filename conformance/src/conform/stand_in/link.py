"""The links of the stand-in: frames are checked against the schemas, opened, and handed on."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from conform.spec import Spec, Tree
from conform.stand_in.actions import SINCE, Actions
from conform.stand_in.state import RefusedError, Script, World

MOST = 1024 * 1024
LONG = 50_000
PACE_SECONDS = 0.004


class InProcess:
    """The hook of a stand-in: a script is handed over in process."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def put(self, script: Any) -> None:
        """Have the model say this from now on."""
        tools = {tool["name"]: tool for tool in script.get("tools", ())}
        self.world.script = Script(script["model"], tools, script.get("otp", {}))


class _Link:
    """One link; ``owner`` is its token."""

    def __init__(self, socket: ServerConnection, stand_in: StandIn) -> None:
        self.socket, self.stand_in = socket, stand_in
        query = parse_qs(urlsplit(socket.request.path if socket.request else "").query)
        self.owner = query.get("token", [""])[0]
        self.is_open = True

    async def send(self, text: str) -> None:
        """Send one frame, spelt as the controls want it."""
        odd = self.stand_in.odd
        if "slow" in odd:
            await asyncio.sleep(0.003)
        if "spelling" in odd:
            tree = json.loads(text)
            text = json.dumps(dict(reversed(tree.items())), indent=1)
        await self._send(text)

    async def _send(self, text: str) -> None:
        with contextlib.suppress(ConnectionClosed):
            if "fragments" in self.stand_in.odd:
                await self.socket.send([text[:7], text[7:]])
            else:
                await self.socket.send(text)


class StandIn:
    """The server. ``odd``: what is unusual about it and right all the same."""

    def __init__(
        self,
        spec: Spec,
        *faults: str,
        version: str = "1.2",
        odd: frozenset[str] = frozenset(),
        question_s: float = 1.5,
    ) -> None:
        self.spec, self.odd = spec, odd
        self.world = World(frozenset(faults) | odd, version, question_s)
        self.actions = Actions(spec, self.world)
        self.hook = InProcess(self.world)
        self._waiting: asyncio.Queue[tuple[str, _Link]] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Listen on a free port; yields the address."""
        async with serve(
            self._link, "127.0.0.1", 0, compression=None, max_size=MOST, ping_interval=None
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            worker = asyncio.create_task(self._work())
            try:
                yield f"ws://127.0.0.1:{port}/ws"
            finally:
                worker.cancel()

    async def _work(self) -> None:
        """With one queue for all links, each waits behind the others."""
        while True:
            text, link = await self._waiting.get()
            await asyncio.sleep(PACE_SECONDS)
            await self._text(text, link)

    async def _link(self, socket: ServerConnection) -> None:
        link = _Link(socket, self)
        try:
            async for text in socket:
                if isinstance(text, bytes):
                    await self._binary(link)
                elif self.world.has("one-queue"):
                    self._waiting.put_nowait((text, link))
                else:
                    await self._text(text, link)
        except ConnectionClosed:
            pass
        finally:
            link.is_open = False
            if self.world.has("session-dies"):
                self.world.sessions.clear()
            for conversation in self.world.conversations.values():
                turn = conversation.running
                if turn and turn.task and turn.holder is link and self.world.has("link-stops"):
                    turn.task.cancel()

    async def _binary(self, link: _Link) -> None:
        if self.world.has("binary-silence"):
            return
        if self.world.has("binary-codeless"):
            await link.socket.close(1000)
            return
        await self._refuse({}, link, RefusedError("VALIDATION_ERROR", "frames are text"))

    async def _text(self, text: str, link: _Link) -> None:
        frame: Tree = {}
        try:
            frame = self._read(text)
            await self.actions.handle(self._checked(frame), link)
        except RefusedError as refused:
            await self._refuse(frame, link, refused)

    def _read(self, text: str) -> Tree:
        try:
            tree = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            if self.world.has("deep-closes") and len(text) > LONG:
                raise
            raise RefusedError("VALIDATION_ERROR", "not JSON") from None
        if not isinstance(tree, dict):
            raise RefusedError("VALIDATION_ERROR", "no object")
        return tree

    def _checked(self, frame: Tree) -> Tree:
        """The action as its schema knows it: unknown members gone, nulls of optional ones too."""
        word = frame.get("action")
        if not isinstance(word, str):
            raise RefusedError("VALIDATION_ERROR", "/action is missing")
        if word not in self.spec.actions or SINCE.get(word, "1.0") > self.world.version:
            wrong = self.world.has("unknown-validated")
            raise RefusedError("VALIDATION_ERROR" if wrong else "UNSUPPORTED_ACTION")
        members = self.spec.actions[word][1]["properties"]
        nulls = self.world.has("null-refused")
        kept = {k: v for k, v in frame.items() if k in members and (nulls or v is not None)}
        if not isinstance(kept.get("requestId", ""), str):
            del kept["requestId"]
        judged = dict(kept)
        if word == "send_message" and judged.get("message") == "":
            judged["message"] = "x"
        if word == "list_conversations" and isinstance(judged.get("limit"), int):
            judged["limit"] = min(judged["limit"], 200)
        fault = self.spec.strict_fault(judged)
        if fault and not (self.world.has("bounds-free") and _is_bound(fault)):
            crash = self.world.has("types-crash") and "is not of type" in fault
            raise RefusedError("INTERNAL_ERROR" if crash else "VALIDATION_ERROR", fault[:200])
        return kept

    async def _refuse(self, frame: Tree, link: _Link, refused: RefusedError) -> None:
        request = frame.get("requestId")
        info = {"code": refused.code, "message": str(refused)}
        told: Tree = {"type": "error", "error": info, "data": {"error": info}}
        if isinstance(request, str):
            told |= {"requestId": request, "data": {"requestId": request, "error": info}}
        if self.world.has("error-nested-only"):
            del told["error"]
        await link.send(json.dumps(told))
        if self.world.has("refusal-closes"):
            await link.socket.close(1008)


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _is_bound(fault: str) -> bool:
    words = ("less than", "greater than", "longer than", "shorter than", "does not match")
    return any(word in fault for word in words)
