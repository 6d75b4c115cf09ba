"""The command line: help with examples, exit codes, output for machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Ran, Workspace

COMMANDS = ("generate", "check", "lint", "vectors", "bundle", "explain", "diff", "init")


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


def test_the_starter_passes_lint_and_generates(
    tmp_path: Path, wiregen: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new"
    assert wiregen("init", str(folder)).code == 0
    again = wiregen("init", str(folder))
    assert again.code == 2
    assert "not an empty folder" in again.err
    monkeypatch.chdir(folder)
    assert wiregen("lint", "--strict").code == 0
    assert wiregen("vectors", "--coverage").code == 0
    languages = [f"--lang={lang}" for lang in ("python", "typescript", "go", "rust", "vectors")]
    assert wiregen("generate", *languages).code == 0
    assert (folder / "go").is_dir()
