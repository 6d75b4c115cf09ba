"""Imports go only downwards: a room of a client may use its own and the rooms below it.

The order is one for all five languages (ROOMS, lowest first). Two rules more: generated wire code
imports no hand-written room, and only the transport room names the WebSocket library. Imports for
the type checker alone are free, and so are the doors of a package (its index, its command line)
and the testing room, which may use anything. Go and .NET keep rooms in one package or namespace,
where the compiler shows no import: there only the two further rules are checked.

    python3 tools/rooms.py
"""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tree import code_files, is_test
from workshop import ROOT, SetupError

ROOMS: tuple[tuple[str, ...], ...] = (
    ("wire",),
    ("errors", "options", "clock", "ids", "listeners", "logging", "observer", "arguments", "texts"),
    ("transport", "opener"),
    ("connection", "supervisor", "link", "outbox", "backoff", "liveness"),
    ("requests", "router", "sender", "pending", "calls"),
    ("turn", "accumulator", "questions", "handlers"),
    ("conversation", "history"),
    ("client",),
)
"""Lowest first. A stem is a room's word, or begins with one: turn-items, turn_items, TurnItems."""

DOORS = {"init", "main", "index", "lib", "mod", "doc", "sync", "cli", "chat", "terminal", "testing"}
WORDS = sorted(
    ((word, level) for level, words in enumerate(ROOMS) for word in words),
    key=lambda pair: -len(pair[0]),
)


def level_of(stem: str) -> int | None:
    """Return how high the room of a stem lies, by the longest of its words that fits."""
    return next((level for word, level in WORDS if stem.startswith(word)), None)


@dataclass(frozen=True)
class Import:
    """One import of a file: the stem it reaches inside the client, or the outside name."""

    line: int
    inside: str | None
    outside: str | None


@dataclass(frozen=True)
class Client:
    """Where a client's rooms are, how its imports are read, the name of its WebSocket library."""

    source: str
    imports: Callable[[str, str], Iterator[Import]]
    library: str


def stem_of(name: str, source: str) -> str:
    """Return the stem of a file or module below ``source``: ``turn-state.ts`` is turnstate."""
    first = name.removeprefix(f"{source}/").removeprefix("internal/").split("/")[0]
    return re.sub(r"[^a-z]", "", first.split(".")[0].lower())


def line_of(text: str, position: int) -> int:
    """Return the line number of a position in ``text``."""
    return text.count("\n", 0, position) + 1


def python_imports(name: str, text: str) -> Iterator[Import]:
    """Yield the imports of a Python module, those under ``if TYPE_CHECKING`` left out."""
    package = PYTHON.source.rsplit("/", 1)[1]
    todo: list[ast.AST] = [ast.parse(text, filename=name)]
    for node in todo:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        todo.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            for one in node.names:
                yield Import(node.lineno, None, one.name)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                depth = name.removeprefix(f"{PYTHON.source}/").count("/")
                if depth >= node.level:
                    continue  # inside its own sub-package
                words = [module] if module else [one.name for one in node.names]
            elif module.split(".")[0] == package:
                rest = module.partition(".")[2]
                words = [rest] if rest else [one.name for one in node.names]
            else:
                yield Import(node.lineno, None, module)
                continue
            for word in words:
                yield Import(node.lineno, word, None)


TS_FROM = re.compile(
    r"^(?:import|export)\s+(?!type\b)[^;'\"]*?from\s+['\"]([^'\"]+)['\"]|import\(['\"]([^'\"]+)['\"]\)",
    re.MULTILINE,
)


def typescript_imports(name: str, text: str) -> Iterator[Import]:
    """Yield the imports and re-exports of a TypeScript module, ``import type`` left out."""
    for match in TS_FROM.finditer(text):
        target = match.group(1) or match.group(2)
        line = line_of(text, match.start())
        if not target.startswith("."):
            yield Import(line, None, target)
            continue
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        yield Import(line, path.removeprefix(f"{TYPESCRIPT.source}/"), None)


