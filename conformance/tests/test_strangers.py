"""What a stranger meets first: ``new`` and ``doctor``, from an empty folder."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from conform.cli import main
from conform.commands.new import LANGUAGES

COMMANDS = {"python": sys.executable, "javascript": "node"}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_new_testee_shakes_hands_and_proves_nothing_yet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    file = tmp_path / "testee"
    assert main(["new", "testee", str(file), "--language", language]) == 0
    assert f"me={LANGUAGES[language][1]} {file}" in capsys.readouterr().out
    testee = f"me={COMMANDS[language]} {file}"
    assert main(["doctor", "--testee", testee, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (mine,) = [row for row in found["findings"] if row["what"] == "me"]
    assert mine["state"] == "note"
    assert "lacks virtual_clock" in mine["told"]
    flags = ["--testee", testee, "--no-canaries", "--out", str(tmp_path / "out")]
    assert main(["run", *flags, "--cases", "turn/text_stream"]) == 3
    assert "every case is unsupported" in capsys.readouterr().out


def test_a_new_case_is_sound_and_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "cases"
    assert main(["new", "case", "mine/first", "--case-root", str(root), "--title", "T: x"]) == 0
    assert main(["lint", "--case-root", str(root)]) == 0
    reference = f"ref={sys.executable} -m conform.reference"
    flags = ["--testee", reference, "--no-canaries", "--out", str(tmp_path / "out")]
    assert main(["run", *flags, "--case-root", str(root)]) == 0
    assert "1 pass" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["one", "a/", "/b", "a/b c", "../a/b"])
def test_a_case_with_no_name_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["new", "case", name, "--case-root", str(tmp_path)]) == 2
    assert "a case is named AREA/NAME" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.yaml"))


def test_what_is_there_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine"
    file.write_text("precious", encoding="utf-8")
    assert main(["new", "testee", str(file)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == "precious"
    assert main(["new", "testee", str(tmp_path / "no" / "mine")]) == 2


@pytest.mark.parametrize(
    ("command", "told", "todo"),
    [
        ("no-such-program-here", "no such program", "mend the command"),
        (f"{sys.executable} -c pass", "the process ended", "answer hello"),
        (f"{sys.executable} -c \"import sys; sys.exit('no licence')\"", "no licence", "hello"),
    ],
)
def test_a_testee_that_cannot_run_is_told_with_what_to_do(
    capsys: pytest.CaptureFixture[str], command: str, told: str, todo: str
) -> None:
    assert main(["doctor", "--testee", f"me={command}"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert told in out
    assert todo in out
    assert "something has to be mended first" in out


def test_a_specification_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = f"ref={sys.executable} -m conform.reference"
    assert main(["doctor", "--testee", reference, "--spec", str(tmp_path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    states = {row["what"]: row["state"] for row in found["findings"]}
    assert states["specification"] == "bad"
    assert states["ref"] == "ok"
    assert shutil.which("node")  # what the test of the JavaScript skeleton needs
