"""Rows that are new in the tables need no hand-written line in five clients.

The clients of today with a wire room printed from `newer_spec`: a question with its verb is asked
and answered, a close code and a status mean what their rows say, an option has its default, and the
vectors of all machines are replayed. Oracle, coverage and documentation know the rows as well. An
effect that no client knows does not compile.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from newer_spec import grow, write_newer_tables

from wiregen.naming import Lang

from .driving import PROJECT
from .newcomer import as_member, newcomer, print_room, run

pytestmark = pytest.mark.timeout(600)
TESTS = "codegen/tests/newcomers/new_tables"
CSHARP = "dotnet/tests/SmooAI.SmoothOperator.Tests"
MODULES = PROJECT / "node_modules"
TOOLS = Path(sys.executable).parent


@dataclass(frozen=True)
class Client:
    """What of a client is copied, where its tests run, and which commands do it."""

    sources: Mapping[str, str]
    folder: str
    tests: tuple[str, ...]
    passed: tuple[str, ...]
    """What is printed when the tests have run, and not merely been skipped."""
    check: tuple[str, ...]
    """Compiles the client, or its types."""
    env: Mapping[str, str] = field(default_factory=dict)


RUST = ("cargo", "test", "--offline", "--locked", "-p", "smooth-operator-client")
RUST += ("--features", "testing")
CLIENTS: dict[Lang, Client] = {
    "python": Client(
        {"python/client": "python/client", f"{TESTS}.py.txt": "python/client/tests/test_new.py"},
        "python/client",
        (
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-c", str(PROJECT / "pyproject.toml"), "--rootdir", "."),
            *("tests/test_machine_vectors.py", "tests/test_new.py"),
        ),
        (" passed",),
        (sys.executable, "-m", "mypy", "--config-file", str(PROJECT / "pyproject.toml"), "src"),
        {"PYTHONPATH": "src", "MYPYPATH": "src"},
    ),
    "typescript": Client(
        {"typescript": "typescript", f"{TESTS}.ts.txt": "typescript/tests/new-tables.test.ts"},
        "typescript",
        (
            *("node", str(MODULES / "vitest" / "vitest.mjs"), "run"),
            *("tests/new-tables.test.ts", "tests/wire/machine-vectors.test.ts"),
        ),
        (" passed",),
        ("node", str(MODULES / "typescript" / "bin" / "tsc"), "-p", "tsconfig.json"),
    ),
    "go": Client(
        {
            "go": "go",
            f"{TESTS}.go.txt": "go/protocol/new_tables_test.go",
            f"{TESTS}_inside.go.txt": "go/protocol/new_tables_inside_test.go",
        },
        "go",
        ("go", "test", "-v", "-run", "TestNewTables|MachinesStepAsTheVectorsSay", "./protocol"),
        ("--- PASS: TestNewTables", "MachinesStepAsTheVectorsSay"),
        ("go", "vet", "./protocol"),
    ),
    "csharp": Client(
        {
            "dotnet": "dotnet",
            f"{CSHARP}/Wire/MachineVectorTests.cs": f"{CSHARP}/Wire/MachineVectorTests.cs",
            "codegen/tests/newcomers/NewTablesTests.cs.txt": f"{CSHARP}/NewTablesTests.cs",
        },
        CSHARP,
        (
            *("dotnet", "test", "--nologo", "--filter"),
            "FullyQualifiedName~NewTables|FullyQualifiedName~MachineVectorTests",
        ),
        ("Passed!",),
        ("dotnet", "build", "--nologo", "--no-restore"),
    ),
    "rust": Client(
        {
            "rust": "rust",
            "rust/Cargo.lock": "Cargo.lock",
            f"{TESTS}.rs.txt": "rust/tests/new_tables.rs",
            "conformance/testees/rust": "conformance/testees/rust",
            "conformance/kits/rust": "conformance/kits/rust",
        },
        ".",
        (*RUST, "--test", "new_tables"),
        ("test result: ok. 3 passed",),
        ("cargo", "check", "--offline", "--locked", "-p", "smooth-operator-client"),
    ),
}


@pytest.mark.parametrize("lang", CLIENTS)
def test_new_rows_of_the_tables_move_a_client(lang: Lang, tmp_path: Path) -> None:
    client = CLIENTS[lang]
    with newcomer(lang, tmp_path, client.sources, write_newer_tables) as project:
        passed = project / "passed"
        if passed.is_file():
            return
        if lang == "rust":
            as_member(project)
        if lang == "typescript" and not (project / "node_modules").exists():
            (project / "node_modules").symlink_to(MODULES)
        folder = project / client.folder
        code, shown = run(lang, folder, *client.tests, **client.env)
        assert code == 0, shown
        assert all(text in shown for text in client.passed), shown
        with_unknown_effects(lang, project, tmp_path)
        code, shown = run(lang, folder, *client.check, **client.env)
        assert code != 0, "an unknown effect compiles"
        missing = [
            name for name in EFFECTS.values() if name not in re.sub(r"[_ ]", "", shown.lower())
        ]
        assert not missing, shown
        passed.touch()


# A case over the new rows: the question holds the idle clock, the close code is told by its row.
CASE = """
case: new/rating
title: A question of tomorrow holds the idle clock, a close code of tomorrow ends the link
why: The tables say so.
level: must
proves: [REQ-TURN-11, REQ-CONN-15]
kills: []
needs: [virtual_clock]
client: {clock: virtual, options: {pingInterval: 0}}
given: session
steps:
  - ask: t1
  - accept: t1
  - tell: {t1: rating_required, toolId: t, actionDescription: d, ratingId: "7"}
  - do:   {advance: c1, ms: 300000}
  - fence: [t1 open, c1 silent]
  - wire: {close: {code: 4477}}
  - see:  {ended: t1, outcome: failed}
