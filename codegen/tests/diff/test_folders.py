"""A folder for every rule: `old`, `new`, and what `wiregen diff` tells of the two."""

from __future__ import annotations

from pathlib import Path

import pytest

from wiregen.config import default_config
from wiregen.diff.command import diff
from wiregen.diff.model import RULES

FOLDER = Path(__file__).parent
BESIDE = {"ENVELOPE_ENUM_DRIFT": {"ENUM_VALUE_ADDED"}}
"""What cannot be without another rule: a list drifts when it or the messages change."""


def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what is printed of the two versions in a folder."""
    old, new = str(folder / "old"), str(folder / "new")
    diff(old, new, config=default_config(folder), fail_on="never")
    return capsys.readouterr().out


def test_every_rule_has_its_folder() -> None:
    there = {path.name for path in FOLDER.iterdir() if (path / "old").is_dir()}
    assert there == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_folder_gives_exactly_its_rule(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(FOLDER / rule, capsys)
    *lines, _ = text.splitlines()
    found = {line.rsplit("[", maxsplit=1)[-1].rstrip("]") for line in lines}
    assert found == {rule} | BESIDE.get(rule, set())
    assert text == (FOLDER / rule / "told.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES)
def test_a_folder_beside_itself_gives_nothing(
    rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for side in ("old", "new") if rule != "TAG_NOT_UNIQUE" else ("old",):
        place = str(FOLDER / rule / side)
        assert diff(place, place, config=default_config(FOLDER), fail_on="source") == 0
    assert "0 breaking, 0 dangerous, 0 source, 0 ok" in capsys.readouterr().out
