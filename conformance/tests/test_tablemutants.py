"""Mutants of the tables are told apart by what cases expect."""

from __future__ import annotations

from pathlib import Path

import pytest

from conform.documents import CaseError
from conform.reader import Reader
from conform.script import Case
from conform.spec import Spec
from conform.tablemutants import TableMutator, load_equivalent, play


def test_a_part_of_a_table_that_nothing_proves_is_told(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    few = [cases["confirm/no_pending"], cases["confirm/already_answered"]]
    score = play(TableMutator(spec, reader, few), {})
    killed = {name: case for name, case in score.killed.items() if "confirmation" in name}
    assert killed["drop row confirmation: answered on answer"] == "confirm/already_answered"
    assert "drop row confirmation: any on settle" in score.survived
    assert any(name.startswith("drop guard expired of interaction") for name in score.survived)
    assert "to stay: turn: running,sent on cancelled" in score.survived


def test_the_tables_are_whole_again_after_every_mutant(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    mutator = TableMutator(spec, reader, [cases["turn/stream_token"]])
    before = {name: list(m.rows) for name, m in mutator.tables.machines.items()}
    for mutant in mutator.mutants()[::7]:
        mutator.killer(mutant)
    assert before == {name: m.rows for name, m in mutator.tables.machines.items()}


def test_a_line_of_the_list_that_stands_for_no_survivor_is_idle(
    spec: Spec, reader: Reader, cases: dict[str, Case]
) -> None:
    mutator = TableMutator(spec, reader, [cases["confirm/already_answered"]])
    patterns = {"drop row confirmation: answered on answer": "r", "drop row call: *": "r"}
    score = play(mutator, patterns)
    assert score.idle == ["drop row confirmation: answered on answer"]


def test_a_malformed_list_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tables.yaml"
    path.write_text("equivalent: [{mutant: x}]", encoding="utf-8")
    with pytest.raises(CaseError, match="/equivalent/0: needs mutant and reason"):
        load_equivalent(path)
