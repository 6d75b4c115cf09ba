"""The README is true: its blocks run, its tables are complete."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

from smooth_operator_server.engine.demo import DEMO_CODE, TRIGGERS
from smooth_operator_server.engine.script_file import parse_script
from smooth_operator_server.settings import Settings, variable_of

from .test_cli import WAIT_S, serving

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """Return the one block of a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(found)


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


def test_every_setting_is_listed_with_its_default() -> None:
    rows = dict(re.findall(r"^\|[^|]*\| `([A-Z0-9_]+)` \| ([^|]+) \|", README, re.MULTILINE))
    variables = {variable_of(name): field.default for name, field in Settings.model_fields.items()}
    assert set(rows) == set(variables)
    for name, default in variables.items():
        if default:
            assert rows[name].strip("`") == str(default), name


def test_every_trigger_word_is_listed() -> None:
    listed = re.findall(r"^\| `([a-z]+)` \|", README, re.MULTILINE)
    assert listed == list(TRIGGERS)
    assert f"`{DEMO_CODE}`" in README
