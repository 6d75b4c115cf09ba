"""A client of today with a wire room printed from another specification, in a project of its own.

A project that has passed is not compiled again: its folder is named by its sources.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from wiregen import generate, writing
from wiregen.build import build
from wiregen.config import load_config
from wiregen.naming import Lang

from .driving import BUILT, PROJECT, environment, toolchain_place

LEFT = shutil.ignore_patterns("target", "bin", "obj", "node_modules", "dist", "*Tests.cs")
CONFIG = load_config(PROJECT / "codegen" / "wiregen.toml")


@contextmanager
def newcomer(
    lang: Lang, tmp: Path, sources: Mapping[str, str], write_spec: Callable[[Path], Path]
) -> Iterator[Path]:
    """Give the folder of a client; `sources` are folders and files to copy.

    One process at a time; what earlier sources left behind is removed.
    """
    made = tmp / "made"
    for source, name in sources.items():
        here = PROJECT / source
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(here, made / name, ignore=LEFT)
        else:
            shutil.copy(here, made / name)
    spec = write_spec(tmp / "spec")
    print_room(lang, made, spec)
    shutil.copy(spec / "asyncapi.yaml", made / "spec")  # by which tests find the top
    digest = hashlib.sha256(Path(__file__).read_bytes() + toolchain_place(lang).encode())
    for path in sorted(path for path in made.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(made)).encode() + path.read_bytes())
    name = f"{write_spec.__name__.removeprefix('write_')}-{lang}"
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = BUILT / f"{name}-{digest.hexdigest()[:16]}"
        if not (folder / "passed").is_file():
            for old in BUILT.glob(f"{name}-*"):
                shutil.rmtree(old)
            shutil.copytree(made, folder)
        yield folder


def print_room(lang: Lang, project: Path, folder: Path) -> None:
    """Print the wire room of a language, and the vectors of the machines, from a specification."""
    spec = build(folder)
    writing.write_all(project, generate.raw_files(spec, CONFIG, lang))
    vectors = generate.raw_files(spec, CONFIG, "vectors")
    writing.write_all(project, {it: text for it, text in vectors.items() if "/machines/" in it})


def run(lang: Lang, folder: Path, *command: str, **env: str) -> tuple[int, str]:
    """Run a command of a project; return its exit code and what it printed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment(lang), "CARGO_TARGET_DIR": _target(), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=580,
        check=False,
    )
    return done.returncode, done.stdout


def _target() -> str:
    """Return where the crates are compiled already that the client depends on."""
    return os.environ.get("CARGO_TARGET_DIR", str(PROJECT / "rust" / "target"))


def as_member(project: Path) -> None:
    """Make the crate a member of a workspace around it.

    Cargo names what it compiles by a crate's place in its workspace: so nothing that was compiled
    from the repository's own crate is written over.
    """
    manifest = project / "rust" / "Cargo.toml"
    text = manifest.read_text(encoding="utf-8")
    workspace, package = text.split("[package]\n")
    package, profile = package.split("[profile.dev]\n")
    workspace = workspace.replace('members = ["."', 'members = ["rust"').replace('"../', '"')
    (project / "Cargo.toml").write_text(f"{workspace}[profile.dev]\n{profile}", encoding="utf-8")
    manifest.write_text(f"[package]\n{package}", encoding="utf-8")
    for program in ("testees", "kits"):
        member = project / "conformance" / program / "rust" / "Cargo.toml"
        text = member.read_text(encoding="utf-8")
        member.write_text(text.replace('workspace = "../../../rust"\n', ""), encoding="utf-8")
