"""diff-allow.toml: changes that were decided on, with a reason and an end."""

from __future__ import annotations

import datetime
import tomllib
from dataclasses import dataclass
from pathlib import Path

from wiregen.diff.model import RULES, Change
from wiregen.errors import refuse


@dataclass(frozen=True, slots=True)
class Waiver:
    """Lets one rule pass at one place until a day."""

    rule: str
    where: str
    reason: str
    until: datetime.date


def read_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read the file; a missing one has none, a malformed one is refused."""
    if not path.is_file():
        return ()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise refuse(path.name, "", "waiver-syntax", f"not TOML: {err}") from err
    found = []
    for index, raw in enumerate(data.get("allow", [])):
        pointer = f"/allow/{index}"
        missing = [key for key in ("rule", "where", "reason", "until") if not raw.get(key)]
        if missing:
            raise refuse(path.name, pointer, "waiver-shape", f"needs {', '.join(missing)}")
        if raw["rule"] not in RULES:
            raise refuse(path.name, f"{pointer}/rule", "waiver-rule", f"no rule {raw['rule']!r}")
        if type(raw["until"]) is not datetime.date:
            raise refuse(path.name, f"{pointer}/until", "waiver-until", "must be a date")
        found.append(Waiver(raw["rule"], raw["where"], raw["reason"], raw["until"]))
    return tuple(found)


def split(
    changes: list[Change], waivers: tuple[Waiver, ...], today: datetime.date
) -> tuple[list[Change], list[Change], list[Waiver]]:
    """Return the changes that count, those that are waived, and waivers that no longer hold.

    An expired waiver waives nothing; a waiver that meets no change is stale.
    """
    alive = [it for it in waivers if it.until >= today]
    waived = [c for c in changes if any((w.rule, w.where) == (c.rule, c.where) for w in alive)]
    met = {(c.rule, c.where) for c in waived}
    useless = [w for w in waivers if w not in alive or (w.rule, w.where) not in met]
    return [c for c in changes if c not in waived], waived, useless
