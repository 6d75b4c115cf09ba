"""Who watches a client hears of attempts, calls and turns, and disturbs none of them."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest

from smooth_operator import (
    ConnectFailedError,
    Observer,
    SessionNotFoundError,
    SmoothAgentClient,
    TurnInterruptedError,
)

from .peer import Peer, S
from .test_turns import begin


class Notes(Observer):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def attempt(self, host: str, error: Exception | None) -> None:
        assert host.startswith("127.0.0.1:")
        self.seen.append(("attempt", type(error)))

    def call(self, action: str, request_id: str, error: Exception | None) -> None:
        self.seen.append((action, request_id, type(error)))

    def turn_started(self, request_id: str, session_id: str) -> None:
        self.seen.append(("turn_started", request_id, session_id))

    def first_token(self, request_id: str) -> None:
        self.seen.append(("first_token", request_id))

    def question(self, request_id: str, kind: str) -> None:
        self.seen.append(("question", request_id, kind))

    def turn_settled(self, request_id: str, outcome: str, error: Exception | None) -> None:
        self.seen.append(("turn_settled", request_id, outcome, type(error)))


NONE = type(None)


def ids() -> Callable[[], str]:
    """Return a source of r-1, r-2, …"""
    return map("r-{}".format, itertools.count(1)).__next__


async def test_an_observer_hears_each_thing_once(server: Peer) -> None:
    notes = Notes()
    async with SmoothAgentClient(server.url, observer=notes, id_generator=ids()) as client:
        turn, rid = await begin(server, client)
        await server.tokens(rid, "a", "b", "c")
        await server.ask("write_confirmation_required", rid, toolId="t", actionDescription="d")
        await server.finish(rid, "abc")
        await turn
        await server.quiet(client)
    assert notes.seen == [
        ("attempt", NONE),
        ("turn_started", "r-1", S),
        ("first_token", "r-1"),
        ("question", "r-1", "confirmation"),
        ("turn_settled", "r-1", "completed", NONE),
        ("ping", "r-2", NONE),
    ]


async def test_an_observer_hears_of_failures(server: Peer) -> None:
    notes = Notes()
    client = SmoothAgentClient(server.url, observer=notes, id_generator=ids())
    await client.connect()
    turn, _ = await begin(server, client)
    asked = asyncio.ensure_future(client.get_session(session_id=S))
    frame = await server.expect("get_session")
    error = {"code": "SESSION_NOT_FOUND", "message": "no"}
    await server.send({"type": "error", "requestId": frame["requestId"], "data": {"error": error}})
    with pytest.raises(SessionNotFoundError):
        await asked
    (await server.link()).transport.abort()  # type: ignore[attr-defined]
    with pytest.raises(TurnInterruptedError):
        await turn
    await client.close()
    away = SmoothAgentClient("ws://127.0.0.1:1/ws", observer=notes)
    with pytest.raises(ConnectFailedError):
        await away.connect()
    assert notes.seen == [
        ("attempt", NONE),
        ("turn_started", "r-1", S),
        ("get_session", "r-2", SessionNotFoundError),
        ("turn_settled", "r-1", "failed", TurnInterruptedError),
        ("attempt", ConnectFailedError),
    ]


async def test_an_observer_that_raises_disturbs_nothing(
    server: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Observer):
        def turn_started(self, request_id: str, session_id: str) -> None:
            raise RuntimeError(request_id, session_id)

    async with SmoothAgentClient(server.url, observer=Broken()) as client:
        turn, rid = await begin(server, client)
        await server.finish(rid, "x")
        assert (await turn).text == "x"
    assert [(it.levelno, it.getMessage()) for it in caplog.records] == [
        (logging.ERROR, "the observer raised in turn_started")
    ]
