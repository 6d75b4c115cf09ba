"""The command: exit codes, formats, waivers, git revisions, bad input."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path

import pytest

from wiregen.config import Config, load_config
from wiregen.diff.command import diff
from wiregen.errors import SpecError

from .small import Files, pair, write

TODAY = datetime.date(2026, 6, 1)


def tighten(files: Files) -> None:
    files["ask.json"]["properties"]["name"]["maxLength"] = 5


def config(root: Path) -> Config:
    """Return the settings of a project whose specification lies in `spec`."""
    path = root / "wiregen.toml"
    path.write_text('spec = "spec"\n')
    return load_config(path)


def run(tmp_path: Path, **options: object) -> int:
    old, new = pair(tmp_path, tighten)
    return diff(str(old), str(new), config=config(tmp_path), today=TODAY, **options)  # type: ignore[arg-type]


def waive(tmp_path: Path, until: str, where: str = "Ask/name") -> Path:
    path = tmp_path / "allow.toml"
    path.write_text(
        f'[[allow]]\nrule = "BOUND_TIGHTENED"\nwhere = "{where}"\n'
        f'reason = "agreed"\nuntil = {until}\n'
    )
    return path


def test_a_breaking_change_fails_and_names_the_bump(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 1
    out = capsys.readouterr().out
    assert "breaking  Ask/name: greatest length was 10, is 5 [BOUND_TIGHTENED]" in out
    assert "version bump: major" in out
    assert run(tmp_path, fail_on="never") == 0


def test_a_waiver_holds_until_its_day_and_a_useless_one_fails(tmp_path: Path) -> None:
    assert run(tmp_path, allow=waive(tmp_path, "2026-12-31")) == 0
    assert run(tmp_path, allow=waive(tmp_path, "2026-01-01")) == 1
    assert run(tmp_path, allow=waive(tmp_path, "2026-12-31", where="Ask/other")) == 1


@pytest.mark.parametrize("until", ['"soon"', "5"])
def test_a_malformed_waiver_is_refused(tmp_path: Path, until: str) -> None:
    with pytest.raises(SpecError, match="/allow/0/until"):
        run(tmp_path, allow=waive(tmp_path, until))


def test_formats_are_what_machines_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, output="json")
    body = json.loads(capsys.readouterr().out)
    assert (body["bump"], body["changes"][0]["rule"]) == ("major", "BOUND_TIGHTENED")
    run(tmp_path, output="sarif")
    sarif = json.loads(capsys.readouterr().out)
    (result,) = sarif["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("BOUND_TIGHTENED", "error")
    (place,) = result["locations"]
    uri = place["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "new/ask.json"
    assert (
        sarif["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    )
    run(tmp_path, output="markdown")
    assert capsys.readouterr().out.startswith("## 1.0\n\n### Breaking\n\n- `Ask/name`")


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


def test_revisions_of_git_are_read_without_a_checkout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = pair(tmp_path / "made", tighten)
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "-q")
    old.rename(repo / "spec")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "one")
    assert diff("HEAD", str(new), config=config(repo), today=TODAY) == 1
    assert diff("HEAD", "HEAD", config=config(repo), today=TODAY) == 0
    for bad in ("no-such-rev", "--upload-pack=x", "HEAD:elsewhere"):
        with pytest.raises(SpecError, match="no folder"):
            diff(bad, str(new), config=config(repo), today=TODAY)
    assert capsys.readouterr().err == ""


def test_bad_usage_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    write(tmp_path / "broken", {"asyncapi.yaml": {"asyncapi": "3.1.0"}})
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "wiregen.cli",
            "diff",
            str(tmp_path / "broken"),
            str(tmp_path / "broken"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("wiregen: asyncapi.yaml")
    assert "Traceback" not in done.stderr


def test_a_waiver_may_end_with_a_version(tmp_path: Path) -> None:
    assert run(tmp_path, allow=waive(tmp_path, '"1.2"')) == 0
    assert run(tmp_path, allow=waive(tmp_path, '"1.0"')) == 1


@pytest.mark.parametrize(
    "text",
    [
        "allow = 5",
        "allow = [5]",
        "[allow]\nrule = 1",
        '[[allow]]\nrule = 5\nwhere = "x"\nreason = "r"\nuntil = 2030-01-01',
        '[[allow]]\nrule = "X"\nwhere = "x"\nreason = "r"\nuntil = 2030-01-01',
        '[[allow]]\nrule = "TYPE_CHANGED"\nwhere = "x"\nreason = " "\nuntil = 2030-01-01',
        '[[allow]]\nrules = "TYPE_CHANGED"',
        '[[alow]]\nrule = "TYPE_CHANGED"',
    ],
)
def test_waivers_of_another_shape_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "allow.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match="waiver-"):
        run(tmp_path, allow=path)


def test_what_is_waived_is_shown_and_a_missing_file_of_waivers_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, output="sarif", allow=waive(tmp_path, "2026-12-31"))
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["suppressions"][0]["status"] == "accepted"
    run(tmp_path, output="json", allow=waive(tmp_path, "2026-12-31", where="Ask/other"))
    assert "meets nothing" in json.loads(capsys.readouterr().out)["useless_waivers"][0]
    with pytest.raises(SpecError, match="no such file"):
        run(tmp_path, allow=tmp_path / "nowhere.toml")