def rust_imports(name: str, text: str) -> Iterator[Import]:
    """Yield the ``crate::`` paths and the outside crates of a Rust module, unit tests left out."""
    del name
    code = re.sub(r"^\s*//.*$", "", text.split("#[cfg(test)]")[0], flags=re.MULTILINE)
    for match in re.finditer(r"\bcrate::(\w+)|\b(tokio_tungstenite|tungstenite)::", code):
        yield Import(line_of(code, match.start()), match.group(1), match.group(2))


def go_imports(name: str, text: str) -> Iterator[Import]:
    """Yield the import paths of a Go file."""
    del name
    head = text.split("\nfunc ", 1)[0]
    for match in re.finditer(r'^(?:import\s+|\t)(?:\w+ )?"([^"]+)"', head, flags=re.MULTILINE):
        yield Import(line_of(text, match.start()), None, match.group(1))


def dotnet_imports(name: str, text: str) -> Iterator[Import]:
    """Yield the namespaces that a C# file uses."""
    del name
    for match in re.finditer(r"^(?:global )?using (?:static )?([\w.]+);", text, flags=re.MULTILINE):
        line, space = line_of(text, match.start()), match.group(1)
        inside = re.fullmatch(r"SmooAI\.SmoothOperator\.(\w+)", space)
        yield Import(line, inside.group(1) if inside else None, space)


PYTHON = Client("python/client/src/smooth_operator", python_imports, "websockets")
TYPESCRIPT = Client("typescript/src", typescript_imports, "ws")
GO = Client("go/protocol", go_imports, "github.com/coder/websocket")
DOTNET = Client("dotnet/src/SmooAI.SmoothOperator", dotnet_imports, "System.Net.WebSockets")
RUST = Client("rust/src", rust_imports, "tokio_tungstenite")
CLIENTS = (PYTHON, TYPESCRIPT, GO, DOTNET, RUST)


def names_library(word: str, library: str) -> bool:
    """Tell whether an import names ``library`` or a part of it."""
    return word == library or word.startswith((f"{library}.", f"{library}/"))


def complaints(client: Client, name: str, text: str) -> Iterator[str]:
    """Yield one line for each import of the file that goes upwards or leaves its room."""
    stem = stem_of(name, client.source)
    generated = stem.startswith("wire")
    level = 0 if generated else level_of(stem)
    at_edge = stem.startswith(("transport", "testing"))
    for one in client.imports(name, text):
        place = f"{name}:{one.line}"
        if not at_edge and one.outside and names_library(one.outside, client.library):
            yield f"{place}: only the transport room may use {client.library}"
        if one.inside is None or level is None:
            continue
        target = stem_of(one.inside, client.source)
        above = level_of(target)
        if above is not None and above > level:
            yield f"{place}: {stem} must not use {target}, a room above it"


def unknown_rooms(client: Client, name: str) -> Iterator[str]:
    """Yield a line when the file belongs to no room: a new stem is named in ROOMS first."""
    stem = stem_of(name, client.source)
    if level_of(stem) is None and stem not in DOORS:
        yield f"{name}: {stem} is no room of tools/rooms.py"


def main() -> int:
    """Command line entry; returns the exit status."""
    bad: list[str] = []
    count = 0
    try:
        names = code_files()
    except SetupError as problem:
        print(f"rooms: {problem}", file=sys.stderr)
        return 1
    for client in CLIENTS:
        inside = (name for name in names if name.startswith(f"{client.source}/"))
        mine = [name for name in inside if not is_test(name)]
        if not mine:
            bad.append(f"{client.source}: no file there")
        for name in mine:
            count += 1
            bad.extend(complaints(client, name, (ROOT / name).read_text(encoding="utf-8")))
            if client in (PYTHON, TYPESCRIPT, RUST):
                bad.extend(unknown_rooms(client, name))
    for line in bad:
        print(line, file=sys.stderr)
    print(f"rooms: {count} files of five clients, {len(bad)} wrong imports")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
