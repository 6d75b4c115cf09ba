"""The commands of the terminal against a fake server on loopback, as a shell runs them."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from smooth_operator.testing import FakeServer

LIMIT = 40.0


@pytest.fixture
async def served() -> AsyncIterator[FakeServer]:
    """A fake server on loopback."""
    async with FakeServer() as server:
        await server.listen()
        yield server


async def ran(*words: str, said: str = "") -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "smooth_operator.cli", *words,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await asyncio.wait_for(process.communicate(said.encode()), LIMIT)
    return process.returncode, out.decode(), errors.decode()


async def test_send_shows_the_answer_and_asks(served: FakeServer) -> None:
    served.on_message().confirm("refund order 7").tokens("Do", "ne").finish()
    code, out, _ = await ran("send", "refund", served.url, said="yes\n")
    assert code == 0
    assert "refund order 7? (yes/no)" in out
    assert "Done" in out
    assert served.sent("confirm_tool_action")[0]["approved"]


async def test_send_as_json_prints_events_alone_on_stdout(served: FakeServer) -> None:
    served.on_message().confirm("x").tokens("Do", "ne").finish()
    code, out, errors = await ran("send", "hi", served.url, "--json")
    assert code == 0
    types = [json.loads(line)["type"] for line in out.splitlines()]
    assert types == [
        "write_confirmation_required", "stream_token", "stream_token", "eventual_response",
    ]  # fmt: skip
    assert "(yes/no)" in errors
    assert not served.sent("confirm_tool_action")[0]["approved"]


async def test_history_and_conversations_show_what_was_said(served: FakeServer) -> None:
    served.on_message().finish("Hello")
    chat = await served.conversation()
    for text in ("one", "two"):
        await chat.ask(text)
    known = chat.conversation_id
    code, out, _ = await ran("history", known, served.url, "--limit", "3")
    assert (code, out) == (0, "Fake Agent> Hello\nyou> two\nFake Agent> Hello\n")
    code, out, _ = await ran("history", known, served.url, "--json")
    assert json.loads(out.splitlines()[0])["content"]["text"] == "one"
    code, out, _ = await ran("conversations", served.url, "--json", "--query", "ONE")
    assert [json.loads(line)["conversationId"] for line in out.splitlines()] == [known]
    code, out, _ = await ran("conversations", served.url, "--query", "nothing")
    assert (code, out) == (0, "")
    code, out, errors = await ran("history", "no-such", served.url)
    assert (code, out) == (1, "")
    assert errors == "smooth-operator: The server does not know the conversation. (not_found)\n"
    code, _, _ = await ran("send", "more", served.url, "--conversation", known)
    assert code == 0
    assert len(served.messages(chat.session_id)) == 6


async def test_ping_tells_the_round_trip(served: FakeServer) -> None:
    code, out, _ = await ran("ping", served.url, "--json")
    assert code == 0
    assert json.loads(out).keys() == {"serverTime", "roundTripMs"}
    assert (await ran("ping", "ws://127.0.0.1:1/ws"))[0] == 1


async def test_listen_shows_what_comes_and_that_the_link_was_found_again(
    served: FakeServer,
) -> None:
    chat = await served.conversation()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "smooth_operator.cli",
        "listen", chat.conversation_id, served.url, "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.timeout(LIMIT):
        assert (await process.stderr.readline()).startswith(b"listening")
        served.push({"type": "weather", "sun": True})
        assert json.loads(await process.stdout.readline()) == {"type": "weather", "sun": True}
        served.disconnect()
        assert (await process.stderr.readline()).startswith(b"the link is lost; attempt 1 in")
        assert (await process.stderr.readline()).startswith(b"connected again")
        process.send_signal(signal.SIGINT)
        await process.wait()
    assert process.returncode == 130


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_completion_is_printed(shell: str) -> None:
    code, out, _ = await ran("completion", shell)
    assert code == 0
    assert "conversations" in out


async def test_help_has_the_exit_codes_and_examples() -> None:
    code, out, _ = await ran("--help")
    assert code == 0
    assert "Exit codes: 0 done" in out
    for command in ("chat", "send", "history", "conversations", "ping", "listen", "completion"):
        assert command in out
        code, shown, _ = await ran(command, "--help")
        assert code == 0
        assert "smooth-operator " + command in shown
