"""The order in which frames of one socket go out, whichever way they take."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from smooth_operator_server.gateway.outbox import Outbox

from .support_clock import VirtualClock


class Socket:
    """Takes frames while it is writable."""

    def __init__(self) -> None:
        self.writes: list[list[str]] = []
        self.is_writable = True

    def write(self, texts: Sequence[str]) -> bool:
        if self.is_writable:
            self.writes.append(list(texts))
        return self.is_writable


def _outbox(socket: Socket | None) -> Outbox:
    return Outbox(VirtualClock(), 30, socket.write if socket else None)


async def test_a_frame_that_is_alone_is_written_at_once() -> None:
    socket = Socket()
    assert _outbox(socket).write("a")
    assert socket.writes == [["a"]]


async def test_a_frame_goes_behind_those_that_wait() -> None:
    socket = Socket()
    outbox = _outbox(socket)
    outbox.put_text_now("a")
    assert not outbox.write("b")
    outbox.put_text_now("b")
    await asyncio.sleep(0)
    assert socket.writes == [["a", "b"]]
    assert outbox.write("c")


async def test_a_frame_goes_behind_those_that_the_socket_did_not_take() -> None:
    socket = Socket()
    outbox = _outbox(socket)
    socket.is_writable = False
    outbox.put_text_now("a")
    await asyncio.sleep(0)
    socket.is_writable = True
    assert not outbox.write("b")
    outbox.put_text_now("b")
    batches = outbox.batches()
    assert await anext(batches) == ["a", "b"]
    assert not outbox.write("c"), "the batch may not be written yet"


async def test_what_the_socket_does_not_take_or_has_no_way_for_has_to_be_queued() -> None:
    socket = Socket()
    socket.is_writable = False
    assert not _outbox(socket).write("a")
    assert not _outbox(None).write("a")


async def test_nothing_is_written_after_the_end() -> None:
    for end in (Outbox.close, Outbox.finish, lambda outbox: outbox.gave_up.set()):
        socket = Socket()
        outbox = _outbox(socket)
        end(outbox)
        assert not outbox.write("a")
        outbox.put_text_now("a")
        await asyncio.sleep(0)
        assert socket.writes == []
