"""What is published, built into dist/: one function for each kind of package.

Each builds from a clean folder, the packages of Python from their own source distributions, so that
what a stranger can build is what is published.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import tree
from steps import Ready
from workshop import ROOT, run

PYTHON = {
    "smooth-operator": "python/client",
    "smooth-operator-server": "python/server",
    "smooth-operator-admin": "python/admin-client",
    "smooth-operator-conform": "conformance",
    "wiregen": "codegen",
}
"""Distribution -> folder."""
NUGET = ("SmooAI.SmoothOperator", "SmooAI.SmoothOperator.Testing")
GO_MODULE = "github.com/SmooAI/smooth-operator/go"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip holds: an archive tells nothing of when it was made."""


def version() -> str:
    """The one version of everything that is published."""
    project = tomllib.loads((ROOT / "python/client/pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def build_python(ready: Ready, out: Path) -> None:
    """A source distribution of each package, and a wheel that is built from it alone."""
    hatch = [sys.executable, "-m", "hatchling", "build"]
    for name, folder in PYTHON.items():
        run([*hatch, "-t", "sdist", "-d", str(out)], cwd=ROOT / folder, env=ready.env)
        source = f"{name.replace('-', '_')}-{version()}"
        with tempfile.TemporaryDirectory() as scratch:
            with tarfile.open(out / f"{source}.tar.gz") as archive:
                archive.extractall(scratch, filter="data")
            run([*hatch, "-t", "wheel", "-d", str(out)], cwd=Path(scratch, source), env=ready.env)


def build_typescript(ready: Ready, out: Path) -> None:
    """The tarball that `npm publish` would send; `prepack` builds what is in it."""
    command = ["npm", "pack", "--silent", "--pack-destination", str(out)]
    run(command, cwd=ROOT / "typescript", env=ready.env)


def build_dotnet(ready: Ready, out: Path) -> None:
    """Packages and their symbols, built as a continuous integration does: no path of ours in it."""
    for name in NUGET:
        project = f"src/{name}/{name}.csproj"
        flags = ["-c", "Release", "-p:ContinuousIntegrationBuild=true", "-v", "quiet", "--nologo"]
        command = ["dotnet", "pack", project, *flags, "-o", str(out)]
        run(command, cwd=ROOT / "dotnet", env=ready.env)


def build_rust(ready: Ready, out: Path) -> None:
    """The crate, and a check that it compiles from what is in it."""
    with tempfile.TemporaryDirectory() as scratch:
        flags = ["--allow-dirty", "--quiet", "--package", "smooth-operator-client", "--no-verify"]
        env = {**ready.env, "CARGO_TARGET_DIR": scratch}
        run(["cargo", "package", *flags], cwd=ROOT / "rust", env=env)
        (crate,) = Path(scratch, "package").glob("*.crate")
        shutil.copy(crate, out)


def build_go(_: Ready, out: Path) -> None:
    """A module proxy in files that holds the module, as the tag of a release would give it."""
    escaped = "".join(f"!{letter.lower()}" if letter.isupper() else letter for letter in GO_MODULE)
    folder = out / "goproxy" / escaped / "@v"
    folder.mkdir(parents=True)
    tag = f"v{version()}"
    (folder / "list").write_text(f"{tag}\n", encoding="utf-8")
    about = {"Version": tag, "Time": "1980-01-01T00:00:00Z"}
    (folder / f"{tag}.info").write_text(json.dumps(about), encoding="utf-8")
    shutil.copy(ROOT / "go" / "go.mod", folder / f"{tag}.mod")
    with zipfile.ZipFile(folder / f"{tag}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(name for name in tree.files() if name.startswith("go/")):
            inside = f"{GO_MODULE}@{tag}/{name.removeprefix('go/')}"
            entry = zipfile.ZipInfo(inside, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (ROOT / name).read_bytes())


BUILDERS: dict[str, Callable[[Ready, Path], None]] = {
    "python": build_python,
    "typescript": build_typescript,
    "go": build_go,
    "dotnet": build_dotnet,
    "rust": build_rust,
}


def artifacts(out: Path) -> list[Path]:
    """Everything that was built, in the order of names."""
    return sorted(path for path in out.rglob("*") if path.is_file() and is_artifact(path))


def is_artifact(path: Path) -> bool:
    """Whether a file is one that is published."""
    endings = (".whl", ".tar.gz", ".tgz", ".nupkg", ".snupkg", ".crate", ".zip")
    return os.fspath(path).endswith(endings)
