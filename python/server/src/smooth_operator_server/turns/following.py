"""Links of this server that have a turn which runs, or ran, at another one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..backplane import BackplaneError, Notice, Post
from ..clock import Clock
from ..protocol.frames import Resume
from ..protocol.peer import Peer
from ..store import TurnRecord, TurnState
from ..telemetry import log, where
from .channel import Channel
from .ledger import Ledger

BATCH = 64
"""Events that are read at once."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a turn, and the number of its newest event."""

    state: Resume
    last: int


class Follower:
    """One link that reads one turn of another server."""

    def __init__(self, record: TurnRecord, peer: Peer, after: int) -> None:
        self.record = record
        self.owner = record.lease.owner
        self.peer = peer
        self.sent = after
        self.rung = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.last_text = ""
        self.has_all = False
        """Whether it waits for events; else some are on their way to the link."""

    def about(self) -> dict[str, str]:
        """Return what tells the owner which turn and link is meant."""
        return about(self.record, self.peer)


def about(record: TurnRecord, peer: Peer) -> dict[str, str]:
    """Return what tells another server which turn and link is meant."""
    return {
        "turn": record.turn_id,
        "conversation": record.conversation_id,
        "request": record.request_id,
        "link": peer.socket_id,
    }


def has_end(record: TurnRecord | None, follower: Follower) -> bool:
    """Tell whether the newest event that a link was given is the one that ended its turn."""
    terminal = record.terminal if record is not None else None
    return terminal is not None and follower.last_text.startswith(terminal[:-1])


