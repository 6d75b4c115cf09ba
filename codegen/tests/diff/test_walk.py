"""What the comparison looks into: renamed messages and types, swapped types, notes, flat facts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wiregen.build import build
from wiregen.diff.compare import Comparison
from wiregen.diff.model import Change, Grade, Policy
from wiregen.lint import lint_folder

from .small import Files, pair, struct

B, D, S, OK = Grade.BREAKING, Grade.DANGEROUS, Grade.SOURCE, Grade.OK


def compared(folder: Path, change: Callable[[Files], None], **policy: str) -> dict[str, Change]:
    """Return the changes by rule."""
    old, new = pair(folder, change)
    found = Comparison(build(old), build(new), Policy(**policy)).run()  # type: ignore[arg-type]
    return {it.rule: it for it in found}


def test_an_event_of_another_title_is_looked_into(tmp_path: Path) -> None:
    def change(files: Files) -> None:
        files["told.json"]["title"] = "Said"
        del files["told.json"]["properties"]["count"]
        files["told.json"]["required"].remove("count")

    found = compared(tmp_path, change)
    assert found["TYPE_NAME_CHANGED"].wire is OK
    assert found["PROP_REMOVED_REQUIRED"].wire is B


def test_a_type_of_another_title_is_looked_into(tmp_path: Path) -> None:
    def change(files: Files) -> None:
        inner = files["told.json"]["properties"]["inner"]
        inner["title"] = "Core"
        inner["required"] = []

    found = compared(tmp_path, change)
    assert found["PROP_BECAME_OPTIONAL"].where == "ToldKindInner/deep"
    assert found["PROP_BECAME_OPTIONAL"].wire is B


def test_two_types_that_change_places_are_compared_at_their_places(tmp_path: Path) -> None:
    def with_two(files: Files, *, swapped: bool) -> None:
        one = struct("One", {"x": {"type": "string"}}, ["x"])
        two = struct("Two", {"x": {"type": "integer", "maximum": 9}}, ["x"])
        first, second = (two, one) if swapped else (one, two)
        files["told.json"]["properties"] |= {"first": first, "second": second}

    old, _ = pair(tmp_path / "old", lambda files: with_two(files, swapped=False))
    old = tmp_path / "old" / "new"
    _, new = pair(tmp_path / "new", lambda files: with_two(files, swapped=True))
    found = Comparison(build(old), build(new), Policy()).run()
    places = {it.where for it in found if it.rule == "TYPE_CHANGED"}
    assert places == {"Told/first/x", "Told/second/x"}
    assert Comparison(build(old), build(old), Policy()).run() == []


@pytest.mark.parametrize("keyword", ["not", "if", "propertyNames", "dependentRequired"])
def test_a_keyword_that_is_not_understood_is_seen_to_come_and_to_go(
    keyword: str, tmp_path: Path
) -> None:
    value = {"name": ["mail"]} if keyword == "dependentRequired" else {"required": ["mail"]}

    def change(files: Files) -> None:
        files["ask.json"][keyword] = value

    old, new = pair(tmp_path, change)
    for before, after in ((old, new), (new, old)):
        found = Comparison(build(before), build(after), Policy()).run()
        assert [(it.rule, it.wire) for it in found] == [("UNDECIDED", D)]
    assert Comparison(build(new), build(new), Policy()).run() == []


def test_words_beside_a_choice_are_not_a_change_of_the_choice(tmp_path: Path) -> None:
    def choice(files: Files) -> None:
        files["ask.json"]["anyOf"] = [{"required": ["mail"]}, {"required": ["flag"]}]

    def described(files: Files) -> None:
        choice(files)
        files["ask.json"]["properties"]["mail"]["description"] = "Another text."

    old = pair(tmp_path / "a", choice)[1]
    new = pair(tmp_path / "b", described)[1]
    found = Comparison(build(old), build(new), Policy()).run()
    assert [it.rule for it in found] == ["DOC_CHANGED"]


def test_branches_that_no_type_says_are_the_same_in_any_order(tmp_path: Path) -> None:
    def branches(files: Files, *kinds: str) -> None:
        parts = [{"type": "object", "properties": {kind: {"type": kind}}} for kind in kinds]
        files["told.json"]["properties"]["either"] = {"oneOf": parts}

    old = pair(tmp_path / "a", lambda files: branches(files, "string", "integer"))[1]
    turned = pair(tmp_path / "b", lambda files: branches(files, "integer", "string"))[1]
    other = pair(tmp_path / "c", lambda files: branches(files, "integer", "boolean"))[1]
    assert Comparison(build(old), build(turned), Policy()).run() == []
    found = Comparison(build(old), build(other), Policy()).run()
    assert [(it.rule, it.where) for it in found] == [("UNDECIDED", "Told/either")]


@pytest.mark.parametrize(("kind", "decided"), [("string", True), ("integer", False)])
def test_a_member_of_the_type_that_all_further_ones_have_is_no_change_of_theirs(
    kind: str, decided: bool, tmp_path: Path
) -> None:
    def open_to_text(files: Files) -> None:
        files["told.json"]["properties"]["inner"]["additionalProperties"] = {"type": "string"}

    def named(files: Files) -> None:
        open_to_text(files)
        files["told.json"]["properties"]["inner"]["properties"]["more"] = {"type": kind}

    old = pair(tmp_path / "a", open_to_text)[1]
    new = pair(tmp_path / "b", named)[1]
    for before, after, rule in (
        (old, new, "PROP_ADDED_OPTIONAL"),
        (new, old, "PROP_REMOVED_OPTIONAL"),
    ):
        found = Comparison(build(before), build(after), Policy()).run()
        assert {it.rule for it in found} == {rule, *(() if decided else ("UNDECIDED",))}


def test_what_an_event_shows_flat_and_what_correlates_it_is_compared(tmp_path: Path) -> None:
    def change(files: Files) -> None:
        files["told.json"]["x-payload"] = ["/inner"]
        files["asyncapi.yaml"]["channels"]["it"]["x-correlation"] = ["/name"]

    found = compared(tmp_path, change)
    assert (found["FACT_CHANGED"].wire, found["FACT_CHANGED"].api) == (OK, S)
    assert found["FLOW_CHANGED"].wire is B


def test_open_servers_are_asked_for_less(tmp_path: Path) -> None:
    def change(files: Files) -> None:
        del files["ask.json"]["properties"]["count"]
        files["ask.json"]["required"].remove("count")

    assert compared(tmp_path / "a", change)["PROP_REMOVED_REQUIRED"].wire is B
    found = compared(tmp_path / "b", change, servers="open")
    assert found["PROP_REMOVED_REQUIRED"].wire is D


def test_the_small_protocol_can_be_linted(tmp_path: Path) -> None:
    old, _ = pair(tmp_path, lambda _: None)
    assert all(it.file for it in lint_folder(old))
