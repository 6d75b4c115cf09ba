"""`wiregen diff`: what a change of the specification breaks."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path, PurePosixPath
from typing import Literal

from wiregen.config import Config
from wiregen.diff import report
from wiregen.diff.compare import Comparison, worst
from wiregen.diff.model import RULES, Change, Grade, Party, Policy, grade
from wiregen.diff.sources import opened
from wiregen.diff.waivers import Waiver, read_waivers, split
from wiregen.errors import FOUND, SpecError, refuse

FailOn = Literal["breaking", "dangerous", "source", "never"]
WAIVERS = "diff-allow.toml"
_UNDECIDED = (
    "wiregen: a construct that is not understood changed: look at it, waive it by its place, or "
    "pass --allow-undecided"
)
_LIMITS = {"breaking": Grade.BREAKING, "dangerous": Grade.DANGEROUS, "source": Grade.SOURCE}


def compare(
    old: str, new: str, config: Config, policy: Policy
) -> tuple[list[Change], tuple[str, str]]:
    """Return the changes from ``old`` to ``new``, folders or git revisions, and both versions."""
    with opened(old, config.spec, config.root, config.reading) as before:
        try:
            with opened(new, config.spec, config.root, config.reading) as after:
                versions = (before.version, after.version)
                return Comparison(before, after, policy).run(), versions
        except SpecError as err:
            repeated = [it for it in err.diagnostics if it.rule == "asyncapi-duplicate"]
            if not repeated:
                raise
            rule = RULES["TAG_NOT_UNIQUE"]
            wire = grade(rule, "both", policy)
            changes = [
                Change(it.file, rule.id, it.message, wire, rule.api, it.file) for it in repeated
            ]
            return changes, (before.version, before.version)


def diff(
    old: str,
    new: str,
    /,
    *,
    config: Config,
    fail_on: FailOn = "breaking",
    clients: Party = "open",
    servers: Party = "closed",
    output: report.Format = "text",
    allow: Path | None = None,
    allow_undecided: bool = False,
    today: datetime.date | None = None,
) -> int:
    """Print the changes between two versions; return 1 when one is as bad as ``fail_on``.

    A waiver that expired or meets nothing fails as well: it would hide the next change. So does a
    change of what is not understood, unless ``allow_undecided``: it may be anything.
    """
    if allow is not None and not allow.is_file():
        raise refuse("", "", "usage", f"{allow}: no such file of waivers")
    changes, versions = compare(old, new, config, Policy(clients, servers))
    waivers = read_waivers(allow or config.spec_folder / WAIVERS)
    day = today or datetime.date.today()
    counted, waived, useless = split(changes, waivers, day, versions[1])
    folder = PurePosixPath(new if Path(new).is_dir() else config.spec)
    if folder.is_absolute() and folder.is_relative_to(config.root):
        folder = folder.relative_to(config.root)
    ends = [f"{it.rule} at {it.where}: {_reason(it, day, versions[1])}" for it in useless]
    shown = {
        "text": lambda: report.text(counted, waived),
        "json": lambda: report.as_json(counted, waived, ends),
        "sarif": lambda: report.sarif(counted, waived, folder),
        "markdown": lambda: report.markdown(counted, waived, versions),
    }
    print(shown[output]())
    for said in ends:
        print(f"wiregen: waiver of {said}", file=sys.stderr)
    if fail_on == "never":
        return 0
    limit = _LIMITS[fail_on]
    if not allow_undecided and any(item.rule == "UNDECIDED" for item in counted):
        print(_UNDECIDED, file=sys.stderr)
        return FOUND
    return FOUND if useless or (counted and worst(counted) >= limit) else 0


def _reason(waiver: Waiver, day: datetime.date, version: str) -> str:
    return "meets nothing" if waiver.holds(day, version) else f"expired ({waiver.until})"
