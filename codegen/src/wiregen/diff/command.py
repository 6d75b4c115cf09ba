"""`wiregen diff`: what a change of the specification breaks."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Literal

from wiregen.config import Config
from wiregen.diff import report
from wiregen.diff.compare import Comparison, worst
from wiregen.diff.model import RULES, Change, Grade, Party, Policy, grade
from wiregen.diff.sources import opened
from wiregen.diff.waivers import read_waivers, split
from wiregen.errors import SpecError

FailOn = Literal["breaking", "dangerous", "source", "never"]
WAIVERS = "diff-allow.toml"
_LIMITS = {"breaking": Grade.BREAKING, "dangerous": Grade.DANGEROUS, "source": Grade.SOURCE}


def compare(old: str, new: str, config: Config, policy: Policy) -> list[Change]:
    """Return the changes from ``old`` to ``new``, each a folder or a git revision."""
    with opened(old, config.spec, config.root) as before:
        try:
            with opened(new, config.spec, config.root) as after:
                return Comparison(before, after, policy).run()
        except SpecError as err:
            repeated = [it for it in err.diagnostics if it.rule == "tag-duplicate"]
            if not repeated:
                raise
            rule = RULES["TAG_NOT_UNIQUE"]
            wire = grade(rule, "both", policy)
            return [Change(it.file, rule.id, it.message, wire, rule.api) for it in repeated]


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
    today: datetime.date | None = None,
) -> int:
    """Print the changes between two versions; return 1 when one is as bad as ``fail_on``.

    A waiver that expired or meets nothing fails as well: it would hide the next change.
    """
    changes = compare(old, new, config, Policy(clients, servers))
    waivers = read_waivers(allow or config.spec_folder / WAIVERS)
    counted, waived, useless = split(changes, waivers, today or datetime.date.today())
    shown = {
        "text": lambda: report.text(counted, waived),
        "json": lambda: report.as_json(counted, waived),
        "sarif": lambda: report.sarif(counted),
        "markdown": lambda: report.markdown(counted),
    }
    print(shown[output]())
    for item in useless:
        text = f"waiver of {item.rule} at {item.where} is expired or meets nothing"
        print(f"wiregen: {text}", file=sys.stderr)
    if fail_on == "never":
        return 0
    limit = _LIMITS[fail_on]
    return 1 if useless or (counted and worst(counted) >= limit) else 0
