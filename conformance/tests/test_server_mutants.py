"""Each mutant of the stand-in is caught by the check that is named for it; odd ones hold all."""

from __future__ import annotations

from typing import Any

import pytest

from conform.documents import load_yaml
from conform.home import HOME
from conform.server import Report, Setup, judge_server
from conform.server.judge import CHECKS
from conform.spec import Spec
from conform.stand_in import StandIn

LISTED: dict[str, dict[str, Any]] = load_yaml(HOME / "mutants" / "servers.yaml")
PATIENCE = 3.0
SLOW = ("expired", "moved")
"""What waits is seen once, of the server without defects."""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conform.server.turns.SETTLED_SECONDS", 0.05)
    monkeypatch.setattr("conform.server.floods.UNREAD_SECONDS", 0.5)


async def judged(spec: Spec, server: StandIn, *names: str, version: str | None = None) -> Report:
    usual = [rule.name for rule in CHECKS if rule.level < 2 and rule.name not in SLOW]
    rules = [rule for rule in CHECKS if rule.name in (names or usual)]
    async with server.served() as url:
        setup = Setup(patience=PATIENCE, stranger=f"{url}?token=eve")
        return await judge_server(spec, url, setup, version, rules, server.hook)


@pytest.mark.parametrize("name", LISTED["mutants"])
async def test_a_mutant_server_is_caught_by_its_check(spec: Spec, name: str) -> None:
    row = LISTED["mutants"][name]
    report = await judged(spec, StandIn(spec, name), row["caught_by"], version="1.2")
    (finding,) = report.findings
    assert (finding.outcome, finding.rule) == ("failed", row["rule"]), finding
    assert finding.why
    assert report.level is None


@pytest.mark.parametrize("name", LISTED["controls"])
async def test_an_odd_server_holds_every_check_of_its_version(spec: Spec, name: str) -> None:
    version = name.removeprefix("version-") if name.startswith("version") else "1.2"
    odd = frozenset[str]() if name.startswith("version") else frozenset([name])
    report = await judged(spec, StandIn(spec, version=version, odd=odd))
    assert [(f.name, f.why) for f in report.findings if f.outcome != "held"] == []
    assert (report.version, report.level) == (version, 1)


async def test_a_server_without_defects_holds_all(spec: Spec) -> None:
    report = await judged(spec, StandIn(spec), *(rule.name for rule in CHECKS))
    assert [(f.name, f.why) for f in report.findings if f.outcome != "held"] == []
    assert (len(report.findings), report.later, report.level) == (len(CHECKS), 0, 2)
