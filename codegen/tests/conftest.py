"""A small specification to change, and the command line in-process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wiregen import cli
from wiregen.build import build
from wiregen.ir import Spec
from wiregen.naming import LANGS
from wiregen.vectors import vector_files

from . import driving
from .suite.fetch import fetch
from .suite.groups import Group, Suite, read_groups

FIXTURES = Path(__file__).parent / "fixtures"
Json = Any


@pytest.fixture(autouse=True)
def _no_word_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test says itself what is required; CI's own REQUIRE is not its business."""
    monkeypatch.delenv("REQUIRE", raising=False)


@dataclass
class Workspace:
    """A project in a temporary folder: wiregen.toml, `spec/`, and the files generated from it."""

    root: Path

    @property
    def spec(self) -> Path:
        return self.root / "spec"

    def edit(self, name: str, change: Callable[[Json], Json | None]) -> None:
        """Change one JSON schema of the specification."""
        path = self.spec / name
        value = json.loads(path.read_text(encoding="utf-8"))
        value = change(value) or value
        path.write_text(json.dumps(value, indent=2), encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Change the text of one file of the specification."""
        path = self.spec / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Everything below the folder but the specification itself."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not path.is_relative_to(self.spec)
        }


CONFIG = """
spec = "spec"
vectors = "vectors"
manifest = "manifest.json"
[lang.python]
out = "python"
[lang.go]
out = "go"
package = "thermostat"
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    root = tmp_path / "project"
    shutil.copytree(FIXTURES / "thermostat", root / "spec")
    (root / "wiregen.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(root)
    return Workspace(root)


@dataclass(frozen=True)
class Ran:
    """How a run of the command line ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def wiregen(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command line in this process."""

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main(list(arguments))
        captured = capsys.readouterr()
        code = left.value.code
        assert isinstance(code, int)
        return Ran(code, captured.out, captured.err)

    return run


PROTOCOLS = Path(__file__).parent / "protocols"


@pytest.fixture(scope="session")
def protocols() -> dict[str, Spec]:
    """The protocols that have nothing to do with ours."""
    return {name: build(PROTOCOLS / name) for name in ("workbench", "atlas", "harbour")}


@pytest.fixture(scope="session")
def vectors(protocols: dict[str, Spec]) -> dict[str, dict[str, str]]:
    """The files of vectors of all, judged once."""
    return {name: vector_files(protocols[name]) for name in protocols}


@pytest.fixture(scope="session")
def suite_groups() -> list[Group]:
    """The required groups of the JSON-Schema-Test-Suite; not run where it cannot be fetched."""
    found = fetch()
    if isinstance(found, str):
        driving.not_run(f"the JSON-Schema-Test-Suite cannot be fetched: {found}")
    assert isinstance(found, Path)
    return read_groups(found)


@pytest.fixture(scope="session")
def suite(suite_groups: list[Group], tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """What became of every group, and one specification of all that can be read together."""
    return Suite.of(suite_groups, tmp_path_factory.mktemp("suite"))


@pytest.fixture(scope="session", params=LANGS)
def driver(
    request: pytest.FixtureRequest,
    protocols: dict[str, Spec],
    tmp_path_factory: pytest.TempPathFactory,
) -> driving.Driver:
    """One compiled project a language with all protocols, and the suite where it is there."""
    specs = dict(protocols)
    if not isinstance(fetch(), str):
        specs["suite"] = request.getfixturevalue("suite").spec
    return driving.build(request.param, tmp_path_factory.mktemp(request.param), specs)
