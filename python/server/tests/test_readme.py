"""The README is true: its blocks run, its tables are complete."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest

from smooth_operator_server.cli import main
from smooth_operator_server.engine.demo import DEMO_CODE, TRIGGERS
from smooth_operator_server.engine.script_file import parse_script
from smooth_operator_server.settings import Settings
from smooth_operator_server.settings_table import FLAGS, settings_table

from .test_cli import WAIT_S, serving

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """Return the first block of a language."""
    return str(re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)[0])


async def test_the_quickstart_runs_as_printed() -> None:
    async with serving("--demo") as (_, url):
        code = block("python").replace("ws://127.0.0.1:8787/ws", url)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
        assert process.returncode == 0
        assert "17-day return window" in out.decode()


def test_the_commands_are_the_ones_the_server_has() -> None:
    assert "smooth-operator-server --demo\nlistening on ws://127.0.0.1:8787/ws\n" in block(
        "console"
    )


def test_the_script_of_the_readme_is_one() -> None:
    assert len(parse_script(json.loads(block("json"))).model) == 5


def test_the_table_of_settings_is_what_the_command_prints() -> None:
    assert settings_table() in README, "run: smooth-operator-server settings"


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_flags_are_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    shown = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert set(FLAGS.values()) <= shown


def test_every_trigger_word_is_listed() -> None:
    listed = re.findall(r"^\| `([a-z]+)` \|", README, re.MULTILINE)
    assert listed == list(TRIGGERS)
    assert f"`{DEMO_CODE}`" in README
