"""Documents as others write them: read, or refused by a name that says what to do."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wiregen.build import build
from wiregen.errors import SpecError
from wiregen.ir import Enum, Ref, Union

from .conftest import PROTOCOLS, Ran
from .printing import printed

Json = Any
TEXT: Json = {"type": "string"}


def _document(payloads: dict[str, Json], *, tag: Json = "type") -> Json:
    """A document of one channel whose messages all come from the server."""
    channel: Json = {"messages": {key: {"payload": one} for key, one in payloads.items()}}
    if tag is not None:
        channel["x-discriminator"] = tag
    send = {"action": "send", "channel": {"$ref": "#/channels/main"}}
    info = {"title": "foreign", "version": "1"}
    operations = {"all": send}
    channels = {"main": channel}
    return {"asyncapi": "3.0.0", "info": info, "channels": channels, "operations": operations}


def _object(required: tuple[str, ...] = (), **members: Json) -> Json:
    return {"type": "object", "properties": members, "required": list(required)}


def _said(word: str, **members: Json) -> Json:
    return _object(("type",), type={"const": word}, **members)


GOOD = {"one": _said("one"), "two": _said("two")}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[Json], Path]:
    """Write a document into a folder of its own."""

    def written(document: Json) -> Path:
        (tmp_path / "asyncapi.json").write_text(json.dumps(document), encoding="utf-8")
        return tmp_path

    return written


REFUSED: dict[str, tuple[Json, str, str]] = {
    "AsyncAPI 1": ({**_document(GOOD), "asyncapi": "1.2.0"}, "asyncapi-version", "convert"),
    "no discriminator": (_document(GOOD, tag=None), "asyncapi-discriminator", "'type'"),
    "nothing to tell messages by": (
        _document({"one": _object(a=TEXT)}, tag=None),
        "asyncapi-discriminator",
        "give every message one",
    ),
    "numbers tell messages": (
        _document({"one": _object(("op",), op={"const": 10})}, tag="op"),
        "tag-const",
        "it is 10",
    ),
    "answers without a word": (
        _document({**GOOD, "answer": _object(("id",), id=TEXT, result={})}),
        "tag-const",
        "no such member",
    ),
    "two events of one word": (
        _document({**GOOD, "again": _said("one", more=TEXT)}),
        "asyncapi-duplicate",
        "one message",
    ),
    "a choice of one word": (
        _document({"one": {"oneOf": [_said("one", a=TEXT), _said("one", b=TEXT)]}}),
        "schema-not-object",
        "optional members",
    ),
    "a payload of text": (_document({"one": TEXT}), "schema-not-object", "an object"),
    "Avro": (
        _document({"one": {"schemaFormat": "application/vnd.apache.avro", "schema": {}}}),
        "asyncapi-format",
        "JSON Schema",
    ),
    "only what clients write": (
        {
            **_document(GOOD),
            "operations": {"all": {"action": "receive", "channel": {"$ref": "#/channels/main"}}},
        },
        "asyncapi-no-events",
        "what the server does",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_says_what_to_do(name: str, folder: Callable[[Json], Path]) -> None:
    document, rule, hint = REFUSED[name]
    with pytest.raises(SpecError) as refused:
        build(folder(document))
    (found,) = refused.value.diagnostics
    assert found.rule == rule
    assert hint in found.message
    assert found.file == "asyncapi.json"


@pytest.mark.parametrize("lang", ["python", "typescript", "go", "csharp", "rust"])
def test_values_that_share_a_name_are_refused_in_every_language_that_names_them(
    lang: str, folder: Callable[[Json], Path], wiregen: Callable[..., Ran], tmp_path: Path
) -> None:
    words = {"type": "string", "enum": ["ab", "AB"]}
    spec = folder(_document({"one": _said("one", words=words)}))
    ran = wiregen("generate", "--lang", lang, "--spec", str(spec), "--out", str(tmp_path / "out"))
    assert (ran.code == 2) == (lang != "typescript")
    assert ("[name-collision]" in ran.err) == (lang != "typescript")


def test_constants_and_open_lists_of_words_are_enums(folder: Callable[[Json], Path]) -> None:
    colour = {"anyOf": [{"const": "red", "title": "Red"}, {"const": "blue"}]}
    size = {"anyOf": [TEXT, {"enum": ["s", "m"]}]}
    spec = build(folder(_document({"one": _said("one", colour=colour, size=size)})))
    enums = {item.name: item.values for item in spec.types if isinstance(item, Enum)}
    assert enums == {"OneColour": ("red", "blue"), "OneSize": ("s", "m")}
    assert spec.diagnostics == ()


def test_a_branch_that_excludes_the_others_stands_for_further_tags() -> None:
    spec = build(PROTOCOLS / "harbour")
    cargo = spec.type("Cargo")
    assert isinstance(cargo, Union)
    assert [branch.mark for branch in cargo.branches] == ["grain", "oil"]
    assert (cargo.kind, cargo.other) == ("tagged", 2)


def test_a_message_that_another_type_holds_is_there_as_a_type() -> None:
    spec = build(PROTOCOLS / "harbour")
    about = spec.struct("Refused").field("about")
    assert about is not None
    assert about.type == Ref("ArrivalType")
    assert spec.struct("ArrivalType").role == "type"


def test_types_that_lead_to_each_other_keep_the_names_of_the_wire(
    folder: Callable[[Json], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _object(theSecond={"$ref": "#/components/schemas/Second"})
    second = _object(theFirst={"$ref": "#/components/schemas/First"}, someText=TEXT)
    document = _document({"one": _said("one", theFirst={"$ref": "#/components/schemas/First"})})
    document["components"] = {"schemas": {"First": first, "Second": second}}
    files = printed(build(folder(document)), ["python"])
    package = tmp_path / "leading"
    for name, text in files.items():
        path = package / name.removeprefix("python/out/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    wire = importlib.import_module("leading")
    inner = {"theFirst": {"theSecond": {"someText": "a"}}, "someText": "b"}
    frame = {"type": "one", "theFirst": {"theSecond": inner}}
    assert wire.encode_event(wire.decode_event(json.dumps(frame))) == frame


def test_a_message_that_travels_both_ways_is_told_so_by_diff(
    folder: Callable[[Json], Path], wiregen: Callable[..., Ran], tmp_path: Path
) -> None:
    document = _document(GOOD)
    old = tmp_path / "old"
    old.mkdir()
    (old / "asyncapi.json").write_text(json.dumps(document), encoding="utf-8")
    new = copy.deepcopy(document)
    message = {"$ref": "#/channels/main/messages/one"}
    channel = {"$ref": "#/channels/main"}
    new["operations"]["back"] = {"action": "receive", "channel": channel, "messages": [message]}
    ran = wiregen("diff", str(old), str(folder(new)))
    assert "a new action [MESSAGE_ADDED]" in ran.out
    assert ran.code == 0
