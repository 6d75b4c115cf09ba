"""Doing one thing in every language: choosing, counting, summing up, bounded steps."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import pytest
import steps
import work
from languages import GO, LANGUAGES, PYTHON, RUST, Step
from steps import Ready
from toolchains import Missing
from work import Outcome
from workshop import SetupError


def ready(**changes: object) -> Ready:
    return Ready("python", replace(PYTHON, **changes), dict(os.environ), "")  # type: ignore[arg-type]


def shell(script: str, *, silent: bool = False) -> Step:
    return Step(("sh", "-c", script), silent=silent)


@pytest.mark.parametrize(
    ("only", "names"),
    [
        ("", list(LANGUAGES)),
        ("go", ["go"]),
        ("rust, python", ["python", "rust"]),
        ("rust python", ["python", "rust"]),
    ],
)
def test_only_restricts_and_keeps_the_house_order(only: str, names: list[str]) -> None:
    assert work.chosen(argparse.ArgumentParser(), only) == names


def test_unknown_language_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        work.chosen(argparse.ArgumentParser(), "go,cobol")
    assert "unknown cobol" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "output", "count"),
    [
        ("python", "....\n12 passed, 1 warning in 0.8s\n", 12),
        ("typescript", "\x1b[2m      Tests \x1b[22m \x1b[32m7 passed\x1b[39m (7)\n", 7),
        ("go", "--- PASS: TestA (0.0s)\n    --- PASS: TestA/b (0.0s)\nPASS\nok x 1s\n", 2),
        ("dotnet", "Passed!  - Failed:     0, Passed:    41, Skipped:     0, Total: 41", 41),
        ("rust", "test result: ok. 3 passed; 0 failed\ntest result: ok. 4 passed; 0", 7),
    ],
)
def test_passed_tests_are_counted_from_what_each_runner_prints(
    name: str, output: str, count: int
) -> None:
    assert work.count_passed(LANGUAGES[name].counted, output) == count


def test_a_run_without_a_single_test_is_a_failure() -> None:
    with pytest.raises(SetupError, match="no test ran"):
        work.verb_test(ready(test=(shell("echo 0 failed"),)))


def test_a_failed_step_does_not_keep_the_next_from_running() -> None:
    both = (shell("echo 2 passed, 1 failed; exit 1"), shell("echo 3 passed"))
    with pytest.raises(SetupError, match=r"^5 passed; exit status 1: sh -c"):
        work.verb_test(ready(test=both))


def test_programs_that_some_tests_miss_are_named_and_required_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passing = {"test": (shell("echo 3 passed"),), "folders": ()}
    known = {"sh": ("no-such-shell",), "no-such-browser": ("bash",), "no-such-program": ()}
    monkeypatch.setattr(work, "set_up", lambda *_: ready(programs=known, **passing))
    assert work.absent(ready(programs=known)) == [
        "no-such-program (apt-get install no-such-program)"
    ]
    monkeypatch.delenv("REQUIRE", raising=False)
    outcome = work.do("test", "python", ["python"])
    assert outcome.state == "ok"
    assert outcome.detail.startswith("3 passed; not all were run without no-such-program (")
    monkeypatch.setenv("REQUIRE", "all")
    outcome = work.do("test", "python", ["python"])
    assert outcome.state == "failed"
    assert outcome.detail.startswith("3 passed; without no-such-program (")


def test_step_output_is_shown_without_the_quiet_lines(capsys: pytest.CaptureFixture[str]) -> None:
    output = steps.run_step(
        shell("printf '=== RUN a\\n--- PASS: a\\n--- FAIL: b\\n'"), ready(quiet=GO.quiet)
    )
    assert output == "=== RUN a\n--- PASS: a\n--- FAIL: b\n"
    assert capsys.readouterr().out == "--- FAIL: b\n"


def test_step_that_fails_names_its_command_and_status() -> None:
    with pytest.raises(SetupError, match=r"exit status 3: sh -c 'exit 3' \(in \.\)"):
        steps.run_step(shell("exit 3"), ready())


def test_silent_step_that_speaks_fails() -> None:
    with pytest.raises(SetupError, match="not in the house format"):
        steps.run_step(shell("echo go/turn.go", silent=True), ready())


def test_step_that_cannot_start_says_so() -> None:
    with pytest.raises(SetupError, match="cannot start no-such-program"):
        steps.run_step(Step(("no-such-program",)), ready())


def test_step_without_end_is_ended_with_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "STEP_S", 0.2)
    with pytest.raises(SetupError, match="no end after"):
        steps.run_step(shell("sleep 60 & sleep 60"), ready())


def test_missing_folder_is_an_error_not_a_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    outcome = work.do("test", "rust", ["rust"])
    assert outcome.state == "failed"
    assert "no folder rust" in outcome.detail


def test_missing_toolchain_is_not_run_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Missing("rust", "no Rust 1.85", "install it")
    monkeypatch.setattr(steps.toolchains, "find", lambda *_: gone)
    monkeypatch.setattr(steps, "ROOT", Path("/"))
    monkeypatch.setattr(steps.setup_python, "set_up_alone", lambda: None)
    monkeypatch.setattr(steps, "LANGUAGES", {"rust": replace(RUST, folders=())})
    outcome = work.do("test", "rust", ["rust"])
    assert (outcome.state, outcome.detail) == ("not run", "no Rust 1.85; mend: install it")


OK = Outcome("go", "ok", "5 passed", 1.0, 5)
FAILED = Outcome("rust", "failed", "exit status 1: cargo test (in rust)", 2.0)
NOT_RUN = Outcome("dotnet", "not run", "no .NET 10 SDK; mend: make setup-dotnet")


@pytest.mark.parametrize(
    ("outcomes", "strict", "status"),
    [
        ([OK], True, 0),
        ([OK, NOT_RUN], False, 0),
        ([OK, NOT_RUN], True, 1),
        ([OK, FAILED], False, 1),
    ],
)
def test_exit_status(outcomes: list[Outcome], strict: bool, status: int) -> None:
    assert work.exit_status(outcomes, strict=strict) == status


def test_closing_lines_name_every_language_and_sum_up() -> None:
    lines = work.told("test", [OK, NOT_RUN, FAILED]).splitlines()
    assert lines[0].split() == ["go", "1.0", "s", "5", "passed"]
    assert "not run: no .NET 10 SDK; mend: make setup-dotnet" in lines[1]
    assert "failed: exit status 1" in lines[2]
    assert lines[3] == "test: 2 of 3 languages run, 5 tests passed, 1 failed"
