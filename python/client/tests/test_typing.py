"""What a user's type checker says: right code passes strictly, a misspelt word does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RIGHT = """
import asyncio

from smooth_operator import (
    Conversation, Handlers, SmoothAgentClient, SmoothAgentError, SyncSmoothAgentClient, TurnResult,
)
from smooth_operator.testing import FakeServer


async def main() -> str:
    async with SmoothAgentClient("ws://127.0.0.1:1/ws", connect_timeout=3.0, lazy=True) as client:
        chat: Conversation = await client.start_conversation(agent_id="a", user_name="Ada")
        async with chat.send("Hi", stream=True) as turn:
            async for event in turn:
                if event.type == "stream_token":
                    print(event.token)
                elif event.type == "write_confirmation_required":
                    await turn.confirm(len(event.action_description) > 3)
                elif event.type == "otp_sent":
                    check = await turn.verify_otp("1")
                    print(check.attempts_remaining)
            result: TurnResult = await turn
        pieces = [piece async for piece in chat.send("x").text_stream]
        texts = [m.content.text async for m in chat.messages(limit=3)]
        print(pieces, texts)
        return result.text


async def tested() -> None:
    async with FakeServer(seed=1) as server:
        server.on_message("a").once().confirm("b", rejected=lambda r: r.finish("no")).finish("c")
        chat = await server.conversation(handlers=Handlers(confirm=lambda _: True))
        try:
            await chat.ask("a")
        except SmoothAgentError as error:
            print(error.kind, error.retryable)
        await server.clock.advance(1_000)


def blocking() -> None:
    with SyncSmoothAgentClient("ws://127.0.0.1:1/ws", queue_limit=3) as client:
        chat = client.start_conversation(agent_id="a")
        for event in chat.send("x"):
            print(event.type)
        text: str = chat.ask("x").text
        print(text, [m.id for m in chat.messages()])


asyncio.run(main())
"""
WRONG = """
from smooth_operator import SmoothAgentClient, SyncSmoothAgentClient, Conversation
from smooth_operator.testing import FakeServer, record

SmoothAgentClient("ws://h/ws", conect_timeout=3.0)
SmoothAgentClient("ws://h/ws", connect_timeout="3")
SmoothAgentClient("ws://h/ws", queue_policy="never")
SyncSmoothAgentClient("ws://h/ws", conect_timeout=3.0)
FakeServer().client(conect_timeout=3.0)
record("ws://h/ws", "f", conect_timeout=3.0)


async def talk(client: SmoothAgentClient, chat: Conversation) -> None:
    await client.start_conversation(agent="a")
    await client.start_conversation(agent_id="a", usr_name="x")
    await chat.ask("x", steam=False)


def blocking(client: SyncSmoothAgentClient) -> None:
    client.start_conversation(agent_id="a").ask("x", steam=False)
"""
WRONG_LINES = {
    number
    for number, line in enumerate(WRONG.splitlines(), 1)
    if any(word in line for word in ("conect", '="3"', "never", "agent=", "usr_", "steam="))
}
LIMIT = 300.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user's project."""
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = True\n")
    settings = {"typeCheckingMode": "strict", "include": ["*.py"]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    return tmp_path


def checked(home: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=home, capture_output=True, text=True, timeout=LIMIT
    )
    return done.stdout + done.stderr


def test_mypy_strict_passes_what_is_right_and_finds_what_is_misspelt(home: Path) -> None:
    said = checked(home, "mypy", "--cache-dir", str(home / "cache"), "right.py", "wrong.py")
    found = {int(line.split(":")[1]) for line in said.splitlines() if line.startswith("wrong.py:")}
    assert "right.py" not in said, said
    assert found == WRONG_LINES, said


def test_pyright_strict_passes_what_is_right_and_finds_what_is_misspelt(home: Path) -> None:
    said = checked(home, "basedpyright", "--outputjson", "--pythonpath", sys.executable)
    told = json.loads(said)["generalDiagnostics"]
    errors = [one for one in told if one["severity"] == "error"]
    right = [one["message"] for one in errors if one["file"].endswith("right.py")]
    wrong = {
        one["range"]["start"]["line"] + 1 for one in errors if one["file"].endswith("wrong.py")
    }
    assert right == []
    assert wrong >= WRONG_LINES, said
