"""What the reference client's ``recover()`` asks of the server before it reads (REQ-RESUME-12)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from conform.reader import Frame
from conform.reference.clock import Timer
from conform.reference.errors import RefError
from conform.reference.link import Wait
from conform.reference.turn import RefTurn

if TYPE_CHECKING:
    from conform.reference.client import RefClient

Tree = dict[str, Any]
ENDS = ("eventual_response", "cancelled", "error")


class Inquiry(Wait):
    """One ``resume_turn`` for a turn that nobody sees; its value is a status, or none: read."""

    def __init__(self, client: RefClient, turn: RefTurn) -> None:
        super().__init__("resume_turn", turn.id, turn.session)
        self.client = client
        self.faults = client.faults
        self.always = "inquiry-asked-once" not in self.faults
        self.heard: Any = None  # the frame that `running` answered
        self.pauses = 0
        self.timer: Timer | None = None
        self.last = turn.resuming.last
        after = 0 if "inquiry-from-the-start" in self.faults else self.last
        self.asked = {"action": self.op, **self.named, "afterSeq": after}

    def begin(self) -> None:
        """Ask; raises what a call would fail with at once."""
        refusal = self.client.refuses()
        if refusal:
            raise RefError(refusal, **self.named)
        self.client.waits[self.request] = self
        self.out = self.client.write(self.asked)

    def over(self) -> None:
        """Nobody waits for it any longer."""
        self.future.cancel()
        if self.timer:
            self.timer.cancel()
        if self.out:
            self.out.drop()
        if self.client.waits.get(self.request) is self:
            del self.client.waits[self.request]
            self.client.late[self.request] = None

    def frame(self, frame: Frame) -> None:
        """A frame with the turn's id came."""
        kind = frame.wire_type
        facts = self.client.reader.flat(kind, frame.tree) if frame.good else {}
        if "events-of-inquiry-pushed" in self.faults and kind not in (*ENDS, "turn_resumed"):
            self.client.push(frame)
        if kind == "turn_resumed":
            self._resumed(facts)
        elif self.heard is self.out:
            if self._ends(frame, facts):
                self._end("")
        elif kind == "error" and frame.good and not _numbered(frame):
            self._refused(facts)

    def _resumed(self, facts: Tree) -> None:
        state, blind = facts.get("state"), "never-after-events-trusted" in self.faults
        if state == "running" and facts["lastSeq"] >= self.last:
            self.heard = self.out
            if "inquiry-does-not-wait" in self.faults:
                self._end("")
        elif state == "never" and (self.last == 0 or blind):
            self._end("" if "never-is-read" in self.faults else "not_delivered")
        elif self.heard is not self.out or state in ("moved", "settled"):
            self._end("")

    def _ends(self, frame: Frame, facts: Tree) -> bool:
        """Whether a frame would end the turn."""
        if frame.wire_type != "error" or not frame.good:
            return frame.wire_type in ENDS
        spared = self.client.reader.spec.code(facts["code"]).terminal == "never"
        return not spared and facts.get("terminal") is not False

    def _refused(self, facts: Tree) -> None:
        retryable = self.client.reader.spec.code(facts["code"]).retryable
        if not retryable or "inquiry-refusal-is-final" in self.faults:
            self._end("")
            return
        wait = self.client.seeking.pause(self.pauses, facts.get("retryAfterMs"))
        self.pauses += 1
        out = self.out
        self.timer = self.client.clock.later(wait, lambda: self._again(out))

    def _again(self, out: Any) -> None:
        """Ask once more, unless another link did so meanwhile."""
        if out is self.out:
            self.out = self.client.write(self.asked)

    def _end(self, status: str) -> None:
        self.client._answer(self, status, None)


def _numbered(frame: Frame) -> bool:
    seq = frame.raw.get("seq")
    if not isinstance(seq, int | float) or isinstance(seq, bool):
        return False
    return seq % 1 == 0 and 1 <= seq < 2**53


async def fate(client: RefClient, turn: RefTurn) -> str:
    """What is known of a turn without its history; empty when that has to be read."""
    limit = client.seeking.option("resumeTimeout")
    if "recovery-waits-for-ever" in client.faults:
        limit = 0
    asking = asyncio.ensure_future(_ask(client, turn))

    def over() -> None:
        asking.cancel()

    timer = client.clock.later(limit, over) if limit else None
    try:
        await asyncio.wait([asking])
    finally:
        asking.cancel()
        if timer:
            timer.cancel()
    late = "" if "recovery-reads-when-late" in client.faults else "unknown"
    return late if asking.cancelled() else asking.result()


async def _ask(client: RefClient, turn: RefTurn) -> str:
    while True:
        known = client.turns.get(turn.id)
        if known and known.body is None and "running-turn-read" not in client.faults:
            await _end_of(known)
            return ""
        if known and (known.verbs or known.questions["otp"] != "none"):
            return ""
        status = await _answer(client, turn)
        if status is not None:
            return status
        await asyncio.sleep(0)  # who had the id lets go of it


async def _end_of(turn: RefTurn) -> None:
    while turn.body is None:
        await turn.changed.wait()


async def _answer(client: RefClient, turn: RefTurn) -> str | None:
    """What the server says; nothing when another use of the id has to be looked at."""
    wait = client.waits.get(turn.id)
    mine = Inquiry(client, turn) if wait is None or "asked-twice" in client.faults else None
    if mine:
        mine.begin()
    asked = mine or wait
    assert asked is not None
    try:
        await asyncio.wait([asked.future])
    finally:
        if mine:
            mine.over()
    if not isinstance(asked, Inquiry) or asked.future.cancelled():
        return None
    status: str = asked.future.result()
    return status
