"""What a server that replays has of each turn, and what it says when a turn is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from conform.cutting.numbering import TERMINAL, frames_of, number_of, request_of
from conform.script import Step
from conform.spec import Tree

Told = list[tuple[str, Tree]]


@dataclass
class Turn:
    """What the server has of one turn."""

    heard: bool = False  # its message arrived
    over: bool = False  # its terminal event was sent
    last: int = 0
    events: dict[int, tuple[str, Tree]] = field(default_factory=dict)

    def tells(self, frame: Tree, kind: str = "send") -> None:
        """The server has one event more."""
        number = number_of(frame)
        if number is None:
            return
        self.heard = True
        self.last = max(self.last, number)
        self.over = self.over or ends(frame)
        self.keeps(number, frame, kind)

    def keeps(self, number: int, frame: Tree, kind: str) -> None:
        """The event of a number, as it was told first."""
        self.events.setdefault(number, (kind, frame if kind == "send" else {"json": frame}))

    def resumed(self, asked: Tree) -> Told:
        """What answers ``resume_turn``, and the events that the client lacks."""
        state = "settled" if self.over else "running" if self.heard else "never"
        request = asked["requestId"]
        data = {"requestId": request, "data": {"state": state, "lastSeq": self.last}}
        told_first = {"type": "turn_resumed", "requestId": request, "data": data}
        lacks = (n for n in sorted(self.events) if asked["afterSeq"] < n <= self.last)
        return [("send", told_first), *(self.events[n] for n in lacks)]


def ends(frame: Tree) -> bool:
    """Whether an event ends its turn on the server's side."""
    return frame.get("type") in TERMINAL[:2]


def known(steps: list[Step], all_steps: list[Step]) -> dict[str, Turn]:
    """What the server knows of each turn after these of all its steps."""
    turns: dict[str, Turn] = {}
    for step in steps:
        if step.kind == "recv" and step.body.get("action") == "send_message":
            turns.setdefault(step.body["requestId"], Turn()).heard = True
        for frame in frames_of(step):
            _found(frame, turns)
            if number_of(frame) is not None:
                turns.setdefault(request_of(frame) or "", Turn()).tells(frame, _kind(step))
    for step in all_steps:  # what it left out so far it has all the same
        for frame in frames_of(step):
            number, turn = number_of(frame), turns.get(request_of(frame) or "")
            if turn is not None and number is not None and number <= turn.last:
                turn.keeps(number, frame, _kind(step))
    return turns


def _found(frame: Tree, turns: dict[str, Turn]) -> None:
    """A turn that runs when a session is opened, or found."""
    data = frame.get("data")
    runs = data.get("openTurn") if isinstance(data, dict) else None
    if isinstance(runs, dict) and isinstance(runs.get("requestId"), str):
        turn = turns.setdefault(runs["requestId"], Turn())
        turn.heard, turn.last = True, max(turn.last, number_of({"seq": runs.get("lastSeq")}) or 0)


def _kind(step: Step) -> str:
    return "send" if step.kind == "send" else "wire"