class Following:
    """All of them."""

    def __init__(self, post: Post, ledger: Ledger, clock: Clock) -> None:
        self._post = post
        self._ledger = ledger
        self._clock = clock
        self._followers: list[Follower] = []
        self._checking: asyncio.Task[None] | None = None
        post.on("grew", self._grew)
        post.on("frame", self._frame)
        post.on("lost", self._lost)
        post.on("owner", self._has_owner)

    def __len__(self) -> int:
        return len(self._followers)

    def running_of(self, peer: Peer) -> list[TurnRecord]:
        """Return the turns that a link follows, as they were when it began to."""
        return [follower.record for follower in self._followers if follower.peer is peer]

    def follows(self, turn_id: str, peer: Peer) -> bool:
        """Tell whether a link follows a turn."""
        return any(follower.peer is peer for follower in self._of(turn_id))

    async def ask(self, record: TurnRecord, peer: Peer, after: int) -> Standing | None:
        """Take a turn for a link; None when its server does not answer, and it may still run."""
        told = await self._post.ask(
            record.lease.owner, "attach", after=after, **about(record, peer)
        )
        if told is not None and told["state"] is not None:
            return Standing(Resume(told["state"]), told["last"])
        if record.state is TurnState.RUNNING:
            return None
        try:
            kept = await self._post.backplane.kept(record.turn_id)
        except BackplaneError as fault:
            log.error("events were not found", **where(fault))
            return None
        if kept is None or not kept.ended or not kept.first - 1 <= after <= kept.last:
            return Standing(Resume.GONE, kept.last if kept else 0)
        return Standing(Resume.SETTLED, kept.last)

    def follow(self, record: TurnRecord, peer: Peer, after: int) -> None:
        """Give a link the events of a turn that it was given by ``ask``."""
        self.drop(record.turn_id, peer)
        follower = Follower(record, peer, after)
        self._followers.append(follower)
        follower.task = asyncio.create_task(self._read(follower), name="follower")
        if self._checking is None:
            self._checking = asyncio.create_task(self._check_all(), name="followers")

    def drop(self, turn_id: str, peer: Peer) -> None:
        """Let a link follow a turn no more."""
        for follower in self._of(turn_id):
            if follower.peer is peer:
                self._end(follower)

    def detach(self, peer: Peer) -> None:
        """Let a link that is lost follow nothing more."""
        for follower in [one for one in self._followers if one.peer is peer]:
            self._end(follower)
            self._post.tell_later(follower.owner, "detach", **follower.about())

    def hand_over(self, turn_id: str, channel: Channel) -> None:
        """Give the links of a turn to its channel: from now on it runs here."""
        for follower in self._of(turn_id):
            self._end(follower)
            if channel.holds_after(follower.sent):
                channel.go_on(follower.peer, follower.sent)
            else:
                follower.peer.fell_behind()

    def _of(self, turn_id: str) -> list[Follower]:
        return [one for one in self._followers if one.record.turn_id == turn_id]

    def _end(self, follower: Follower) -> None:
        if follower in self._followers:
            self._followers.remove(follower)
        if follower.task is not None and follower.task is not asyncio.current_task():
            follower.task.cancel()

    def _lose(self, follower: Follower) -> None:
        """Close a link that cannot be given its turn; over the next one it asks what became."""
        self._end(follower)
        follower.peer.fell_behind()

    async def _read(self, follower: Follower) -> None:
        try:
            while True:
                follower.rung.clear()
                turn_id = follower.record.turn_id
                events = await self._post.backplane.read(turn_id, follower.sent, BATCH)
                for number, text in events:
                    if number != follower.sent + 1:
                        self._lose(follower)
                        return
                    follower.has_all = False
                    await follower.peer.send_text(text)
                    follower.sent, follower.last_text = number, text
                if not events:
                    follower.has_all = True
                    await follower.rung.wait()
        except Exception as fault:
            log.error("events were not read", **where(fault))
            self._lose(follower)

    async def _check_all(self) -> None:
        """Now and then ask for each turn whether its server still knows of the link."""
        while self._followers:
            await self._clock.sleep(self._ledger.lease_s)
            for follower in list(self._followers):
                follower.rung.set()  # should a notice have been lost
                try:
                    await self._check(follower)
                except Exception as fault:  # the others are looked after in any case
                    log.error("a turn was not found", **where(fault))
        self._checking = None

    async def _check(self, follower: Follower) -> None:
        told = await self._post.ask(follower.owner, "renew", **follower.about())
        if told is not None and told["holds"]:
            return
        record = await self._ledger.turn(follower.record.turn_id)
        if record is not None and record.state is TurnState.RUNNING:
            if record.lease.owner != follower.owner or told is not None:
                await self._take_again(follower, record)
            return  # else nobody runs it yet
        kept = await self._post.backplane.kept(follower.record.turn_id)
        if has_end(record, follower) or (
            kept is not None and kept.ended and kept.last <= follower.sent
        ):
            self._end(follower)  # it has everything, and nothing more comes
        elif kept is None or not kept.ended:
            self._lose(follower)

    async def _take_again(self, follower: Follower, record: TurnRecord) -> None:
        found = await self.ask(record, follower.peer, follower.sent)
        if found is not None and found.state in (Resume.RUNNING, Resume.SETTLED):
            follower.owner = record.lease.owner
            follower.rung.set()
        elif found is not None:
            self._lose(follower)

    async def _grew(self, notice: Notice) -> None:
        for follower in self._of(notice["turn"]):
            follower.rung.set()

    async def _frame(self, notice: Notice) -> None:
        """Pass on what is no event of the turn; ``turn_resumed`` is the last of it."""
        for follower in self._of(notice["turn"]):
            if follower.peer.socket_id == notice["link"]:
                if notice["frame"]["type"] == "turn_resumed":
                    self._end(follower)
                    follower.peer.send_now(notice["frame"])
                elif follower.has_all:
                    await follower.peer.send(notice["frame"])

    async def _lost(self, notice: Notice) -> None:
        for follower in self._of(notice["turn"]):
            self._lose(follower)

    async def _has_owner(self, notice: Notice) -> None:
        for follower in self._of(notice["turn"]):
            record = await self._ledger.turn(follower.record.turn_id)
            if record is not None:
                await self._take_again(follower, record)

    async def aclose(self) -> None:
        """Follow nothing more."""
        tasks = [one.task for one in self._followers if one.task]
        tasks += [self._checking] if self._checking else []
        self._followers.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
