"""The oracle against small tables that a reader can check by eye."""

from __future__ import annotations

from pathlib import Path

import pytest

from conform.documents import CaseError
from conform.interpreter import Group, Tables, load_tables, parse_effect
from conform.reader import Reader, final_text
from conform.script import Loader
from conform.spec import Spec
from conform.story import expect

ROWS = [
    {"from": ["off"], "on": ["press"], "guard": ["power"], "to": "on", "emit": ["light(warm, 3)"]},
    {"from": ["off"], "on": ["press"], "emit": ["click"]},
    {"from": "any", "on": ["cut"], "to": "off"},
    {"from": ["on"], "on": ["later"], "to": "off", "pending": "a bigger lamp"},
]
LAMP = {
    "machines": {"lamp": {"initial": "off", "states": {"off": "", "on": ""}, "transitions": ROWS}},
    "guards": {
        "power": {"any": [{"fact": "volts", "ge": 12}, {"all": [{"fact": "cell", "eq": "full"}]}]}
    },
    "questions": [], "verbs": [], "answers": [], "timers": [], "routing": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "event", "facts", "after", "effects"),
    [
        ("off", "press", {"volts": 12}, "on", ["light"]),
        ("off", "press", {"cell": "full"}, "on", ["light"]),
        ("off", "press", {"volts": 11}, "off", ["click"]),
        ("off", "press", {}, "off", ["click"]),
        ("on", "press", {"volts": 12}, "on", []),
        ("on", "cut", {}, "off", []),
        ("off", "thunder", {}, "off", []),
        ("on", "later", {}, "on", []),
    ],
)
def test_the_first_row_that_fits_is_taken_and_no_other(
    state: str, event: str, facts: dict, after: str, effects: list[str]
) -> None:
    to, emitted = Tables(LAMP).step("lamp", state, event, facts)
    assert (to, [effect.name for effect in emitted]) == (after, effects)


def test_req_turn_27_the_questions_take_settle_in_the_step_that_settles(spec: Spec) -> None:
    group = Group(load_tables(spec), "turn", questions=True)
    group.frame("write_confirmation_required", {})
    group.frame("otp_verification_required", {})
    effects = group.frame("cancelled", {})
    assert [(e.machine, e.name) for e in effects] == [
        ("turn", "item"),
        ("turn", "settle"),
        ("confirmation", "shut"),
        ("interaction", "shut"),
    ]
    assert group.states["confirmation"] == "none"
    assert group.states["otp"] == "open"
    assert group.frame("write_confirmation_required", {})[-1].name == "tap"
    assert group.states["confirmation"] == "none"


def test_an_unknown_guard_is_malformed_input(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(spec.machine, "guards", {})
    with pytest.raises(CaseError, match="a table is malformed"):
        load_tables(spec)


def test_effects_are_read_with_their_arguments() -> None:
    assert parse_effect("light(warm, 3)").args == ("warm", "3")
    assert parse_effect("click").args == ()
    with pytest.raises(ValueError, match="light"):
        parse_effect("light(")


def test_every_effect_event_and_guard_of_the_machines_is_declared(spec: Spec) -> None:
    declared = {*spec.events, "unknown", *spec.machine["local_events"]}
    guards, effects = set(spec.machine["guards"]), set(spec.machine["effects"])
    for machine in load_tables(spec).machines.values():
        for row in machine.rows:
            assert row.events <= declared
            assert set(row.guards) <= guards
            assert {effect.name for effect in row.effects} <= effects


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        ({"responseParts": ["a", "b"]}, "a\n\nb"),
        ({"responseParts": ["a", 1, None]}, "a"),
        ({"responseParts": [1]}, ""),
        ({"responseParts": []}, "tok"),
        ({"responseParts": None}, "tok"),
        ({}, "tok"),
        (None, "tok"),
        (7, "tok"),
    ],
)
def test_req_turn_09_text_of_a_result(response: object, text: str) -> None:
    assert final_text(response, "tok") == text


STORY = """\
case: x/story
title: t
why: w
level: must
proves: [REQ-TURN-01]
given: session
client: {clock: virtual, options: {pingInterval: 0, autoReconnect: false}}
steps:
  - ask: t1
"""

NAMED = {"requestId": "req-t1", "sessionId": "00000000-0000-4000-8000-000000000002"}
FINAL = {"retryable": False}
OUTCOMES = [
    ("finish: t1\n    text: ok", {"outcome": "completed", "text": "ok", "messageId": "m-1"}),
    ("tell: {t1: cancelled}", {"outcome": "cancelled", "text": "", "confirmed": True}),
    (
        "tell: {t1: error, code: RATE_LIMITED, message: m}",
        {
            "outcome": "failed",
            "text": "",
            "error": {
                **NAMED,
                "kind": "rate_limited",
                "code": "RATE_LIMITED",
                "retryable": True,
                "serverMessage": "m",
            },
            "raised": "rate_limited",
        },
    ),
    (
        "wire: {close: {code: 1011}}",
        {
            "outcome": "failed",
            "text": "",
            "error": {
                **NAMED,
                **FINAL,
                "kind": "turn_interrupted",
                "closeCode": 1011,
                "sent": True,
            },
            "raised": "turn_interrupted",
        },
    ),
    (
        "do: {advance: c1, ms: 120s}",
        {
            "outcome": "failed",
            "text": "",
            "error": {**NAMED, **FINAL, "kind": "turn_timeout"},
            "raised": "turn_timeout",
        },
    ),
]


@pytest.mark.parametrize(("step", "body"), OUTCOMES)
def test_a_turn_ends_as_its_last_step_says(
    spec: Spec, reader: Reader, write_case, step: str, body: dict
) -> None:
    folder: Path = write_case(STORY + f"  - {step}\n")
    (case,) = Loader(spec).load(folder / "case.yaml")
    ended = [e for _, e in expect(spec, reader, case).events if e["ev"] == "ended"]
    assert ended == [{"ev": "ended", "turn": "t1", **body}]


def test_the_oracle_is_pure(spec: Spec, reader: Reader, write_case) -> None:
    folder: Path = write_case(STORY + "  - finish: t1\n    text: ok\n")
    (case,) = Loader(spec).load(folder / "case.yaml")
    assert expect(spec, reader, case) == expect(spec, reader, case)
