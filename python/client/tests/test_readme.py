"""The blocks of the README run as printed, against the demonstration server."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = dict(
    re.findall(r"<!-- run: (\w+) -->\n```python\n(.*?)```", README.read_text(), re.DOTALL)
)
PRINTED = "ws://127.0.0.1:8787/ws"
LIMIT = 30.0


@pytest.fixture
async def demo() -> AsyncIterator[str]:
    """The demonstration server on a free port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "smooth_operator_server", "--demo", "--port", "0",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), LIMIT)).decode()
    yield line.removeprefix("listening on ").strip()
    process.terminate()
    await asyncio.wait_for(process.communicate(), LIMIT)


async def run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        ("quickstart", ["17-day return window", "returns.md"]),
        ("questions", ["approved:", "completed"]),
        ("lost", ["connecting: missed=False", "open: missed=False", "closed: missed=False"]),
    ],
)
async def test_the_block_runs_as_printed(
    demo: str, tmp_path: Path, block: str, shown: list[str]
) -> None:
    assert PRINTED in BLOCKS[block]
    script = tmp_path / "block.py"
    script.write_text(BLOCKS[block].replace(PRINTED, demo))
    output = await run(sys.executable, str(script))
    assert all(text in output for text in shown), output


async def test_the_block_of_the_testing_kit_runs_alone(tmp_path: Path) -> None:
    script = tmp_path / "block.py"
    script.write_text(BLOCKS["testing"])
    assert await run(sys.executable, str(script)) == ""


async def test_chat_says_in_one_line_that_nobody_listens() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "smooth_operator.cli", "chat", "ws://127.0.0.1:1/ws",
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await asyncio.wait_for(process.communicate(), LIMIT)
    assert process.returncode == 1
    assert len(errors.decode().splitlines()) == 1
