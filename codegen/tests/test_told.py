"""Every keyword that is unknown, or has no part in a type, is told by a place that is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wiregen.build import build
from wiregen.errors import SpecError, pointer_path
from wiregen.lint import lint_folder

from .foreign.documents import SIBLINGS, Input, document, inputs

Json = Any
WHOLE = {"type": "object", "properties": {"a": {"type": "string"}}}
MEMBER = "/channels/main/messages/told/payload/properties/x"


def part(wire: str, **words: Json) -> Json:
    """Return an object with one member."""
    return {"type": "object", "properties": {wire: words}}


# The member `x` of an event -> places below it, and the word that is told there.
TOLD: dict[str, tuple[Json, dict[str, str]]] = {
    "in a part of an allOf": (
        {"allOf": [{**WHOLE, "frobnicate": 1}, {"minProperties": 2, "maxLenght": 3}]},
        {
            "/allOf/0/frobnicate": "so that it says nothing",
            "/allOf/1": "'minProperties' is not reflected",
            "/allOf/1/maxLenght": "is 'maxLength' meant?",
        },
    ),
    "in a member of two parts": (
        {"allOf": [part("b", type="integer", mnimum=3), part("b", **{"not": {"const": 2}})]},
        {
            "/allOf/0/properties/b/mnimum": "is 'minimum' meant?",
            "/allOf/1/properties/b": "'not' is not reflected",
        },
    ),
    "in a union of one": (
        {"anyOf": [{"type": "string", "nulable": True}]},
        {"/anyOf/0/nulable": "is no keyword"},
    ),
    "in a list of maps": (
        {"type": "array", "items": {"type": "object", "additionalProperties": {"minimun": 1}}},
        {
            "/items/additionalProperties": "no type",
            "/items/additionalProperties/minimun": "is 'minimum' meant?",
        },
    ),
    "of another kind": (
        {"type": "integer", "minLength": 3},
        {"/minLength": "says nothing of a value of type integer"},
    ),
    "branches of an allOf that are alike": (
        {"allOf": [part("u", oneOf=[WHOLE, {**WHOLE, "minProperties": 1}]), {"type": "object"}]},
        {
            "/allOf/0/properties/u": "cannot be told apart",
            "/allOf/0/properties/u/oneOf/1": "'minProperties' is not reflected",
        },
    ),
}


def write(folder: Path, value: Json) -> Path:
    (folder / "asyncapi.json").write_text(json.dumps(value), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", TOLD)
def test_generate_and_lint_tell_a_word_by_its_place(name: str, tmp_path: Path) -> None:
    schema, expected = TOLD[name]
    spec = build(write(tmp_path, document({"told": {"x": schema}}, {})))
    found = {item.pointer.removeprefix(MEMBER): item.message for item in spec.diagnostics}
    assert found.keys() == expected.keys()
    assert all(words in found[place] for place, words in expected.items())
    linted = {item.pointer.removeprefix(MEMBER) for item in lint_folder(tmp_path)}
    assert expected.keys() <= linted


@pytest.mark.parametrize("given", [*inputs(), *inputs(SIBLINGS)], ids=lambda given: given.name)
def test_what_is_told_of_a_document_stands_in_it(given: Input, tmp_path: Path) -> None:
    root = given.write(tmp_path)
    try:
        spec = build(root)
    except SpecError:
        return
    for item in spec.diagnostics:
        *above, last = pointer_path(item.pointer)
        there = spec.store.find(item.file, "".join(f"/{_escaped(step)}" for step in above))
        assert there is not None, item
        assert isinstance(there.value, list) or last in there.value, item


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
