"""The vectors: every obligation has one, ids are stable, verdicts are those of the schema."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wiregen.build import build
from wiregen.normalise import VIEWS
from wiregen.vectors import coverage, vector_files
from wiregen.vectors.files import mend_text
from wiregen.vectors.validity import Validity

from .conftest import FIXTURES, Ran, Workspace

Json = Any


def _documents() -> dict[str, Json]:
    files = vector_files(build(FIXTURES / "thermostat"))
    return {name: json.loads(text) for name, text in files.items() if name.endswith(".json")}


def _vector(document: Json, id_: str) -> Json:
    return next(vector for vector in document["vectors"] if vector["id"] == id_)


def test_every_obligation_has_a_vector() -> None:
    spec = build(FIXTURES / "thermostat")
    result = coverage(spec, vector_files(spec))
    assert result.missing == ()
    assert result.percent == 100.0


def test_a_vector_less_is_noticed() -> None:
    spec = build(FIXTURES / "thermostat")
    files = vector_files(spec)
    files = {name: text for name, text in files.items() if "reading" not in name}
    missing = coverage(spec, files).missing
    assert ("Reading", "celsius", "present") in missing


def test_there_is_a_file_for_every_message_result_and_free_type() -> None:
    assert sorted(_documents()) == [
        "actions/read.json",
        "actions/set_target.json",
        "events/alarm.json",
        "events/answer.json",
        "events/failed.json",
        "events/reading.json",
        "frames.json",
        "results/read.json",
    ]


def test_ids_are_unique_in_a_file() -> None:
    for name, document in _documents().items():
        ids = [vector["id"] for vector in document["vectors"]]
        assert len(ids) == len(set(ids)), name


def test_verdicts_tell_writer_and_reader_apart() -> None:
    reading = _documents()["events/reading.json"]
    extra = _vector(reading, "extra")
    assert (extra["strict"], extra["outcome"]) == (False, "good")
    top = _vector(reading, "mirror/body/celsius=top")
    assert (top["strict"], top["outcome"]) == (False, "good")
    assert top["encoded"]["body"]["celsius"] == top["flat"]["celsius"]
    neither = _vector(reading, "mirror/body/celsius=neither")
    assert neither["problem"] == {"kind": "missing", "pointer": "/body/celsius"}
    sensor = _vector(reading, "/body/sensor=missing")
    assert (sensor["strict"], sensor["outcome"]) == (False, "good")
    null = _vector(reading, "/body/next=null")
    assert (null["strict"], null["flat"]["next"]) == (True, None)
    unknown = _vector(reading, "unknown=type")
    assert (unknown["outcome"], unknown["wireType"]) == ("unknown", "reading_next")


def test_actions_are_judged_as_written_and_open() -> None:
    target = _documents()["actions/set_target.json"]
    assert _vector(target, "extra")["strict"] is False
    assert _vector(target, "extra")["open"] is True
    assert _vector(target, "/celsius=past-maximum")["open"] is False
    assert _vector(target, "/steps=most")["strict"] is True
    assert _vector(target, "/steps=too-many")["strict"] is False


def test_the_pointer_of_a_result_leads_into_the_event() -> None:
    results = _documents()["results/read.json"]
    assert _vector(results, "/celsius=missing")["problem"]["pointer"] == "/body/celsius"


def test_the_command_prints_the_figure(workspace: Workspace, wiregen: Callable[..., Ran]) -> None:
    ran = wiregen("vectors", "--coverage")
    assert ran.code == 0
    assert "(100.0 %)" in ran.out
    assert wiregen("vectors").code == 0
    assert (workspace.root / "vectors" / "events" / "alarm.json").is_file()


def test_both_engines_give_one_verdict_of_every_vector() -> None:
    views = [Validity(build(FIXTURES / "thermostat"), view) for view in VIEWS]
    for document in _documents().values():
        if document["role"] not in ("event", "action"):
            continue
        for row in (row for row in document["vectors"] if row.get("outcome") != "unknown"):
            text = mend_text(row["text"])
            value, name = json.loads(text), document["type"]
            for view in views:
                assert view.fits(name, text, value) == view.exactly(name, value), text


def test_the_end_of_a_pattern_is_the_end_of_the_text(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "thermostat", tmp_path / "spec")
    place = tmp_path / "spec/actions/read.schema.json"
    schema = json.loads(place.read_text())
    schema["properties"]["id"]["pattern"] = r"^(a$|[b$]+$|\$)"
    place.write_text(json.dumps(schema))
    view = Validity(build(tmp_path / "spec"), "strict")
    for text, fits in (("a", True), ("a\n", False), ("b$", True), ("$", True), ("c", False)):
        frame = {"op": "read", "id": text}
        assert view.fits("Read", json.dumps(frame), frame) is fits
        assert view.exactly("Read", frame) is fits
