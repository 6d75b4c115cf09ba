"""Text, JSON, SARIF and a changelog section of a comparison."""

from __future__ import annotations

import json
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


def as_json(changes: list[Change], waived: list[Change]) -> str:
    """Return the comparison as JSON."""

    def body(item: Change) -> dict[str, Any]:
        return {
            "rule": item.rule,
            "number": RULES[item.rule].number,
            "where": item.where,
            "message": item.message,
            "wire": item.wire.word,
            "api": item.api.word,
            "grade": item.grade.word,
        }

    out = {
        "changes": [body(it) for it in changes],
        "waived": [body(it) for it in waived],
        "bump": bump(changes),
    }
    return json.dumps(out, indent=2, ensure_ascii=False)


def sarif(changes: list[Change]) -> str:
    """Return the comparison as SARIF 2.1.0, for annotations in a review."""
    used = sorted({it.rule for it in changes})
    rules = [{"id": it, "shortDescription": {"text": RULES[it].title}} for it in used]
    results = []
    for item in changes:
        place = {"logicalLocations": [{"fullyQualifiedName": item.where}]}
        if item.file:
            place["physicalLocation"] = {"artifactLocation": {"uri": item.file}}  # type: ignore[assignment]
        results.append(
            {
                "ruleId": item.rule,
                "level": _LEVELS[item.grade],
                "message": {"text": f"{item.where}: {item.message}"},
                "locations": [place],
            }
        )
    driver = {"name": "wiregen diff", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "results": results}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def markdown(changes: list[Change]) -> str:
    """Return a section for a changelog."""
    heads = {
        Grade.BREAKING: "Breaking",
        Grade.DANGEROUS: "Take care",
        Grade.SOURCE: "Generated code",
        Grade.OK: "Changed",
    }
    lines: list[str] = []
    for grade, head in heads.items():
        found = [it for it in changes if it.grade is grade]
        if found:
            lines += [f"### {head}", *(f"- `{it.where}`: {it.message}" for it in found), ""]
    return "\n".join(lines).rstrip() or "No changes."
