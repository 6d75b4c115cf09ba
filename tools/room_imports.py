"""What a client's files use of each other, read by the means of its own language.

A compiler or parser of the language itself reads it (tools/readers/): inside a Go package and a
.NET assembly no import shows what uses what. Each reader prints one JSON object a line.
"""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from steps import set_up
from toolchains import Missing
from workshop import ROOT, SetupError

READERS = ROOT / "tools" / "readers"
LIMIT_S = 600.0
COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    "typescript": (("node", str(READERS / "typescript.mjs")), "."),
    "go": (("go", "run", "."), "tools/readers/go"),
    "dotnet": (("dotnet", "run", "-c", "Release", "--"), "tools/readers/dotnet"),
    "rust": (("cargo", "run", "--quiet", "--locked", "--"), "tools/readers/rust"),
}
"""Language to the start of its reader, and the folder to start it in."""


@dataclass(frozen=True)
class Use:
    """A line of a file that names something of another file (``to``) or of a library."""

    file: str
    line: int
    to: str | None
    outside: str | None


class NotRunError(Exception):
    """The language's toolchain cannot be had here; the text says how to get it."""


def uses(language: str, source: str) -> list[Use]:
    """Return what the files below ``source`` use; all paths are relative to it.

    Raises: NotRunError: no toolchain; SetupError: the reader failed.
    """
    if language == "python":
        return list(python_uses(ROOT / source))
    command, folder = COMMANDS[language]
    ready = set_up(language)
    if isinstance(ready, Missing):
        raise NotRunError(f"{ready.reason}; {ready.mend}")
    done = subprocess.run(
        (*command, str(ROOT / source)),
        cwd=ROOT / folder,
        env=dict(ready.env),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    if done.returncode != 0:
        raise SetupError(f"{language}: the reader of imports failed\n{done.stderr or done.stdout}")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not rows:
        raise SetupError(f"{language}: the reader found nothing in {source}")
    return [Use(row["from"], row["line"], row.get("to"), row.get("outside")) for row in rows]


def python_uses(folder: Path) -> Iterator[Use]:
    """Yield the imports of a Python package, those under ``if TYPE_CHECKING`` left out."""
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder)
        todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"), filename=str(name))]
        for node in todo:
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            todo.extend(ast.iter_child_nodes(node))
            if isinstance(node, ast.Import | ast.ImportFrom):
                for word in imported(node, name.parts[:-1], folder.name):
                    inside = module_file(folder, word)
                    outside = None if inside or word[:1] == (folder.name,) else ".".join(word)
                    yield Use(name.as_posix(), node.lineno, inside, outside)


def imported(
    node: ast.Import | ast.ImportFrom, at: tuple[str, ...], package: str
) -> Iterator[tuple[str, ...]]:
    """Yield what an import names, as words from the top: the package's own name comes first."""
    if isinstance(node, ast.Import):
        for one in node.names:
            yield tuple(one.name.split("."))
        return
    words = tuple((node.module or "").split(".")) if node.module else ()
    if node.level:
        words = (package, *at[: len(at) - node.level + 1], *words)
    for one in node.names:
        yield (*words, one.name)


def module_file(folder: Path, words: tuple[str, ...]) -> str | None:
    """Return the file of the longest module that ``words`` begin with; None outside the package."""
    if words[:1] != (folder.name,):
        return None
    for length in range(len(words), 0, -1):
        path = folder.joinpath(*words[1:length])
        for found in (path.with_suffix(".py"), path / "__init__.py"):
            if found.is_file() and found != folder / "__init__.py":
                return found.relative_to(folder).as_posix()
    return None
