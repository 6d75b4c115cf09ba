"""The files of the checkout: with git and without, tests told from code."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import tree


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("go/turn.go", "go/bin/testee", "node_modules/ws/index.ts", "notes.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".gitignore").write_text("bin/\nnode_modules/\n")
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    return tmp_path


def test_ignored_files_are_not_listed_by_git(root: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    assert tree.files() == [".gitignore", "go/turn.go", "notes.md"]


def test_unpacked_archive_lists_the_same_files(root: Path) -> None:
    del root
    assert tree.files() == [".gitignore", "go/turn.go", "notes.md"]


def test_generated_files_are_those_of_the_attributes(root: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    (root / ".gitattributes").write_text("*.gen.go linguist-generated eol=lf\n")
    assert tree.generated(["go/wire.gen.go", "go/turn.go"]) == {"go/wire.gen.go"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("go/protocol/turn_test.go", True),
        ("rust/tests/suite/turns.rs", True),
        ("dotnet/tests/SmooAI.SmoothOperator.Tests/Turn/TurnTests.cs", True),
        ("typescript/tests/turn.test.ts", True),
        ("conformance/testees/go/main.go", False),
        ("python/client/src/smooth_operator/testing/virtual_clock.py", False),
    ],
)
def test_tests_are_told_by_their_path(name: str, expected: bool) -> None:
    assert tree.is_test(name) is expected
