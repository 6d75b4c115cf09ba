"""The command line: help with examples, exit codes, output for machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from wiregen import cli

from .conftest import Ran, Workspace

COMMANDS = ("generate", "check", "lint", "vectors", "bundle", "explain", "diff", "freeze", "init")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, wiregen: Callable[..., Ran]) -> None:
    ran = wiregen(command, "--help")
    assert ran.code == 0
    assert f"wiregen {command}" in ran.out.replace("\n", " ")


def test_the_help_lists_commands_and_exit_codes(wiregen: Callable[..., Ran]) -> None:
    ran = wiregen("--help")
    assert "Exit codes" in ran.out
    for command in COMMANDS:
        assert command in ran.out


@pytest.mark.parametrize("arguments", [["generat"], ["generate", "--language", "go"], ["explain"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str], wiregen: Callable[..., Ran]) -> None:
    ran = wiregen(*arguments)
    assert ran.code == 2
    assert "Traceback" not in ran.err + ran.out


@pytest.mark.usefixtures("workspace")
def test_an_unknown_language_or_type_is_told(wiregen: Callable[..., Ran]) -> None:
    ran = wiregen("generate", "--lang", "cobol")
    assert ran.code == 2
    assert "no emitter for 'cobol'" in ran.err
    ran = wiregen("explain", "Nothing")
    assert ran.code == 2
    assert "no type or message" in ran.err


@pytest.mark.usefixtures("workspace")
def test_bundles_are_json_schemas(wiregen: Callable[..., Ran]) -> None:
    for view in ("strict", "open", "reader"):
        schema = json.loads(wiregen("bundle", "--view", view).out)
        assert "Reading" in schema["$defs"]


@pytest.mark.usefixtures("workspace")
def test_explain_knows_messages_by_wire_name_and_types_by_name(
    wiregen: Callable[..., Ran],
) -> None:
    found = json.loads(wiregen("explain", "reading").out)
    assert found["message"]["name"] == "Reading"
    assert found["struct"]["fields"][0]["wire"] == "kind"
    found = json.loads(wiregen("explain", "Mode").out)
    assert found["enum"]["values"] == ["eco", "full-power", "off"]


def test_without_a_configuration_the_place_is_told(
    tmp_path: Path, wiregen: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = wiregen("generate")
    assert ran.code == 2
    assert "wiregen.toml" in ran.err


@pytest.mark.parametrize("text", ["root = [", "[lang.go]\nx = 1\n", "root = 1\n[lang]\ngo = 2\n"])
def test_a_malformed_configuration_is_told(
    text: str, workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    (workspace.root / "wiregen.toml").write_text(text, encoding="utf-8")
    ran = wiregen("check")
    assert ran.code == 2
    assert "wiregen.toml" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_init_takes_an_empty_folder_alone(tmp_path: Path, wiregen: Callable[..., Ran]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "mine.txt"):
        ran = wiregen("init", str(folder))
        assert ran.code == 2
        assert "not an empty folder" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert wiregen("init", "/proc/nowhere").code == 2


@pytest.mark.usefixtures("workspace")
def test_an_unforeseen_fault_is_one_line(
    wiregen: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(cli, "build", broken)
    ran = wiregen("check")
    assert ran.code == 2
    assert "[internal]" in ran.err
    assert "of all things" in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.usefixtures("workspace")
def test_what_machines_read_is_plain_json(
    wiregen: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for command in (
        ["lint", "--json"],
        ["check", "--json"],
        ["vectors", "--coverage", "--json"],
        ["lint", "--rules", "--json"],
        ["explain", "reading"],
        ["diff", "spec", "--format", "json"],
        ["diff", "spec", "--json"],
    ):
        ran = wiregen(*command)
        json.loads(ran.out)
        assert "\x1b" not in ran.out
    assert "\x1b" not in wiregen("diff", "--help").out


FOREIGN = """asyncapi: 3.0.0
info: {title: foreign, version: "1.0.0"}
channels:
  main:
    messages:
      tick: {$ref: "../shared/messages.yaml#/tick"}
      ask: {$ref: "../shared/messages.yaml#/ask"}
operations:
  reads:
    action: receive
    channel: {$ref: "#/channels/main"}
    messages: [{$ref: "#/channels/main/messages/tick"}]
  writes:
    action: send
    channel: {$ref: "#/channels/main"}
    messages: [{$ref: "#/channels/main/messages/ask"}]
"""
SHARED = """tick:
  payload: {type: object, properties: {kind: {const: tick}, at: {type: integer}}, required: [kind]}
ask:
  payload: {type: object, properties: {kind: {const: ask}, of: {type: string}}, required: [kind]}
"""
SETTINGS = """spec = "doc/chat.yml"
spec_root = "."
discriminator = "kind"
side = "client"
role = "{role}"
vectors = "vectors"
[lang.python]
out = "python"
[lang.go]
out = "go"
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose wiregen.toml says all that its document does not."""
    for name, text in {
        "doc/chat.yml": FOREIGN,
        "shared/messages.yaml": SHARED,
        "wiregen.toml": SETTINGS.format(role="server"),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_that_the_command_line_says_may_stand_in_the_configuration(
    foreign: Path, wiregen: Callable[..., Ran]
) -> None:
    assert wiregen("generate", "--lang", "python", "--lang", "go").code == 0
    events = (foreign / "python" / "events.py").read_text(encoding="utf-8")
    assert "ask" in events  # a server reads what a client writes
    assert wiregen("check", "--lang", "python", "--lang", "go").code == 0
    for command in (["lint"], ["docs"], ["explain", "ask"], ["diff", "doc/chat.yml"]):
        ran = wiregen(*command)
        assert "asyncapi-discriminator" not in ran.out + ran.err, command
        assert "ref-outside" not in ran.out + ran.err, command
    (foreign / "wiregen.toml").write_text(SETTINGS.format(role="client"), encoding="utf-8")
    assert wiregen("check", "--lang", "python").code == 1


def test_check_takes_the_options_of_generate(foreign: Path, wiregen: Callable[..., Ran]) -> None:
    (foreign / "wiregen.toml").unlink()
    said = ["--spec", "doc/chat.yml", "--root", ".", "--discriminator", "kind", "--side", "client"]
    said += ["--role", "server", "--out", "made", "--lang", "python"]
    assert wiregen("generate", *said).code == 0
    assert wiregen("check", *said).code == 0
    said[said.index("server")] = "client"
    assert wiregen("check", *said).code == 1


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("dicriminator = 1", "config-key"),
        ("role = 'both'", "config-shape"),
        ("x = 1", "config-key"),
    ],
)
def test_a_key_that_is_none_is_told(
    line: str, rule: str, foreign: Path, wiregen: Callable[..., Ran]
) -> None:
    text = line + "\n" + SETTINGS.format(role="server").replace('role = "server"\n', "")
    (foreign / "wiregen.toml").write_text(text, encoding="utf-8")
    ran = wiregen("check")
    assert ran.code == 2
    assert rule in ran.err


@pytest.mark.parametrize("command", ["docs", "explain x", "freeze", "diff spec", "vectors"])
def test_a_malformed_document_is_exit_code_2_of_every_verb(
    command: str, workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    workspace.replace("types/mode.schema.json", "{", "")
    ran = wiregen(*command.split())
    assert ran.code == 2, ran.err
    assert "types/mode.schema.json" in ran.err


def test_what_lint_finds_is_exit_code_1_in_a_table_as_in_a_schema(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    workspace.replace("errors.yaml", "actions: [", "actions: [nowhere, ")
    assert wiregen("lint").code == 1
    assert wiregen("freeze").code == 2
