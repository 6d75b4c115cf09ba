"""The machines as printed step as the tables say: every vector of spec/vectors/machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smooth_operator.wire import steps

VECTORS = Path(__file__).resolve().parents[3] / "spec" / "vectors" / "machines"
FILES = sorted(VECTORS.glob("*.json"))


def read(path: Path) -> tuple[dict[str, Any], steps.Machine[Any]]:
    table = json.loads(path.read_text(encoding="utf-8"))
    return table, getattr(steps, table["machine"].upper())


def facts_of(raw: dict[str, Any]) -> steps.Facts:
    sets = {name: frozenset(value) for name, value in raw.items() if isinstance(value, list)}
    return steps.Facts(**{**raw, **sets})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_req_turn_27_every_row_and_guard_steps_as_the_vectors_say(path: Path) -> None:
    table, machine = read(path)
    assert (machine.initial, list(machine.states)) == (table["initial"], table["states"])
    for case in table["vectors"]:
        to, effects = machine.step(case["state"], case["event"], facts_of(case["facts"]))
        assert (to, [str(effect) for effect in effects]) == (case["to"], case["effects"]), case


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_events_that_no_row_takes_change_nothing(path: Path) -> None:
    table, machine = read(path)
    for state, events in table["untouched"].items():
        for event in events:
            assert machine.step(state, event, steps.Facts()) == (state, ())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_quiet_events_are_those_of_the_vectors(path: Path) -> None:
    table, machine = read(path)
    assert {state: set(events) for state, events in machine.quiet.items()} == {
        state: set(events) for state, events in table["quiet"].items()
    }


def test_no_machine_is_without_vectors() -> None:
    assert {path.stem for path in FILES} == {
        value.name for value in vars(steps).values() if isinstance(value, steps.Machine)
    }
