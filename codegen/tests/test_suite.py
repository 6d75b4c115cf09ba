"""The JSON-Schema-Test-Suite: every group is read or refused by name, and five languages agree."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from wiregen import api
from wiregen.words import word_set

from .driving import Driver, Line
from .suite.groups import Suite
from .suite.verdicts import REASONS
from .test_protocols import plain

Json = Any
pytestmark = pytest.mark.timeout(300)
RATCHET = Path(__file__).parent / "suite" / "ratchet.json"
README = Path(__file__).parents[1] / "README.md"
# More of these is better, less of everything else.
MORE = word_set(
    "groups tests ir groups_in_five_languages tests_in_five_languages verdicts_of_the_suite "
    "groups_whose_valid_tests_are_accepted groups_that_agree groups_that_agree_and_refuse"
)

TABLES = ("diagnostics", "differences")


def test_every_group_ends_as_ir_or_as_a_named_diagnostic(suite: Suite) -> None:
    """A crash would have been raised; here every refusal and every gap has its name."""
    named = re.compile(r"[a-z]+(-[a-z]+)*")
    for group in suite.groups:
        found = suite.found[group.name]
        assert all(named.fullmatch(rule) for rule in (*found.rules, found.refused or "no-fault"))
        assert not (found.rules and found.refused)


def test_the_figures_only_improve(suite: Suite) -> None:
    """`WRITE_RATCHET=1` writes them anew; review the difference."""
    figures = suite.figures()
    if os.environ.get("WRITE_RATCHET"):
        RATCHET.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    known = json.loads(RATCHET.read_text(encoding="utf-8"))
    worse = [
        f"{key}: {known[key]} -> {figures[key]}"
        for key in known
        if key not in (*TABLES, "ir_with_diagnostics")
        and (figures[key] < known[key] if key in MORE else figures[key] > known[key])
    ]
    worse += [
        f"{word}: {known[table].get(word, 0)} -> {n}"
        for table in TABLES
        for word, n in figures[table].items()
        if n > known[table].get(word, 0)
    ]
    assert worse == []
    assert figures == known, "better than the ratchet: write it anew with WRITE_RATCHET=1"


def test_the_readme_says_the_figures() -> None:
    known = json.loads(RATCHET.read_text(encoding="utf-8"))
    text = README.read_text(encoding="utf-8")
    for key, value in {**known, **known["diagnostics"]}.items():
        if isinstance(value, int):
            assert f"| `{key}` | {value} |" in text
    counts = known["differences"]
    for reason, keywords in REASONS.items():
        listed = ", ".join(f"`{key}` {counts[key]}" for key in sorted(keywords & counts.keys()))
        total = sum(counts.get(key, 0) for key in keywords)
        assert f"| {reason} | {total} | {listed} |" in text
    assert sum(counts.values()) == known["tests_in_five_languages"] - known["verdicts_of_the_suite"]


def test_the_specification_as_written_has_the_verdicts_of_the_suite(suite: Suite) -> None:
    """The strict view, which judges writers: every verdict, both ways."""
    judges = {
        group.name: Draft202012Validator(api.strict_schema(suite.spec, group.name))
        for group in suite.shared
    }
    wrong = [
        (row.group, row.test, row.text)
        for row in suite.verdicts
        if judges[row.group].is_valid(json.loads(row.text)) != row.valid
    ]
    assert wrong == []


def test_all_languages_agree_with_the_suite(driver: Driver, suite: Suite) -> None:
    """Every verdict is the suite's, both ways, but where `verdicts.py` knows why a reader differs.

    Kind and pointer of the fault and the encoding are those of the reader view in every test.
    """
    shown = driver.replay(Line("suite", "event", "", row.text) for row in suite.verdicts)
    wrong = []
    for row, found in zip(suite.verdicts, shown, strict=True):
        tree = json.loads(row.text)
        fault = api.check(suite.spec, row.group, tree)
        wanted: Json = {"outcome": "good", "encoded": api.repair(suite.spec, row.group, tree)}
        if fault is not None:
            problem = {"kind": fault.kind, "pointer": fault.pointer}
            wanted = {"outcome": "broken", "problem": problem}
        agrees = plain(found, driver) == plain(wanted, driver)
        if not row.why:
            agrees = agrees and (found["outcome"] == "good") == row.valid
        if not agrees:
            wrong.append((row, found, wanted))
    assert wrong[:5] == []
