"""What the server does with a turn, as ``recover()`` asks it (REQ-RESUME-12)."""

from __future__ import annotations

from typing import Any

from conform.interpreter import Group
from conform.oracle.calls import Call, Done
from conform.oracle.errors import told_by
from conform.oracle.resuming import UNNUMBERED, Resuming
from conform.oracle.turns import Turn
from conform.reader import Frame
from conform.spec import TERMINAL_TYPES, Tree

DISPLACED = "displaced"  # somebody else has the id now, or this one asks no longer
NEVER = "never"
OVER = "over"


class Inquiry(Call):
    """A call under the id of a turn; its value is one of the words above."""

    def __init__(self, turn: Turn, name: str, done: Done) -> None:
        self.named = turn.named
        self.told: list[Done] = [done]
        self.unheard = turn.resuming.last == 0
        self.resuming = Resuming(turn.host, turn.session)
        self.resuming.last = turn.resuming.last
        self.turn = Group(turn.host.tables, "turn")
        self.turn.local("take_up", {})
        asked = {"action": "resume_turn", **turn.named, "afterSeq": turn.resuming.last}
        super().__init__(turn.host, "resume_turn", asked, self._tell, name)

    def _limit(self) -> None:
        """Whoever asks has a limit of its own."""

    @property
    def repeatable(self) -> bool:
        """It is asked on every link."""
        return True

    def _tell(self, value: Any, failure: Tree | None) -> None:
        for done in self.told:
            done(value, failure)

    def local(self, event: str, attempt: Tree | None = None) -> None:
        """The link is lost, or not sought any more: the turn waits to be asked for again."""
        self.turn.local(event, {"sought": self.host.sought, "resumable": True})
        self._pause_over()
        super().local(event, attempt)

    def frame(self, frame: Frame) -> None:
        """What the server says of the turn."""
        event = self._word(frame)
        told = self.host.flat(frame) if frame.good else {}
        facts = self._facts(event, told) | self.resuming.facts(event, frame, told)
        for effect in self.turn.frame(event, facts):
            if effect.name == "schedule":
                self._later(effect.args[0], frame)
        state = facts["resume_state"]
        if self.turn.settled or state == "settled":
            self.settle(NEVER if state == "never" and self.unheard else OVER, None)

    def _word(self, frame: Frame) -> str:
        kind = frame.wire_type
        ends = kind in TERMINAL_TYPES or kind == "turn_resumed"
        if self.turn.state == "suspended" and kind not in UNNUMBERED:
            refuses = kind == "error" and frame.good and self.resuming.seq(frame) is None
            return "resume_refused" if refuses else "repeated"
        if not frame.good:
            return "broken" if frame.known and frame.fault and ends else "unknown"
        return kind

    def _facts(self, event: str, told: Tree) -> Tree:
        return {
            **told_by(self.host, event, told),
            "turn": self.turn.state,
        }

    def _later(self, timer: str, frame: Frame) -> None:
        row = next(row for row in self.host.tables.timers if row["name"] == timer)
        wait = self.resuming.pause(frame)
        fire = lambda: self.host.write(self.out)  # noqa: E731
        self.host.timed(dict(row), (timer, self.id, "recover"), wait, fire)

    def _pause_over(self) -> None:
        self.host.disarm("again", self.id, "recover")

    def settle(self, value: Any, failure: Tree | None) -> None:
        """Tell all that wait for it."""
        self._pause_over()
        super().settle(value, failure)
