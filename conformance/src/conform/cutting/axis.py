"""Where a link is cut, what a server that replays does then, and what must come of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from conform.cutting.numbering import (
    Turn,
    frame_of,
    known,
    numbered,
    rebuilt,
    request_of,
    unfit,
)
from conform.documents import CaseError
from conform.interpreter import Tables
from conform.lint import check
from conform.reader import Reader
from conform.script import Case, Step
from conform.spec import Spec, Tree
from conform.story import Expectation
from conform.story.client import Client
from conform.story.world import World, after, told

RETRY = 250  # ms: half of backoffBase, as the usual draw makes it
APART = ("frame", "state", "asked")  # what tells of links may differ
MOST_ANSWERS = 24
PLACES = 24  # of one case, spread over it


@dataclass(frozen=True)
class Point:
    """One case with its link cut once."""

    case: Case
    expected: Expectation
    equal: bool
    reason: str  # why it is not equal to the uncut one, with the rule


@dataclass
class Axis:
    """All cut points of some cases."""

    points: list[Point] = field(default_factory=list)
    unfit: Counter[str] = field(default_factory=Counter)

    @property
    def unexplained(self) -> list[Point]:
        """Points that must be equal to the uncut case, and are not."""
        return [p for p in self.points if not p.equal and not p.reason]


def axis_of(spec: Spec, reader: Reader, cases: list[Case], every: int = 1) -> Axis:
    """Cut every case at every frame, or at every n-th."""
    axis = Axis()
    for case in cases:
        why = unfit(case)
        if why:
            axis.unfit[why] += 1
            continue
        try:
            cut = _Cutter(spec, reader, numbered(case))
        except CaseError:
            axis.unfit["a frame of it takes no number"] += 1
            continue
        first = -len(case.name) % every  # not the same place of every case
        points = (cut.point(place) for place in cut.places()[first::every])
        axis.points += [point for point in points if point]
    return axis


class _Cutter:
    """Cuts one case."""

    def __init__(self, spec: Spec, reader: Reader, case: Case) -> None:
        self.spec, self.reader, self.case = spec, reader, case
        self.steps = list(case.steps)
        whole = self._expect(case)
        self.lanes = _lanes(whole)
        last = [i for i, s in enumerate(self.steps) if s.kind != "do"]
        self.end = last[-1] if last else 0

    def _expect(self, case: Case) -> Expectation:
        expected = told(after(self.spec, self.reader, case))
        check(case, expected)
        return expected

    def places(self) -> list[tuple[int, bool]]:
        """Where to cut: at each frame, after it and so that it is lost, in both directions."""
        frames = self._frames()
        stride = max(1, -(-len(frames) // PLACES))
        return [(at, lost) for at in frames[::stride] for lost in (False, True)]

    def _frames(self) -> list[int]:
        """Steps at which a frame passes, from the first message on."""
        sent = (s.kind == "recv" and s.body.get("action") == "send_message" for s in self.steps)
        first = next(at for at, is_message in enumerate(sent) if is_message)
        frames = (at for at, s in enumerate(self.steps) if s.kind == "recv" or frame_of(s))
        return [at for at in frames if first <= at <= self.end]

    def point(self, place: tuple[int, bool]) -> Point | None:
        """The case with its link cut there; none where that cannot be played."""
        at, is_lost = place
        step = self.steps[at]
        sent_by_us = is_lost and step.kind != "recv"  # then the client sees nothing of it
        name = f"{self.case.name}/cut-{'lost' if is_lost else 'after'}-{at}"
        before, rest = self.steps[: at if sent_by_us else at + 1], self.steps[at + 1 :]
        lost = step if is_lost else None
        try:
            client = self._client(before)
            reason = _in_flight(client, lost) or _missed(client, lost)
            cut = self._cut(before, lost)
            expected = None if reason else self._whole(cut + rest, name)
            if expected is None:
                closing = [s for s in rest if s.kind == "do" and s.body.get("auto")]
                short = rebuilt(self.case, cut + closing, name)
                return Point(short, self._expect(short), False, reason)
        except CaseError:
            return None
        case, found = expected
        equal = _lanes(found) == self.lanes
        return Point(case, found, equal, "" if equal else _afterwards(client))

    def _whole(self, steps: list[Step], name: str) -> tuple[Case, Expectation] | None:
        case = rebuilt(self.case, steps, name)
        try:
            return case, self._expect(case)
        except CaseError:
            return None

    def _world(self, steps: list[Step]) -> World:
        return after(self.spec, self.reader, rebuilt(self.case, steps, self.case.name))

    def _client(self, steps: list[Step]) -> Client:
        return next(iter(self._world(steps).clients.values()))

    # --- the server ---------------------------------------------------------------------------

    def _cut(self, before: list[Step], lost: Step | None) -> list[Step]:
        """The steps up to the cut, the loss, and how every turn is taken up."""
        who, line = before[-1].client, before[-1].line
        turns = known(before if lost is None or lost.kind == "recv" else [*before, lost])
        if lost is not None and lost.kind == "recv" and lost.body["action"] == "send_message":
            turns[lost.body["requestId"]].heard = False
        steps = [
            *before,
            Step("fence", {"claims": []}, who, line),
            Step("wire", {"drop": True}, who, line),
            Step("do", {"cmd": "advance", "on": who, "ms": RETRY}, who, line),
        ]
        seen = len(self._world(steps[:-1]).frames)
        for _ in range(MOST_ANSWERS):
            frames = self._world(steps).frames[seen:]
            if not frames:
                return steps
            _, _, frame = frames[0]
            seen += 1
            steps.append(Step("recv", frame, who, line))
            steps += [Step(k, b, who, line) for k, b in self._answer(frame, turns, lost)]
        raise CaseError("the client does not come to rest")

    def _answer(
        self, frame: Tree, turns: dict[str, Turn], lost: Step | None
    ) -> list[tuple[str, Tree]]:
        request = frame.get("requestId", "")
        if frame["action"] == "resume_turn":
            return _resumed(frame, turns.get(request, Turn()))
        if frame["action"] == "send_message" and request in turns:
            turns[request].heard = True
        answer = frame_of(lost) if lost is not None else None
        if isinstance(answer, dict) and request_of(answer) == request and "seq" not in answer:
            assert lost is not None
            return [(lost.kind, lost.body)]
        return []


def _in_flight(client: Client, lost: Step | None) -> str:
    """What is in flight that a cut may change."""
    for call in client.calls.values():
        if call.op not in client.tables.reads:
            return f"REQ-CONN-15: {call.op} is in flight"
    for turn in client.turns.values():
        if not turn.resuming.replays:
            return "REQ-RESUME-01: the session does not replay"
        states = turn.machines.states
        asked = [client.tables.verbs[verb.kind]["question"] for verb in turn.verbs]
        for verb, question in zip(turn.verbs, asked, strict=True):
            if question is None:
                continue
            if asked.count(question) > 1:
                return "REQ-RESUME-07: two answers of one kind are in flight"
            if states[question] != "answered" or _asks(client.tables, question, lost):
                return "REQ-RESUME-07: another question followed the one that was answered"
            if not turn.known_again(verb):
                return f"REQ-RESUME-07: the answer of {verb.kind} cannot be known again"
        if turn.settled and turn.live:
            return "REQ-OTP-03: the code of a turn that has ended"
    return ""


def _missed(client: Client, lost: Step | None) -> str:
    """What of a lost frame does not come again."""
    if lost is None:
        return ""
    if lost.kind == "recv":
        op = lost.body.get("action", "")
        known_again = op == "send_message" or op in client.tables.reads
        if op in ("cancel", "verify_otp"):
            return f"REQ-RESUME-08: {op} is written once"
        return "" if known_again or op in _VERBS else f"REQ-CONN-15: {op} is in flight"
    request = request_of(frame_of(lost)) or ""
    turn = client.turns.get(request)
    if request in client.calls or (turn and not turn.settled and "seq" in frame_of(lost)):
        return ""
    return "REQ-CONN-42: an event outside a turn is missed"


def _afterwards(client: Client) -> str:
    """Why a cut changes something that only a server does that breaks a rule."""
    heard = any(turn.machines.state == "sent" for turn in client.turns.values())
    text = "REQ-RESUME-04: a turn that goes on was accepted, here without its 202"
    return text if heard else ""


def _asks(tables: Tables, question: str, lost: Step | None) -> bool:
    """Whether a frame that is lost asks a question anew."""
    frame = frame_of(lost) if lost is not None else None
    row = tables.questions[question]
    asks = (row["shows"], *row["updated_by"])
    return isinstance(frame, dict) and frame.get("type") in asks


_VERBS = ("confirm_tool_action", "submit_interaction")


def _resumed(frame: Tree, turn: Turn) -> list[tuple[str, Tree]]:
    state = "settled" if turn.over else "running" if turn.heard else "never"
    request = frame["requestId"]
    data = {"requestId": request, "data": {"state": state, "lastSeq": len(turn.events)}}
    again = [s for s in turn.events if frame_of(s)["seq"] > frame["afterSeq"]]
    told_first = {"type": "turn_resumed", "requestId": request, "data": data}
    return [("send", told_first), *((s.kind, s.body) for s in again)]


def _lanes(expected: Expectation) -> dict[str, list[str]]:
    """What a person sees, by what it belongs to."""
    lanes: dict[str, list[str]] = {}
    for _, event in expected.events:
        if event["ev"] in APART:
            continue
        lane = str(event.get("as") or event.get("turn") or event.get("on"))
        lanes.setdefault(lane, []).append(json.dumps(event, sort_keys=True))
    return lanes
