"""Helpers that read as sentences."""

from __future__ import annotations

from conform.inprocess import InProcessTestee
from conform.judge import Verdict, judge
from conform.play import Limits, Player
from conform.reader import Reader
from conform.run import expectation
from conform.script import Case
from conform.sentences import Sentences
from conform.spec import Spec
from conform.story import Expectation
from conform.testee import LineChecker

QUICK = Limits(step=0.4, case=8.0)
PATIENT = Limits(step=5.0, case=30.0)


async def play_in_process(
    spec: Spec,
    reader: Reader,
    checker: LineChecker,
    case: Case,
    *faults: str,
    expected: Expectation | None = None,
    canary: str | None = None,
) -> Verdict:
    """Play one case with the reference testee, with or without defects."""
    testee = InProcessTestee("reference", checker, reader, frozenset(faults))
    await testee.start(canary)
    wanted = expected or expectation(spec, reader, case)
    limits = QUICK if faults or canary or expected else PATIENT
    played = await Player(spec, case, wanted, testee, limits).play()
    await testee.stop()
    return judge(case, "reference", wanted, played, Sentences(spec))
