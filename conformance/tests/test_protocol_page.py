"""Examples of PROTOCOL.md, read as the judges read what a testee reports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from conform.facts import IN_VERSION_1, OLD_NAMES
from conform.home import HOME
from conform.interpreter import load_tables
from conform.reader import Reader
from conform.sentences import Sentences
from conform.spec import Spec

PAGE = (HOME / "PROTOCOL.md").read_text(encoding="utf-8")
NATIVE_MEMBERS = {"kind", "text"}
BARE = {"retryable", "text", "sent", "question"}  # members that no row of `outcomes` needs to name


def lines(start: str) -> list[dict[str, Any]]:
    found = re.findall(rf"^\{{{start}.*\}}$", PAGE, re.MULTILINE)
    return [json.loads(text.replace("{…}", "{}")) for text in found]


def errors(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "kind" in node and "pointer" not in node:
            yield node
        for value in node.values():
            yield from errors(value)


EVENTS = lines('"ev"')
ERRORS = [*lines('"kind"'), *(error for event in EVENTS for error in errors(event))]
SHOWN = [e for e in EVENTS if e["ev"] in ("item", "pushed") and "unknown" not in e and e["data"]]
BROKEN = [e for e in EVENTS if e["ev"] == "item" and "unknown" in e]


def test_the_page_has_examples_of_every_kind() -> None:
    assert len(EVENTS) > 10
    assert len(ERRORS) > 4
    assert SHOWN
    assert BROKEN


@pytest.mark.parametrize("event", SHOWN, ids=lambda e: f"{e['type']}-{e['n']}")
def test_an_event_of_the_page_is_shown_as_the_reader_shows_it(
    reader: Reader, event: dict[str, Any]
) -> None:
    frame = reader.read(json.dumps(event["data"]))
    assert frame is not None
    assert frame.good, frame.fault
    flat = reader.flat(frame.wire_type, frame.tree)
    assert {k: v for k, v in flat.items() if k != "type"} == event["flat"]
    assert event["type"] == frame.wire_type


@pytest.mark.parametrize("event", BROKEN, ids=lambda e: f"{e['wireType']}-{e['n']}")
def test_an_unknown_event_of_the_page_is_unknown_to_the_reader(
    reader: Reader, event: dict[str, Any]
) -> None:
    frame = reader.read(json.dumps(event["raw"]))
    assert frame is not None
    assert not frame.good
    assert frame.wire_type == event["wireType"]
    told = {"kind": frame.fault.kind, "pointer": frame.fault.pointer} if frame.fault else None
    assert told == event.get("problem")


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: f"{e['kind']}-{len(e)}")
def test_an_error_of_the_page_carries_what_the_tables_let_it_carry(
    spec: Spec, error: dict[str, Any]
) -> None:
    named = {OLD_NAMES.get(name, name): value for name, value in error.items()}
    if error["kind"] in ("invalid_argument", "native_cancelled"):
        assert set(named) <= NATIVE_MEMBERS
        return
    carried = spec.carries(error["kind"]) | BARE | {"kind", "details"}
    assert set(named) <= carried
    if "retryable" not in named:
        assert set(named) <= IN_VERSION_1  # an example of version 1
        return
    code = named.get("code")
    row = spec.kinds[error["kind"]]["retryable"] if code is None else spec.code(code).retryable
    assert named["retryable"] == row
    if named["text"] != "…":
        assert Sentences(spec).fault([{"ev": "returned", "error": named}]) is None


def test_the_states_of_the_page_are_moves_of_the_machine(spec: Spec) -> None:
    group = load_tables(spec)
    assert group is not None
    rows = spec.machine["machines"]["connection"]["transitions"]
    for event in EVENTS:
        if event["ev"] == "state":
            assert any(
                event["from"] in row["from"]
                and event["reason"] in row["on"]
                and row.get("to") == event["to"]
                for row in rows
            ), event
