"""Reading evaluation files: YAML or JSON, checked against their schema, unknown keys refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs

from ..agent import check_names
from ..engine.script_file import ScriptError, parse_script
from ..files import FileFaultError, checks_of, read_checked

AGENT = "agent"
LEAST = 3.0


class EvaluationFileError(FileFaultError):
    """An evaluation file cannot be used; the text names it and the JSON Pointer."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What has to come of a turn; None = that is not looked at."""

    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    matches: str | None = None
    tools: tuple[tuple[str, Mapping[str, Any]], ...] | None = None
    """Names of tools, each with arguments that its call has."""

    asks: tuple[str, ...] | None = None
    cites: tuple[str, ...] | None = None
    outcome: str = "answered"
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, and what its person answers to questions; None = they decline."""

    say: str
    expected: Expected = Expected()
    approve: bool = False
    code: str | None = None
    choose: tuple[str, ...] | None = None
    form: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns with one agent; ``rubric`` is what a model that judges is told."""

    name: str
    turns: tuple[Turn, ...]
    agent: str = AGENT
    script: Mapping[str, Any] | None = None
    secrets: tuple[str, ...] = ()
    rubric: str | None = None
    least: float = LEAST
    """Points, 0 to 5, below which it fails when it is judged."""


@dataclass(frozen=True, slots=True)
class EvaluationFile:
    """The conversations of a file; ``demo`` when the demonstration answers in them."""

    path: Path
    conversations: tuple[Conversation, ...] = field(default=())
    demo: bool = False


def read_evaluation(path: Path) -> EvaluationFile:
    """Return the conversations of a file.

    Raises:
        EvaluationFileError: it cannot be read, is not YAML, does not fit the schema, names two
            conversations alike, or holds a script or a regular expression that is none.
    """
    try:
        value = read_checked(path, "evaluation", _checks())
    except FileFaultError as fault:
        raise EvaluationFileError(str(fault)) from None
    try:
        found = _conversations(value)
    except ValueError as fault:
        raise EvaluationFileError(f"evaluation {path}: {fault}") from None
    return EvaluationFile(path, found, value.get("demo", False))


def _conversations(value: Mapping[str, Any]) -> tuple[Conversation, ...]:
    """Return the conversations of what fits the schema.

    Raises:
        ValueError: says where something is wrong that the schema cannot say.
    """
    _check_script(value.get("script"), "/script")
    found: dict[str, Conversation] = {}
    for index, one in enumerate(value["conversations"]):
        place = f"/conversations/{index}"
        if one["name"] in found:
            raise ValueError(f"{place}/name is that of another conversation")
        _check_script(one.get("script"), f"{place}/script")
        if value.get("demo") and "script" in one:
            raise ValueError(f"{place}/script: the demonstration answers in this file")
        _check_patterns(one["turns"], place)
        found[one["name"]] = _conversation(one, value)
    return tuple(found.values())


def _check_script(script: Any, place: str) -> None:
    if script is None:
        return
    try:
        check_names(parse_script(script))
    except ScriptError as fault:
        raise ValueError(f"{place}: {fault}") from None


def _check_patterns(turns: Sequence[Mapping[str, Any]], place: str) -> None:
    for number, turn in enumerate(turns):
        try:
            re.compile(turn.get("expect", {}).get("matches", ""))
        except re.error as fault:
            where = f"{place}/turns/{number}/expect/matches"
            raise ValueError(f"{where} is no regular expression: {fault}") from None


def _conversation(one: Mapping[str, Any], file: Mapping[str, Any]) -> Conversation:
    judge = one.get("judge", {})
    return Conversation(
        one["name"],
        tuple(_turn(turn) for turn in one["turns"]),
        one.get("agent", file.get("agent", AGENT)),
        one.get("script", file.get("script")),
        tuple(one.get("secrets", ())),
        judge.get("asks"),
        float(judge.get("least", LEAST)),
    )


def _turn(turn: Mapping[str, Any]) -> Turn:
    expect = turn.get("expect", {})
    calls = expect.get("tools")
    expected = Expected(
        tuple(expect.get("contains", ())),
        tuple(expect.get("lacks", ())),
        expect.get("matches"),
        None if calls is None else tuple((one["name"], one.get("arguments", {})) for one in calls),
        _all(expect.get("asks")),
        _all(expect.get("cites")),
        expect.get("outcome", "failed" if "error" in expect else "answered"),
        expect.get("error"),
    )
    return Turn(
        turn["say"],
        expected,
        turn.get("approve", False),
        turn.get("code"),
        _all(turn.get("choose")),
        turn.get("form"),
    )


def _all(words: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)


@cache
def _checks() -> jsonschema_rs.Draft202012Validator:
    return checks_of(resources.files(__package__) / "evaluation.schema.json")


def script_text(script: Mapping[str, Any]) -> str:
    """Return a script as its file has it."""
    return json.dumps(script)
