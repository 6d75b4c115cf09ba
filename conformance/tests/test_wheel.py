"""The wheel alone, in an empty folder: it has all that it reads, and proves a client."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from conform.home import ROOT

PACKAGES = {  # import name -> distribution
    "jinja2": "jinja2", "jsonschema": "jsonschema", "jsonschema_rs": "jsonschema-rs",
    "referencing": "referencing", "rich": "rich", "ruamel": "ruamel-yaml", "trustme": "trustme",
    "websockets": "websockets", "yaml": "pyyaml",
}  # fmt: skip
ONLY_FOR_ITS_OWN_PROGRAM = {"wiregen/cli.py"}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT / "conformance", check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def conform(unpacked: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(unpacked), "XDG_CACHE_HOME": str(cwd / "cache")}
    command = [sys.executable, "-m", "conform.cli", *words]
    return subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_client_is_proven_from_an_empty_folder(unpacked: Path, tmp_path: Path) -> None:
    code = "import conform, wiregen; print(conform.__file__, wiregen.__file__)"
    where = [sys.executable, "-c", code]
    env = {**os.environ, "PYTHONPATH": str(unpacked)}
    told = subprocess.run(where, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert told.stdout.count(str(unpacked)) == 2
    testee = f"ref={sys.executable} -m conform.reference"
    ran = conform(unpacked, tmp_path, "run", "--testee", testee, "--cases", "turn/keepalive")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 clients equal on 1/1 cases" in ran.stdout
    assert (tmp_path / "conform-out" / "report.json").is_file()
    shown = conform(unpacked, tmp_path, "show", "turn/keepalive")
    assert "expected transcript" in shown.stdout
    missing = conform(unpacked, tmp_path, "server", "ws://127.0.0.1:9/ws", "--spec", "nowhere")
    assert missing.returncode == 2
    assert "nowhere" in missing.stderr


def test_the_wheel_names_everything_that_it_imports(unpacked: Path) -> None:
    (about,) = unpacked.glob("*.dist-info/METADATA")
    told = Parser().parsestr(about.read_text(encoding="utf-8")).get_all("Requires-Dist") or []
    declared = {line.split(">")[0].split("<")[0].split("=")[0].strip().lower() for line in told}
    needed = set()
    for path in [*(unpacked / "conform").rglob("*.py"), *(unpacked / "wiregen").rglob("*.py")]:
        name = path.relative_to(unpacked).as_posix()
        copied = any(f"/{folder}/" in name for folder in ("templates", "runtime", "data"))
        if name in ONLY_FOR_ITS_OWN_PROGRAM or copied:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                needed |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                needed.add(str(node.module).split(".")[0])
    foreign = needed - sys.stdlib_module_names - {"conform", "wiregen"}
    assert {PACKAGES.get(name, name) for name in foreign} <= declared
