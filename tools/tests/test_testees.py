"""The listing of testees: built once, described for the harness, missing ones named."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import steps
import testees
import tree
from languages import GO, PYTHON, Step, Testee
from steps import Ready
from toolchains import Missing
from workshop import SetupError


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkout with one source file of one testee."""
    for module in (testees, steps):
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "STATE", tmp_path / ".toolchains")
    monkeypatch.setattr(testees, "LISTING", tmp_path / ".toolchains" / "testees.json")
    (tmp_path / "go").mkdir()
    (tmp_path / "go" / "main.go").write_text("one")
    monkeypatch.setattr(tree, "files", lambda: ["go/main.go"])
    return tmp_path


def builder(script: str) -> Ready:
    testee = Testee(
        command=("./built",),
        folder="go",
        artefact="go/built",
        inputs=("go/",),
        build=(Step(("sh", "-c", script), "go"),),
    )
    env = {**os.environ, "GOROOT": "/x"}
    return Ready("go", replace(GO, locks=(), testee=testee), env, "1.26")


COUNTING = "echo x >> builds; touch built"


def test_testee_is_built_once_and_again_when_a_source_changes(root: Path) -> None:
    ready = builder(COUNTING)
    for _ in range(2):
        testees.build(ready)
    assert (root / "go" / "builds").read_text() == "x\n"
    (root / "go" / "main.go").write_text("two")
    testees.build(ready)
    assert (root / "go" / "builds").read_text() == "x\nx\n"


def test_testee_is_built_again_when_its_program_is_gone(root: Path) -> None:
    ready = builder(COUNTING)
    testees.build(ready)
    (root / "go" / "built").unlink()
    testees.build(ready)
    assert (root / "go" / "builds").read_text() == "x\nx\n"


@pytest.mark.parametrize(
    ("script", "complaint"), [("exit 2", "exit status 2"), ("true", "left no go/built")]
)
def test_build_that_fails_is_an_error(root: Path, script: str, complaint: str) -> None:
    del root
    with pytest.raises(SetupError, match=complaint):
        testees.build(builder(script))


def test_entry_names_program_folder_and_only_what_differs(root: Path) -> None:
    assert testees.entry(builder(COUNTING)) == {
        "command": [os.fspath(root / "go" / "built")],
        "env": {"GOROOT": "/x"},
        "cwd": os.fspath(root / "go"),
    }


def test_missing_client_is_listed_with_reason_and_remedy(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Missing("dotnet", "no .NET 10 SDK", "make setup-dotnet")
    monkeypatch.setattr(testees, "set_up", lambda _: gone)
    testees.prepare(["dotnet"])
    listing = json.loads((root / ".toolchains" / "testees.json").read_text())
    assert listing == {"dotnet": {"missing": "no .NET 10 SDK", "mend": "make setup-dotnet"}}


def test_every_table_row_says_how_its_testee_is_started() -> None:
    assert PYTHON.testee.command[0].endswith("/python")
    assert GO.testee.artefact.startswith(GO.testee.folder)
