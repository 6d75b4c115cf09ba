"""The corpus: sound, complete where the project promises it, and passed by the reference."""

from __future__ import annotations

import asyncio
import tomllib

import pytest

from conform.home import ROOT
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


def test_every_client_rule_that_a_frame_can_show_is_claimed(
    spec: Spec, cases: dict[str, Case]
) -> None:
    claimed = {rule for case in cases.values() for rule in case.proves}
    shown_in_other_ways = {  # unit tests of each client: listeners, providers, logs, memory
        "REQ-CONN-07", "REQ-CONN-08", "REQ-CONN-11", "REQ-CONN-13", "REQ-CONN-17", "REQ-CONN-18",
        "REQ-CALL-10", "REQ-OTP-06", "REQ-ERR-04", "REQ-LOG-01", "REQ-WIRE-12", "REQ-WIRE-13",
    }  # fmt: skip
    decided = (ROOT / "tools" / "unproven.toml").read_text(encoding="utf-8")
    later = set(tomllib.loads(decided)["unproven"])  # `make rules` says when a line may go
    client = {rule for rule, text in spec.rules.items() if "client)" in text.split(" ", 2)[1]}
    assert sorted(client - claimed - shown_in_other_ways - later) == []


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
