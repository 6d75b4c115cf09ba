"""Refuse files and functions that are too long to be read in one sitting.

Limits in lines: a file of code 600, of tests 800, generated 3,000; a Python function 60. An
exception is one line in .size-allow, `path[:function]  reason`; a line there that is no longer
needed is refused as well, so that the list only shrinks.

    python3 tools/sizes.py
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tree import code_files, generated, is_test
from workshop import ROOT, SetupError

FILE_LINES, TEST_LINES, GENERATED_LINES = 600, 800, 3000
FUNCTION_LINES = 60
ALLOW = ROOT / ".size-allow"


@dataclass(frozen=True)
class TooLong:
    """A file or function over its limit; ``key`` is how .size-allow would name it."""

    key: str
    lines: int
    limit: int
    line: int = 1


def long_functions(name: str, source: str) -> Iterator[TooLong]:
    """Yield the Python functions of ``source`` that are over the limit; decorators do not count."""
    for node in ast.walk(ast.parse(source, filename=name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield TooLong(f"{name}:{node.name}", lines, FUNCTION_LINES, node.lineno)


def limit_of(name: str, *, is_generated: bool) -> int:
    """Return how many lines the file ``name`` may have."""
    if is_generated:
        return GENERATED_LINES
    return TEST_LINES if is_test(name) else FILE_LINES


def read_allowed(text: str) -> dict[str, str]:
    """Return the exceptions of .size-allow with their reasons.

    Raises: SetupError: a line gives no reason.
    """
    allowed: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, _, reason = line.partition(" ")
        if not reason.strip():
            raise SetupError(f".size-allow:{number}: {key} has no reason")
        allowed[key] = reason.strip()
    return allowed


def measure(sources: Mapping[str, str], made: set[str]) -> list[TooLong]:
    """Return what is too long among ``sources``; ``made`` names the generated ones."""
    found: list[TooLong] = []
    for name, text in sources.items():
        lines, limit = text.count("\n"), limit_of(name, is_generated=name in made)
        if lines > limit:
            found.append(TooLong(name, lines, limit))
        if name.endswith(".py") and name not in made:
            found.extend(long_functions(name, text))
    return found


def complaints(found: list[TooLong], allowed: Mapping[str, str]) -> list[str]:
    """Return one line for each excess that is not allowed and each allowance not needed."""
    too_long = [
        f"{one.key.split(':')[0]}:{one.line}: {one.lines} lines, {one.limit} allowed ({one.key})"
        for one in found
        if one.key not in allowed
    ]
    needless = sorted(set(allowed) - {one.key for one in found})
    return too_long + [f".size-allow: {key} is no longer too long: take it out" for key in needless]


def main() -> int:
    """Command line entry; returns the exit status."""
    try:
        names = code_files()
        sources = {name: Path(ROOT, name).read_text(encoding="utf-8") for name in names}
        allowed = read_allowed(ALLOW.read_text()) if ALLOW.is_file() else {}
        bad = complaints(measure(sources, generated(names)), allowed)
    except SetupError as problem:
        bad = [str(problem)]
        sources = {}
    for line in bad:
        print(line, file=sys.stderr)
    print(f"sizes: {len(sources)} files of code, {len(bad)} too long")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
