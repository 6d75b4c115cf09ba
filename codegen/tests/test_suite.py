"""The JSON-Schema-Test-Suite: every group is read or refused by name, and five languages agree."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from wiregen import api
from wiregen.words import word_set

from .driving import Driver, Line
from .suite.groups import Suite, lines
from .test_protocols import plain

Json = Any
pytestmark = pytest.mark.timeout(300)
RATCHET = Path(__file__).parent / "suite" / "ratchet.json"
README = Path(__file__).parents[1] / "README.md"
# More of these is better, less of everything else.
MORE = word_set(
    "groups tests ir groups_in_five_languages tests_in_five_languages verdicts_of_the_suite "
    "groups_whose_valid_tests_are_accepted"
)


# A member of several JSON kinds is raw JSON; this one looks at its kind less closely.
GAPS = {("rust", "opaque-kinds")}


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
        if key not in ("diagnostics", "ir_with_diagnostics")
        and (figures[key] < known[key] if key in MORE else figures[key] > known[key])
    ]
    counts = figures["diagnostics"]
    limits = known["diagnostics"]
    worse += [
        f"{rule}: {limits.get(rule, 0)} -> {n}"
        for rule, n in counts.items()
        if n > limits.get(rule, 0)
    ]
    assert worse == []
    assert figures == known, "better than the ratchet: write it anew with WRITE_RATCHET=1"


def test_the_readme_says_the_figures() -> None:
    known = json.loads(RATCHET.read_text(encoding="utf-8"))
    text = README.read_text(encoding="utf-8")
    for key, value in {**known, **known["diagnostics"]}.items():
        if isinstance(value, int):
            assert f"| `{key}` | {value} |" in text


def test_all_languages_agree_with_the_suite(driver: Driver, suite: Suite) -> None:
    rows = list(lines(suite.shared))
    shown = driver.replay(Line("suite", "event", "", text) for _, _, text, _ in rows)
    assert len(shown) == len(rows)
    wrong = []
    for (group, test, text, valid), found in zip(rows, shown, strict=True):
        tree = json.loads(text)
        fault = api.check(suite.spec, group.name, tree)
        wanted: Json = {"outcome": "good", "encoded": api.repair(suite.spec, group.name, tree)}
        if fault is not None:
            problem = {"kind": fault.kind, "pointer": fault.pointer}
            wanted = {"outcome": "broken", "problem": problem}
        agrees = plain(found, driver) == plain(wanted, driver)
        if (driver.lang, *suite.found[group.name].rules) in GAPS:
            agrees = True  # looser than the reader view; what is valid is read all the same
        if group.name in suite.structural:
            agrees = agrees and (found["outcome"] == "good") == valid
        elif valid and suite.compares_valid(group):
            agrees = agrees and found["outcome"] == "good"
        if not agrees:
            wrong.append((group.name, test, text[:200], found, wanted, valid))
    assert wrong[:5] == []
