"""From schemas to the representation: types, presence, mirrors, accessors, unions, tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wiregen import ir
from wiregen.build import build
from wiregen.errors import SpecError

from .conftest import FIXTURES, Workspace

PROJECT_SPEC = Path(__file__).parents[2] / "spec"


@pytest.fixture
def spec() -> ir.Spec:
    return build(FIXTURES / "thermostat")


def test_messages_have_roles_tags_and_turn_words(spec: ir.Spec) -> None:
    assert [m.wire for m in spec.actions] == ["set_target", "read"]
    assert [(m.wire, m.turn) for m in spec.events] == [
        ("reading", "terminal"),
        ("answer", None),
        ("alarm", None),
        ("failed", "terminal_by_code"),
    ]
    assert (spec.action_tag, spec.event_tag) == ("op", "kind")
    assert spec.correlation == (("id",),)


def test_presence_tells_required_optional_and_tristate_apart(spec: ir.Spec) -> None:
    fields = {f.wire: f for f in spec.struct("SetTarget").fields}
    assert {wire: f.presence for wire, f in fields.items()} == {
        "op": "required",
        "id": "optional",
        "celsius": "required",
        "mode": "optional",
        "label": "tristate",
        "steps": "optional",
    }
    body = {f.wire: f.read_presence for f in spec.struct("ReadingBody").fields}
    assert body["celsius"] == "required"
    assert body["sensor"] == "optional"
    assert body["next"] == "tristate"


def test_types_are_named_by_title_and_classified(spec: ir.Spec) -> None:
    fields = {f.wire: f.type for f in spec.struct("Alarm").fields}
    assert fields["level"] == ir.Const("integer", 3)
    assert fields["detail"] == ir.AnyJson()
    assert fields["tags"] == ir.Map(ir.Scalar("string"))
    assert fields["note"] == ir.Opaque(("object", "string"))
    assert spec.type("Mode").values == ("eco", "full-power", "off")  # type: ignore[union-attr]
    assert "opaque-kinds" in {d.rule for d in spec.diagnostics}


def test_all_of_is_merged_and_a_cycle_is_marked(spec: ir.Spec) -> None:
    room = spec.struct("Room")
    assert [f.wire for f in room.fields] == ["name", "inside", "outer"]
    assert room.recursive
    assert {f.wire: f.boxed for f in room.fields} == {
        "name": False,
        "inside": False,
        "outer": True,
    }


def test_directions_follow_reach(spec: ir.Spec) -> None:
    assert spec.struct("Step").direction == "write"
    assert spec.struct("Room").direction == "read"
    assert spec.type("Mode").direction == "both"


def test_a_mirrored_fact_is_one_accessor_with_two_places(spec: ir.Spec) -> None:
    reading = spec.event("reading")
    names = [a.name for a in reading.accessors]
    assert names == ["kind", "id", "celsius", "mode", "next", "sensor"]
    celsius = reading.accessor("celsius")
    assert celsius is not None
    assert celsius.places == (("body", "celsius"), ("celsius",))
    assert not celsius.optional
    sensor = reading.accessor("sensor")
    assert sensor is not None
    assert sensor.optional


def test_the_answer_table_takes_states_of_machines(spec: ir.Spec) -> None:
    assert spec.machines is not None
    assert spec.machines.answers[0].states == (("call", "waiting"),)


def _typed(workspace: Workspace, schema: Any) -> ir.Spec:
    workspace.edit("events/alarm.schema.json", lambda s: s["properties"].update(value=schema))
    return build(workspace.spec)


def _branch(tag: str, **members: Any) -> Any:
    properties = {"t": {"const": tag}, **members}
    return {"type": "object", "title": tag.title(), "properties": properties, "required": ["t"]}


def test_branches_with_different_constants_are_a_tagged_union(workspace: Workspace) -> None:
    spec = _typed(workspace, {"title": "Shape", "oneOf": [_branch("dot"), _branch("line")]})
    union = spec.type("Shape")
    assert isinstance(union, ir.Union)
    assert (union.kind, union.tag) == ("tagged", "t")
    assert [branch.mark for branch in union.branches] == ["dot", "line"]


def test_branches_with_own_required_members_are_a_keyed_union(workspace: Workspace) -> None:
    def branch(key: str) -> Any:
        schema = {"type": "object", "title": f"By{key}", "properties": {key: {"type": "string"}}}
        return {**schema, "required": [key], "additionalProperties": False}

    spec = _typed(workspace, {"title": "Key", "oneOf": [branch("a"), branch("b")]})
    union = spec.type("Key")
    assert isinstance(union, ir.Union)
    assert union.kind == "keyed"


def test_branches_of_different_json_types_are_a_typed_union(workspace: Workspace) -> None:
    choices = [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    union = _typed(workspace, {"title": "Texts", "anyOf": choices}).type("Texts")
    assert isinstance(union, ir.Union)
    assert union.kind == "typed"


def test_branches_that_look_alike_are_opaque_with_a_named_diagnostic(workspace: Workspace) -> None:
    def branch(name: str) -> Any:
        return {"type": "object", "title": name, "properties": {"x": {"type": "string"}}}

    spec = _typed(workspace, {"title": "Alike", "oneOf": [branch("A"), branch("B")]})
    field = spec.struct("Alarm").field("value")
    assert field is not None
    assert field.type == ir.AnyJson()
    assert "opaque-union" in {d.rule for d in spec.diagnostics}


def test_null_beside_one_branch_is_nullable(workspace: Workspace) -> None:
    spec = _typed(workspace, {"anyOf": [{"type": "string"}, {"type": "null"}]})
    field = spec.struct("Alarm").field("value")
    assert field is not None
    assert (field.type, field.nullable) == (ir.Scalar("string"), True)


def test_alternatives_of_null_alone_are_any_json_with_a_named_diagnostic(
    workspace: Workspace,
) -> None:
    spec = _typed(workspace, {"anyOf": [{"anyOf": [{"type": "null"}]}]})
    field = spec.struct("Alarm").field("value")
    assert field is not None
    assert field.type == ir.AnyJson()
    assert "opaque-null" in {d.rule for d in spec.diagnostics}


def test_alternatives_over_members_are_a_promise_and_no_union(workspace: Workspace) -> None:
    def change(schema: Any) -> None:
        schema["anyOf"] = [
            {"required": ["mode"]},
            {"required": ["label"], "properties": {"label": {"const": "x"}}},
        ]

    workspace.edit("actions/set-target.schema.json", change)
    spec = build(workspace.spec)
    assert spec.struct("SetTarget").choices == (ir.Choice(((("mode", ...),), (("label", "x"),))),)
    assert "choice" in {d.rule for d in spec.diagnostics}


def test_two_facts_with_one_name_are_refused(workspace: Workspace) -> None:
    def change(schema: Any) -> None:
        schema["properties"]["mode"] = {"type": "string", "description": "Another."}

    workspace.edit("events/reading.schema.json", change)
    with pytest.raises(SpecError, match="accessor-clash"):
        build(workspace.spec)


def test_the_projects_own_specification_is_read_without_errors() -> None:
    spec = build(PROJECT_SPEC)
    assert len(spec.events) == 18
    assert len(spec.actions) == 12
    assert all(d.severity == "info" for d in spec.diagnostics)
