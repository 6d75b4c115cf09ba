"""What the harness's own tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from conform.reader import Reader
from conform.script import Case, Loader
from conform.spec import Spec, load_spec
from conform.testee import LineChecker


@pytest.fixture(autouse=True)
def _no_word_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test says itself what is required; CI's own REQUIRE is not its business."""
    monkeypatch.delenv("REQUIRE", raising=False)


@pytest.fixture(scope="session")
def spec() -> Spec:
    return load_spec()


@pytest.fixture(scope="session")
def reader(spec: Spec) -> Reader:
    return Reader(spec)


@pytest.fixture(scope="session")
def checker() -> LineChecker:
    return LineChecker()


@pytest.fixture(scope="session")
def cases(spec: Spec) -> dict[str, Case]:
    return {case.name: case for case in Loader(spec).load_all()}


@pytest.fixture
def write_case(tmp_path: Path):
    """Write a case file and return its folder; the first line is line 1."""

    def write(text: str, name: str = "case.yaml") -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write
