"""The page of faults: what a client shows of each, read from its own transcript."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conform import run as runs
from conform.documents import CaseError
from conform.judge import Verdict
from conform.report import faults
from conform.run import Calibration, Run
from conform.script import Loader
from conform.spec import load_spec

LOST = {"ev": "state", "on": "c1", "from": "open", "to": "reconnecting", "reason": "lost"}


def told(*events: dict[str, object]) -> str:
    """What a transcript of these events is described as."""
    return faults.described([json.dumps(event) for event in events])


def test_a_wait_tells_its_cause_and_its_length() -> None:
    wait = {**LOST, "code": 1006, "attempt": 1, "retryInMs": 250}
    assert told(wait) == "reconnecting (lost, 1006, attempt 1 in 250 ms)"


def test_what_every_case_shows_is_no_part_of_a_fault() -> None:
    opened = {"ev": "state", "on": "c1", "from": "idle", "to": "connecting", "reason": "connect"}
    assert told(opened, {"ev": "returned", "as": "c1", "value": None}) == "goes on"


def test_a_broken_event_tells_where() -> None:
    item = {"ev": "item", "turn": "t1", "unknown": True, "problem": {"pointer": "/data/token"}}
    ended = {"ev": "ended", "turn": "t1", "outcome": "failed", "error": {"kind": "invalid_frame"}}
    assert told(item, ended) == "shown as unknown (/data/token); turn failed with invalid_frame"


def test_clients_that_differ_are_marked(tmp_path: Path) -> None:
    case = Loader(load_spec()).named("reconnect/after_loss/fin")[0]
    clients = []
    for name, code in (("go", 1006), ("rust", 1005)):
        client = runs.TesteeRun(name)
        lines = [json.dumps({**LOST, "code": code})]
        client.verdicts[case.name] = Verdict(case.name, name, "pass", transcript=lines)
        clients.append(client)
    faults.write(Run([case], clients, Calibration(1, 1, 1)), tmp_path)
    page = (tmp_path / "faults.html").read_text(encoding="utf-8")
    assert page.count("class=differs") == 2
    assert "0 of 1 rows alike in 2 clients" in page
    assert "close code fin | reconnecting (lost, 1006)" in (tmp_path / "faults.md").read_text()


def test_a_row_without_its_members_is_named(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("faults: [{group: x, fault: y}]", encoding="utf-8")
    with pytest.raises(CaseError, match="/faults/0: needs cases"):
        faults.rows(Run([], [], Calibration(1, 1, 1)), path)


def test_every_row_of_the_page_has_a_case() -> None:
    names = [case.name for case in Loader(load_spec()).load_all()]
    for entry in faults._entries(faults.ROWS):
        assert any(faults.fnmatchcase(name, entry["cases"]) for name in names), entry["cases"]
