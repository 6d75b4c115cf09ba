"""`python -m tests.fuzz`: many random documents, each twice, with another hash seed.

The second run is a process of its own that prints one language of each document in turn. The same
seed and numbers give the same documents, so that a run that was stopped goes on with `--start`.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wiregen.naming import LANGS

from .trial import RIGHT, WHOLE, tried

_SHOWN = 12


def main() -> int:
    """Run; exit code 1 when a document showed a fault of ours."""
    parser = argparse.ArgumentParser(prog="fuzz-wiregen", description=__doc__)
    parser.add_argument("--n", type=int, default=2000, help="documents (default 2000)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same documents")
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument(
        "--whole", type=int, default=WHOLE, help="every so many get vectors and lint"
    )
    parser.add_argument("--answers", action="store_true", help=argparse.SUPPRESS)
    said = parser.parse_args()
    gc.freeze()
    gc.set_threshold(50_000)
    if said.answers:
        return _answer(said.seed, said.whole)
    return _Run(said.seed, said.start, said.n, said.whole).run()


def _answer(seed: int, whole: int) -> int:
    """Be the second run: a number a line in, its digest out."""
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            found = tried(seed, int(line), Path(folder), [_turn(int(line))], whole)
            print(found.digest(_turn(int(line))), flush=True)
    return 0


def _turn(number: int) -> str:
    return LANGS[number % len(LANGS)]


class _Run:
    def __init__(self, seed: int, start: int, count: int, whole: int) -> None:
        self.seed = seed
        self.whole = whole
        self.numbers = range(start, start + count)
        self.outcomes: Counter[str] = Counter()
        self.faults: list[tuple[int, str]] = []

    def run(self) -> int:
        """Try all of them, with a bar where a person looks, else a line now and then."""
        began = time.monotonic()
        columns = (
            TextColumn("fuzz {task.fields[at]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with (
            Progress(*columns, console=Console(stderr=True)) as bar,
            tempfile.TemporaryDirectory() as folder,
            self._second() as second,
        ):
            task = bar.add_task("", total=len(self.numbers), at=f"seed {self.seed}")
            for number in self.numbers:
                self._one(number, Path(folder), second)
                if number % 100 == 99 or number == self.numbers[-1]:
                    bar.update(task, completed=number + 1 - self.numbers.start)
                    if not bar.console.is_terminal and number % 5000 == 4999:
                        print(f"{self._line(number)}", file=sys.stderr, flush=True)
            assert second.stdin is not None
            second.stdin.close()
        print(f"{self._line(self.numbers[-1])} in {time.monotonic() - began:.0f} s")
        for outcome, count in self.outcomes.most_common():
            print(f"  {outcome:28} {count}")
        for number, fault in self._kinds():
            print(f"document {number} (SEED={self.seed} START={number} N=1):\n{fault[-1800:]}")
        return 1 if self.faults else 0

    def _kinds(self) -> list[tuple[int, str]]:
        """Return one fault of every kind: those that end alike are one."""
        kinds: dict[str, tuple[int, str]] = {}
        for number, fault in self.faults:
            lines = fault.strip().split("\n")
            kinds.setdefault(lines[-3] if len(lines) > 3 else fault[:60], (number, fault))
        return list(kinds.values())[:_SHOWN]

    def _line(self, last: int) -> str:
        done = sum(self.outcomes.values())
        share = self.outcomes[RIGHT] * 100 // max(done, 1)
        return (
            f"{done} documents, seed {self.seed}, {self.numbers.start} to {last}: {share} % right, "
            f"the others refused by {len(self.outcomes) - 1} rules, {len(self.faults)} faults; "
            f"go on with SEED={self.seed} START={last + 1}"
        )

    def _second(self) -> subprocess.Popen[str]:
        """Start the second run, with another order of sets and hashes."""
        command = [sys.executable, "-m", __package__, "--answers", "--seed", str(self.seed)]
        command += ["--whole", str(self.whole)]
        env = {**os.environ, "PYTHONHASHSEED": str(self.seed + 1000)}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env)

    def _one(self, number: int, folder: Path, second: subprocess.Popen[str]) -> None:
        assert second.stdin is not None
        assert second.stdout is not None
        print(number, file=second.stdin, flush=True)  # both work on it at once
        found = tried(self.seed, number, folder, whole=self.whole)
        self.outcomes[found.outcome] += 1
        if found.fault:
            self.faults.append((number, found.fault))
        told = second.stdout.readline().strip()
        if told != found.digest(_turn(number)):
            fault = f"two runs differ in {_turn(number)}: {found} and {told!r}"
            self.faults.append((number, fault))


if __name__ == "__main__":
    sys.exit(main())
