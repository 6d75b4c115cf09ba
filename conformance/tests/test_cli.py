"""The command line: exit codes, and one clear sentence for whatever is malformed."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from conform.cli import VERBS, main, parser_of
from conform.home import HOME
from conform.report.tree import fault
from conform.script import Loader

REFERENCE = f"ref={sys.executable} -m conform.reference"
BROKEN = f"bad={sys.executable} -m conform.reference --fault approved-inverted"
MUTE = """\
from conform.reference import __main__, testee

sound = testee.RefTestee._cmd_hello

async def hello(self, command):
    told = await sound(self, command)
    return {**told, "features": {word: {"reason": "not today"} for word in told["features"]}}

testee.RefTestee._cmd_hello = hello
__main__.main()
"""
CASE = """\
case: x/one
title: t
why: w
level: must
proves: [REQ-TURN-01]
given: session
steps:
  - ask: t1
  - finish: t1
    text: ok
"""


def run(tmp_path: Path, *flags: str) -> int:
    return main(["run", "--no-canaries", "--out", str(tmp_path / "out"), *flags])


def test_green_is_0_and_writes_every_report(tmp_path: Path, capsys) -> None:
    assert run(tmp_path, "--testee", REFERENCE, "--cases", "confirm/echoes_id") == 0
    out = tmp_path / "out"
    tree = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert fault(tree) is None
    assert tree["counts"]["pass"] == 1
    for name in ("junit.xml", "matrix.html", "summary.md", "wire/confirm/echoes_id/ref.log"):
        assert (out / name).stat().st_size > 0
    assert "clients equal on 1/1 cases" in capsys.readouterr().out
    assert main(["explain", "confirm/echoes_id", "--out", str(out)]) == 0


def test_red_is_1_and_names_client_case_rule_step_and_line(tmp_path: Path, capsys) -> None:
    code = run(tmp_path, "--testee", REFERENCE, "--testee", BROKEN, "--cases", "*_denied")
    told = capsys.readouterr().out
    assert code == 1
    for part in (
        "FAIL confirm/write_confirmation_required_denied",
        "bad differs from ref, the oracle",
        "REQ-VERB-02",
        "/approved: expected False, got True",
        "cases/confirm/write_confirmation_required_denied.yaml:16",
        f"--testee '{BROKEN}' --cases confirm/write_confirmation_required_denied",
    ):
        assert part in told
    out = str(tmp_path / "out")
    assert main(["explain", "confirm/write_confirmation_required_denied", "--out", out]) == 1


def test_nothing_proven_is_3(tmp_path: Path) -> None:
    assert run(tmp_path, "--testee", REFERENCE, "--cases", "no/such") == 3
    listing = tmp_path / "testees.json"
    listing.write_text('{"go": {"missing": "no Go", "mend": "get Go"}}', encoding="utf-8")
    assert run(tmp_path, "--testees", str(listing), "--cases", "turn/keepalive") == 3


def test_a_client_that_declares_everything_unsupported_proves_nothing(
    tmp_path: Path, capsys
) -> None:
    script = tmp_path / "mute.py"
    script.write_text(MUTE, encoding="utf-8")
    mute = f"mute={sys.executable} {script}"
    flags = ("--testee", REFERENCE, "--testee", mute, "--cases", "turn/text_stream")
    assert run(tmp_path, *flags) == 3
    assert "mute: every case is unsupported" in capsys.readouterr().out


def test_a_missing_client_is_told_and_red_only_when_all_are_required(
    tmp_path: Path, capsys
) -> None:
    listing = tmp_path / "testees.json"
    entries = {
        "ref": {"command": [sys.executable, "-m", "conform.reference"], "env": {}, "cwd": "."},
        "dotnet": {"missing": "no .NET 10 SDK", "mend": "get it"},
    }
    listing.write_text(json.dumps(entries), encoding="utf-8")
    flags = ("--testees", str(listing), "--cases", "turn/keepalive")
    assert run(tmp_path, *flags) == 0
    told = capsys.readouterr().out
    assert "1 of 2 clients run" in told
    assert "dotnet  not run: no .NET 10 SDK; mend: get it" in told
    assert run(tmp_path, *flags, "--require", "all") == 1


def test_a_testee_that_ends_at_once_is_red(tmp_path: Path, capsys) -> None:
    dead = f"dead={sys.executable} -c pass"
    flags = ("--testee", REFERENCE, "--testee", dead, "--cases", "turn/keepalive")
    assert run(tmp_path, *flags) == 1
    assert "dead  broken: the process ended" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--testee", "nonsense="], "expected NAME=CMD"),
        (["--testee", "nobody"], "not in the listing"),
        (["--testees", "/no/such.json"], "No such file"),
        (["--testee", REFERENCE, "--case-root", "/no/such"], "no such folder"),
    ],
)
def test_malformed_flags_are_2_with_one_sentence(
    tmp_path: Path, capsys, flags: list[str], why: str
) -> None:
    assert run(tmp_path, *flags) == 2
    told = capsys.readouterr().err
    assert why in told
    assert len(told.splitlines()) == 1


def test_unknown_flags_are_2() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--juggle"])
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("title: t", "titel: t"), "case.yaml:1: /: "),
        (("proves: [REQ-TURN-01]", "proves: [REQ-TURN-99]"), "case.yaml:5: REQ-TURN-99"),
        (("  - finish: t1", "  - finnish: t1"), "case.yaml:9: /steps/1"),
        (("level: must", "level: must\nlevel: must"), "case.yaml:5: found duplicate key"),
        (("steps:", "steps: ["), "case.yaml:"),
        (("  - ask: t1", "  - do: {juggle: c1}"), "case.yaml:8: 'juggle' is no command"),
        (("  - ask: t1", "  - do: {turn: c1}"), "case.yaml:8: step is incomplete"),
        (
            ("  - ask: t1", "  - send: {type: pong, timestamp: x}"),
            "case.yaml:8: x/one: send is not legal",
        ),
        (("  - ask: t1", "  - tell: {t1: pong, colour: red}"), "pong has no place for 'colour'"),
        (("  - ask: t1", "  - ask: $row(name)"), "the row has no 'name'"),
        (("  - finish: t1", "  - see: {ended: t1}\n  - finish: t1"), "does not show this by now"),
        (("    text: ok", "    text: ok\n  - recv: {action: ping}"), "oracle sends no such frame"),
        (("  - ask: t1", "  - wire: {juggle: 1}"), "case.yaml:8: wire needs one of"),
        (("  - ask: t1", "  - wire: {close: 1000}"), "case.yaml:8: x/one: this wire does not fit"),
        (("  - ask: t1", "  - do: {confirm: t9, approved: true}"), "case.yaml:8: x/one: this do"),
    ],
)
def test_malformed_cases_are_2_with_file_and_line(
    write_case, capsys, change: tuple[str, str], why: str
) -> None:
    folder = write_case(CASE.replace(*change))
    assert main(["lint", "--case-root", str(folder)]) == 2
    told = capsys.readouterr().err
    assert why in told
    assert len(told.splitlines()) == 1


def test_sound_cases_are_listed_shown_and_linted(write_case, capsys) -> None:
    folder = str(write_case(CASE))
    for verb in ("lint", "list", "show"):
        assert main([verb, "--case-root", folder]) == 0
    told = capsys.readouterr().out
    assert "1 cases are sound" in told
    assert '"outcome":"completed"' in told


def test_what_fits_no_case_is_2_and_says_what_is_near(capsys) -> None:
    assert main(["show", "nosuch"]) == 2
    assert "no case fits nosuch" in capsys.readouterr().err
    assert main(["show", "turn/keepaliv"]) == 2
    assert "near: turn/keepalive" in capsys.readouterr().err
    assert main(["list", "nosuch/*"]) == 2


def test_one_case_is_shown_without_reading_the_others(capsys, monkeypatch) -> None:
    monkeypatch.setattr(Loader, "load_all", None)
    assert main(["show", "turn/keepalive", "confirm/verb_error/validation"]) == 0
    told = capsys.readouterr().out
    assert "turn/keepalive: " in told
    assert "confirm/verb_error/session" not in told


def test_cases_are_shown_and_listed_as_json(capsys) -> None:
    assert main(["show", "--json", "turn/keepalive"]) == 0
    (case,) = json.loads(capsys.readouterr().out)
    assert case["transcript"][0]["ev"] == "item" or case["transcript"]
    assert main(["list", "--json", "otp/exhausted"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "otp/exhausted"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert "Example" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_completion_knows_every_verb(shell: str, capsys) -> None:
    assert main(["completion", shell]) == 0
    told = capsys.readouterr().out
    assert all(verb in told for verb in VERBS)


def test_the_reproduce_line_of_a_foreign_testee_can_be_run(tmp_path: Path, capsys) -> None:
    name = "confirm/write_confirmation_required_denied"
    assert run(tmp_path, "--testee", BROKEN, "--cases", name) == 1
    told = capsys.readouterr().out
    line = next(text for text in told.splitlines() if "reproduce" in text)
    words = shlex.split(line.split("conform ", 1)[1])
    assert main([*words, "--no-canaries", "--out", str(tmp_path / "again")]) == 1


def test_explaining_what_was_not_played_is_2(tmp_path: Path, capsys) -> None:
    assert main(["explain", "turn/keepalive", "--out", str(tmp_path)]) == 2
    assert "conform run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("listing", "told"),
    [
        ("[]", "the document: [] is not of type"),
        ("null", "the document"),
        ('{"a": 3}', "/a: 3 is not of type"),
        ('{"a": {}}', "/a: "),
        ('{"a": {"command": 3}}', "/a/command: 3"),
        ('{"a": {"command": ["x", 3]}}', "/a/command/1: 3"),
        ('{"a": {"command": []}}', "/a/command: has no word"),
        ('{"a": {"command": "\'open"}}', "/a/command: No closing quotation"),
        ('{"a": {"command": ["x"], "env": {"k": 3}}}', "/a/env/k: 3"),
        ('{"a": {"command": ["x"], "env": []}}', "/a/env: []"),
        ('{"a": {"command": ["x"], "cwd": "/not/there"}}', "/a/cwd: /not/there: no such folder"),
        ('{"a": {"missing": 3}}', "/a/missing: 3"),
        ('{"a": ', ":1: not JSON"),
        ("[" * 100_000, ""),
    ],
)
def test_a_listing_of_another_shape_is_one_line_with_its_member(
    tmp_path: Path, capsys, listing: str, told: str
) -> None:
    path = tmp_path / "testees.json"
    path.write_text(listing, encoding="utf-8")
    assert run(tmp_path, "--testees", str(path), "--cases", "confirm/echoes_id") == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert f"{path}" in text
    assert told in text


@pytest.mark.parametrize("report", ["[]", "{}", '{"cases": 3}', '{"cases": [3]}', "x"])
def test_a_report_of_another_shape_is_one_line(tmp_path: Path, capsys, report: str) -> None:
    (tmp_path / "report.json").write_text(report, encoding="utf-8")
    assert main(["explain", "turn/keepalive", "--out", str(tmp_path)]) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "report.json" in text


def test_run_prints_its_report_as_json_and_tells_people_beside_it(tmp_path: Path, capsys) -> None:
    flags = ("--testee", REFERENCE, "--cases", "confirm/echoes_id", "--json")
    assert run(tmp_path, *flags) == 0
    told = capsys.readouterr()
    tree = json.loads(told.out)
    assert fault(tree) is None
    assert tree == json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert "clients equal on 1/1 cases" in told.err


def test_mutate_and_fuzz_print_what_they_found_as_json(tmp_path: Path, capsys) -> None:
    assert main(["mutate", "approved-inverted", "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert {"name": "approved-inverted", "caught": True, "survived": []} in tree["mutants"]
    flags = ["--testee", REFERENCE, "--runs", "2", "--out", str(tmp_path), "--json"]
    assert main(["fuzz", *flags]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert tree == {
        "seed": 1,
        "sessions": 2,
        "clients": 1,
        "differ": [],
        "kept": [],
        "exit": 0,
    }


def test_exit_codes_are_told_by_every_verb_and_alike_by_help_and_readme(capsys) -> None:
    codes = (
        "Exit: 0 conformant, 1 not, 2 malformed input or flags, 3 nothing proven, "
        "4 a stale baseline."
    )
    assert codes in (parser_of([]).epilog or "")
    assert codes in (HOME / "README.md").read_text(encoding="utf-8")
    for verb in VERBS:
        with pytest.raises(SystemExit):
            main([verb, "--help"])
        assert "Exit: 0 " in " ".join(capsys.readouterr().out.split()), verb
