"""The tables beside the schemas: what is refused, what lint finds, what one edit moves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from wiregen import cli
from wiregen.build import build
from wiregen.contract.steps import holds, step
from wiregen.contract.view import parts
from wiregen.diff.contract import compared
from wiregen.lint import RULES, lint_folder
from wiregen.reference.site import build_site

from .conftest import FIXTURES, Ran
from .printing import printed

SPEC = Path(__file__).parents[2] / "spec"
Json = Any


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of our own specification to change."""
    folder = tmp_path / "spec"
    shutil.copytree(SPEC, folder, ignore=shutil.ignore_patterns("vectors"))
    return folder


def change(folder: Path, edit: Json) -> None:
    """Replace `old` by `new`, or put `lines` after the line `after`."""
    path = folder / edit["file"]
    text = path.read_text(encoding="utf-8")
    old = edit.get("old") or f"\n{edit['after']}\n"
    assert old in text, old
    new = edit["new"] if "new" in edit else old + edit["lines"]
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


EDITS = YAML(typ="safe").load(FIXTURES / "table-edits.yaml")
LINT, REFUSED, MOVES = EDITS["lint"], EDITS["refused"], EDITS["moves"]


def test_our_own_tables_pass_every_rule() -> None:
    assert [item for item in lint_folder(SPEC) if item.rule.startswith("table-")] == []
    assert set(LINT) == {rule.id for rule in RULES if rule.id.startswith("table-")}


@pytest.mark.parametrize("rule", LINT)
def test_a_rule_finds_what_it_is_for_and_names_its_place(
    rule: str, copy: Path, wiregen: Callable[..., Ran]
) -> None:
    change(copy, LINT[rule])
    hits = [item for item in lint_folder(copy) if item.rule == rule]
    assert hits
    assert all(item.file == LINT[rule]["file"] and item.pointer for item in hits)
    if all(item.severity == "error" for item in hits):
        ran = wiregen("lint", "--spec", str(copy))
        assert ran.code == 1
        assert f"{hits[0].file}#{hits[0].pointer}: error [{rule}]" in ran.out


@pytest.mark.parametrize("what", REFUSED)
def test_a_row_that_says_nothing_is_refused_with_its_place(
    what: str, copy: Path, wiregen: Callable[..., Ran]
) -> None:
    edit = REFUSED[what]
    change(copy, edit)
    for command in (("lint", "--spec", str(copy)), ("explain", "Pong", "--spec", str(copy))):
        ran = wiregen(*command)
        assert ran.code == 2, ran.out + ran.err
        assert len(ran.err.splitlines()) == 1
        assert f"{edit['file']}#{edit['at']}" in ran.err


@pytest.mark.parametrize("what", MOVES)
def test_one_edit_of_a_table_moves_five_languages_vectors_and_docs(
    what: str, copy: Path, tmp_path: Path
) -> None:
    room, marks = MOVES[what]["room"], MOVES[what]["marks"]
    before = printed(build(copy))
    for edit in MOVES[what]["edits"]:
        change(copy, edit)
    assert [it for it in lint_folder(copy) if it.severity == "error"] == []
    spec = build(copy)
    after = printed(spec)
    moved = {name for name in after if after[name] != before.get(name)}
    for lang in ("python", "typescript", "go", "csharp", "rust"):
        names = [it for it in moved if it.startswith(f"{lang}/") and room in it.lower()]
        text = "".join(after[name] for name in names)
        assert all(mark in text for mark in marks), (lang, sorted(moved))
    if room == "steps":
        (vectors,) = (after[name] for name in after if name.endswith("machines/mood.json"))
        assert '"facts": {"verb": "rate"}, "to": "none", "effects": ["shut", "resolve"]' in vectors
    build_site(spec, tmp_path / "site", [])
    pages = "".join(it.read_text(encoding="utf-8") for it in (tmp_path / "site").rglob("*.html"))
    assert all(mark in pages for mark in marks)


def test_a_fact_that_is_absent_meets_no_comparison() -> None:
    tables = build(SPEC).contract
    guards = {guard.name: guard.condition for guard in tables.guards}
    assert not holds(guards["unwritten"], {}, None)
    assert holds(guards["unwritten"], {"may_have_left": False}, None)
    assert holds(guards["terminal_error"], {}, None)


def test_the_lost_link_keeps_a_queued_frame_only_where_another_is_sought() -> None:
    tables = build(SPEC).contract
    frame = next(it for it in tables.machines if it.name == "frame")
    _, state, _ = step(tables, frame, "queued", "lost", {})
    assert state == "dropped"
    _, state, _ = step(tables, frame, "queued", "lost", {"sought": True})
    assert state == "queued"


def test_texts_are_cut_at_their_brackets() -> None:
    tables = build(SPEC).contract
    (found,) = [it for it in tables.texts if it.leaf == "Connection"]
    assert parts(found) == [
        (False, "The link to {host} failed"),
        (True, ": {reason}"),
        (False, "."),
    ]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (
            ("options.yaml", "default: 10000, off", "default: 9000, off"),
            ("TABLE_CHANGED", "options/connectTimeout", "default: 10000 became 9000"),
        ),
        (
            ("errors.yaml", "name: normal,", "name: regular,"),
            ("TABLE_CHANGED", "close_codes/normal", "the row is gone"),
        ),
        (
            ("errors.yaml", "name: normal,", "name: regular,"),
            ("TABLE_ADDED", "close_codes/regular", "a new row"),
        ),
    ],
)
def test_rows_of_tables_are_compared_by_what_names_them(
    copy: Path, edit: tuple[str, str, str], told: tuple[str, str, str]
) -> None:
    change(copy, dict(zip(("file", "old", "new"), edit, strict=True)))
    found = list(compared(build(SPEC).contract, build(copy).contract))
    assert told in found
    assert list(compared(build(SPEC).contract, build(SPEC).contract)) == []


def test_an_effect_that_is_a_bare_sentence_carries_what_its_rows_give_it() -> None:
    tables = build(Path(cli.__file__).parent / "starter" / "spec").contract
    (settle,) = tables.effects
    assert settle.args == ("settle_1", "settle_2")
