"""Broken clients are caught, odd but correct ones are not; every switch is a listed one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import conform.reference
from conform.documents import CaseError
from conform.mutate import Mutator, load_expected
from conform.script import Case
from conform.spec import Spec

SWITCH = re.compile(r'"([a-z0-9-]+)"\s+(?:not )?in (?:self\.client\.|self\.)?faults')


def test_every_switch_of_the_reference_is_listed_and_every_listed_one_exists() -> None:
    folder = Path(conform.reference.__file__).parent
    switches = {n for f in folder.glob("*.py") for n in SWITCH.findall(f.read_text("utf-8"))}
    mutants, controls = load_expected()
    assert switches == {m.name for m in mutants} | set(controls)
    assert len(mutants) >= 40
    assert len(controls) >= 4


@pytest.mark.timeout(240)
async def test_all_mutants_are_caught_and_no_control_is(spec: Spec, cases: dict[str, Case]) -> None:
    mutants, controls = load_expected()
    broken, sound = await Mutator(spec, list(cases.values())).run(mutants, list(controls))
    assert {s.name: s.survived for s in broken if s.survived} == {}
    assert {s.name: [v.case for v in s.failed] for s in sound if s.failed} == {}


def test_a_listing_without_killers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "expected.yaml"
    path.write_text("mutants:\n  lazy: {what: does nothing, killed_by: []}\n", encoding="utf-8")
    with pytest.raises(CaseError, match="lazy: needs killed_by"):
        load_expected(path)
