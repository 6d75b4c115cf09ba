"""A printed folder by itself: compiled by its own project files, with a program that replays."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from wiregen.ir import Spec
from wiregen.register import localised
from wiregen.reserved import Lang

from . import driving
from .driving import Driver

FOLDERS: dict[Lang, str] = {
    "python": "python",
    "typescript": "typescript",
    "go": "go",
    "csharp": "dotnet",
    "rust": "rust",
}
ROOM = "wire"
"""What the room is called in every language."""
_TSC = driving.PROJECT / "node_modules" / "typescript" / "bin" / "tsc"
# A library becomes a program.
_PROGRAM = ("-p:OutputType=Exe", "-p:UseAppHost=false", "-p:InvariantGlobalization=true")


def compiled(lang: Lang, root: Path, spec: Spec) -> Driver:
    """Compile what was printed below ``root``, warnings as errors, and a program beside it.

    Nothing is used but what lies there: the project files are those that `wiregen` wrote.
    """
    folder, env = root / FOLDERS[lang], driving.environment(lang)
    named = {ROOM: localised(spec, lang)}
    match lang:
        case "python":
            return driving.python(folder, named, env, driving.run)
        case "typescript":
            if not _TSC.is_file():
                driving.not_run("typescript: no compiler; npm ci")
            driving.run(["node", str(_TSC), "-p", "."], folder, env)
            (folder / "package.json").unlink()  # its modules are not those of the program
            return driving.typescript(folder, named, env, driving.run)
        case "go":
            (module,) = re.findall(r"^module (\S+)", (folder / "go.mod").read_text(), re.MULTILINE)
            driving.go_program(folder, named, module)
            driving.run(["go", "vet", "./..."], folder, env)
            driving.run(["go", "build", "-o", "driver", "."], folder, env)
            return Driver(lang, (str(folder / "driver"),), folder, env)
        case "csharp":
            return _csharp(folder, named, env)
        case "rust":
            return _rust(folder, named, env)


def _csharp(folder: Path, named: dict[str, Spec], env: dict[str, str]) -> Driver:
    (project,) = folder.glob("*.csproj")
    driving.csharp_program(folder, named, {ROOM: project.stem})
    command = ["dotnet", "build", "-nologo", "-v", "q", "-o", "out", *_PROGRAM]
    driving.run(command, folder, env)
    return Driver("csharp", ("dotnet", f"out/{project.stem}.dll"), folder, env)


def _rust(folder: Path, named: dict[str, Spec], env: dict[str, str]) -> Driver:
    shutil.copy(driving.PROJECT / "rust" / "Cargo.lock", folder)
    (crate,) = re.findall(r'^name = "(.*)"', (folder / "Cargo.toml").read_text(), re.MULTILINE)
    driving.rust_program(folder, named)
    flags = {"CARGO_INCREMENTAL": "0", "RUSTFLAGS": "-D warnings"}
    driving.run(["cargo", "build", "--quiet"], folder, {**env, **flags})
    return Driver("rust", (str(folder / "target" / "debug" / crate),), folder, env)
