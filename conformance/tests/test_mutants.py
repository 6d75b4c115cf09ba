"""Broken clients are caught, odd but correct ones are not; every switch is a listed one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import conform.reference
from conform.documents import CaseError
from conform.mutate import Mutator, load_expected
from conform.reference.errors import LOST_BY
from conform.script import Case
from conform.spec import Spec

SWITCH = re.compile(r'"([a-z0-9-]+)"\s+(?:not )?in (?:self\.client\.|self\.|client\.)?faults')


def test_every_switch_of_the_reference_is_listed_and_every_listed_one_exists() -> None:
    folder = Path(conform.reference.__file__).parent
    switches = {n for f in folder.glob("*.py") for n in SWITCH.findall(f.read_text("utf-8"))}
    switches |= {*LOST_BY}
    mutants, controls = load_expected()
    assert switches == {m.name for m in mutants} | set(controls)
    assert len(mutants) >= 40
    assert len(controls) >= 4


async def test_a_broken_client_is_caught_and_an_odd_one_is_not(
    spec: Spec, cases: dict[str, Case]
) -> None:
    # All of them are played by `make mutate`; here a few, and a fifth of the cases.
    mutants, controls = load_expected()
    wanted = {name for each in mutants[::12] for name in each.killed_by}
    some = [c for i, (n, c) in enumerate(cases.items()) if i % 5 == 0 or n.startswith((*wanted,))]
    broken, sound = await Mutator(spec, some).run(mutants[::12], list(controls)[::4])
    assert {s.name: s.survived for s in broken if s.survived} == {}
    assert {s.name: [v.case for v in s.failed] for s in sound if s.failed} == {}
    assert len(broken) >= 5
    assert len(sound) >= 2


async def test_a_sound_client_under_the_name_of_a_broken_one_survives(
    spec: Spec, cases: dict[str, Case]
) -> None:
    mutants, _ = load_expected()
    sound = replace(mutants[0], name="control-key-order")
    some = [case for name, case in cases.items() if name.startswith("turn/stream_token")]
    (found,), _ = await Mutator(spec, some).run([sound], [])
    assert found.survived


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mutants:\n  lazy: {what: does nothing, killed_by: []}\n", "/mutants/lazy: needs what"),
        ("mutants:\n  lazy: {killed_by: [turn/x]}\n", "/mutants/lazy: needs what"),
        ("mutants:\n  lazy: {what: w, killed_by: turn/x}\n", "/mutants/lazy: .* a list"),
        ("mutants: {}\ncontrols: [3]\n", "/controls: must be an object"),
        ("[]\n", "needs `mutants` and `controls`"),
    ],
)
def test_a_listing_of_mutants_of_another_shape_is_refused(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "expected.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CaseError, match=told):
        load_expected(path)
