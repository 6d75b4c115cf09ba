"""Cleaning: what was built goes, sources and environments stay."""

from __future__ import annotations

from pathlib import Path

import clean
import pytest


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in (
        "typescript/dist/index.mjs",
        "typescript/src/index.ts",
        "dotnet/src/A/bin/A.dll",
        "dotnet/src/A/A.cs",
        "codegen/src/wiregen/__pycache__/cli.pyc",
        ".venv/lib/__pycache__/x.pyc",
        "rust/target/debug/testee",
        "rust/src/bin/tool.rs",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return tmp_path


def left(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


SOURCES = {"typescript/src/index.ts", "dotnet/src/A/A.cs", "rust/src/bin/tool.rs"}


def test_clean_removes_what_was_built_and_nothing_else(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clean, "ROOT", checkout)
    assert clean.main([]) == 0
    assert left(checkout) == SOURCES | {".venv/lib/__pycache__/x.pyc"}
    assert capsys.readouterr().out == "clean: 4 removed\n"


def test_clean_all_removes_environments_too(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "ROOT", checkout)
    assert clean.main(["--all"]) == 0
    assert left(checkout) == SOURCES
