"""Formatters: pinned where we can pin them, found on PATH otherwise, 'not verified' when absent."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wiregen.errors import refuse

LIMIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which formatter ran, in which version; `verified` is false when there was none."""

    tool: str
    version: str
    verified: bool


@dataclass(frozen=True, slots=True)
class _Tool:
    """A formatter: how to find it, how to ask its version, how to format a folder in place."""

    name: str
    find: Callable[[Path], list[str] | None]
    command: Callable[[list[str], list[str], Path], list[str]]
    version: tuple[str, ...] = ("--version",)
    prepare: Callable[[Path, Path], None] | None = None


def _on_path(*names: str) -> Callable[[Path], list[str] | None]:
    def find(_: Path) -> list[str] | None:
        for name in names:
            beside = Path(sys.executable).parent / name
            found = str(beside) if beside.is_file() else shutil.which(name)
            if found:
                return [found]
        return None

    return find


def _prettier(root: Path) -> list[str] | None:
    """The project's own prettier first: npm workspaces keep it at the root or in the package."""
    for folder in (root, *(path.parent for path in sorted(root.glob("*/package.json")))):
        script = folder / "node_modules" / "prettier" / "bin" / "prettier.cjs"
        node = shutil.which("node")
        if script.is_file() and node:
            return [node, str(script)]
    found = shutil.which("prettier")
    return [found] if found else None


def _copy_config(*names: str) -> Callable[[Path, Path], None]:
    def prepare(root: Path, folder: Path) -> None:
        for name in names:
            for candidate in sorted([root / name, *root.glob(f"*/{name}")]):
                if candidate.is_file():
                    shutil.copyfile(candidate, folder / name)
                    break

    return prepare


def _dotnet_config(root: Path, folder: Path) -> None:
    """`dotnet format whitespace --folder` reads .editorconfig."""
    _copy_config(".editorconfig")(root, folder)
    if not (folder / ".editorconfig").is_file():
        text = "root = true\n[*.cs]\nindent_style = space\nindent_size = 4\nend_of_line = lf\n"
        (folder / ".editorconfig").write_text(text, encoding="utf-8")


TOOLS: Mapping[str, tuple[_Tool, ...]] = {
    "python": (
        _Tool(
            "ruff",
            _on_path("ruff"),
            lambda tool, files, _: [
                *tool,
                "check",
                "--isolated",
                "--no-cache",
                "--select",
                "I,F401",
                "--fix",
                "--quiet",
                "--target-version",
                "py311",
                "--line-length",
                "100",
                *files,
            ],
        ),
        _Tool(
            "ruff",
            _on_path("ruff"),
            lambda tool, files, _: [
                *tool,
                "format",
                "--isolated",
                "--no-cache",
                "--quiet",
                "--target-version",
                "py311",
                "--line-length",
                "100",
                *files,
            ],
        ),
    ),
    "typescript": (
        _Tool(
            "prettier",
            _prettier,
            lambda tool, files, _: [
                *tool,
                "--write",
                "--log-level",
                "warn",
                "--no-config",
                "--no-editorconfig",
                "--print-width",
                "100",
                "--single-quote",
                *files,
            ],
        ),
    ),
    "go": (_Tool("gofmt", _on_path("gofmt"), lambda tool, files, _: [*tool, "-w", *files], ()),),
    "rust": (
        _Tool(
            "rustfmt",
            _on_path("rustfmt"),
            lambda tool, files, _: [
                *tool,
                "--edition",
                "2024",
                "--config",
                "skip_children=true",
                *files,
            ],
        ),
    ),
    "csharp": (
        _Tool(
            "dotnet format",
            _on_path("dotnet"),
            lambda tool, _, folder: [
                *tool,
                "format",
                "whitespace",
                str(folder),
                "--folder",
                "--verbosity",
                "quiet",
            ],
            ("--version",),
            _dotnet_config,
        ),
    ),
}


def run(lang: str, files: Mapping[str, str], root: Path) -> tuple[dict[str, str], Outcome]:
    """Format generated files in a throw-away folder and return them with the tool's version."""
    tools = TOOLS.get(lang, ())
    outcome = Outcome("none", "", True)
    made = dict(files)
    for tool in tools:
        found = tool.find(root)
        if found is None:
            _require(lang, tool.name)
            return made, Outcome(tool.name, "", False)
        outcome = Outcome(tool.name, _version(tool, found), True)
        made = _format(tool, found, made, root)
    return made, outcome


def current(lang: str, root: Path) -> Outcome:
    """Return the formatter that `run` would use now, without running it."""
    for tool in TOOLS.get(lang, ()):
        found = tool.find(root)
        if found is None:
            _require(lang, tool.name)
            return Outcome(tool.name, "", False)
        return Outcome(tool.name, _version(tool, found), True)
    return Outcome("none", "", True)


def _require(lang: str, tool: str) -> None:
    if os.environ.get("REQUIRE") == "all":
        message = f"REQUIRE=all, but {tool} is not there to format {lang}"
        raise refuse("", "", "formatter-missing", message)


def _format(tool: _Tool, found: list[str], files: dict[str, str], root: Path) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="wiregen-") as name:
        folder = Path(name)
        if tool.prepare:
            tool.prepare(root, folder)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8", newline="")
        listed = [str(folder / path) for path in sorted(files)]
        done = _call(tool.command(found, listed, folder))
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().replace(f"{folder}/", "")
            message = f"{tool.name} refuses the generated code: {said[:2000]}"
            raise refuse("", "", "formatter-failed", message)
        return {path: (folder / path).read_bytes().decode() for path in files}


def _version(tool: _Tool, found: list[str]) -> str:
    if tool.name == "gofmt":
        return _go_version(found)
    said = _call([*found, *tool.version]).stdout
    match = re.search(r"\d+\.\d+(?:\.\d+)?", said)
    return match.group() if match else "unknown"


def _go_version(found: list[str]) -> str:
    go = Path(found[0]).resolve().parent / "go"
    match = re.search(r"go(\d+\.\d+(?:\.\d+)?)", _call([str(go), "version"]).stdout)
    return match.group(1) if match else "unknown"


def _call(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1"}
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT_SECONDS,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        message = f"{command[0]} could not be run: {err}"
        raise refuse("", "", "formatter-failed", message) from err
