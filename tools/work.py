"""Do one thing in every language, or in those that --only names, and sum up what was done.

    python3 tools/work.py setup|test|lint|fmt [--only go,rust]

A language whose toolchain cannot be had is shown as `not run` with the command that mends it.
That alone makes the exit status 1 only when REQUIRE=all is set or --only names the language;
a step that fails always does, after the other languages had their turn. A program that some tests
need and that is not here is named, and with REQUIRE=all it is a failure.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from languages import LANGUAGES, Step
from steps import Ready, StepError, run_step, set_up
from toolchains import Missing
from workshop import SetupError, say


@dataclass(frozen=True)
class Outcome:
    """What came of one verb in one language: ``state`` is ok, failed or not run."""

    name: str
    state: str
    detail: str
    seconds: float = 0.0
    passed: int = 0


def verb_setup(ready: Ready) -> int:
    """Nothing more to do: the language is set up by now."""
    del ready
    return 0


def verb_test(ready: Ready) -> int:
    """Run all the tests, also after a failure; returns how many passed.

    Raises: SetupError: a step failed, no test ran at all, or with REQUIRE=all some could not run.
    """
    output, failures = run_all(ready.language.test, ready)
    if os.environ.get("REQUIRE") == "all":
        failures += [f"without {name}" for name in absent(ready)]
    passed = count_passed(ready.language.counted, output)
    if failures:
        raise SetupError(f"{passed} passed; {'; '.join(failures)}")
    if passed == 0:
        raise SetupError("no test ran: nothing was proven")
    return passed


def absent(ready: Ready) -> list[str]:
    """Return the programs that some tests of the language need and that are not here."""
    path = ready.env.get("PATH")
    return [
        f"{name} (apt-get install {name})"
        for name, others in ready.language.programs.items()
        if not any(shutil.which(one, path=path) for one in (name, *others))
    ]


def run_all(steps: Sequence[Step], ready: Ready) -> tuple[str, list[str]]:
    """Run every step, whatever became of the one before; returns the output and the failures."""
    outputs: list[str] = []
    failures: list[str] = []
    for step in steps:
        try:
            outputs.append(run_step(step, ready))
        except StepError as failure:
            outputs.append(failure.output)
            failures.append(str(failure))
    return "".join(outputs), failures


def count_passed(pattern: str, output: str) -> int:
    """Return the sum of the numbers that ``pattern`` captures; a captured word counts as one."""
    return sum(
        int(found) if found.isdigit() else 1 for found in re.findall(pattern, without_color(output))
    )


def without_color(text: str) -> str:
    """Return ``text`` without terminal colour sequences."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def verb_lint(ready: Ready) -> int:
    """Run the linters and format checks of the language, all of them.

    Raises: SetupError: one of them has something to say.
    """
    _, failures = run_all(ready.language.lint, ready)
    if failures:
        raise SetupError("; ".join(failures))
    return 0


def verb_fmt(ready: Ready) -> int:
    """Format the hand-written code of the language."""
    for step in ready.language.fmt:
        run_step(step, ready)
    return 0


VERBS: dict[str, Callable[[Ready], int]] = {
    "setup": verb_setup,
    "test": verb_test,
    "lint": verb_lint,
    "fmt": verb_fmt,
}


def do(verb: str, name: str, names: Sequence[str]) -> Outcome:
    """Do ``verb`` in ``name``, one of ``names``; a failure is an outcome, not an exception."""
    began = time.monotonic()
    try:
        ready = set_up(name, names if verb == "test" else ())
        if isinstance(ready, Missing):
            return Outcome(name, "not run", f"{ready.reason}; mend: {ready.mend}")
        say(f"{name}: {verb}")
        passed = VERBS[verb](ready)
    except SetupError as problem:
        return Outcome(name, "failed", str(problem), time.monotonic() - began)
    detail = "done"
    if verb == "test":
        detail = "; not all were run without ".join([f"{passed} passed", *absent(ready)])
    return Outcome(name, "ok", detail, time.monotonic() - began, passed)


def told(verb: str, outcomes: Sequence[Outcome]) -> str:
    """Return the closing lines: one per language and one for all."""
    lines = []
    for one in outcomes:
        state = "" if one.state == "ok" else f"{one.state}: "
        lines.append(f"{one.name:11} {one.seconds:6.1f} s  {state}{one.detail}")
    ran = [one for one in outcomes if one.state != "not run"]
    failed = sum(one.state == "failed" for one in outcomes)
    counts = [f"{len(ran)} of {len(outcomes)} languages run"]
    if verb == "test":
        counts.append(f"{sum(one.passed for one in outcomes)} tests passed")
    counts.append(f"{failed} failed")
    return "\n".join([*lines, f"{verb}: {', '.join(counts)}"])


def exit_status(outcomes: Sequence[Outcome], *, strict: bool) -> int:
    """Return 1 when a language failed, or when ``strict`` and one was not run."""
    bad = {"failed", "not run"} if strict else {"failed"}
    return 1 if any(one.state in bad for one in outcomes) else 0


def parser_with_only(description: str) -> argparse.ArgumentParser:
    """Return a parser that knows ``--only``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--only", default="", metavar="NAME,...", help=f"of {', '.join(LANGUAGES)}; empty = all"
    )
    return parser


def chosen(parser: argparse.ArgumentParser, only: str) -> list[str]:
    """Return the languages that ``only`` names, in the house order; a wrong word ends it all."""
    wanted = [word for word in re.split(r"[,\s]+", only) if word]
    unknown = sorted(set(wanted) - set(LANGUAGES))
    if unknown:
        parser.error(f"ONLY: unknown {', '.join(unknown)} (known: {', '.join(LANGUAGES)})")
    return [name for name in LANGUAGES if not wanted or name in wanted]


def main(argv: list[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    parser = parser_with_only("Do one thing in every language.")
    parser.add_argument("verb", choices=VERBS)
    args = parser.parse_args(argv)
    names = chosen(parser, args.only)
    outcomes = [do(args.verb, name, names) for name in names]
    print(told(args.verb, outcomes))
    strict = os.environ.get("REQUIRE") == "all" or bool(args.only.strip())
    return exit_status(outcomes, strict=strict)


if __name__ == "__main__":
    sys.exit(main())
