"""Coverage counts what the cases exercise, and says what they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from conform import coverage
from conform.cli import main
from conform.coverage import Coverage, load_exclusions
from conform.documents import CaseError
from conform.obligations import Walker
from conform.reader import Reader
from conform.script import Case
from conform.spec import Spec

SCHEMA = {
    "type": "object",
    "required": ["a"],
    "properties": {
        "a": {"enum": ["x", "y"]},
        "b": {"type": ["boolean", "null"]},
        "c": {"type": "array", "minItems": 1, "items": {"type": "boolean"}},
    },
}


def test_every_fork_of_a_schema_is_an_obligation(spec: Spec) -> None:
    walker = Walker(spec)
    due = set(walker.obligations(Path("x"), SCHEMA, "m"))
    assert due == {
        "m/a there", "m/a = 'x'", "m/a = 'y'", "m/b there", "m/b absent", "m/b null",
        "m/b not null", "m/c there", "m/c absent", "m/c of one",
        "m/c of several", "m/c/* = True", "m/c/* = False",
    }  # fmt: skip
    shown = set(walker.shown(Path("x"), SCHEMA, {"a": "x", "c": [True, False]}, "m"))
    assert due - shown == {
        "m/a = 'y'",
        "m/b there",
        "m/b null",
        "m/b not null",
        "m/c of one",
        "m/c absent",
    }


def test_the_cases_cover_all_of_the_specification(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    found = Coverage(spec, reader).measure(cases.values(), load_exclusions())
    assert found.missing == []
    assert found.idle == []
    assert len(found.counted) > 700


LEFT_OUT = ("interaction", "time", "handlers")


def test_what_no_case_shows_is_missing(spec: Spec, reader: Reader, cases: dict[str, Case]) -> None:
    kept = [case for name, case in cases.items() if not name.startswith(LEFT_OUT)]
    missing = Coverage(spec, reader).measure(kept, load_exclusions()).missing
    assert "verb decline while answered" in missing
    assert "option turnTimeout edge" in missing
    assert any(item.startswith("guard interaction: ") for item in missing)
    assert any(item.startswith("row interaction: ") for item in missing)


def test_an_exclusion_that_nothing_needs_is_told(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    some = [cases["turn/keepalive"]]
    assert Coverage(spec, reader).measure(some, {"code NO_SUCH*": "r"}).idle == ["code NO_SUCH*"]


def test_below_100_percent_is_1_and_the_last_line_is_the_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "coverage.yaml"
    path.write_text("excluded: []\n", encoding="utf-8")
    monkeypatch.setattr(coverage.load_exclusions, "__defaults__", (path,))
    assert main(["coverage", "--area", "end"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert any(line.startswith("missing  end code 1015") for line in told)
    assert told[-1].startswith("coverage 9")


@pytest.mark.parametrize(
    ("text", "why"),
    [("{}", "needs `excluded`"), ("excluded: [{item: x}]", "/excluded/0: needs item and reason")],
)
def test_a_malformed_list_of_exclusions_is_named(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "coverage.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CaseError, match=why):
        load_exclusions(path)
