"""Reading the file of ``--script``: checked against its schema, unknown keys refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs

from ..protocol.faults import describe
from ..protocol.json_text import read_json

Json = Mapping[str, Any]


class ScriptError(Exception):
    """The script cannot be used; the text names the file and the line or JSON Pointer."""


@dataclass(frozen=True, slots=True)
class Script:
    """A checked script. Members are as in the file; defaults are filled in where they are used."""

    model: tuple[Json, ...]
    tools: tuple[Json, ...] = ()
    confirm_tools: tuple[str, ...] = ()
    knowledge: tuple[Json, ...] = ()
    otp: Json | None = None


def read_script(path: Path) -> Script:
    """Read and check a script file.

    Raises:
        ScriptError: the file cannot be read, is not JSON, or does not fit the schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as fault:
        raise ScriptError(f"cannot read script {path}: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise ScriptError(f"script {path} is not UTF-8") from None
    try:
        value = read_json(text)
    except json.JSONDecodeError as fault:
        raise ScriptError(f"script {path}:{fault.lineno}:{fault.colno}: {fault.msg}") from None
    except ValueError as fault:
        raise ScriptError(f"script {path}: {fault}") from None
    except RecursionError:
        raise ScriptError(f"script {path} is nested too deeply") from None
    try:
        return parse_script(value)
    except ScriptError as fault:
        raise ScriptError(f"script {path}: {fault}") from None


def parse_script(value: Any) -> Script:
    """Check a script that was read already.

    Raises:
        ScriptError: names the JSON Pointer of the first fault.
    """
    fault = next(_validator().iter_errors(value), None)
    if fault is not None:
        raise ScriptError(describe(fault))
    tools = value.get("tools", [])
    for index, tool in enumerate(tools):
        _check_tool(f"/tools/{index}", tool, {earlier["name"] for earlier in tools[:index]})
    return Script(
        model=tuple(value["model"]),
        tools=tuple(tools),
        confirm_tools=tuple(value.get("confirmTools", ())),
        knowledge=tuple(value.get("knowledge", ())),
        otp=value.get("otp"),
    )


def _check_tool(pointer: str, tool: Json, earlier: set[str]) -> None:
    if tool["name"] in earlier:
        raise ScriptError(f"{pointer}/name is defined twice")
    try:
        jsonschema_rs.Draft202012Validator(tool.get("parameters", {}))
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
        raise ScriptError(f"{pointer}/parameters is not a JSON Schema") from None


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    file = resources.files(__package__) / "script.schema.json"
    return jsonschema_rs.Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))
