"""The inside of a fake server: its links, what they send, and what plays a turn."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from .actions import Actions
from .cassette import Cassette
from .loopback import Headers
from .playing import Play, Player, ReplyPlay
from .reading import checked_action, parsed_frame
from .reply import Reply
from .script import Script
from .state import Link, RefusedError, World

Matcher = str | re.Pattern[str] | Callable[[str], object]
"""Which messages a reply is for: a text that they contain, a pattern, a function of the message."""


class FakeHost:
    """What links see of a fake server; in memory and on sockets alike."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.replies: list[tuple[Matcher | None, Reply]] = []
        self.script: Script | None = None
        self.cassette: Cassette | None = None
        self.sent: list[dict[str, Any]] = []
        self.unmatched: list[str] = []
        self.links: list[Link] = []
        self.numbers = 0
        self.refusals: list[tuple[int, Headers]] = []
        self.closed = False
        self._actions = Actions(world, self._choose)
        self._none_left = asyncio.Event()

    def next_number(self) -> int:
        """Count a link that opens (Host)."""
        self.numbers += 1
        return self.numbers

    def next_refusal(self) -> tuple[int, Headers] | None:
        """Return how the next handshake is refused, if it is (Host)."""
        return self.refusals.pop(0) if self.refusals else None

    def link_opened(self, link: Link) -> None:
        """Take note of a link (Host)."""
        self.links.append(link)
        self._none_left.clear()
        if self.cassette is not None:
            self.cassette.opened(link)

    def link_closed(self, link: Link) -> None:
        """Take note that a link is gone (Host)."""
        self.links.remove(link)
        if not self.links:
            self._none_left.set()
        for turn in self.world.running():
            if turn.holder is link:
                Play(self.world, turn).link_is_gone()

    async def links_gone(self) -> None:
        """Wait until both sides know that the last link has ended."""
        if self.links:
            await self._none_left.wait()
        await asyncio.sleep(0)  # in memory the client learns of it in the next round of the loop

    def binary(self, link: Link) -> None:
        """Refuse a binary frame (Host)."""
        self._actions.refuse({}, link, RefusedError("VALIDATION_ERROR", "frames are text"))

    def received(self, link: Link, text: str) -> None:
        """Answer one frame (Host)."""
        frame: dict[str, Any] = {}
        try:
            frame = parsed_frame(text)
            self.sent.append(dict(frame))
            if self.cassette is not None:
                self._give_back(self.cassette, frame, link)
            else:
                replays = "replay" in self.world.words
                self._actions.handle(checked_action(frame, replays), link)
        except RefusedError as refused:
            self._actions.refuse(frame, link, refused)

    def _give_back(self, cassette: Cassette, frame: dict[str, Any], link: Link) -> None:
        if not cassette.answer(frame, link):
            self.unmatched.append(str(frame.get("action")))
            raise RefusedError("VALIDATION_ERROR", "the cassette does not hold this action")

    def _choose(self, message: str) -> Player:
        """Return what plays the turn of a message."""
        if self.script is not None:
            return self.script.play
        for place, (matcher, reply) in enumerate(self.replies):
            try:
                fits = _fits(matcher, message)
            except Exception as fault:
                return _failing(f"The matcher raised {type(fault).__name__}.")
            if fits:
                if reply._once:
                    del self.replies[place]
                return lambda play: ReplyPlay(play).run(reply)
        self.unmatched.append(message)
        return _failing("No reply fits the message.")


def _fits(matcher: Matcher | None, message: str) -> bool:
    if matcher is None:
        return True
    if isinstance(matcher, str):
        return matcher in message
    if isinstance(matcher, re.Pattern):
        return matcher.search(message) is not None
    return bool(matcher(message))


def _failing(why: str) -> Player:
    async def fail(play: Play) -> None:
        play.fail("AGENT_ERROR", why)

    return fail
