"""Every foreign document that is right: compiled in five languages, its vectors replayed in all.

One project a language holds them all, each in a package of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wiregen import api
from wiregen.build import build
from wiregen.ir import Spec
from wiregen.naming import LANGS
from wiregen.reserved import Lang
from wiregen.vectors import vector_files

from .. import driving
from ..test_protocols import frames, plain, wanted
from .documents import INPUTS, SIBLINGS, inputs
from .envelopes import document

pytestmark = pytest.mark.timeout(600)
PREFIX = "f_"  # so that no package is called as one of the language


@pytest.fixture(scope="module", params=[INPUTS, SIBLINGS], ids=lambda path: path.stem)
def file(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture(scope="module")
def documents(file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Spec]:
    folder = tmp_path_factory.mktemp("foreign")
    right = [item for item in inputs(file) if item.outcome == "right"]
    found = {PREFIX + item.name: build(item.write(folder)) for item in right}
    if file == SIBLINGS:
        (folder / "asyncapi.json").write_text(json.dumps(document()), encoding="utf-8")
        found[f"{PREFIX}envelopes"] = build(folder)
    return found


@pytest.fixture(scope="module")
def rows(file: Path, documents: dict[str, Spec]) -> list[tuple[str, driving.Json, driving.Line]]:
    """Everything that clients of all documents read, with the verdict that is due."""
    found = [item for name, spec in documents.items() for item in frames(name, vector_files(spec))]
    for item in inputs(file):
        name = PREFIX + item.name
        for outcome, text in item.line.get("frames", ()):
            row = due(documents[name], outcome, text)
            found.append((f"{item.name}: {text}", row, driving.Line(name, "event", "", text)))
    return found


def due(spec: Spec, outcome: str, text: str) -> driving.Json:
    """Return a frame that a document brings along as a row of vectors; checked by the tables."""
    tree = json.loads(text)
    row = {"outcome": outcome, "text": text}
    if outcome in ("good", "broken"):
        fault = api.check(spec, tree[spec.event_tag], tree)
        assert (fault is None) == (outcome == "good"), text
        if fault is not None:
            return {**row, "problem": {"kind": fault.kind, "pointer": fault.pointer}}
        return {**row, "encoded": api.repair(spec, tree[spec.event_tag], tree)}
    return row


@pytest.mark.parametrize("lang", LANGS)
def test_foreign_documents_compile_and_their_vectors_hold(
    lang: Lang,
    documents: dict[str, Spec],
    rows: list[tuple[str, driving.Json, driving.Line]],
    file: Path,
    tmp_path: Path,
) -> None:
    driver = driving.build(lang, tmp_path, documents, f"foreign-{file.stem}")
    assert {line.protocol for _, _, line in rows} == documents.keys()
    shown = driver.replay(line for _, _, line in rows)
    assert len(shown) == len(rows)
    wrong = [
        (line.protocol, place, line.text[:200], found, wanted(row))
        for (place, row, line), found in zip(rows, shown, strict=True)
        if plain(found, driver) != plain(wanted(row), driver)
    ]
    assert wrong[:8] == []
