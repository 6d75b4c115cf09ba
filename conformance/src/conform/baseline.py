"""Baselines: cases that a client is known to fail, each with a reason and a last day.

A listed case that fails as listed is ``known`` and fails no run. A line that excuses nothing any
more (its case passes, is not there, or its day is over) is stale, and a stale baseline is no
baseline: the run ends with exit status 4 until the line is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import jsonschema_rs

from conform.documents import CaseError, load_yaml_lines, schema_of
from conform.home import shown
from conform.judge import Verdict
from conform.run import Run
from conform.spec import Tree
from conform.transcript import pointer_of

LONGEST = timedelta(days=90)
"""How far ahead an entry may expire: what nobody looks at for a season is forgotten."""
VARYING = re.compile(r"\d+(\.\d+)?")
"""Numbers in a reason (times, counts) that differ from run to run."""


@dataclass(frozen=True)
class Entry:
    """One line of a baseline."""

    case: str
    testee: str
    reason: str
    expires: date
    line: int = 0
    issue: str = ""
    signature: str = ""


@dataclass(frozen=True)
class Baseline:
    """A baseline file that was read."""

    path: Path
    entries: tuple[Entry, ...]
    today: date

    def apply(self, run: Run, exists: Callable[[str], bool], *, whole: bool) -> list[str]:
        """Turn failures that are listed into ``known``; returns a sentence for each stale entry.

        Args:
            run: The run, whose verdicts are changed.
            exists: Whether there is a case of that name.
            whole: Whether the run was of all cases; one of some says nothing of the others.
        """
        stale = []
        ran = {t.name: t for t in run.testees if t.ran}
        for entry in self.entries:
            testee = ran.get(entry.testee)
            verdict = testee.verdicts.get(entry.case) if testee else None
            if verdict is not None:
                why = self._weigh(entry, verdict)
            elif not exists(entry.case):
                why = "there is no such case"
            elif testee is None and whole and entry.testee not in {t.name for t in run.testees}:
                why = f"no client {entry.testee} took part"
            else:
                continue
            if why:
                where = f"{shown(self.path)}:{entry.line}"
                stale.append(f"{where}: {entry.case} of {entry.testee}: {why}")
        return stale

    def _weigh(self, entry: Entry, verdict: Verdict) -> str:
        """Excuse a failure that is listed; returns why the entry is stale, or nothing."""
        if verdict.outcome != "fail":
            word = {"pass": "passes", "unsupported": "is unsupported"}
            return f"{word.get(verdict.outcome, verdict.outcome)}; take the entry out"
        found = signature(verdict)
        if entry.signature and entry.signature != found:
            verdict.reason += f" (the baseline knows another failure: {entry.signature})"
            return ""
        verdict.outcome = "known"
        verdict.reason = f"{entry.reason} ({verdict.reason})"
        if entry.expires < self.today:
            return f"expired on {entry.expires}; mend the client or look at the entry again"
        return ""


def signature(verdict: Verdict) -> str:
    """How a case fails: the reason without its numbers, and where the transcripts part."""
    reason = VARYING.sub("#", verdict.reason.partition(":")[0]).strip()
    at = pointer_of(verdict.expected, verdict.got) if verdict.expected or verdict.got else ""
    return f"{reason} at {VARYING.sub('#', at)}" if at else reason


def load_baseline(path: Path, today: date | None = None) -> Baseline:
    """Read a baseline file; raises ``CaseError`` with file and line.

    Args:
        path: A YAML file, as ``schema/baseline.schema.json`` says.
        today: The day that expiry is weighed against; this one (UTC) when left out.
    """
    now = today or datetime.now(UTC).date()
    tree, lines = load_yaml_lines(path)
    for fault in jsonschema_rs.Draft202012Validator(schema_of("baseline")).iter_errors(tree):
        where = tuple(fault.instance_path)
        pointer = "".join(f"/{each}" for each in where) or "the document"
        raise CaseError(f"{shown(path)}:{lines.at(where)}: {pointer}: {fault.message}")
    entries: dict[tuple[str, str], Entry] = {}
    for index, row in enumerate(tree["known"]):
        line = lines.at(("known", index))
        key = (row["case"], row["testee"])
        if key in entries:
            told = f"{row['case']} of {row['testee']} is listed on line {entries[key].line} already"
            raise CaseError(f"{shown(path)}:{line}: /known/{index}: {told}")
        entries[key] = Entry(**{**row, "expires": _day(row["expires"], now, path, line)}, line=line)
    return Baseline(path, tuple(entries.values()), now)


def _day(text: str, today: date, path: Path, line: int) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise CaseError(f"{shown(path)}:{line}: expires: {text} is no day") from None
    if day > today + LONGEST:
        told = f"{text} is more than {LONGEST.days} days ahead"
        raise CaseError(f"{shown(path)}:{line}: expires: {told}")
    return day


def entries_of(report: Tree, reason: str, expires: date, issue: str = "") -> list[Tree]:
    """Return an entry for each failure that a report tells."""
    found = []
    for case in report["cases"]:
        for testee, told in case["verdicts"].items():
            if told["outcome"] != "fail":
                continue
            verdict = Verdict(case["name"], testee, "fail", told.get("reason", ""))
            verdict.expected, verdict.got = told.get("expected", ""), told.get("got", "")
            row: Tree = {"case": case["name"], "testee": testee, "reason": reason}
            row |= {"issue": issue} if issue else {}
            found.append({**row, "expires": str(expires), "signature": signature(verdict)})
    return found
