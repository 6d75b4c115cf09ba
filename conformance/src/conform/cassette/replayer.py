"""A server that gives a recorded session back.

The nth action of a type is answered by the frames that followed the nth of that type in the
recording and belong to it: those under its requestId, and those without one that came before the
next action. So a client that pings at other moments than the recorded one still gets its turn.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from conform.cassette.file import Cassette
from conform.spec import Tree

CLIENTS_OWN = frozenset([1000, 1001, 1005])
"""Ends that the recorded client chose, or a server that went away in peace: not played."""
ABNORMAL = 1006


@dataclass
class Answer:
    """What the recorded server did about one action."""

    request: str
    frames: list[Any] = field(default_factory=list)
    end: int = 0


class Replayer:
    """Plays one cassette to any number of links."""

    def __init__(self, cassette: Cassette) -> None:
        self._answers = _answers(cassette)
        self._count: dict[str, int] = defaultdict(int)
        self._ids: dict[str, str] = {}  # recorded id -> the client's
        self.unmatched: list[str] = []
        self._ended = 0
        self._more = asyncio.Event()

    async def until(self, links: int) -> None:
        """Wait until that many links have ended."""
        while self._ended < links:
            self._more.clear()
            await self._more.wait()

    def listen(self, port: int = 0) -> AbstractAsyncContextManager[Server]:
        """A server on this port of 127.0.0.1, to be used with ``async with``."""
        return serve(
            self._handle, "127.0.0.1", port, compression=None, ping_interval=None, max_size=None
        )

    async def _handle(self, link: ServerConnection) -> None:
        try:
            async for message in link:
                await self._answer(link, message)
        except ConnectionClosed:
            pass
        finally:
            self._ended += 1
            self._more.set()

    async def _answer(self, link: ServerConnection, message: str | bytes) -> None:
        try:
            frame = json.loads(message)
            action, request = str(frame["action"]), str(frame.get("requestId", ""))
        except (ValueError, KeyError, TypeError):
            await link.send(json.dumps(_refusal("", "this frame is no action")))
            return
        known = self._answers.get(action, [])
        number = self._count[action]
        self._count[action] += 1
        if number >= len(known):
            self.unmatched.append(action)
            told = f"the cassette holds {len(known)} of {action}"
            await link.send(json.dumps(_refusal(request, told)))
            return
        answer = known[number]
        self._ids[answer.request] = request
        for each in answer.frames:
            text = each if isinstance(each, str) else json.dumps(self._named(each))
            await link.send(text)
        if answer.end == ABNORMAL:
            link.transport.abort()
        elif answer.end and answer.end not in CLIENTS_OWN:
            await link.close(answer.end)

    def _named(self, node: Any) -> Any:
        """Put the client's ids in place of the recorded ones, wherever they stand."""
        if isinstance(node, dict):
            return {key: self._named(value) for key, value in node.items()}
        if isinstance(node, list):
            return [self._named(value) for value in node]
        return self._ids.get(node, node) if isinstance(node, str) else node


def _answers(cassette: Cassette) -> dict[str, list[Answer]]:
    """Sort what came in by the action that it belongs to."""
    found: dict[str, list[Answer]] = defaultdict(list)
    by_request: dict[str, Answer] = {}
    latest: dict[int, Answer] = {}
    for line in cassette.lines:
        frame = line.frame if isinstance(line.frame, dict) else {}
        request = frame.get("requestId")
        if line.way == "out":
            answer = Answer(str(request or ""))
            found[str(frame.get("action"))].append(answer)
            latest[line.link] = answer
            if isinstance(request, str):
                by_request[request] = answer
        elif line.way == "end":
            if line.link in latest:
                latest[line.link].end = line.code
        else:
            owner = by_request.get(request) if isinstance(request, str) else None
            owner = owner or latest.get(line.link)
            if owner:
                owner.frames.append(line.frame)
    return dict(found)


def _refusal(request: str, message: str) -> Tree:
    """The `error` event for what the cassette does not hold."""
    error = {"code": "VALIDATION_ERROR", "message": message}
    told: Tree = {"type": "error", "data": {"error": error}, "error": error}
    if request:
        told |= {"requestId": request, "data": {"requestId": request, "error": error}}
    return told
