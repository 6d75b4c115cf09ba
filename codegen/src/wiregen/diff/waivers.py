"""diff-allow.toml: changes that were decided on, with a reason and an end."""

from __future__ import annotations

import datetime
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from wiregen.diff.model import RULES, Change
from wiregen.errors import refuse

_VERSION = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, slots=True)
class Waiver:
    """Lets one rule pass at one place until a day, or until a version of the specification."""

    rule: str
    where: str
    reason: str
    until: datetime.date | str

    def holds(self, today: datetime.date, version: str) -> bool:
        """Whether it has not ended: the day itself still counts, the version does not."""
        if isinstance(self.until, datetime.date):
            return self.until >= today
        return _numbers(version) < _numbers(self.until)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def read_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read the file; a missing one has none, a malformed one is refused."""
    if not path.is_file():
        return ()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise refuse(path.name, "", "waiver-syntax", f"not TOML: {err}") from err
    found = []
    listed = data.get("allow", [])
    if data.keys() - {"allow"} or not isinstance(listed, list):
        raise refuse(path.name, "", "waiver-shape", "holds [[allow]] tables and nothing else")
    for index, raw in enumerate(listed):
        pointer = f"/allow/{index}"
        if not isinstance(raw, dict):
            raise refuse(path.name, pointer, "waiver-shape", "must be a table")
        odd = sorted(raw.keys() - {"rule", "where", "reason", "until"})
        texts = [raw.get(key, "") for key in ("rule", "where", "reason")]
        if odd or not all(isinstance(it, str) for it in texts):
            text = f"unknown key {odd[0]!r}" if odd else "rule, where and reason must be texts"
            raise refuse(path.name, pointer, "waiver-shape", text)
        missing = [
            key for key in ("rule", "where", "reason", "until") if not str(raw.get(key, "")).strip()
        ]
        if missing:
            raise refuse(path.name, pointer, "waiver-shape", f"needs {', '.join(missing)}")
        if raw["rule"] not in RULES:
            raise refuse(path.name, f"{pointer}/rule", "waiver-rule", f"no rule {raw['rule']!r}")
        until = raw["until"]
        version = isinstance(until, str) and _VERSION.fullmatch(until)
        if type(until) is not datetime.date and not version:
            text = 'must be a date such as 2030-01-31 or a version such as "1.2"'
            raise refuse(path.name, f"{pointer}/until", "waiver-until", text)
        found.append(Waiver(raw["rule"], raw["where"], raw["reason"], raw["until"]))
    return tuple(found)


def split(
    changes: list[Change], waivers: tuple[Waiver, ...], today: datetime.date, version: str
) -> tuple[list[Change], list[Change], list[Waiver]]:
    """Return the changes that count, those that are waived, and waivers that no longer hold.

    An expired waiver waives nothing; a waiver that meets no change is stale.
    """
    alive = [it for it in waivers if it.holds(today, version)]
    waived = [c for c in changes if any((w.rule, w.where) == (c.rule, c.where) for w in alive)]
    met = {(c.rule, c.where) for c in waived}
    useless = [w for w in waivers if w not in alive or (w.rule, w.where) not in met]
    return [c for c in changes if c not in waived], waived, useless
