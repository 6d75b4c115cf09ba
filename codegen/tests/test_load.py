"""Malformed specifications: one clear message with file and place, never a traceback."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Ran, Workspace

READING = "events/reading.schema.json"
CASES = {
    "not JSON": (READING, '"title"', "title", READING, "load-syntax"),
    "a key twice": (READING, '"title"', '"type": "object", "title"', READING, "load-duplicate-key"),
    "NaN": (READING, '"reading"', "NaN", READING, "load-syntax"),
    "a missing file": (READING, "reading-body", "nowhere", READING, "ref-dangling"),
    "a missing definition": (
        "types/room.schema.json",
        "#/$defs/Named",
        "#/$defs/X",
        "types/room",
        "ref-dangling",
    ),
    "a remote ref": (READING, "../types/reading-body", "https://a.b/c", READING, "ref-remote"),
    "a ref out of the folder": (
        READING,
        "../types/reading-body",
        "../../../etc/passwd",
        READING,
        "ref-outside",
    ),
    "no const": (
        READING,
        '"const": "reading", ',
        '"enum": ["reading", "another"], ',
        READING,
        "tag-const",
    ),
    "a const that the tables do not know": (
        READING,
        '"const": "reading"',
        '"const": "other"',
        "machine.yaml",
        "table-word",
    ),
    "an unknown type": (READING, '"type": "number"', '"type": "float"', READING, "schema-shape"),
    "a mirror to nowhere": (READING, '"/celsius"', '"/kelvin"', READING, "accessor-place"),
    "a mirror of another type": (READING, '"/body/celsius"', '"/body/mode"', READING, "accessor-p"),
    "a payload to nowhere": (READING, '["/body"]', '["/bodi"]', READING, "accessor-place"),
    "two schemas with one title": (
        "types/reading-body.schema.json",
        '"title": "ReadingBody"',
        '"title": "Room"',
        "types/",
        "name-clash",
    ),
    "YAML": ("asyncapi.yaml", "operations:", "operations: [", "asyncapi.yaml", "load-syntax"),
    "a YAML key twice": (
        "asyncapi.yaml",
        "operations:",
        "info: {}\noperations:",
        "asyncapi.yaml",
        "load-duplicate-key",
    ),
    "another version": ("asyncapi.yaml", "3.1.0", "1.2.0", "#/asyncapi", "asyncapi-version"),
    "no discriminator": (
        "asyncapi.yaml",
        "x-discriminator",
        "x-other",
        "#/channels/wire",
        "asyncapi-discriminator",
    ),
    "a wrong word for the turn": (
        "asyncapi.yaml",
        "x-turn: opens",
        "x-turn: begins",
        "#/components/messages/setTarget",
        "asyncapi-x-turn",
    ),
    "the reserved word": (
        "events/failed.schema.json",
        '"const": "failed"',
        '"const": "unknown"',
        "#/components/messages/failed",
        "reserved-word",
    ),
    "a result of no reply": (
        "asyncapi.yaml",
        "x-result: {message: answer",
        "x-result: {message: alarm",
        "x-result",
        "x-result",
    ),
    "an unknown kind of error": (
        "errors.yaml",
        "kind: refused, leaf: TooHot",
        "kind: hot, leaf: TooHot",
        "#/codes/0",
        "table-shape",
    ),
    "an unknown state": (
        "machine.yaml",
        "to: settled",
        "to: done",
        "#/machines/call/transitions/1",
        "table-word",
    ),
    "an unknown event": (
        "machine.yaml",
        "alarm, unknown",
        "alarms, unknown",
        "#/machines/call/transitions/3",
        "table-word",
    ),
    "an unknown guard": (
        "machine.yaml",
        "guard: [hot]",
        "guard: [cold]",
        "#/machines/call/transitions/0",
        "table-word",
    ),
    "a state of no machine": ("machine.yaml", "call: waiting", "call: x", "#/answers/0", "table-"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_malformed_specification_is_told_by_file_and_pointer(
    name: str, workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    file, old, new, where, rule = CASES[name]
    workspace.replace(file, old, new)
    for command in (["generate"], ["check"], ["lint"], ["bundle"], ["vectors"]):
        ran = wiregen(*command)
        assert ran.code == 2, command
        lines = ran.err.splitlines()
        assert len(lines) == 1, ran.err
        assert lines[0].startswith("wiregen: ")
        assert where in lines[0]
        assert f"[{rule}" in lines[0]
        assert "Traceback" not in ran.err
    assert set(workspace.files()) == {"wiregen.toml"}


def test_a_folder_without_a_document_is_told(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    (workspace.spec / "asyncapi.yaml").unlink()
    ran = wiregen("lint")
    assert ran.code == 2
    assert "load-missing-file" in ran.err


def test_deep_nesting_and_bad_encoding_are_told(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    deep = '{"allOf":[' * 2000 + "{}" + "]}" * 2000
    (workspace.spec / "types" / "mode.schema.json").write_text(deep, encoding="utf-8")
    ran = wiregen("lint")
    assert ran.code == 2
    assert "load-depth" in ran.err
    (workspace.spec / "types" / "mode.schema.json").write_bytes(b'{"title":"\xff"}')
    ran = wiregen("lint")
    assert ran.code == 2
    assert "not UTF-8" in ran.err


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    ],
)
def test_a_circle_of_refs_is_told(
    schema: object, workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    workspace.edit("types/mode.schema.json", lambda _: schema)
    ran = wiregen("lint")
    assert ran.code == 2
    assert "ref-cycle" in ran.err


def test_ten_thousand_fields_are_read(workspace: Workspace, wiregen: Callable[..., Ran]) -> None:
    members = {f"m{i}": {"type": "string", "description": "One."} for i in range(10_000)}
    workspace.edit("types/room.schema.json", lambda s: s["properties"].update(members))
    ran = wiregen("generate", "--lang", "go")
    assert ran.code == 0, ran.err
