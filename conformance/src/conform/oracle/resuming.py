"""What a turn of a replay session has beside its machines: numbers, waits, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conform.interpreter import Group
from conform.oracle.errors import from_frame
from conform.oracle.host import Host
from conform.reader import Frame
from conform.spec import Tree

if TYPE_CHECKING:
    from conform.oracle.turns import Verb

UNNUMBERED = ("keepalive", "turn_resumed")
MOST = 2**53 - 1
GOES_ON = ("running", "settled")


class Resuming:
    """The numbers of a turn's events, and what waits until it goes on (REQ-RESUME)."""

    def __init__(self, host: Host, session: str) -> None:
        self.host = host
        self.replays = host.replays(session)
        self.sequence = Group(host.tables, "sequence")
        self.last = 0  # newest `seq` that was taken
        self.goal: int | None = None  # `lastSeq` of turn_resumed, until the turn has caught up
        self.told_at: int | None = None  # `timestamp` of turn_resumed
        self.left = host.limit("resumeTimeout")
        self.since = 0.0  # when the turn was suspended
        self.pauses = 0  # waits before a resume_turn that was refused
        self.held: list[Verb] = []  # verbs that were called while the turn was suspended
        self.cancel: Tree | None = None  # a cancel that goes out behind the next resume_turn
        self.asked_at: dict[str, int] = {}  # `timestamp` of the frame that opened a question

    def takes(self, event: str, frame: Frame, turn: str) -> str:
        """The event that a frame is for the machines of its turn (REQ-RESUME-06)."""
        if not self.replays or frame.wire_type in UNNUMBERED:
            return event
        seq = self.seq(frame)
        word = "none" if seq is None else "old" if seq <= self.last else "gap"
        facts = {"turn": turn, "seq": "next" if seq == self.last + 1 else word}
        found = self.sequence.frame(event, facts)
        if found:
            return found[0].args[0]
        if seq is not None:
            self.last = seq
            self.left = self.host.limit("resumeTimeout")
        return event

    def seq(self, frame: Frame) -> int | None:
        """The valid number of a frame."""
        seq = frame.raw.get("seq") if self.replays else None
        if not isinstance(seq, int | float) or isinstance(seq, bool):
            return None
        return int(seq) if 1 <= seq <= MOST and seq == int(seq) else None

    def facts(self, event: str, frame: Frame | None, told: Tree) -> Tree:
        """What a step may look at."""
        state = told.get("state") if self.replays and event == "turn_resumed" else None
        if state in GOES_ON and told["lastSeq"] < self.last:
            state = "gone"
        again = None
        if event == "resume_refused" and frame:
            again = from_frame(self.host, frame)["retryable"]
        return {"resume_state": state, "error_retryable": again}

    def begin(self) -> None:
        """The turn is suspended."""
        self.since = self.host.now
        self.goal = None

    def go_on(self, told: Tree) -> None:
        """The turn goes on: it has caught up once it has what the server has."""
        spent = self.host.now - self.since
        self.left = max(1, self.left - int(spent)) if self.left else 0
        self.pauses = 0
        self.goal = told.get("lastSeq")
        self.told_at = told.get("timestamp")

    @property
    def caught_up(self) -> bool:
        """Whether the turn has caught up just now; true once."""
        if self.goal is None or self.last < self.goal:
            return False
        self.goal = None
        return True

    def doubtful(self, verbs: list[Verb]) -> list[Verb]:
        """The verbs whose frames may be lost, once the turn has caught up."""
        return [verb for verb in verbs if verb.unsure] if self.caught_up else []

    def pause(self, frame: Frame | None) -> int:
        """The wait before resume_turn is written once more, in ms (REQ-RESUME-05)."""
        hint = self.host.flat(frame).get("retryAfterMs") if frame else None
        wait = self.host.pause(self.pauses, hint)
        self.pauses += 1
        return wait

    def opened(self, question: str, told: Tree, seq: int | None) -> None:
        """A question was asked."""
        self.asked_at.pop(question, None)
        if seq is not None and "timestamp" in told:
            self.asked_at[question] = told["timestamp"]

    def age(self, question: str) -> int:
        """How old a question of a replay is already, in ms (REQ-RESUME-10)."""
        asked = self.asked_at.get(question)
        if self.goal is None or self.told_at is None or asked is None:
            return 0
        return max(0, self.told_at - asked)

    def gone_by(self, question: str, told: Tree, seq: int | None) -> int | None:
        """Server's time since a question was asked, by two numbered frames (REQ-VERB-10)."""
        asked = self.asked_at.get(question)
        if seq is None or asked is None or "timestamp" not in told:
            return None
        return int(told["timestamp"]) - asked


def unsure(verbs: list[Verb]) -> None:
    """The frames of verbs that have no answer may be lost."""
    for verb in verbs:
        verb.unsure = verb.unsure or verb.written
