"""Mutant judges: a harness that is broken in one place must turn red somewhere here.

Each test plays a broken client (or a sound one) against a sound judge, then breaks the judge and
shows that the verdict changes. If the sound half ever fails, that judge has gone blind.
"""

from __future__ import annotations

import copy

import pytest

from conform import judge as judge_module
from conform import play as play_module
from conform.judge import Verdict, judge, siblings_equal
from conform.patterns import mismatch
from conform.play import Played
from conform.reader import Reader
from conform.run import Calibration, Run, expectation
from conform.run import TesteeRun as Ran  # a name with Test- would be collected
from conform.script import Case
from conform.spec import Spec
from conform.story import Expectation
from conform.testee import LineChecker
from conform.transcript import canonical, digest

from .support import play_in_process


async def test_a_comparator_that_is_always_content_would_pass_a_broken_client(
    spec: Spec, reader: Reader, checker: LineChecker, cases: dict[str, Case], monkeypatch
) -> None:
    case = cases["turn/final_text/two-parts"]
    assert not (await play_in_process(spec, reader, checker, case, "parts-joined-bare")).passed
    monkeypatch.setattr(judge_module, "first_difference", lambda *_, **__: None)
    assert (await play_in_process(spec, reader, checker, case, "parts-joined-bare")).passed


async def test_an_oracle_that_forgets_the_end_accuses_a_sound_client(
    spec: Spec, reader: Reader, checker: LineChecker, cases: dict[str, Case]
) -> None:
    case = cases["turn/keepalive"]
    expected = expectation(spec, reader, case)
    cut = [pair for pair in expected.events if pair[1]["ev"] != "ended"]
    broken = Expectation(cut, expected.frames, expected.closes)
    verdict = await play_in_process(spec, reader, checker, case, expected=broken)
    assert not verdict.passed


async def test_a_stage_that_accepts_a_superset_would_miss_a_default_on_the_wire(
    spec: Spec, reader: Reader, checker: LineChecker, cases: dict[str, Case], monkeypatch
) -> None:
    case = cases["turn/fields"]
    fault = "default-written-to-wire"
    assert not (await play_in_process(spec, reader, checker, case, fault)).passed
    loose = lambda pattern, value: mismatch({**pattern, "$partial": True}, value)  # noqa: E731
    monkeypatch.setattr(play_module, "mismatch", loose)
    assert (await play_in_process(spec, reader, checker, case, fault)).passed


async def test_a_schema_check_that_is_off_would_miss_a_null(
    spec: Spec, reader: Reader, checker: LineChecker, cases: dict[str, Case], monkeypatch
) -> None:
    case = cases["session/create"]
    expected = expectation(spec, reader, case)
    sound = await play_in_process(spec, reader, checker, case, "null-for-absent", expected=expected)
    assert "breaks the schema" in sound.reason
    monkeypatch.setattr(type(spec), "strict_fault", lambda *_: None)
    blind = await play_in_process(spec, reader, checker, case, "null-for-absent", expected=expected)
    assert "breaks the schema" not in blind.reason


async def test_a_fence_that_returns_at_once_would_miss_an_early_cancel(
    spec: Spec, reader: Reader, checker: LineChecker, cases: dict[str, Case], monkeypatch
) -> None:
    case = cases["cancel/confirmed"]
    fault = "cancel-resolves-before-terminal"
    assert not (await play_in_process(spec, reader, checker, case, fault)).passed

    async def at_once(*_: object) -> None:
        return None

    monkeypatch.setattr(play_module.Player, "_barrier", at_once)
    monkeypatch.setattr(play_module.Player, "_fence", at_once)
    verdict = await play_in_process(spec, reader, checker, case, fault)
    assert "reported" not in verdict.reason  # nobody looked before the turn had settled


def test_a_normaliser_that_drops_order_request_or_null_makes_unequal_things_equal() -> None:
    base = [
        {"ev": "returned", "as": "a", "n": 1, "error": {"kind": "request_timeout", "request": "x"}},
        {
            "ev": "state",
            "on": "c1",
            "n": 2,
            "from": "idle",
            "to": "connecting",
            "reason": "connect",
        },
        {"ev": "state", "on": "c1", "n": 3, "from": "connecting", "to": "open", "reason": "opened"},
        {"ev": "returned", "as": "b", "n": 4, "value": {"nextCursor": None}},
    ]
    order, request, null = (copy.deepcopy(base) for _ in range(3))
    order[1]["n"], order[2]["n"] = 3, 2
    request[0]["error"]["request"] = "y"
    del null[3]["value"]["nextCursor"]
    assert len({digest(canonical(events)) for events in (base, order, request, null)}) == 4


def test_a_hash_over_nothing_equals_nothing() -> None:
    verdicts = [Verdict("c", name, "pass", digest=digest([])) for name in ("a", "b")]
    assert digest([]) == ""
    assert not siblings_equal(verdicts)
    assert not siblings_equal([])


def test_a_case_that_expects_nothing_proves_nothing(cases: dict[str, Case]) -> None:
    verdict = judge(cases["turn/keepalive"], "t", Expectation(), Played())
    assert verdict.outcome == "fail"
    assert "proves nothing" in verdict.reason


def test_a_close_code_that_nobody_asked_for_is_seen(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    case = cases["turn/keepalive"]
    expected = expectation(spec, reader, case)
    played = Played(events=[event for _, event in expected.events])
    played.closes = [("c1", 1000)]
    assert judge(case, "t", expected, played).passed
    played.closes = [("c1", 1001)]
    assert "close codes" in judge(case, "t", expected, played).reason


def test_an_escaped_exception_and_a_broken_line_always_fail(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    case = cases["turn/keepalive"]
    expected = expectation(spec, reader, case)
    events = [event for _, event in expected.events]
    escaped = Played(events=[*events, {"ev": "unhandled", "what": "boom"}], closes=[("c1", 1000)])
    assert "escaped: boom" in judge(case, "t", expected, escaped).reason
    broken = Played(events=events, faults=["not JSON"], closes=[("c1", 1000)])
    assert "not JSON" in judge(case, "t", expected, broken).reason


@pytest.mark.parametrize(
    ("testees", "count", "overshoot", "why"),
    [
        ([], 1, 0.0, "no client ran"),
        ([Ran("a")], 1, 0.0, "no client ran"),
        ([Ran("a", verdicts={"x": Verdict("x", "a", "pass")})], 0, 0.0, "no case"),
        ([Ran("a", verdicts={"x": Verdict("x", "a", "pass")})], 1, 500.0, "too slow"),
        (
            [Ran("a", verdicts={"x": Verdict("x", "a", "pass")}, uncaught=["alter-text"])],
            1,
            0.0,
            "canaries got away",
        ),
    ],
)
def test_a_run_that_proves_nothing_is_void(
    cases: dict[str, Case], testees: list[Ran], count: int, overshoot: float, why: str
) -> None:
    run = Run(list(cases.values())[:count], testees, Calibration(10, 0.1, overshoot), "s")
    assert why in run.void


@pytest.mark.parametrize("canary", ["drop-3rd-item", "alter-text", "drop-error-code"])
async def test_every_canary_is_caught(
    spec: Spec, reader: Reader, checker: LineChecker, cases: dict[str, Case], canary: str
) -> None:
    name = "turn/error_before_202" if canary == "drop-error-code" else "turn/stream_token"
    verdict = await play_in_process(spec, reader, checker, cases[name], canary=canary)
    assert not verdict.passed
