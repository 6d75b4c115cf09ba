"""Random sessions: drawn alike from a seed, played by the reference client, cut down on failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from conform.cli import main
from conform.documents import CaseError
from conform.fuzz import Session, as_yaml, assemble, generate, shrink
from conform.reader import Reader
from conform.script import Loader
from conform.spec import Spec
from conform.testee import LineChecker

from .support import play_in_process

LENGTH = 16
LENGTH_OF_CUTS = 48


def test_a_seed_gives_one_session(spec: Spec, reader: Reader) -> None:
    first, again, other = (generate(spec, reader, seed, LENGTH) for seed in (3, 3, 4))
    assert first == again
    assert first.acts != other.acts


@pytest.mark.parametrize("seed", range(1, 13))
async def test_the_reference_client_does_what_the_oracle_says(
    spec: Spec, reader: Reader, checker: LineChecker, seed: int
) -> None:
    case = assemble(spec, reader, generate(spec, reader, seed, LENGTH))
    verdict = await play_in_process(spec, reader, checker, case)
    assert (verdict.outcome, verdict.reason) == ("pass", "")


async def test_a_broken_client_is_found_and_the_session_cut_down(
    spec: Spec, reader: Reader, checker: LineChecker
) -> None:
    async def fails(session: Session) -> bool:
        try:
            case = assemble(spec, reader, session)
        except CaseError:
            return False
        return not (
            await play_in_process(spec, reader, checker, case, "reasoning-mixed-into-text")
        ).passed

    drawn = (generate(spec, reader, seed, LENGTH) for seed in range(1, 60))
    found = None
    for session in drawn:
        if await fails(session):
            found = session
            break
    assert found is not None
    small = await shrink(found, fails)
    assert await fails(small)
    assert len(small.acts) <= 4


@pytest.mark.parametrize("seed", range(1, 13))
async def test_the_reference_client_does_so_when_links_are_cut(
    spec: Spec, reader: Reader, checker: LineChecker, seed: int
) -> None:
    case = assemble(spec, reader, generate(spec, reader, seed, LENGTH_OF_CUTS, cuts=True))
    verdict = await play_in_process(spec, reader, checker, case)
    assert (verdict.outcome, verdict.reason) == ("pass", "")


@pytest.mark.parametrize(
    "fault", ["resume-never-asked", "resume-from-the-start", "never-is-not-sent"]
)
async def test_a_client_that_takes_turns_up_wrongly_is_found(
    spec: Spec, reader: Reader, checker: LineChecker, fault: str
) -> None:
    for seed in range(1, 60):
        case = assemble(spec, reader, generate(spec, reader, seed, LENGTH_OF_CUTS, cuts=True))
        if not (await play_in_process(spec, reader, checker, case, fault)).passed:
            return
    pytest.fail("no session shows it")


@pytest.mark.parametrize("cuts", [False, True])
def test_a_kept_session_is_the_same_case(
    spec: Spec, reader: Reader, tmp_path: Path, cuts: bool
) -> None:
    for seed in range(1, 9):
        case = assemble(spec, reader, generate(spec, reader, seed, LENGTH, cuts=cuts))
        path = tmp_path / f"{seed}.yaml"
        path.write_text(as_yaml(case), encoding="utf-8")
        (loaded,) = Loader(spec).load(path)
        kept = [(s.kind, {**s.body, "as": 0, "auto": 0}) for s in loaded.steps]
        assert kept == [(s.kind, {**s.body, "as": 0, "auto": 0}) for s in case.steps]
        assert loaded.ids == case.ids


def test_acts_that_do_not_fit_are_no_session(spec: Spec, reader: Reader) -> None:
    abort = ("do", {"cmd": "abort", "as": "w1"})
    verb = ("do", {"cmd": "cancel", "turn": "t1", "as": "v1"})
    for act in (abort, verb):
        with pytest.raises(CaseError, match="fuzz/1"):
            assemble(spec, reader, Session(1, {}, (), (act,)))


def test_no_runs_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fuzz", "--runs", "0"]) == 2
    assert "--runs and --length must be at least 1" in capsys.readouterr().err
