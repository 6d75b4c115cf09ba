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
    assert ran.code == 1
    assert "wiregen.toml" in ran.err


@pytest.mark.parametrize("text", ["root = [", "[lang.go]\nx = 1\n", "root = 1\n[lang]\ngo = 2\n"])
def test_a_malformed_configuration_is_told(
    text: str, workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    (workspace.root / "wiregen.toml").write_text(text, encoding="utf-8")
    ran = wiregen("check")
    assert ran.code == 1
    assert "wiregen.toml" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_init_takes_an_empty_folder_alone(tmp_path: Path, wiregen: Callable[..., Ran]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "mine.txt"):
        ran = wiregen("init", str(folder))
        assert ran.code == 2
        assert "not an empty folder" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert wiregen("init", "/proc/nowhere").code == 1


@pytest.mark.usefixtures("workspace")
def test_an_unforeseen_fault_is_one_line(
    wiregen: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(cli, "build", broken)
    ran = wiregen("check")
    assert ran.code == 1
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
