"""The corpus: sound, complete where the project promises it, and passed by the reference."""

from __future__ import annotations

import asyncio

import pytest

from conform.mutate import load_expected
from conform.pair import load_scripts
from conform.reader import Reader
from conform.run import CANARY_CASES, expectation
from conform.script import Case
from conform.spec import Spec
from conform.testee import LineChecker

from .support import play_in_process

NAMED = {
    "stream_token",
    "write_confirmation_required_approved",
    "write_confirmation_required_denied",
    "otp_required_resend",
    "otp_required_park",
    "eventual_response",
}


def test_no_case_contradicts_the_oracle(spec: Spec, reader: Reader, cases: dict[str, Case]) -> None:
    for case in cases.values():
        assert expectation(spec, reader, case).events


def test_the_named_sessions_are_found_under_their_names(cases: dict[str, Case]) -> None:
    assert {part for name in cases for part in name.split("/")} >= NAMED


def test_kills_of_cases_and_killers_of_mutants_agree(cases: dict[str, Case]) -> None:
    mutants, _ = load_expected()
    files = {case.name if len(case.path.stem) and case.path.stem in case.name.split("/")[-1]
             else case.name.rsplit("/", 1)[0]: case for case in cases.values()}  # fmt: skip
    stated = {(kill, _file_name(case)) for case in files.values() for kill in case.kills}
    expected = {(mutant.name, name) for mutant in mutants for name in mutant.killed_by}
    assert stated == expected


def _file_name(case: Case) -> str:
    return f"{case.path.parent.name}/{case.path.stem}"


def test_canary_cases_exist(cases: dict[str, Case]) -> None:
    assert set(CANARY_CASES.values()) <= set(cases)


def test_pair_scripts_are_sound(spec: Spec) -> None:
    assert len(load_scripts(spec)) >= 8


@pytest.mark.timeout(180)
async def test_the_reference_client_passes_every_case(
    spec: Spec, reader: Reader, checker: LineChecker, cases: dict[str, Case]
) -> None:
    gate = asyncio.Semaphore(4)

    async def play(case: Case) -> str | None:
        async with gate:
            verdict = await play_in_process(spec, reader, checker, case)
        return None if verdict.passed else f"{case.name}: {verdict.reason} {verdict.got}"

    outcomes = await asyncio.gather(*(play(case) for case in cases.values()))
    assert [outcome for outcome in outcomes if outcome] == []
