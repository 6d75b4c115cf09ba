"""Baselines: what is known excuses itself as listed and no longer, and what is stale is told."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from conform.baseline import LONGEST, load_baseline
from conform.cli import main
from conform.documents import CaseError
from conform.report.tree import fault

BROKEN = f"bad={sys.executable} -m conform.reference --fault approved-inverted"
FAILS = "confirm/write_confirmation_required_denied"
PASSES = "turn/keepalive"
TODAY = datetime.now(UTC).date()
TOMORROW = TODAY + timedelta(days=1)


def entry(case: str, expires: date = TOMORROW, **more: str) -> dict[str, str]:
    return {
        "case": case,
        "testee": "bad",
        "reason": "answers are swapped",
        "expires": str(expires),
        **more,
    }


def play(tmp_path: Path, *entries: dict[str, str], cases: tuple[str, ...] = (FAILS, PASSES)) -> int:
    """Run the broken client under a baseline of these entries (JSON is YAML as well)."""
    path = tmp_path / "baseline.yaml"
    path.write_text(json.dumps({"baseline": 1, "known": entries}), encoding="utf-8")
    chosen = [word for case in cases for word in ("--cases", case)]
    flags = ["--no-canaries", "--out", str(tmp_path / "out"), "--testee", BROKEN]
    return main(["run", *flags, *chosen, "--baseline", str(path)])


def told(tmp_path: Path) -> dict:
    tree = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert fault(tree) is None
    return tree


def test_a_listed_failure_is_known_and_the_run_is_green(tmp_path: Path, capsys) -> None:
    assert play(tmp_path, entry(FAILS)) == 0
    tree = told(tmp_path)
    assert (tree["counts"]["pass"], tree["counts"]["known"], tree["counts"]["fail"]) == (1, 1, 0)
    verdict = next(c for c in tree["cases"] if c["name"] == FAILS)["verdicts"]["bad"]
    assert verdict["outcome"] == "known"
    assert verdict["reason"].startswith("answers are swapped (")
    out = capsys.readouterr().out
    assert "1 known" in out
    assert "FAIL" not in out
    assert 'skipped="1"' in (tmp_path / "out" / "junit.xml").read_text(encoding="utf-8")
    badge = json.loads((tmp_path / "out" / "badge.json").read_text(encoding="utf-8"))
    assert badge["message"].startswith("1 of 2 cases")


def test_an_unlisted_failure_is_red_beside_a_listed_one(tmp_path: Path) -> None:
    assert play(tmp_path, entry(PASSES)) == 1


def test_a_listed_case_that_passes_is_stale(tmp_path: Path, capsys) -> None:
    assert play(tmp_path, entry(FAILS), entry(PASSES)) == 4
    assert f"{PASSES} of bad: passes; take the entry out" in capsys.readouterr().out
    assert len(told(tmp_path)["stale"]) == 1


def test_an_entry_past_its_day_is_stale_though_the_case_fails(tmp_path: Path, capsys) -> None:
    yesterday = TODAY - timedelta(days=1)
    assert play(tmp_path, entry(FAILS, yesterday)) == 4
    assert f"expired on {yesterday}" in capsys.readouterr().out
    assert play(tmp_path, entry(FAILS, TODAY)) == 0  # its last day still counts


def test_an_entry_of_no_case_is_stale_and_one_that_was_not_played_is_not(
    tmp_path: Path, capsys
) -> None:
    assert play(tmp_path, entry(FAILS), entry("turn/gone")) == 4
    assert "turn/gone of bad: there is no such case" in capsys.readouterr().out
    assert play(tmp_path, entry(FAILS), cases=(PASSES,)) == 0


def test_another_failure_than_the_known_one_is_a_new_one(tmp_path: Path, capsys) -> None:
    assert play(tmp_path, entry(FAILS, signature="never reported")) == 1
    assert "the baseline knows another failure: never reported" in capsys.readouterr().out


def test_what_the_verb_writes_excuses_exactly_what_failed(tmp_path: Path, capsys) -> None:
    assert play(tmp_path) == 1
    path, out = tmp_path / "written.yaml", tmp_path / "out"
    words = ["--out", str(out), "--reason", "swapped", "--days", "30"]
    assert main(["baseline", str(path), *words]) == 0
    assert "1 entries" in capsys.readouterr().out
    (found,) = load_baseline(path).entries
    assert (found.case, found.testee, found.reason) == (FAILS, "bad", "swapped")
    assert found.signature
    assert found.expires == TODAY + timedelta(days=30)
    flags = ["--no-canaries", "--out", str(out), "--testee", BROKEN, "--cases", FAILS]
    assert main(["run", *flags, "--baseline", str(path)]) == 0
    assert main(["baseline", str(path), *words]) == 2  # it is there: nothing is overwritten
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("known", "fault"),
    [
        ([entry("a", TODAY + LONGEST + timedelta(days=1))], "is more than 90 days ahead"),
        ([{**entry("a"), "expires": "2026-02-30"}], "2026-02-30 is no day"),
        ([entry("a"), entry("a")], "/known/1: a of bad is listed on line 1 already"),
        ([{"case": "a"}], "/known/0: "),
        ({}, "/known: "),
    ],
)
def test_a_malformed_baseline_is_told_with_file_and_line(
    tmp_path: Path, known: object, fault: str
) -> None:
    path = tmp_path / "b.yaml"
    path.write_text(json.dumps({"baseline": 1, "known": known}), encoding="utf-8")
    with pytest.raises(CaseError, match=r"b\.yaml:1: ") as caught:
        load_baseline(path)
    assert fault in str(caught.value)
