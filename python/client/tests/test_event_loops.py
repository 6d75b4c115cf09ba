"""Other loops and other ways to cancel: uvloop, and the cancel scopes of anyio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest
import uvloop

from smooth_operator.testing import FakeServer

LIMIT = 30.0
LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [
    asyncio.new_event_loop,
    uvloop.new_event_loop,
]


def run_on(
    loop: Callable[[], asyncio.AbstractEventLoop], work: Callable[[], Awaitable[None]]
) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(LIMIT):
            await work()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(bounded())


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("listening", [False, True], ids=["memory", "loopback"])
def test_a_cancel_scope_around_ask_sends_one_cancel(
    loop: Callable[[], asyncio.AbstractEventLoop], listening: bool
) -> None:
    async def work() -> None:
        async with FakeServer() as fake:
            fake.on_message("long").tokens("a")
            fake.on_message("next").finish("free")
            if listening:
                await fake.listen()
            chat = await fake.conversation()
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(chat.ask, "long")
                    await anyio.sleep(0.05)
                    scope.cancel()
            assert scope.cancelled_caught
            assert (await chat.ask("next")).text == "free"
            assert len(fake.sent("cancel")) == 1

    run_on(loop, work)


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
def test_a_deadline_of_anyio_around_ask_stops_the_turn(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def work() -> None:
        async with FakeServer() as fake:
            fake.on_message().tokens("a")
            chat = await fake.conversation()
            with anyio.move_on_after(0.05) as scope:
                await chat.ask("long")
            assert scope.cancelled_caught
            await anyio.sleep(0.01)
            assert len(fake.sent("cancel")) == 1

    run_on(loop, work)
