"""The starter: every step that `wiregen init` names works in an empty folder, without a project."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wiregen.reserved import Lang

from . import driving
from .conftest import Ran

TSC = driving.PROJECT / "node_modules" / "typescript" / "bin" / "tsc"
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
    assert wiregen("diff", "a").code == 1
    assert wiregen("generate", "--lang", "go", "--spec", "a", "--out", "made").code == 0
    assert (starter.parent / "made" / "go").is_dir()


COMPILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "python": ("python", (sys.executable, "-c", "import wire")),
    "typescript": ("typescript", ("node", str(TSC), "-p", ".")),
    "go": ("go", ("go", "vet", "./...")),
    "csharp": ("dotnet", ("dotnet", "build", "-nologo", "-v", "q")),
    "rust": ("rust", ("cargo", "check", "--quiet")),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("lang", COMPILES)
def test_the_starter_compiles_from_an_empty_folder(
    lang: Lang, starter: Path, wiregen: Callable[..., Ran]
) -> None:
    assert wiregen("generate", "--lang", lang).code == 0
    _compile(lang, starter)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("lang", COMPILES)
@pytest.mark.parametrize("name", ["atlas", "workbench"])
def test_a_folder_with_its_project_compiles_alone(
    lang: Lang, name: str, tmp_path: Path, wiregen: Callable[..., Ran]
) -> None:
    spec, out = PROTOCOLS / name, tmp_path / "made"
    arguments = ("--spec", str(spec), "--out", str(out), "--project", "--lang", lang)
    assert wiregen("generate", *arguments).code == 0
    _compile(lang, out)
    (project,) = (out / COMPILES[lang][0]).glob(PROJECT_FILES[lang])
    project.write_text(project.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    ours = project.read_bytes()
    assert wiregen("generate", *arguments).code == 0
    assert project.read_bytes() == ours, "a project file that is there is its owner's"


def test_a_project_needs_a_folder_of_its_own(starter: Path, wiregen: Callable[..., Ran]) -> None:
    assert starter.is_dir()
    ran = wiregen("generate", "--project")
    assert ran.code == 2
    assert "--project needs --out" in ran.err


def _compile(lang: Lang, root: Path) -> None:
    """Compile what was printed, with warnings as errors and nothing but what lies there."""
    env = {**driving.environment(lang), "RUSTFLAGS": "-D warnings"}
    folder, command = COMPILES[lang]
    if lang == "rust":
        shutil.copy(driving.PROJECT / "rust" / "Cargo.lock", root / "rust")
    done = subprocess.run(
        command, cwd=root / folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
