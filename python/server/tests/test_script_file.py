"""The script file: what is refused, and in which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smooth_operator_server.app import Server
from smooth_operator_server.engine.script_file import ScriptError, read_script
from smooth_operator_server.settings import Settings

FULL: dict[str, Any] = {
    "model": [
        {"text": "Hello"},
        {"toolCall": {"name": "delete_record", "arguments": {"id": 42}}},
        {"reasoning": "…"},
        {"preamble": "…"},
        {"error": "upstream 500"},
        {"delayMs": 50},
        {"text": "Done", "usage": {"promptTokens": 10, "completionTokens": 5}},
    ],
    "tools": [
        {
            "name": "delete_record",
            "description": "…",
            "parameters": {"type": "object"},
            "result": "deleted",
            "confirm": True,
            "auth": "end_user",
        }
    ],
    "confirmTools": ["delete_"],
    "knowledge": [{"source": "returns.md", "content": "…"}],
    "otp": {"code": "123456", "attempts": 3, "channel": "email"},
}


def write(folder: Path, value: Any) -> Path:
    file = folder / "script.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return file


def test_the_whole_format_is_read(tmp_path: Path) -> None:
    script = read_script(write(tmp_path, FULL))
    assert (len(script.model), len(script.tools), script.confirm_tools) == (7, 1, ("delete_",))


def test_halves_of_surrogate_pairs_are_replaced(tmp_path: Path) -> None:
    script = read_script(write(tmp_path, '{"model": [{"text": "a\\ud800"}]}'))
    assert script.model[0]["text"] == "a�"


REFUSED: dict[str, tuple[Any, str]] = {
    "not json": ('{"model": [}', ":1:12: "),
    "second line": ('{"model": [],\n "x" }', ":2:6: "),
    "nan": ('{"model": [], "tools": [{"name": "a", "result": NaN}]}', ": NaN is not JSON"),
    "a list": ([], "the whole must be of type object"),
    "no model": ({}, "/model is required"),
    "unknown key": (FULL | {"modle": []}, "/modle is not known"),
    "unknown key in an entry": ({"model": [{"text": "a"}, {"txt": "b"}]}, "/model/1"),
    "unknown key beside": ({"model": [{"text": "a", "colour": 1}]}, "/model/0/colour is not known"),
    "two kinds": ({"model": [{"text": "a", "error": "b"}]}, "/model/0 fits none"),
    "empty entry": ({"model": [{}]}, "/model/0 fits none"),
    "usage alone": ({"model": [{"usage": {}}]}, "/model/0 fits none"),
    "text type": ({"model": [{"text": 5}]}, "/model/0/text must be of type string"),
    "negative delay": ({"model": [{"delayMs": -1}]}, "/model/0/delayMs breaks the bound minimum 0"),
    "call without name": ({"model": [{"toolCall": {}}]}, "/model/0/toolCall/name is required"),
    "usage key": ({"model": [{"text": "", "usage": {"x": 1}}]}, "/model/0/usage/x is not known"),
    "tool key": ({"model": [], "tools": [{"name": "a", "x": 1}]}, "/tools/0/x is not known"),
    "tool auth": ({"model": [], "tools": [{"name": "a", "auth": "x"}]}, "/tools/0/auth must be on"),
    "tool twice": ({"model": [], "tools": [{"name": "a"}] * 2}, "/tools/1/name is defined twice"),
    "tool schema": (
        {"model": [], "tools": [{"name": "a", "parameters": {"type": "nonsense"}}]},
        "/tools/0/parameters is not a JSON Schema",
    ),
    "source": ({"model": [], "knowledge": [{"source": "a"}]}, "/knowledge/0/content is required"),
    "otp key": ({"model": [], "otp": {"code": "1", "x": 1}}, "/otp/x is not known"),
    "otp attempts": ({"model": [], "otp": {"code": "1", "attempts": 0}}, "/otp/attempts"),
}


@pytest.mark.parametrize(("value", "words"), REFUSED.values(), ids=REFUSED)
def test_a_broken_script_is_refused_with_file_and_place(
    tmp_path: Path, value: Any, words: str
) -> None:
    file = write(tmp_path, value)
    with pytest.raises(ScriptError) as refused:
        read_script(file)
    assert str(refused.value).startswith(f"script {file}")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"cannot read script .*gone\.json: No such file"):
        read_script(tmp_path / "gone.json")
    with pytest.raises(ScriptError, match="cannot read script"):
        read_script(tmp_path)
    (tmp_path / "latin.json").write_bytes(b'{"model": ["\xe9"]}')
    with pytest.raises(ScriptError, match="is not UTF-8"):
        read_script(tmp_path / "latin.json")


async def test_the_tools_of_every_server_cannot_be_replaced(tmp_path: Path) -> None:
    file = write(tmp_path, {"model": [], "tools": [{"name": "knowledge_search"}]})
    with pytest.raises(ScriptError, match="/tools/0/name is a tool of every server"):
        await Server.build(Settings(script=file))
