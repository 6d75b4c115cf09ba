"""The axis ``cut``: where links are cut, what must come of it, and that broken clients are seen."""

from __future__ import annotations

import pytest

from conform.cutting import Axis, axis_of
from conform.reader import Reader
from conform.script import Case
from conform.spec import Spec
from conform.testee import LineChecker

from .support import play_in_process

STREAM = "turn/stream_token"
ASKED = "confirm/write_confirmation_required_approved"


def _axis(spec: Spec, reader: Reader, cases: dict[str, Case], *names: str) -> Axis:
    found = [case for name, case in cases.items() if name in names or name.startswith(names)]
    return axis_of(spec, reader, found)


def test_every_cut_of_a_stream_shows_the_uncut_case(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    axis = _axis(spec, reader, cases, STREAM)
    assert len(axis.points) == 16  # eight frames, each heard and lost
    assert [p.case.name for p in axis.points if not p.equal] == []


def test_what_differs_is_named_by_its_rule(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    axis = _axis(spec, reader, cases, "otp/", "cancel/cancel")
    reasons = {p.reason.split(":")[0] for p in axis.points if not p.equal}
    assert axis.unexplained == []
    assert "REQ-RESUME-07" in reasons


def test_cases_whose_subject_is_the_link_are_left_out_with_the_reason(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    axis = _axis(spec, reader, cases, "reconnect/backoff", "replay/goes_on", "call/ping")
    assert axis.unfit["its subject is bytes, links or handshakes"] > 0
    assert axis.unfit["no turn"] > 0


def test_every_nth_cut_is_a_part_of_all(spec: Spec, reader: Reader, cases: dict[str, Case]) -> None:
    case = cases[STREAM]
    whole, part = axis_of(spec, reader, [case]), axis_of(spec, reader, [case], every=5)
    names = [p.case.name for p in whole.points]
    assert {p.case.name for p in part.points} < set(names)
    assert len(names) // 5 <= len(part.points) <= len(names) // 5 + 1


async def test_the_reference_client_does_what_the_oracle_says_at_each_cut(
    spec: Spec, reader: Reader, cases: dict[str, Case], checker: LineChecker
) -> None:
    for point in _axis(spec, reader, cases, STREAM, ASKED).points:
        verdict = await play_in_process(spec, reader, checker, point.case)
        assert (point.case.name, verdict.outcome, verdict.reason) == (point.case.name, "pass", "")


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("resume-never-asked", ASKED),
        ("resume-from-the-start", ASKED),
        ("never-is-not-sent", ASKED),
        ("doubtful-answer-lost", "interaction/asked_again"),
        ("verbs-decided-early", "interaction/asked_again"),
    ],
)
async def test_a_broken_client_is_seen_at_some_cut(
    spec: Spec,
    reader: Reader,
    cases: dict[str, Case],
    checker: LineChecker,
    fault: str,
    name: str,
) -> None:
    points = _axis(spec, reader, cases, name).points
    seen = [await play_in_process(spec, reader, checker, p.case, fault) for p in points]
    assert not all(verdict.passed for verdict in seen)
