"""The specification as the harness reads it: what asyncapi.yaml refers to, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from conform.cli import main
from conform.documents import CaseError
from conform.home import SPEC
from conform.reader import Reader
from conform.run import expectation
from conform.script import Case, Loader
from conform.spec import Spec, load_spec
from conform.testee import LineChecker

from .support import play_in_process

CASE = """\
case: x/new_fields
title: t
why: w
level: must
proves: [REQ-TURN-01]
given: session
steps:
  - do:   {turn: c1, session: $uuid(2), message: hello, as: t1}
  - recv: {action: send_message, requestId: req-t1, sessionId: $uuid(2), message: hello}
  - tell: {t1: stream_token, token: a, mood: glad}
  - finish: t1
    text: a
"""


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A copy of the specification with one more field, and an old version left inside it."""
    folder = tmp_path / "spec"
    shutil.copytree(SPEC, folder, ignore=shutil.ignore_patterns("vectors"))
    shutil.copytree(SPEC / "events", folder / "old" / "events")
    path = folder / "events" / "stream-token.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    mood = {"type": "string", "description": "How the model feels."}
    schema["properties"]["data"]["properties"]["mood"] = mood
    path.write_text(json.dumps(schema), encoding="utf-8")
    return folder


async def test_a_field_that_the_spec_gains_reaches_stage_oracle_and_reader(
    newer: Path, checker: LineChecker, write_case
) -> None:
    spec = load_spec(newer)
    reader = Reader(spec)
    (case,) = Loader(spec).load(write_case(CASE) / "case.yaml")
    frame = {"type": "stream_token", "data": {"requestId": "r", "token": "a", "mood": "glad"}}
    assert spec.strict_fault(frame) is None
    assert load_spec().strict_fault(frame) is not None
    assert reader.flat("stream_token", frame)["mood"] == "glad"
    items = [e for _, e in expectation(spec, reader, case).events if e["ev"] == "item"]
    assert items[0]["flat"]["mood"] == "glad"
    assert (await play_in_process(spec, reader, checker, case)).passed


def test_what_asyncapi_does_not_refer_to_counts_for_nothing(newer: Path) -> None:
    (newer / "events" / "draft.schema.json").write_text("not even JSON", encoding="utf-8")
    assert all("old" not in str(path) for path in Spec(newer).documents)


@pytest.mark.parametrize("made", [False, True])
def test_a_spec_that_is_not_there_or_empty_is_2_and_says_where(
    tmp_path: Path, capsys, made: bool
) -> None:
    folder = tmp_path / "nothing"
    if made:
        folder.mkdir()
    for verb in (["lint"], ["list"], ["server", "ws://127.0.0.1:9/"], ["mutate"]):
        assert main([*verb, "--spec", str(folder)]) == 2
        told = capsys.readouterr().err
        assert str(folder) in told
        assert len(told.splitlines()) == 1


def test_a_reference_that_leads_nowhere_names_the_file(newer: Path) -> None:
    (newer / "types" / "otp-channel.schema.json").unlink()
    with pytest.raises(CaseError, match=r"otp-channel\.schema\.json"):
        Spec(newer)


def test_cases_are_the_same_with_the_spec_given_by_name(cases: dict[str, Case]) -> None:
    assert {case.name for case in Loader(load_spec(SPEC)).load_all()} == set(cases)
