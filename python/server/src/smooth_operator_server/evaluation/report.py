"""What came of an evaluation, for people and for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .checks import Check
from .files import Conversation


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a conversation."""

    file: Path
    conversation: Conversation
    checks: tuple[Check, ...]
    points: float | None = None
    """0 to 5; None when it was not judged."""

    why: str | None = None
    tokens: int = 0

    @property
    def passed(self) -> bool:
        """Whether all checks did, and the judge, if there was one, gave points enough."""
        judged = self.points is None or self.points >= self.conversation.least
        return judged and all(one.fault is None for one in self.checks)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of all conversations; ``bar`` is the share of them that has to pass."""

    outcomes: tuple[Outcome, ...]
    bar: float

    @property
    def share(self) -> float:
        """The share of conversations that passed."""
        return sum(one.passed for one in self.outcomes) / len(self.outcomes)

    @property
    def points(self) -> float | None:
        """The judge's points on average; None when nothing was judged."""
        given = [one.points for one in self.outcomes if one.points is not None]
        return sum(given) / len(given) if given else None

    @property
    def passed(self) -> bool:
        """Whether the bar is reached."""
        return self.share >= self.bar


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON."""
    return {
        "passed": report.passed,
        "share": report.share,
        "bar": report.bar,
        "points": report.points,
        "conversations": [
            {
                "file": str(one.file),
                "name": one.conversation.name,
                "passed": one.passed,
                "checks": [asdict(check) for check in one.checks],
                "points": one.points,
                "least": one.conversation.least if one.conversation.rubric else None,
                "why": one.why,
                "tokens": one.tokens,
            }
            for one in report.outcomes
        ],
    }


def as_lines(report: Report) -> Iterator[str]:
    """Yield the report line by line: what failed, and the figures."""
    for one in report.outcomes:
        judged = "" if one.points is None else f" · {one.points:g} of 5"
        name = f"{one.file}: {one.conversation.name}"
        yield f"{'+' if one.passed else '-'} {name}{judged}"
        yield from _faults(one.checks)
        if one.points is not None and one.points < one.conversation.least:
            yield f"    judge: fewer than {one.conversation.least:g} points: {one.why}"
        elif one.conversation.rubric is not None and one.points is None:
            yield "    judge: not asked"
    passed = sum(one.passed for one in report.outcomes)
    points = "" if report.points is None else f" · {report.points:.1f} of 5 on average"
    yield f"{passed} of {len(report.outcomes)} passed, the bar is {report.bar:.0%}{points}"


def _faults(checks: Sequence[Check]) -> Iterator[str]:
    for one in checks:
        if one.fault is not None:
            place = "" if one.turn is None else f"turn {one.turn}, "
            yield f"    {place}{one.name}: {one.fault}"
