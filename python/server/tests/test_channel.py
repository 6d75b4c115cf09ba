"""What a channel keeps, and when its link has to wait (REQ-SRV-25, REQ-SRV-34)."""

from __future__ import annotations

import asyncio
import json

from smooth_operator_server.protocol.frames import Frame
from smooth_operator_server.protocol.peer import Nobody
from smooth_operator_server.turns import channel as room
from smooth_operator_server.turns.channel import Channel

from .support import eventually


class Link(Nobody):
    """A link that takes everything, or nothing."""

    def __init__(self) -> None:
        self.has_room = True
        self.texts: list[str] = []
        self.is_behind = False

    def send_now(self, frame: Frame) -> None:
        self.texts.append(json.dumps(frame))

    async def send_text(self, text: str) -> None:
        await asyncio.sleep(0)
        self.texts.append(text)

    def send_text_now(self, text: str) -> None:
        self.texts.append(text)

    def fell_behind(self) -> None:
        self.is_behind = True


def said(piece: str) -> Frame:
    """A short event with a piece of text in it twice, like a token."""
    return {"type": "stream_token", "token": piece, "data": {"requestId": "t", "token": piece}}


def channel_of(link: Link, words: int, size: int = 1) -> Channel:
    channel = Channel(link, numbered=True)
    channel.taken.set()
    for _ in range(words):
        channel.append(said("x" * size))
    return channel


async def passes() -> None:
    """Let the event loop go round more often than a channel needs to say something."""
    for _ in range(10):
        await asyncio.sleep(0)


def numbers(texts: list[str]) -> list[int]:
    return [json.loads(text).get("seq", 0) for text in texts]


def test_req_srv_34_the_newest_20_000_events_are_kept() -> None:
    link = Link()
    channel = channel_of(link, room.MAX_EVENTS + 5)
    assert numbers(link.texts[-2:]) == [room.MAX_EVENTS + 4, room.MAX_EVENTS + 5]
    assert channel.holds_after(5)
    assert not channel.holds_after(4)


def test_req_srv_34_the_newest_8_mib_are_kept() -> None:
    channel = channel_of(Link(), 20, size=room.MAX_BYTES // 20)  # the text stands there twice
    assert not channel.holds_after(10)
    assert channel.holds_after(11)


async def test_a_link_that_is_given_what_was_lost_gets_it_before_what_is_new() -> None:
    lost, link = Link(), Link()
    channel = channel_of(lost, 3)
    channel.detach(lost)
    channel.append(said("nobody"))
    channel.attach(link, {"type": "turn_resumed"}, 1)
    for _ in range(200):
        await channel.emit(said("new"))
    await eventually(lambda: len(link.texts) == 204)
    assert numbers(lost.texts) == [1, 2, 3]
    assert numbers(link.texts) == [0, *range(2, 205)]
    assert link.texts[1:3] == lost.texts[1:]


async def test_what_is_held_goes_out_afterwards_and_in_order() -> None:
    link = Link()
    channel = channel_of(link, 1)
    with channel.held():
        await channel.emit(said("held"))
        await passes()
        assert (numbers(link.texts), channel.last_seq) == ([1], 1)
    await channel.emit(said("free"))
    await eventually(lambda: len(link.texts) == 3)
    assert numbers(link.texts) == [1, 2, 3]


async def test_a_link_whose_next_event_is_not_kept_loses_the_turn() -> None:
    link = Link()
    link.has_room = False
    channel = channel_of(link, 1)
    for _ in range(room.MAX_EVENTS + 1):
        channel.append(said("x"))
    await eventually(lambda: link.is_behind)
    assert not channel.taken.is_set()
