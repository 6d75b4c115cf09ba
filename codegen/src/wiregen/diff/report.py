"""Text, JSON, SARIF and a changelog section of a comparison."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any, Literal

from wiregen import __version__
from wiregen.diff.model import RULES, Change, Grade

Format = Literal["text", "json", "sarif", "markdown"]
_LEVELS = {
    Grade.BREAKING: "error",
    Grade.DANGEROUS: "warning",
    Grade.SOURCE: "warning",
    Grade.OK: "note",
}


def bump(changes: list[Change]) -> str:
    """Return the version bump that the changes ask for: major, minor, patch or none."""
    if any(item.grade is Grade.BREAKING or item.api is Grade.SOURCE for item in changes):
        return "major"
    additions = ("_ADDED", "_OPENED", "_LOOSENED")
    if any(it.grade is Grade.DANGEROUS or it.rule.endswith(additions) for it in changes):
        return "minor"
    return "patch" if changes else "none"


def text(changes: list[Change], waived: list[Change]) -> str:
    """Return one line a change, worst first, and a summary."""
    lines = [f"{it.grade.word:<9} {it.where}: {it.message} [{it.rule}]" for it in changes]
    lines += [f"waived    {it.where}: {it.message} [{it.rule}]" for it in waived]
    counts = [f"{sum(it.grade is g for it in changes)} {g.word}" for g in sorted(Grade)[::-1]]
    return "\n".join([*lines, f"{', '.join(counts)}; version bump: {bump(changes)}"])


def as_json(changes: list[Change], waived: list[Change], useless: list[str]) -> str:
    """Return the comparison as JSON."""

    def body(item: Change) -> dict[str, Any]:
        return {
            "rule": item.rule,
            "number": RULES[item.rule].number,
            "where": item.where,
            "file": item.file,
            "message": item.message,
            "wire": item.wire.word,
            "api": item.api.word,
            "grade": item.grade.word,
        }

    out = {
        "changes": [body(it) for it in changes],
        "waived": [body(it) for it in waived],
        "useless_waivers": useless,
        "bump": bump(changes),
    }
    return json.dumps(out, indent=2, ensure_ascii=False)


def sarif(changes: list[Change], waived: list[Change], folder: PurePosixPath) -> str:
    """Return the comparison as SARIF 2.1.0, for annotations in a review.

    ``folder`` is where the new specification lies; what is waived is there as suppressed.
    """
    used = sorted({it.rule for it in (*changes, *waived)})
    rules = [
        {
            "id": it,
            "shortDescription": {"text": RULES[it].title},
            "help": {"text": f"Rule {RULES[it].number} of wiregen diff: {RULES[it].title}."},
        }
        for it in used
    ]
    results = [_result(it, used, folder) for it in changes]
    for item in waived:
        suppressed = {"suppressions": [{"kind": "external", "status": "accepted"}]}
        results.append({**_result(item, used, folder), **suppressed})
    driver = {"name": "wiregen diff", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "results": results}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(item: Change, used: list[str], folder: PurePosixPath) -> dict[str, Any]:
    # Annotations need a file: what is gone is shown at the document.
    uri = (folder / (item.file or "asyncapi.yaml")).as_posix()
    physical = {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}
    return {
        "ruleId": item.rule,
        "ruleIndex": used.index(item.rule),
        "level": _LEVELS[item.grade],
        "message": {"text": f"{item.where}: {item.message}"},
        "locations": [
            {
                "physicalLocation": physical,
                "logicalLocations": [{"fullyQualifiedName": item.where}],
            }
        ],
    }


def markdown(changes: list[Change], waived: list[Change], versions: tuple[str, str]) -> str:
    """Return a section for a changelog."""
    heads = {
        Grade.BREAKING: "Breaking",
        Grade.DANGEROUS: "Take care",
        Grade.SOURCE: "Generated code",
        Grade.OK: "Changed",
    }
    before, after = versions
    title = f"## {after}" if before == after else f"## {after} (after {before})"
    lines: list[str] = [title, ""]
    for grade, head in heads.items():
        found = [it for it in changes if it.grade is grade]
        if found:
            lines += [f"### {head}", "", *(_line(it) for it in found), ""]
    if waived:
        lines += ["### Breaking, as decided", "", *(_line(it) for it in waived), ""]
    if not (changes or waived):
        lines.append("No changes.")
    return "\n".join(lines).rstrip()


def _line(item: Change) -> str:
    return f"- `{item.where}`: {item.message}"
