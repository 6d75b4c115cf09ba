"""All cut points of some cases."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count

from conform.cutting.cutter import Cutter, Point
from conform.cutting.numbering import in_real_time
from conform.interpreter import load_tables
from conform.reader import Reader
from conform.script import Case
from conform.spec import Spec


@dataclass
class Axis:
    """All cut points of some cases."""

    points: list[Point] = field(default_factory=list)
    without_link: int = 0  # cases in which no frame passes while there is a link
    between: int = 0  # places of long cases between those that are cut
    real_time: int = 0  # cases with a limit of real time: no clock moves to the next link
    same: int = 0  # points that are those of another case, step for step

    @property
    def unexplained(self) -> list[Point]:
        """Points that must be equal to the uncut case, and are not."""
        return [p for p in self.points if not p.equal and not p.reason]


def axis_of(spec: Spec, reader: Reader, cases: list[Case], every: int = 1, offset: int = 0) -> Axis:
    """Cut every case at every frame; or at every n-th, of which there are n sets."""
    axis = Axis()
    tables = load_tables(spec)
    seen: set[str] = set()
    number = count()
    for case in cases:
        if in_real_time(case):
            axis.real_time += 1
            continue
        cutter = Cutter(spec, reader, tables, case)
        places, between = cutter.places()
        axis.without_link += not places
        axis.between += between
        for place in (it for it in places if next(number) % every == offset % every):
            point = cutter.point(place)
            told = _steps(point.case)
            axis.same += told in seen
            axis.points += [] if told in seen else [point]
            seen.add(told)
    return axis


def _steps(case: Case) -> str:
    return json.dumps([(step.client, step.kind, step.body) for step in case.steps])
