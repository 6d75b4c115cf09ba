"""Cuts one case: at each frame, after it and so that it is lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from conform.cutting.memory import known
from conform.cutting.numbering import (
    clocked,
    frames_of,
    is_message,
    numbered,
    passes,
    tells_itself,
    with_steps,
)
from conform.cutting.played import Played
from conform.cutting.rules import GAVE_UP, Afterwards, in_flight, missed
from conform.documents import CaseError
from conform.interpreter import Tables
from conform.lint import check
from conform.reader import Reader
from conform.script import Case, Step
from conform.spec import Spec
from conform.story import Expectation
from conform.story.world import told

APART = ("frame", "state", "asked")  # what tells of links may differ
PLACES = 48  # of one case, spread over it
LINK = ("close", "advance", "wake", "connect", "open", "counters")
STEPS = 4000  # of all cuts of one case: a long one is cut at fewer places


@dataclass(frozen=True)
class Place:
    """Where a link is cut.

    ``how``: ``after`` the frame of a step, so that it is ``lost``, or after it and ``while`` there
    is no link the command that follows is given.
    """

    at: int
    how: str


@dataclass(frozen=True)
class Cut:
    """The steps of a case by what a cut makes of them."""

    name: str
    before: list[Step]
    lost: Step | None
    meanwhile: list[Step]  # commands that are given while there is no link
    rest: list[Step]

    @property
    def at(self) -> Step:
        """The step whose link is cut."""
        return self.lost or self.before[-1]


@dataclass(frozen=True)
class Point:
    """One case with its link cut once."""

    case: Case
    expected: Expectation
    equal: bool
    reason: str  # why it is not equal to the uncut one, with the rule


class Cutter:
    """Cuts one case."""

    def __init__(self, spec: Spec, reader: Reader, tables: Tables, case: Case) -> None:
        self.spec, self.reader, self.tables = spec, reader, tables
        self.case = clocked(case) if tells_itself(case) else numbered(case)
        try:
            self._lead()
        except CaseError:
            self.case = clocked(case)
            self._lead()

    def _lead(self) -> None:
        """Lead the case to its end; see where a link may be cut."""
        self.steps = list(self.case.steps)
        self._index = {id(step): at for at, step in enumerate(self.steps)}
        played = Played(self.spec, self.reader, self.tables, self._with([], self.case.name))
        found: list[Place] = []
        rests = {s.client: False for s in self.steps}  # who has a link, with all read of it
        for at, step in enumerate(self.steps):
            who, before = step.client, rests[step.client]
            played.take(step)
            for name in rests:
                rests[name] = played.is_open(name) and not played.unread(name)
            if passes(step):
                by_us = step.kind != "recv"
                found += [Place(at, "after")] if rests[who] else []
                found += [Place(at, "lost")] if (before if by_us else rests[who]) else []
                found += [Place(at, "while")] if rests[who] and self._next(at) else []
        expected = told(played.world)
        check(self.case, expected)
        self.lanes = _lanes(expected)
        self._found = found
        self._attempts = expected.handshakes
        self._full = {n for n, c in played.world.clients.items() if c.remembers_most}

    def places(self) -> tuple[list[Place], int]:
        """Where to cut, and how many places between them a long case has."""
        most = max(2, min(PLACES, STEPS // len(self.steps)))
        stride = max(1, -(-len(self._found) // most))
        taken = self._found[::stride]
        return taken, len(self._found) - len(taken)

    def _with(self, steps: list[Step], name: str) -> Case:
        return with_steps(self.case, steps, name, self.case.ids)

    def _next(self, at: int) -> list[Step]:
        """The command after a step, where it can be given while there is no link."""
        client = self.steps[at].client
        after = next((step for step in self.steps[at + 1 :] if step.kind != "see"), None)
        if after is None or after.kind != "do" or after.client != client:
            return []
        return [] if after.body["cmd"] in LINK else [after]

    def _cut(self, place: Place) -> Cut:
        step, lost = self.steps[place.at], place.how == "lost"
        until = place.at if lost and step.kind != "recv" else place.at + 1
        meanwhile = self._next(place.at) if place.how == "while" else []
        rest = [
            each for each in self.steps[place.at + 1 :] if all(each is not m for m in meanwhile)
        ]
        name = f"{self.case.name}/cut-{place.how}-{place.at}"
        return Cut(name, self.steps[:until], step if lost else None, meanwhile, rest)

    def point(self, place: Place) -> Point:
        """The case with its link cut there."""
        cut = self._cut(place)
        found = None
        for takes_time in (False, True):
            whole = self._whole(cut, takes_time)
            if whole is not None and _lanes(whole.expected) == self.lanes:
                return replace(whole, equal=True)
            found = found or whole
        return replace(found or self._short(cut), reason=self._reason(cut))

    def _reason(self, cut: Cut) -> str:
        """Why the cut may change what is shown."""
        played = self._led(cut)
        client = played.world.clients[cut.at.client]
        reason = in_flight(client, cut.lost) or missed(client, cut.lost)
        if reason:
            return reason
        full = cut.at.client in self._full
        after = Afterwards(client, self.steps, cut.meanwhile, cut.rest, full).why()
        played.lose(cut.at, [])
        return after if played.is_open(cut.at.client) else GAVE_UP

    def _led(self, cut: Cut) -> Played:
        played = Played(self.spec, self.reader, self.tables, self._with([], cut.name))
        for step in cut.before:
            played.take(step)
        return played

    def _whole(self, cut: Cut, takes_time: bool) -> Point | None:
        """The case that goes on after the cut; none where it does not fit any more.

        With ``takes_time`` the time without a link is some of what the case lets pass next.
        """
        try:
            played, left = self._taken_up(cut, cut.rest)
            spent = played.waited if takes_time else 0
            while left:
                if frames_of(left[0]):
                    played.read_early(left[0].client, left)
                step = left.pop(0)
                played.until_read(step)
                if step.kind == "do" and step.body["cmd"] == "advance":
                    step, spent = self._advanced(played, step, spent)
                if not played.fits(step):
                    return None
                played.take(step)
            return self._point(played)
        except CaseError:
            return None

    def _advanced(self, played: Played, step: Step, spent: int) -> tuple[Step, int]:
        """A clock moves less by what was spent, and as far as the attempt that it is to begin."""
        ms = max(1, step.body["ms"] - spent)
        spent -= min(spent, step.body["ms"] - ms)
        if (self._index[id(step)], step.body["on"]) in self._attempts:
            ms = max(ms, played.wait(step.body["on"]) or 0)
        return replace(step, body={**step.body, "ms": ms}), spent

    def _short(self, cut: Cut) -> Point:
        """The case that ends after the cut."""
        closes = [s for s in cut.rest if s.kind == "do" and s.body["cmd"] == "close"]
        try:
            played, _ = self._taken_up(cut, [])
        except CaseError:  # what its server tells, or the command, makes no sense now
            played = self._led(cut)
            played.lose(cut.at, [])
            played.hear(cut.at)
        for step in closes:
            played.until_read(step)
            played.take(step)
        return self._point(played)

    def _taken_up(self, cut: Cut, rest: list[Step]) -> tuple[Played, list[Step]]:
        """The link is lost, another one found, and all taken up; and what is left of the case."""
        played, left, lost = self._led(cut), list(rest), cut.lost
        told_by_us = [lost] if lost is not None and lost.kind != "recv" else []
        turns = known([*cut.before, *told_by_us], self.steps)
        if lost is not None and is_message(lost):
            turns[lost.body["requestId"]].heard = False
        played.lose(cut.at, cut.meanwhile)
        played.take_up(cut.at, turns, lost, left)
        return played, left

    def _point(self, played: Played) -> Point:
        expected = told(played.world)
        ids = {name: client.ids.ids for name, client in played.world.clients.items()}
        case = with_steps(self.case, played.steps, played.world.case.name, ids)
        check(case, expected)
        return Point(case, expected, False, "")


def _lanes(expected: Expectation) -> dict[str, list[str]]:
    """What a person sees, by what it belongs to."""
    lanes: dict[str, list[str]] = {}
    for _, event in expected.events:
        if event["ev"] in APART:
            continue
        lane = str(event.get("as") or event.get("turn") or event.get("on"))
        lanes.setdefault(lane, []).append(json.dumps(event, sort_keys=True))
    return lanes