"""


def test_new_rows_of_the_tables_move_the_oracle(tmp_path: Path) -> None:
    spec = write_newer_tables(tmp_path / "spec")
    case = tmp_path / "cases" / "new" / "rating.yaml"
    case.parent.mkdir(parents=True)
    case.write_text(CASE, encoding="utf-8")
    code, shown = _conform(
        *("show", "--spec", str(spec), "--case-root", str(tmp_path / "cases"), "--json")
    )
    assert code == 0, shown
    (story,) = json.loads(shown)
    (end,) = (line for line in story["transcript"] if line["ev"] == "ended")
    assert (end["error"]["kind"], end["error"]["closeCode"]) == ("authentication", 4477)
    code, shown = _conform("coverage", "--spec", str(spec))
    assert code == 1
    missing = set(shown.splitlines())
    assert {
        "missing  row rating: any on rating_required",
        "missing  code NO_PENDING_RATING",
        "missing  end code 4477",
        "missing  end http 418",
        "missing  option ratingTimeout default",
        "missing  verb rate while open",
    } <= missing


def test_new_rows_of_the_tables_are_documented(tmp_path: Path) -> None:
    spec = write_newer_tables(tmp_path / "spec")
    command = [str(TOOLS / "wiregen"), "docs", "--spec", str(spec), "--out"]
    subprocess.run([*command, str(tmp_path / "site")], cwd=PROJECT, check=True, capture_output=True)
    pages = "".join(page.read_text("utf-8") for page in (tmp_path / "site").rglob("*.html"))
    words = ("rating_required", "rate_answer", "NO_PENDING_RATING", "ratingTimeout", "4477", "418")
    assert not [word for word in words if word not in pages]


def _conform(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(TOOLS / "conform"), *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout or done.stderr


# By machine: an effect that no client knows, as it shows in a message of any compiler.
EFFECTS = {"turn": "ringturn", "call": "ringcall", "connection": "ringlink"}
ROWS = {
    "turn": (
        "on: [immediate_response, keepalive, turn_resumed, repeated], emit: [tap]",
        "ring_turn",
    ),
    "call": ("on: [keepalive], emit: [tap]", "ring_call"),
    "connection": ("on: [opened], to: open, emit: [state(open)]", "ring_link"),
}


def with_unknown_effects(lang: Lang, project: Path, tmp: Path) -> None:
    """Print the wire room once more, from tables with effects of tomorrow."""
    spec = write_newer_tables(tmp / "effects")
    tables = spec / "machine.yaml"
    for row, effect in ROWS.values():
        grow(tables, row, row.replace("emit: [", f"emit: [{effect}, "))
        grow(tables, "  tap: {", f"  {effect}: {{doc: a bell rings}}\n  tap: {{")
    print_room(lang, project, spec)
