"""What a client may lack is listed; what is not, and what is listed in vain, fails a whole run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conform import run as runs
from conform.commands.play import exit_code
from conform.documents import CaseError
from conform.judge import Verdict
from conform.lacking import load_lacking
from conform.run import Calibration, Run
from conform.script import Case

SOUND = Calibration(10.0, 0.1, 0.1)


def _run(cases: dict[str, Case], features: dict[str, object], lacking: dict[str, set[str]]) -> Run:
    case = replace(cases["turn/stream_token"], needs=("policy",))
    verdict = Verdict(case.name, "go", "pass" if features.get("policy") is True else "unsupported")
    other = Verdict("turn/other", "go", "pass")
    testee = runs.TesteeRun("go", hello={"features": features}, verdicts={case.name: verdict})
    testee.verdicts[other.case] = other
    return Run([case], [testee], SOUND, lacking=lacking)


@pytest.mark.parametrize(
    ("features", "lacking", "gaps"),
    [
        ({"policy": True}, {}, []),
        ({"policy": {"reason": "later"}}, {"go": {"policy"}}, []),
        ({"policy": {"reason": "later"}}, {}, ["go lacks policy"]),
        ({"policy": True}, {"go": {"policy"}}, ["go has policy, and lacking.yaml lists it"]),
        ({"policy": {"reason": "later"}}, {"rust": {"policy"}}, ["go lacks policy"]),
    ],
)
def test_a_whole_run_fails_for_what_is_lacked_unlisted_or_listed_in_vain(
    cases: dict[str, Case],
    features: dict[str, object],
    lacking: dict[str, set[str]],
    gaps: list[str],
) -> None:
    run = _run(cases, features, lacking)
    assert run.gaps == gaps
    assert exit_code(run, require_all=True) == (1 if gaps else 0)
    assert exit_code(run, require_all=False) == 0


@pytest.mark.parametrize(
    "text",
    [
        "lacking: 3\n",
        "lacking:\n  - {client: go}\n",
        "lacking:\n  - {client: go, feature: a, reason: 3}\n",
    ],
)
def test_a_malformed_list_is_named_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lacking.yaml"
    path.write_text(text)
    with pytest.raises(CaseError, match=r"lacking\.yaml:\d+: /lacking"):
        load_lacking(path)


def test_without_a_file_nothing_may_be_lacked(tmp_path: Path) -> None:
    assert load_lacking(tmp_path / "none.yaml") == {}
