"""Fixtures: a peer, a virtual clock, a connected client; no test may leave a task behind.

``--slow-ways`` switches every fast path off, ``--uvloop`` takes another event loop: the suite says
the same either way.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvloop

from smooth_operator import SmoothAgentClient
from smooth_operator._link import Link
from smooth_operator._transport_socket import SocketTransport
from smooth_operator._turn_state import TurnState
from smooth_operator.testing import FakeServer, VirtualClock

from .peer import Peer, peer


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch of the fast paths."""
    parser.addoption("--uvloop", action="store_true", help="run on uvloop's event loop")
    parser.addoption("--write-api", action="store_true", help="write the listing of the public API")
    parser.addoption("--slow-ways", action="store_true", help="every frame takes the full way")


def pytest_asyncio_loop_factories(
    config: pytest.Config,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Say which loop the tests run on (REQ-CONN-21: any loop will do)."""
    if config.getoption("--uvloop"):
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
def slow_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the full way everywhere, when asked to."""
    if request.config.getoption("--slow-ways"):
        monkeypatch.setattr(Link, "learn", False)
        monkeypatch.setattr(SocketTransport, "cut", False)
        monkeypatch.setattr(TurnState, "fast", False)


@pytest.fixture
async def server() -> AsyncIterator[Peer]:
    """A peer that accepts every handshake."""
    async with peer() as it:
        yield it


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that stands still."""
    return VirtualClock()


Maker = Callable[..., SmoothAgentClient]
"""Makes a client of the peer; takes further options."""


@pytest.fixture
async def make(server: Peer, clock: VirtualClock) -> AsyncIterator[Maker]:
    """What makes clients with the ids r-1, r-2, …, the draw 0.5 and a virtual clock.

    In the end they are closed, and must leave no task and no timer behind.
    """
    made: list[SmoothAgentClient] = []

    def maker(url: str = "", **options: Any) -> SmoothAgentClient:
        ids = itertools.count(1)
        given = {"random": lambda: 0.5, "id_generator": lambda: f"r-{next(ids)}", **options}
        made.append(SmoothAgentClient(url or server.url, clock=clock, **given))
        return made[-1]

    yield maker
    for it in made:
        # The peer may be silent by now, and the virtual clock would wait for it for ever.
        closing = asyncio.ensure_future(it.close())
        while not closing.done():
            await clock.advance(10_000)
            await asyncio.sleep(0.001)
    leaked = [task for task in asyncio.all_tasks() if task.get_name().startswith("smooth-operator")]
    assert not leaked
    assert clock.armed == 0


@pytest.fixture
async def client(server: Peer, make: Maker) -> SmoothAgentClient:
    """A client that is connected to the peer.

    It neither seeks a lost link again nor asks a silent one whether it lives.
    """
    it = make(auto_reconnect=False, ping_interval=0)
    await it.connect()
    await server.link()
    return it


@pytest.fixture
async def fake() -> AsyncIterator[FakeServer]:
    """A fake server in memory."""
    async with FakeServer() as server:
        yield server
