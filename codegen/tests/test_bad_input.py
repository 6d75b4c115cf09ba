"""Hostile files, schemas and texts: a named diagnostic with file and pointer, or sound code."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ran, Workspace

Json = Any
BODY = "types/reading-body.schema.json"
MODE = "types/mode.schema.json"
BOMB = "x-0: &b0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"x-{i}: &b{i} [{','.join([f'*b{i - 1}'] * 10)}]\n" for i in range(1, 10)
)


def refused(ran: Ran) -> str:
    """Return the one line that a refusal prints."""
    assert ran.code == 2, ran.err
    (line,) = ran.err.splitlines()
    assert line.startswith("wiregen: ")
    assert "[internal]" not in line
    assert "[emit-failed]" not in line
    return line


NO_SCHEMAS: dict[str, tuple[Json, str, str]] = {
    "allOf is no list": ({"allOf": 5}, "/allOf", "schema-shape"),
    "allOf of no schemas": ({"allOf": ["a"]}, "/allOf/0", "schema-shape"),
    "properties is a list": ({"type": "object", "properties": ["a"]}, "", "schema-shape"),
    "required holds an object": ({"required": [{}]}, "/required/0", "schema-shape"),
    "a bound is a text": ({"type": "integer", "minimum": "a"}, "/minimum", "schema-shape"),
    "a length below zero": ({"type": "string", "minLength": -1}, "/minLength", "schema-shape"),
    "a title is a number": ({"title": 5, "type": "string"}, "/title", "schema-shape"),
    "a format is a number": ({"format": 5}, "/format", "schema-shape"),
    "a ref is a number": ({"$ref": 5}, "/$ref", "schema-shape"),
    "a type is unknown": ({"type": "strin"}, "/type", "schema-shape"),
    "items is a number": ({"type": "array", "items": 5}, "/items", "schema-shape"),
    "no value of an enum": ({"enum": []}, "", "schema-shape"),
    "half a surrogate pair": ({"description": "a \ud800"}, "/description", "load-surrogate"),
    "half a pair in a name": ({"properties": {"\udfff": {}}}, "/properties", "load-surrogate"),
    "a ref with a zero byte": ({"$ref": "a%00.json"}, "", "ref-dangling"),
    "a ref that is too long": ({"$ref": "a" * 5000}, "", "ref-dangling"),
    "a ref with a broken host": ({"$ref": "http://[::1"}, "", "ref-remote"),
    "a ref to a file URL": ({"$ref": "file:///etc/passwd"}, "", "ref-remote"),
    "a ref to the root": ({"$ref": "/etc/passwd"}, "", "ref-outside"),
    "a union of itself": (
        {"title": "T", "oneOf": [{"$ref": "#/properties/sensor"}, {"type": "array"}]},
        "",
        "ref-cycle",
    ),
}


@pytest.mark.parametrize("name", NO_SCHEMAS)
def test_what_is_no_schema_is_told_by_its_place(
    name: str, workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    schema, below, rule = NO_SCHEMAS[name]
    workspace.edit(BODY, lambda it: it["properties"].update(sensor=schema))
    for command in ("lint", "generate"):
        line = refused(wiregen(command))
        assert f"{BODY}#/properties/sensor{below}" in line
        assert f"[{rule}]" in line
    assert set(workspace.files()) == {"wiregen.toml"}


def test_every_fault_of_a_schema_is_told_at_once(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    workspace.edit(BODY, lambda it: it["properties"].update(sensor={"title": 5, "format": 6}))
    assert len(wiregen("lint").err.splitlines()) == 2


DOCUMENTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "asyncapi-shape"),
    "a list": (b"[]", "asyncapi-shape"),
    "UTF-16": ("asyncapi: 3.0.0".encode("utf-16"), "load-unreadable"),
    "a zero byte": (b'a: "\0"', "load-syntax"),
    "two documents": (b"a: 1\n---\nb: 2\n", "load-syntax"),
    "a tag that calls": (b"a: !!python/object/apply:os.system ['true']\n", "load-syntax"),
    "an alias in itself": (b"a: &a [*a]\n", "load-depth"),
    "a bomb of aliases": (BOMB.encode(), "load-size"),
    "a number as a key": (b"a: {1: 2}\n", "load-syntax"),
    "a list as a key": (b"a: {[1, 2]: 2}\n", "load-syntax"),
    "a set": (b"a: !!set {b, c}\n", "load-syntax"),
    "bytes": (b"a: !!binary aGk=\n", "load-syntax"),
    "not a number": (b"a: .nan\n", "load-number"),
    "infinity": (b"a: -.inf\n", "load-number"),
    "version 1": (b"asyncapi: 1.2.0\n", "asyncapi-version"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hostile_document_is_told(
    name: str, workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    text, rule = DOCUMENTS[name]
    (workspace.spec / "asyncapi.yaml").write_bytes(text)
    start = time.monotonic()
    line = refused(wiregen("lint"))
    assert line.startswith("wiregen: asyncapi.yaml#")
    assert f"[{rule}]" in line
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("name", ["asyncapi.yaml", MODE])
def test_a_folder_where_a_file_should_be_is_told(
    name: str, workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    (workspace.spec / name).unlink()
    (workspace.spec / name).mkdir()
    refused(wiregen("lint"))


def test_a_number_beyond_a_double_is_told(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    workspace.replace(BODY, '"type": "number"', '"type": "number", "maximum": 1e400')
    assert "[load-number]" in refused(wiregen("lint"))
    workspace.replace(BODY, "1e400", "1" + "0" * 5000)
    assert "[load-syntax]" in refused(wiregen("lint"))


@pytest.mark.parametrize("pattern", ["([", r"\p{L}+", "a{2,1}", "(?<n>a)"])
def test_a_pattern_that_is_not_understood_is_documentation_only(
    pattern: str, workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    schema = {"type": "string", "description": "Text.", "pattern": pattern}
    workspace.edit(BODY, lambda it: it["properties"].update(sensor=schema))
    found = {item["rule"] for item in json.loads(wiregen("lint", "--json").out)}
    assert {"pattern-portable", "keyword-untyped"} <= found
    assert wiregen("generate").code == 0


def test_control_characters_of_a_description_reach_no_source_file(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    text = 'Ends here */ """ \\u0041 \0 \x1b[31m \u202e \u2028 ]]> ``` {{ x }} </summary>.'
    workspace.edit(BODY, lambda it: it["properties"]["sensor"].update(description=text))
    assert wiregen("generate", "--lang", "python", "--lang", "go").code == 0
    for name, found in workspace.files().items():
        said = found.decode()
        assert not set("\0\x1b\u202e\u2028") & set(said), name
        if name.endswith(".py"):
            ast.parse(said)


def test_an_unwritable_place_is_told_and_nothing_is_written(
    workspace: Workspace, wiregen: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", Path("/proc/nowhere")):
        assert "[write-failed]" in refused(wiregen("generate", "--lang", "go", "--out", str(out)))
    assert set(workspace.files()) == {"wiregen.toml"}


@pytest.mark.parametrize(("one", "two"), [("ab", "AB"), ("fooBar", "FooBar")])
def test_names_that_collide_are_told_by_their_place(
    one: str, two: str, workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    schema = {"type": "string", "description": "Text."}
    workspace.edit(BODY, lambda it: it["properties"].update({one: schema, two: schema}))
    for command in ("lint", "generate"):
        ran = wiregen(command)
        assert ran.code == (1 if command == "lint" else 2)
        said = ran.out + ran.err
        assert f"{BODY}#/properties/{two}" in said
        assert "[name-collision]" in said
    assert set(workspace.files()) == {"wiregen.toml"}


NAMES = [
    "__proto__", "constructor", "class", "a-b", "1x", "💥", "toString", "self", "None", "true",
    "raw", "extra", "$ref", 'a"d', "a\\e", "a/g", "a~h", "model_config", "copy", "json", "schema",
    "Equals", "Error", "func", "new", "default", "unknown", "crate", "async", "match",
]  # fmt: skip


def test_hostile_names_read_back_in_python(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    schema = {"type": "string", "description": "Text."}
    workspace.edit(BODY, lambda it: it["properties"].update(dict.fromkeys(NAMES, schema)))
    ran = wiregen("generate")
    assert ran.code == 0, ran.err
    body = {"celsius": 1, "sensor": "a", **{name: f"is {name}" for name in NAMES}}
    frame = {"kind": "reading", "id": "1", "body": body}
    program = (
        "import json, sys; sys.path.insert(0, '.'); import python\n"
        "frame = json.load(open('frame.json'))\n"
        "event = python.decode_event(json.dumps(frame))\n"
        "assert type(event).__name__ == 'ReadingEvent', event\n"
        "assert python.encode_event(event) == frame\n"
    )
    (workspace.root / "frame.json").write_text(json.dumps(frame), encoding="utf-8")
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
