"""The harness against itself: broken clients must be caught, odd but correct ones must not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from conform.documents import CaseError, load_yaml
from conform.home import HOME
from conform.inprocess import InProcessTestee
from conform.judge import Verdict, judge
from conform.play import Limits, Player
from conform.run import Runner
from conform.script import Case
from conform.spec import Spec

EXPECTED = HOME / "mutants" / "expected.yaml"
# A mutant often shows itself by what never comes; waiting longer would prove nothing more. The
# reference client without a fault passes every case under the same limit in the same run.
LIMITS = Limits(step=0.5, case=10.0)
PATIENT = Limits(step=5.0, case=30.0)
AT_ONCE = 8


@dataclass(frozen=True)
class Mutant:
    """A switch of the reference testee and the cases that must catch it."""

    name: str
    what: str
    killed_by: tuple[str, ...]


@dataclass
class Score:
    """What one mutant or control did."""

    name: str
    expected: tuple[str, ...] = ()
    failed: list[Verdict] = field(default_factory=list)
    survived: list[str] = field(default_factory=list)


def load_expected(path: Path = EXPECTED) -> tuple[list[Mutant], dict[str, str]]:
    """Read ``mutants/expected.yaml``: mutants with their killers, controls with what they do."""
    tree = load_yaml(path)
    if not isinstance(tree, dict) or not isinstance(tree.get("mutants"), dict):
        raise CaseError(f"{path}:1: needs `mutants` and `controls`, objects")
    controls = tree.get("controls") or {}
    if not isinstance(controls, dict):
        raise CaseError(f"{path}: /controls: must be an object")
    mutants = []
    for name, entry in tree["mutants"].items():
        killers = entry.get("killed_by") if isinstance(entry, dict) else None
        if not killers or not isinstance(killers, list) or not entry.get("what"):
            raise CaseError(f"{path}: /mutants/{name}: needs what, and killed_by, a list")
        mutants.append(Mutant(name, entry["what"], tuple(killers)))
    return mutants, controls


class Mutator:
    """Plays mutants and controls in process."""

    def __init__(self, spec: Spec, cases: list[Case]) -> None:
        self.runner = Runner(spec, cases)
        self.cases = cases
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.on_done: Callable[[Score], None] = lambda _: None

    def _matching(self, name: str) -> list[Case]:
        found = [c for c in self.cases if c.name == name or c.name.startswith(name + "/")]
        if not found:
            raise CaseError(f"{EXPECTED}: no case {name}")
        return found

    async def _play(self, faults: frozenset[str], case: Case, limits: Limits) -> Verdict:
        runner = self.runner
        testee = InProcessTestee("mutant", runner.checker, runner.reader, faults)
        await testee.start()
        expected = runner.expected[case.name]
        played = await Player(runner.spec, case, expected, testee, limits).play()
        await testee.stop()
        return judge(case, ",".join(faults) or "reference", expected, played, runner.sentences)

    async def mutant(self, mutant: Mutant) -> Score:
        """Play the listed killers; each must fail (of a table: at least one row)."""
        async with self._gate:
            score = Score(mutant.name, mutant.killed_by)
            for name in mutant.killed_by:
                verdicts = []
                for case in self._matching(name):
                    verdicts.append(await self._play(frozenset({mutant.name}), case, LIMITS))
                    if not verdicts[-1].passed:
                        break
                if verdicts[-1].passed:
                    score.survived.append(name)
                else:
                    score.failed.append(verdicts[-1])
            self.on_done(score)
            return score

    async def sound(self, name: str | None) -> Score:
        """Play every case with a control, or with the reference as it is; none may fail."""
        async with self._gate:
            faults = frozenset({name} if name else ())
            score = Score(name or "reference")
            for case in self.cases:
                verdict = await self._play(faults, case, PATIENT)
                if not verdict.passed:
                    score.failed.append(verdict)
            self.on_done(score)
            return score

    async def run(
        self, mutants: list[Mutant], controls: list[str], *, reference: bool = True
    ) -> tuple[list[Score], list[Score]]:
        """Play everything; returns the scores of mutants and of controls."""
        for mutant in mutants:
            for name in mutant.killed_by:
                self._matching(name)
        names = [None, *controls] if reference else controls
        sound = [self.sound(name) for name in names]
        broken = [self.mutant(mutant) for mutant in mutants]
        scores = await asyncio.gather(*sound, *broken)
        return scores[len(sound) :], scores[: len(sound)]
