"""The axis ``cut``: where links are cut, what must come of it, and that broken clients are seen."""

from __future__ import annotations

from collections import Counter

import pytest

from conform.cutting import Axis, axis_of
from conform.lint import expectation
from conform.reader import Reader
from conform.script import Case
from conform.spec import Spec
from conform.testee import LineChecker

from .support import play_in_process

STREAM = "turn/stream_token"
HANDLED = "handlers/one_at_a_time"
ASKED = "confirm/write_confirmation_required_approved"


def _axis(spec: Spec, reader: Reader, cases: dict[str, Case], *names: str) -> Axis:
    found = [case for name, case in cases.items() if name in names or name.startswith(names)]
    return axis_of(spec, reader, found)


def test_every_cut_of_a_stream_shows_the_uncut_case(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    axis = _axis(spec, reader, cases, STREAM)
    create = "REQ-CONN-15: create_conversation_session is in flight"
    assert {p.reason for p in axis.points if not p.equal} == {create}
    hows = Counter(p.case.name.rpartition("/")[2].split("-")[1] for p in axis.points if p.equal)
    assert hows == {"after": 9, "lost": 8, "while": 1}  # a message, eight events, the session


def test_what_differs_is_named_by_its_rule(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    axis = _axis(spec, reader, cases, "otp/", "cancel/cancel")
    reasons = {p.reason.split(":")[0] for p in axis.points if not p.equal}
    assert axis.unexplained == []
    assert "REQ-RESUME-07" in reasons


def test_a_cut_case_is_what_its_steps_lead_to(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    for point in _axis(spec, reader, cases, STREAM, ASKED, "handlers/held", "paging/").points:
        assert expectation(spec, reader, point.case) == point.expected


@pytest.mark.parametrize(
    ("name", "equal"),
    [
        ("call/answer_status/100", True),
        ("handlers/one_at_a_time", True),
        ("replay/goes_on", True),
        ("reconnect/reads/session", True),
        ("time/total", True),
        ("frames/ten_malformed", True),
        ("concurrency/two_clients", True),
        ("close/mid_turn/fin", False),
    ],
)
def test_cases_of_every_kind_are_cut(
    spec: Spec, reader: Reader, cases: dict[str, Case], name: str, equal: bool
) -> None:
    axis = _axis(spec, reader, cases, name)
    assert axis.points
    assert axis.unexplained == []
    assert any(point.equal for point in axis.points) is equal


def test_a_handler_that_runs_when_the_link_is_lost_keeps_its_signal_and_answers_later(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    (found,) = [
        point
        for point in _axis(spec, reader, cases, HANDLED).points
        if point.case.name == f"{HANDLED}/cut-after-7"  # its question
    ]
    (cut,) = [at for at, step in enumerate(found.case.steps) if step.body == {"drop": True}]
    called = [at for at, event in found.expected.events if event["ev"] == "called"]
    signalled = [at for at, event in found.expected.events if event["ev"] == "signalled"]
    answered = [at for at, _, frame in found.expected.frames if "approved" in frame]
    assert called[0] < cut < answered[0]
    assert cut not in signalled
    assert found.equal


def test_what_a_handler_gives_while_there_is_no_link_waits(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    points = _axis(spec, reader, cases, HANDLED).points
    (found,) = [p for p in points if p.case.name == f"{HANDLED}/cut-while-17"]
    given = next(at for at, s in enumerate(found.case.steps) if s.body.get("cmd") == "give")
    resumed = next(
        at for at, _, f in found.expected.frames if f["action"] == "resume_turn" and at > given
    )
    answered = next(at for at, _, f in found.expected.frames if "approved" in f)
    assert found.case.steps[given - 1].body == {"drop": True}
    assert given < resumed < answered
    assert found.equal


def test_what_shows_nothing_is_read_before_the_next_command(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    points = _axis(spec, reader, cases, "confirm/client_verb_without_turn").points
    wanted = ["send", "fence", "do"]
    kinds = [[step.kind for step in point.case.steps] for point in points]
    assert any(each[at : at + 3] == wanted for each in kinds for at in range(len(each)))


def test_cases_without_a_link_and_cuts_of_other_cases_are_counted(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    axis = _axis(spec, reader, cases, "close/never_opened", "call/answer_status")
    assert axis.without_link == 1
    assert axis.same > 0
    told = [[(s.kind, s.body) for s in p.case.steps] for p in axis.points]
    assert all(each not in told[:at] for at, each in enumerate(told))


def test_a_long_case_is_cut_at_some_places_and_says_so(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    axis = _axis(spec, reader, cases, "concurrency/slow_consumer")
    assert 0 < len(axis.points) < 10 < axis.between


def test_all_nth_cuts_together_are_all(spec: Spec, reader: Reader, cases: dict[str, Case]) -> None:
    case = cases[STREAM]
    whole = [p.case.name for p in axis_of(spec, reader, [case]).points]
    parts = [axis_of(spec, reader, [case], 5, offset).points for offset in range(5)]
    assert set(whole) <= {p.case.name for part in parts for p in part}
    assert {len(part) for part in parts} <= {4, 5}


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


def test_an_answer_that_is_given_several_times_is_a_reason(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    axis = _axis(spec, reader, cases, "handlers/never_right", "handlers/asked_anew")
    assert len(axis.points) > 50
    assert axis.unexplained == []


def test_a_command_that_does_not_wait_for_the_link_is_a_reason(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    axis = _axis(spec, reader, cases, "replay/recover_without_link")
    assert any(point.reason.startswith("REQ-CONN-40") for point in axis.points)
    assert axis.unexplained == []
