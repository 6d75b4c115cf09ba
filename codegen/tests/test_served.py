"""A server's side of a foreign protocol: it reads what clients write, writes what they read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wiregen.build import build
from wiregen.errors import SpecError
from wiregen.ir import Spec
from wiregen.naming import LANGS
from wiregen.vectors import vector_files

from . import driving
from .conftest import PROTOCOLS, Ran
from .driving import Driver, Line

Json = Any
pytestmark = pytest.mark.timeout(300)
SIDES: dict[str, Spec] = {
    "client": build(PROTOCOLS / "atlas"),
    "served": build(PROTOCOLS / "atlas", role="server"),
}


@pytest.fixture(scope="module", params=LANGS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Driver:
    """One compiled project a language with both sides of a protocol."""
    return driving.build(request.param, tmp_path_factory.mktemp(request.param), SIDES, "served")


def _rows(side: str, role: str) -> list[Json]:
    """Return what the vectors of one side say of its events or its actions."""
    return [
        row
        for path, text in vector_files(SIDES[side]).items()
        if path.endswith(".json") and json.loads(text)["role"] == role
        for row in json.loads(text)["vectors"]
    ]


def test_the_sides_read_what_the_other_writes() -> None:
    client, server = SIDES["client"], SIDES["served"]
    assert [item.wire for item in server.events] == [item.wire for item in client.actions]
    assert [item.wire for item in server.actions] == [item.wire for item in client.events]
    assert (server.event_tag, server.action_tag) == (client.action_tag, client.event_tag)


@pytest.mark.parametrize(("reader", "writer"), [("served", "client"), ("client", "served")])
def test_what_one_side_may_write_the_other_reads_in_every_language(
    both: Driver, reader: str, writer: str
) -> None:
    written = [row["text"] for row in _rows(writer, "action") if row["strict"]]
    assert len(written) > 50
    shown = both.replay(Line(reader, "event", "", text) for text in written)
    for text, found in zip(written, shown, strict=True):
        assert found["outcome"] == "good", (text, found)


@pytest.mark.parametrize("side", SIDES)
def test_every_language_gives_every_vector_of_a_side_its_verdict(both: Driver, side: str) -> None:
    rows = _rows(side, "event")
    shown = both.replay(Line(side, "event", "", row["text"]) for row in rows)
    wrong = [
        (row["text"], found)
        for row, found in zip(rows, shown, strict=True)
        if (found["outcome"], found.get("problem")) != (row["outcome"], row.get("problem"))
    ]
    assert wrong[:5] == []


def test_the_command_writes_it_into_a_folder_of_its_own(
    wiregen: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = str(PROTOCOLS / "atlas")
    refused = wiregen("generate", "--role", "server", "--spec", spec)
    assert refused.code == 2
    assert "--out" in refused.err
    asked = ("generate", "--role", "server", "--spec", spec, "--lang", "python")
    assert wiregen(*asked, "--out", "served").code == 0
    assert (tmp_path / "served/python/codec.py").is_file()


@pytest.mark.parametrize("role", ["client", "server"])
def test_typescript_imports_json_only_where_it_is_named(
    wiregen: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = str(PROTOCOLS.parents[2] / "spec")
    asked = ("generate", "--role", role, "--spec", spec, "--lang", "typescript")
    assert wiregen(*asked, "--out", "side").code == 0
    for name in ("actions.ts", "events.ts", "views.ts"):
        text = (tmp_path / "side/typescript" / name).read_text(encoding="utf-8")
        imports, rest = re.split(r"(?<= from './json';\n)", text, maxsplit=1)
        needs = re.search(r"\bJson\b", re.sub(r"//[^\n]*|/\*.*?\*/", "", rest, flags=re.DOTALL))
        assert bool(re.search(r"\bJson\b", imports)) == bool(needs), name


def test_a_server_that_is_told_nothing_is_refused(tmp_path: Path) -> None:
    payload = {"type": "object", "properties": {"type": {"const": "a"}}, "required": ["type"]}
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "Only spoken", "version": "1"},
        "channels": {
            "all": {
                "address": "/",
                "x-discriminator": "type",
                "messages": {"a": {"name": "a", "payload": payload}},
            }
        },
        "operations": {"a": {"action": "send", "channel": {"$ref": "#/channels/all"}}},
    }
    (tmp_path / "asyncapi.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SpecError, match="asyncapi-no-actions"):
        build(tmp_path, role="server")
