"""The quickstart of each client's README, made into a program of its own that uses the client as
others get it: a wheel, a packed npm package, a module, a project, a crate.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workshop import ROOT, SetupError

PRINTED = "ws://127.0.0.1:8787/ws"
"""Where the server of every README listens: the one thing of a block that is replaced."""

BUILD_S = 600.0
RUN_S = 60.0
_QUICKSTART = re.compile(r"<!-- run: quickstart -->\n```[a-z,_]+\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Program:
    """A quickstart that is ready to run: its command, in its folder."""

    command: tuple[str, ...]
    folder: Path


@dataclass(frozen=True)
class Place:
    """Where a quickstart is made, and with what: ``python`` is one that has the client's wheel."""

    folder: Path
    python: Path
    env: Mapping[str, str]


def block(readme: Path, url: str) -> str:
    """Return the quickstart of a README as printed, but for the address of its server.

    Raises: SetupError: there is none, or it talks to another address.
    """
    found = _QUICKSTART.findall(readme.read_text(encoding="utf-8"))
    if len(found) != 1 or PRINTED not in found[0]:
        raise SetupError(f"{readme}: no one quickstart for {PRINTED}")
    return str(found[0]).replace(PRINTED, url)


def built(command: tuple[str, ...], folder: Path, env: Mapping[str, str]) -> str:
    """Run a step of a build; return what it printed.

    Raises: SetupError: it failed, or took too long; its last words are in the text.
    """
    return _said(command, folder, env, BUILD_S)


def shown(program: Program, env: Mapping[str, str]) -> str:
    """Run a quickstart to its end; return what it printed.

    Raises: SetupError: as above.
    """
    return _said(program.command, program.folder, env, RUN_S)


def _said(command: tuple[str, ...], folder: Path, env: Mapping[str, str], limit_s: float) -> str:
    path = shutil.which(command[0], path=env.get("PATH")) or command[0]
    try:
        done = subprocess.run(
            (path, *command[1:]),
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise SetupError(f"{' '.join(command)}: {type(fault).__name__}") from None
    if done.returncode != 0:
        words = (done.stdout + done.stderr).strip()[-2000:]
        raise SetupError(f"{' '.join(command)}: exit status {done.returncode}\n{words}")
    return done.stdout


def python(place: Place, url: str) -> Program:
    """Make the quickstart of the wheel."""
    file = place.folder / "quickstart.py"
    file.write_text(block(ROOT / "python" / "client" / "README.md", url), encoding="utf-8")
    return Program((os.fspath(place.python), file.name), place.folder)


def typescript(place: Place, url: str) -> Program:
    """Make the quickstart of the package as it is packed, installed beside ``ws``."""
    built(("npm", "run", "--silent", "build"), ROOT / "typescript", place.env)
    pack = ("npm", "pack", "--json", "--pack-destination", os.fspath(place.folder))
    (packed,) = json.loads(built(pack, ROOT / "typescript", place.env))
    (place.folder / "package.json").write_text('{"private": true, "type": "module"}')
    install = ("npm", "install", "--no-audit", "--no-fund", f"./{packed['filename']}", "ws")
    built(install, place.folder, place.env)
    file = place.folder / "quickstart.mjs"
    file.write_text(block(ROOT / "typescript" / "README.md", url), encoding="utf-8")
    return Program(("node", file.name), place.folder)


def go(place: Place, url: str) -> Program:
    """Make the quickstart of the module."""
    module = "github.com/SmooAI/smooth-operator/go"
    lines = (
        "module quickstart",
        "go 1.26",
        f"require {module} v0.0.0",
        f"replace {module} => {ROOT / 'go'}",
    )
    (place.folder / "go.mod").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copy(ROOT / "go" / "go.sum", place.folder / "go.sum")
    code = block(ROOT / "go" / "README.md", url)
    (place.folder / "main.go").write_text(code, encoding="utf-8")
    built(("go", "build", "-mod=mod", "-o", "quickstart", "."), place.folder, place.env)
    return Program((os.fspath(place.folder / "quickstart"),), place.folder)


def dotnet(place: Place, url: str) -> Program:
    """Make the quickstart of the project; the block is one of top-level statements."""
    client = ROOT / "dotnet/src/SmooAI.SmoothOperator/SmooAI.SmoothOperator.csproj"
    (place.folder / "quickstart.csproj").write_text(
        f"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
    <InvariantGlobalization>true</InvariantGlobalization>
  </PropertyGroup>
  <ItemGroup>
    <ProjectReference Include="{client}" />
    <Using Include="SmooAI.SmoothOperator" />
  </ItemGroup>
</Project>
""",
        encoding="utf-8",
    )
    code = block(ROOT / "dotnet" / "README.md", url)
    (place.folder / "Program.cs").write_text(code, encoding="utf-8")
    built(("dotnet", "build", "-v", "quiet", "-o", "out"), place.folder, place.env)
    return Program(("dotnet", "out/quickstart.dll"), place.folder)


def rust(place: Place, url: str) -> Program:
    """Make the quickstart of the crate, with the versions that its lock names."""
    manifest = f"""[package]
name = "quickstart"
version = "0.0.0"
edition = "2024"

[dependencies]
smooth-operator-client = {{ path = "{ROOT / "rust"}" }}
tokio = {{ version = "1", features = ["macros", "rt-multi-thread"] }}

[workspace]
"""
    (place.folder / "Cargo.toml").write_text(manifest, encoding="utf-8")
    shutil.copy(ROOT / "rust" / "Cargo.lock", place.folder / "Cargo.lock")
    (place.folder / "src").mkdir()
    code = block(ROOT / "rust" / "README.md", url)
    (place.folder / "src" / "main.rs").write_text(code, encoding="utf-8")
    target = place.env.get("CARGO_TARGET_DIR", os.fspath(ROOT / "rust" / "target"))
    built(("cargo", "build", "--quiet", "--target-dir", target), place.folder, place.env)
    return Program((os.fspath(Path(target) / "debug" / "quickstart"),), place.folder)


QUICKSTARTS: dict[str, Callable[[Place, str], Program]] = {
    "python": python,
    "typescript": typescript,
    "go": go,
    "dotnet": dotnet,
    "rust": rust,
}
"""Language to what makes its quickstart."""
