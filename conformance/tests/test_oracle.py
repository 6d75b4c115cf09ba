"""The oracle against small tables that a reader can check by eye."""

from __future__ import annotations

from pathlib import Path

import pytest

from conform.machine import Machine, parse_effect
from conform.oracle import expect
from conform.oracle.turns import final_text
from conform.oracle.world import machines
from conform.reader import Reader
from conform.script import Loader
from conform.spec import Spec

TABLE = {
    "initial": "off",
    "states": {"off": "", "on": ""},
    "transitions": [
        {
            "from": ["off"],
            "on": ["press"],
            "guard": ["power"],
            "to": "on",
            "emit": ["light(warm, 3)"],
        },
        {"from": ["off"], "on": ["press"], "emit": ["click"]},
        {"from": "any", "on": ["cut"], "to": "off"},
    ],
}


@pytest.mark.parametrize(
    ("state", "event", "power", "after", "effects"),
    [
        ("off", "press", True, "on", ["light"]),
        ("off", "press", False, "off", ["click"]),
        ("on", "press", True, "on", []),
        ("on", "cut", True, "off", []),
        ("off", "thunder", True, "off", []),
    ],
)
def test_the_first_row_that_fits_is_taken_and_no_other(
    state: str, event: str, power: bool, after: str, effects: list[str]
) -> None:
    to, emitted = Machine(TABLE).step(state, event, lambda _: power)
    assert (to, [effect.name for effect in emitted]) == (after, effects)


def test_effects_are_read_with_their_arguments() -> None:
    assert parse_effect("light(warm, 3)").args == ("warm", "3")
    assert parse_effect("click").args == ()
    with pytest.raises(ValueError, match="light"):
        parse_effect("light(")


def test_every_effect_event_and_guard_of_the_machines_is_declared(spec: Spec) -> None:
    declared = {*spec.events, "unknown", *spec.machine["local_events"]}
    guards, effects = set(spec.machine["guards"]), set(spec.machine["effects"])
    for machine in machines(spec).values():
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
    assert final_text(response, ["t", "ok"]) == text


STORY = """\
case: x/story
title: t
why: w
level: must
proves: [REQ-TURN-01]
given: session
client: {clock: virtual}
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
