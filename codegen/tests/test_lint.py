"""Every rule finds what it is for, and nothing in a sound specification."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from wiregen.lint import RULES, lint_folder

from .conftest import Ran, Workspace

Json = Any
READING = "events/reading.schema.json"
ALARM = "events/alarm.schema.json"
BODY = "types/reading-body.schema.json"
TARGET = "actions/set-target.schema.json"
MODE = "types/mode.schema.json"


def _set(file: str, *path: str, **members: Json) -> Callable[[Workspace], None]:
    """Set members of the schema at a place; None removes."""

    def change(schema: Json) -> None:
        for part in path:
            schema = schema[part]
        for key, value in members.items():
            name = key.replace("__", "-").rstrip("_")
            if value is None:
                schema.pop(name)
            else:
                schema[name] = value

    return lambda workspace: workspace.edit(file, change)


def _text(file: str, old: str, new: str) -> Callable[[Workspace], None]:
    return lambda workspace: workspace.replace(file, old, new)


def _file(name: str, text: str) -> Callable[[Workspace], None]:
    def write(workspace: Workspace) -> None:
        (workspace.spec / name).write_text(text, encoding="utf-8")

    return write


def _kinds_in_a_circle(workspace: Workspace) -> None:
    again = "kinds:\n  - {kind: again, leaf: Again, parent: refused, retryable: false, when: No.}\n"
    workspace.replace("errors.yaml", "kinds:\n", again)
    workspace.replace("errors.yaml", "leaf: Refused, parent: null", "leaf: Refused, parent: again")


def _capital_file(workspace: Workspace) -> None:
    (workspace.spec / MODE).rename(workspace.spec / "types" / "Mode.json")
    for name in (BODY, TARGET):
        workspace.replace(name, "mode.schema.json", "Mode.json")


def _twin_message(workspace: Workspace) -> None:
    text = (workspace.spec / "events" / "alarm.schema.json").read_text(encoding="utf-8")
    text = text.replace("alarm.schema", "a-larm.schema").replace('"alarm"', '"Alarm"')
    text = text.replace('"title": "Alarm"', '"title": "AlarmTwo"')
    (workspace.spec / "events" / "a-larm.schema.json").write_text(text, encoding="utf-8")
    path = workspace.spec / "asyncapi.yaml"
    lines = path.read_text(encoding="utf-8")
    lines = lines.replace(
        "operations:\n",
        "operations:\n  alarm2: {action: send, channel: {$ref: '#/channels/wire'}, "
        "messages: [{$ref: '#/components/messages/alarm2'}]}\n",
    )
    lines = lines.replace(
        "x-error-codes",
        "    alarm2:\n      name: Alarm\n      payload: {$ref: events/a-larm.schema.json}\n"
        "x-error-codes",
    )
    path.write_text(lines, encoding="utf-8")


FAILING: dict[str, Callable[[Workspace], None]] = {
    "description-missing": _set(READING, "properties", "id", description=None),
    "description-form": _set(READING, "properties", "id", description="Id of the call"),
    "description-must": _set(READING, description="A client MUST read it."),
    "title-missing": _set(TARGET, "properties", "steps", "items", title=None),
    "integer-unbounded": _set(ALARM, "properties", "at", maximum=None),
    "integer-too-wide": _set(ALARM, "properties", "at", maximum=2**60),
    "bounds-order": _set(TARGET, "properties", "celsius", minimum=40),
    "tristate-unexplained": _set(TARGET, "properties", "label", description="Shown text."),
    "enum-single": _set(ALARM, "properties", "at", type="string", enum=["x"]),
    "enum-repeats": _set(MODE, enum=["eco", "off", "eco"]),
    "pattern-portable": _set(ALARM, "properties", "note", pattern="^(?=a).*$"),
    "pattern-anchored": _set(ALARM, "properties", "note", pattern="[a-z]+"),
    "format-known": _set(BODY, "properties", "sensor", format="guid"),
    "default-valid": _set(TARGET, "properties", "celsius", default="warm"),
    "default-on-required": _set(TARGET, "properties", "celsius", default=20),
    "required-undeclared": _set(BODY, required=["celsius", "sensor", "colour"]),
    "keyword-untyped": _set(BODY, not_={"required": ["x"]}),
    "file-orphan": _file("types/lost.schema.json", "{}"),
    "file-name": _capital_file,
    "file-id": _text(MODE, "types/mode.schema.json", "types/modes.schema.json"),
    "file-dialect": _text(MODE, "draft/2020-12/schema", "draft/2019-09/schema"),
    "message-unused": _text(
        "asyncapi.yaml", "    alarm:\n      name", "    lost: {name: lost}\n    alarm:\n      name"
    ),
    "message-title": _set(ALARM, title="Siren"),
    "message-similar": _twin_message,
    "action-open": _set(TARGET, additionalProperties=None),
    "reply-missing": _text(
        "asyncapi.yaml",
        "    reply:\n      messages: [{$ref: '#/channels/wire/messages/reading'}, "
        "{$ref: '#/channels/wire/messages/failed'}]\n",
        "",
    ),
    "result-missing": _text(
        "asyncapi.yaml",
        "    x-result: {message: answer, at: /body, "
        "schema: {$ref: 'types/reading-body.schema.json'}}\n",
        "",
    ),
    "terminal-missing": _text(
        "asyncapi.yaml",
        "messages: [{$ref: '#/channels/wire/messages/reading'}, "
        "{$ref: '#/channels/wire/messages/failed'}]",
        "messages: [{$ref: '#/channels/wire/messages/alarm'}]",
    ),
    "event-unanswering": _text(
        "asyncapi.yaml", "name: alarm\n", "name: alarm\n      x-turn: asks\n"
    ),
    "mirror-undeclared": _set(READING, x__mirrors={"/body/id": "/id"}, x__payload=None),
    "fact-unreachable": _set(READING, x__payload=None),
    "sentence-req": _file("behaviour.md", "# Rules\n- A client MUST wait.\n"),
    "req-repeated": _file("behaviour.md", "- **REQ-A-01** One.\n- **REQ-A-01** Two.\n"),
    "error-action": _text("errors.yaml", "actions: [set_target]", "actions: [set_goal]"),
    "error-leaf": _text("errors.yaml", "leaf: TooHot, base: Refused", "leaf: TooHot, base: Wrong"),
    "error-parent": _kinds_in_a_circle,
    "machine-unreachable": _text("machine.yaml", "settled: has", "lost: never, settled: has"),
    "machine-shadowed": _text("machine.yaml", "guard: [hot], emit", "emit"),
    "machine-word-unused": _text("machine.yaml", "{lost: the", "{late: too late, lost: the"),
    "machine-event-unhandled": _text("machine.yaml", "[alarm, unknown]", "[unknown]"),
    "machine-settle-kind": _text("machine.yaml", "settle(failed, by_code)", "settle(failed, odd)"),
    "name-collision": _set(MODE, enum=["fullPower", "FullPower"]),
    "member-case": _text(BODY, '"sensor"', '"the_sensor"'),
}


def test_there_is_a_failing_fixture_for_every_rule() -> None:
    tables = {rule.id for rule in RULES if rule.id.startswith("table-")}  # in test_contract
    assert set(FAILING) == {rule.id for rule in RULES} - tables
    assert len(RULES) >= 25


@pytest.mark.parametrize("rule", FAILING)
def test_a_rule_finds_what_it_is_for(rule: str, workspace: Workspace) -> None:
    before = lint_folder(workspace.spec)
    FAILING[rule](workspace)
    new = [item for item in lint_folder(workspace.spec) if item not in before]
    assert rule in {item.rule for item in new}
    for item in new:
        assert item.file
        assert item.message


def test_the_sound_specification_passes_every_rule(workspace: Workspace) -> None:
    assert [item for item in lint_folder(workspace.spec) if item.severity != "info"] == []


def test_a_waiver_with_a_reason_silences_one_rule_at_its_place(workspace: Workspace) -> None:
    FAILING["description-form"](workspace)
    allowed = {"description-form": "quoted from elsewhere"}
    _set(READING, "properties", "id", x__lint__allow=allowed)(workspace)
    assert "description-form" not in {item.rule for item in lint_folder(workspace.spec)}
    _set(READING, "properties", "id", x__lint__allow={"description-form": " "})(workspace)
    assert "description-form" in {item.rule for item in lint_folder(workspace.spec)}


def test_the_command_fails_on_errors_and_strictly_on_warnings(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    assert wiregen("lint").code == 0
    FAILING["tristate-unexplained"](workspace)
    assert wiregen("lint").code == 0
    assert wiregen("lint", "--strict").code == 1
    FAILING["integer-unbounded"](workspace)
    ran = wiregen("lint", "--json")
    assert ran.code == 1
    found = {item["rule"]: item for item in json.loads(ran.out)}
    assert found["integer-unbounded"]["file"] == ALARM
    assert found["integer-unbounded"]["pointer"] == "/properties/at"
    listed = wiregen("lint", "--rules")
    assert len(listed.out.splitlines()) == len(RULES)
