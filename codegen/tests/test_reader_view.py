"""The reader view as a schema and as tables: two texts of one rule, tried against each other."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import wiregen
from wiregen.ir import Ref
from wiregen.normalise import type_schema
from wiregen.vectors.samples import Sampler

from .conftest import FIXTURES
from .foreign.documents import Input

Json = Any
FOLDERS = (FIXTURES / "thermostat", Path(__file__).parents[2] / "spec")
ODD = (None, True, 0, 1.0, 2.5, "", "x", [], [1], {}, {"x": None}, "\ud800", -1)


@cache
def _prepared(folder: Path) -> Any:
    spec = wiregen.load_spec(folder)
    sampler = Sampler(spec)
    rows = []
    for event in spec.events:
        validator = Draft202012Validator(wiregen.reader_schema(spec, event.wire))
        strict = Draft202012Validator(wiregen.strict_schema(spec, event.wire))
        rows.append((event.wire, sampler.full(Ref(event.name)), validator, strict))
    return spec, rows


def _places(value: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        found += _places(item, (*path, key))
    return found


@st.composite
def _mutated(draw: st.DrawFn) -> tuple[Any, str, Json]:
    """A full frame in which a few places are dropped or hold something odd."""
    spec, rows = _prepared(draw(st.sampled_from(FOLDERS)))
    wire, full, _, _ = draw(st.sampled_from(rows))
    tree = copy.deepcopy(full)
    for _ in range(draw(st.integers(0, 4))):
        places = [path for path in _places(tree) if path != (spec.event_tag,)]
        if not places:
            break
        path = draw(st.sampled_from(places))
        parent = tree
        for part in path[:-1]:
            parent = parent[part]
        if draw(st.booleans()) and isinstance(parent, dict):
            del parent[path[-1]]
        else:
            parent[path[-1]] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return spec, wire, tree


@given(_mutated())
@settings(max_examples=400, deadline=None, derandomize=True)
def test_req_wire_13_schema_and_tables_give_one_verdict(drawn: tuple[Any, str, Json]) -> None:
    spec, wire, tree = drawn
    rows = {row[0]: row for row in _prepared(spec.store.root)[1]}
    _, _, reader, strict = rows[wire]
    accepted = reader.is_valid(tree)
    assert accepted == (wiregen.check(spec, wire, tree) is None), json.dumps(tree)
    if strict.is_valid(tree):
        assert accepted, "what a writer may send, a reader takes"


@given(_mutated())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_repair_is_idempotent_and_leaves_sound_frames_alone(
    drawn: tuple[Any, str, Json],
) -> None:
    spec, wire, tree = drawn
    before = copy.deepcopy(tree)
    repaired = wiregen.repair(spec, wire, tree)
    assert tree == before
    assert wiregen.repair(spec, wire, repaired) == repaired
    rows = {row[0]: row for row in _prepared(spec.store.root)[1]}
    if rows[wire][3].is_valid(tree):
        assert repaired == tree


@pytest.fixture
def spec() -> wiregen.Spec:
    return wiregen.load_spec(FIXTURES / "thermostat")


def test_repair_removes_null_where_the_schema_does_not_take_it(spec: wiregen.Spec) -> None:
    frame = {"kind": "reading", "id": None, "body": {"celsius": 1, "sensor": None, "next": None}}
    assert wiregen.repair(spec, "reading", frame) == {
        "kind": "reading",
        "body": {"celsius": 1, "next": None},
    }


def test_repair_fills_a_required_nested_place_from_its_top_copy_alone(spec: wiregen.Spec) -> None:
    frame = {"kind": "reading", "id": "a", "celsius": 2, "body": {"sensor": "s"}}
    repaired = wiregen.repair(spec, "reading", frame)
    assert repaired["body"] == {"sensor": "s", "celsius": 2}
    without = {"kind": "reading", "celsius": 2}
    assert wiregen.repair(spec, "reading", without) == without
    fault = wiregen.check(spec, "reading", without)
    assert fault is not None
    assert (fault.kind, fault.pointer) == ("missing", "/body")


def test_repair_makes_integers_of_whole_numbers_and_nothing_else(spec: wiregen.Spec) -> None:
    frame = {"kind": "alarm", "level": 3.0, "at": 1.5, "detail": 2.0}
    repaired = wiregen.repair(spec, "alarm", frame)
    assert json.dumps(repaired) == '{"kind": "alarm", "level": 3, "at": 1.5, "detail": 2.0}'
    fault = wiregen.check(spec, "alarm", frame)
    assert fault is not None
    assert (fault.kind, fault.pointer) == ("type", "/at")


def test_flat_reads_nested_first(spec: wiregen.Spec) -> None:
    frame = {"kind": "reading", "celsius": 1, "body": {"celsius": 2, "next": None}}
    assert wiregen.flat(spec, "reading", frame) == {"kind": "reading", "celsius": 2, "next": None}


def test_the_open_view_keeps_bounds_and_ignores_unknown_members(spec: wiregen.Spec) -> None:
    schema = Draft202012Validator(type_schema(spec, "SetTarget", "open"))
    frame = {"op": "set_target", "celsius": 20, "new": 1, "steps": [{"minutes": 1, "new": 2}]}
    assert schema.is_valid(frame)
    assert not schema.is_valid({**frame, "celsius": 31})
    strict = Draft202012Validator(wiregen.strict_schema(spec, "set_target"))
    assert not strict.is_valid(frame)


def test_a_union_inside_its_own_branch_is_told_by_its_tag_at_every_depth(tmp_path: Path) -> None:
    again = {"$ref": "#/components/schemas/w", "if": {"properties": {"n": {"const": "x"}}}}
    one = {"text": {"const": "a"}, "me": again}
    two = {"text": {"enum": ["b"]}, "n": {"type": "integer"}}
    branches = [{"type": "object", "properties": it, "required": ["text"]} for it in (one, two)]
    held = {
        "allOf": [{"properties": {"q": {"type": "string"}}}, {"$ref": "#/components/schemas/w"}]
    }
    line = {"events": {"ev": {"t": held}}, "schemas": {"w": {"anyOf": branches}}}
    spec = wiregen.load_spec(Input("one", "", "right", line).write(tmp_path))
    validator = Draft202012Validator(wiregen.reader_schema(spec, "ev"))
    inner: Json = {"text": "b", "n": False}
    for _ in range(4):
        assert not validator.is_valid({"type": "ev", "t": inner}), inner
        inner = {"text": "a", "me": inner}
