"""What a socket was sent and its reader has not taken yet."""

from __future__ import annotations

import asyncio

from smooth_operator_server.gateway.inbox import Inbox


async def test_messages_are_taken_in_order_whether_they_are_there_or_come_later() -> None:
    inbox, taken = Inbox(), list[str]()

    async def read() -> None:
        for _ in range(4):
            taken.append(await inbox.get())

    inbox.put_nowait("a")
    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    assert taken == ["a"]
    assert inbox.empty()
    for message in ("b", "c", "d"):
        inbox.put_nowait(message)
    assert inbox.qsize() == 3
    await reading
    assert taken == ["a", "b", "c", "d"]


async def test_a_reader_that_is_cancelled_takes_nothing_with_it() -> None:
    inbox = Inbox()
    reading = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait("a")
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert await inbox.get() == "a"


async def test_a_reader_may_begin_again_after_it_was_cancelled() -> None:
    inbox = Inbox()
    first = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    second = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait("a")
    assert await second == "a"
