"""The starter: every step that `wiregen init` names works in an empty folder, without a project."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wiregen.build import build
from wiregen.ir import Spec
from wiregen.reserved import Lang
from wiregen.vectors import vector_files

from .alone import FOLDERS, ROOM, compiled
from .conftest import Ran
from .test_protocols import frames, plain, wanted

PROTOCOLS = Path(__file__).parent / "protocols"
PROJECT_FILES = {
    "python": "pyproject.toml",
    "typescript": "package.json",
    "go": "go.mod",
    "csharp": "*.csproj",
    "rust": "Cargo.toml",
}
DECODES = """
import sys
sys.path.insert(0, "python")
import wire
frame = open("frame.json").read()
event = wire.decode_event(frame)
print(type(event).__name__)
"""


@pytest.fixture
def starter(tmp_path: Path, wiregen: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as `wiregen init` leaves it."""
    assert wiregen("init", str(tmp_path / "new")).code == 0
    monkeypatch.chdir(tmp_path / "new")
    return tmp_path / "new"


def test_every_step_works_on_the_starter(starter: Path, wiregen: Callable[..., Ran]) -> None:
    shutil.copytree(starter / "spec", starter / "old")
    for command in (
        ["lint", "--strict"],
        ["generate"],
        ["check"],
        ["vectors", "--coverage"],
        ["diff", "old"],
        ["docs", "--out", "site"],
    ):
        ran = wiregen(*command)
        assert ran.code == 0, (command, ran)
    assert (starter / "site" / "index.html").is_file()
    suffixes = {path.suffix for path in starter.rglob("*") if path.is_file()}
    assert {".py", ".ts", ".go", ".cs", ".rs"} <= suffixes


def test_the_starter_s_vectors_decode_in_python(starter: Path, wiregen: Callable[..., Ran]) -> None:
    assert wiregen("generate", "--lang", "python", "--lang", "vectors").code == 0
    (room,) = (path.parent for path in starter.rglob("codec.py"))
    if room != starter / "python" / "wire":
        shutil.copytree(room, starter / "python" / "wire", dirs_exist_ok=True)
    for path in sorted(starter.rglob("*.json")):
        body = json.loads(path.read_text(encoding="utf-8"))
        rows = body.get("vectors", []) if isinstance(body, dict) else []
        first = next((row for row in rows if "flat" in row), None)
        if first is None:
            continue
        (starter / "frame.json").write_text(first["text"], encoding="utf-8")
        done = subprocess.run([sys.executable, "-c", DECODES], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return
    pytest.fail("the starter has no vector of an event")


def test_two_folders_are_compared_without_a_project(
    starter: Path, wiregen: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(starter / "spec", starter.parent / "a")
    shutil.copytree(starter / "spec", starter.parent / "b")
    monkeypatch.chdir(starter.parent)
    assert wiregen("diff", "a", "b").code == 0
    assert wiregen("diff", "a").code == 2
    assert wiregen("generate", "--lang", "go", "--spec", "a", "--out", "made").code == 0
    assert (starter.parent / "made" / "go").is_dir()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("lang", FOLDERS)
def test_the_starter_compiles_and_its_vectors_hold(
    lang: Lang, starter: Path, wiregen: Callable[..., Ran]
) -> None:
    assert wiregen("generate", "--lang", lang).code == 0
    _replay(lang, starter, build(starter / "spec"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("lang", FOLDERS)
@pytest.mark.parametrize("name", ["atlas", "workbench"])
def test_a_folder_with_its_project_compiles_alone_and_its_vectors_hold(
    lang: Lang, name: str, tmp_path: Path, wiregen: Callable[..., Ran]
) -> None:
    out = tmp_path / "made"
    arguments = ("--spec", str(PROTOCOLS / name), "--out", str(out), "--project", "--lang", lang)
    assert wiregen("generate", *arguments).code == 0
    _replay(lang, out, build(PROTOCOLS / name))


@pytest.mark.parametrize("lang", FOLDERS)
def test_a_project_file_that_is_there_is_its_owner_s(
    lang: Lang, tmp_path: Path, wiregen: Callable[..., Ran]
) -> None:
    out = tmp_path / "made"
    arguments = ("--spec", str(PROTOCOLS / "atlas"), "--out", str(out), "--project", "--lang", lang)
    assert wiregen("generate", *arguments).code == 0
    (project,) = (out / FOLDERS[lang]).glob(PROJECT_FILES[lang])
    project.write_text(project.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    ours = project.read_bytes()
    assert wiregen("generate", *arguments).code == 0
    assert project.read_bytes() == ours


def test_a_project_needs_a_folder_of_its_own(starter: Path, wiregen: Callable[..., Ran]) -> None:
    assert starter.is_dir()
    ran = wiregen("generate", "--project")
    assert ran.code == 2
    assert "--project needs --out" in ran.err


def _replay(lang: Lang, root: Path, spec: Spec) -> None:
    """Compile what was printed, and send every vector through it and back."""
    driver = compiled(lang, root, spec)
    rows = list(frames(ROOM, vector_files(spec)))
    assert len(rows) > 20
    shown = driver.replay(line for _, _, line in rows)
    wrong = [
        (place, line.text[:200], found)
        for (place, row, line), found in zip(rows, shown, strict=True)
        if plain(found, driver) != plain(wanted(row), driver)
    ]
    assert wrong[:5] == []
