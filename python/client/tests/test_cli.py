"""The terminal: a missing answer is a no, what the server says is data, nothing is invented."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from smooth_operator import SmoothAgentClient
from smooth_operator._cli_person import Person, plain
from smooth_operator._cli_turns import interruptible, one_turn
from smooth_operator.cli import main

from .peer import LIMIT, SESSION, Peer, S, peer


class Terminal:
    """A person whose lines are known, and what it was shown."""

    def __init__(self, *lines: str) -> None:
        self.out = io.StringIO()
        self._lines: Iterator[str] = iter(lines)
        console = Console(file=self.out, highlight=False, width=200)
        self.person = Person(console, lambda: next(self._lines, ""))

    @property
    def text(self) -> str:
        return self.out.getvalue()


async def asked(
    server: Peer, client: SmoothAgentClient, terminal: Terminal, event: str, **inner: Any
) -> tuple[dict[str, Any], asyncio.Task[None]]:
    """Begin a turn, ask something in it; return what the terminal answered."""
    chat = _Chat(client)
    turn = asyncio.create_task(one_turn(chat, "hi", terminal.person))  # type: ignore[arg-type]
    frame = await server.expect("send_message")
    await server.ask(event, frame["requestId"], **inner)
    return await server.recv(), turn


class _Chat:
    """What `one_turn` needs of a conversation."""

    def __init__(self, client: SmoothAgentClient) -> None:
        self._client = client

    def send(self, message: str) -> Any:
        return self._client.send_message(session_id=S, message=message)


CONFIRM = {"toolId": "delete", "actionDescription": "Delete [red]everything[/red]"}


async def end(server: Peer, frame: dict[str, Any], turn: asyncio.Task[None]) -> None:
    """Let the turn end."""
    if frame["action"] != "cancel":
        await server.respond(frame["requestId"], {})
    await server.finish(frame["requestId"], "done")
    await asyncio.wait_for(turn, LIMIT)


async def test_only_a_clear_yes_approves(server: Peer, client: SmoothAgentClient) -> None:
    for line, approved in (("yes", True), ("Y", True), ("", False), ("n", False), ("ok", False)):
        terminal = Terminal(f"{line}\n")
        frame, turn = await asked(
            server, client, terminal, "write_confirmation_required", **CONFIRM
        )
        assert (frame["action"], frame["approved"]) == ("confirm_tool_action", approved), line
        await end(server, frame, turn)
        assert "Delete [red]everything[/red]? (yes/no)" in terminal.text


async def test_the_end_of_the_input_approves_nothing(
    server: Peer, client: SmoothAgentClient
) -> None:
    terminal = Terminal()
    frame, turn = await asked(server, client, terminal, "write_confirmation_required", **CONFIRM)
    assert frame["approved"] is False
    await end(server, frame, turn)


async def test_no_code_and_no_personal_data_are_invented(
    server: Peer, client: SmoothAgentClient
) -> None:
    fields = [{"key": "name", "label": "Name"}, {"key": "email"}]
    inner = {
        "interactionId": "i-1",
        "kind": "identity_intake",
        "reason": "who are you",
        "spec": {"fields": fields},
    }
    frame, turn = await asked(server, client, Terminal("\n", "\n"), "interaction_required", **inner)
    assert (frame["action"], frame.get("declined")) == ("submit_interaction", True)
    assert "values" not in frame
    await end(server, frame, turn)
    inner = {"channel": "email", "maskedDestination": "a•••"}
    frame, turn = await asked(server, client, Terminal("\n"), "otp_sent", **inner)
    assert frame["action"] in ("cancel", "verify_otp")
    assert "code" not in frame
    await end(server, frame, turn)


async def test_after_a_wrong_code_another_one_is_asked_for(
    server: Peer, client: SmoothAgentClient
) -> None:
    terminal = Terminal("111111\n", "222222\n")
    inner = {"channel": "email", "maskedDestination": "a•••"}
    frame, turn = await asked(server, client, terminal, "otp_sent", **inner)
    rid = frame["requestId"]
    assert frame["code"] == "111111"
    wrong = {"error": "INVALID_CODE", "attemptsRemaining": 2, "message": "wrong"}
    await server.ask("otp_invalid", rid, **wrong)
    assert (await server.recv())["code"] == "222222"
    await server.ask("otp_verified", rid, message="right")
    await server.finish(rid, "done")
    await asyncio.wait_for(turn, LIMIT)


async def test_after_a_wrong_field_only_that_one_is_asked_for_again(
    server: Peer, client: SmoothAgentClient
) -> None:
    terminal = Terminal("Ada\n", "nowhere\n", "a@b.example\n")
    spec = {"fields": [{"key": "name"}, {"key": "email"}]}
    inner = {"interactionId": "i-1", "kind": "identity_intake", "reason": "who", "spec": spec}
    frame, turn = await asked(server, client, terminal, "interaction_required", **inner)
    errors = [{"field": "email", "message": "no address"}]
    rid = frame["requestId"]
    more = {"interactionId": "i-1", "kind": "identity_intake", "errors": errors, "message": "no"}
    await server.ask("interaction_invalid", rid, **more)
    again = await server.recv()
    assert again["values"] == {"name": "Ada", "email": "a@b.example"}
    await end(server, again, turn)


async def test_ctrl_c_stops_the_turn_and_not_the_program(
    server: Peer, client: SmoothAgentClient
) -> None:
    chat: Any = _Chat(client)
    running = asyncio.create_task(interruptible(one_turn(chat, "hi", Terminal().person)))
    frame = await server.expect("send_message")
    os.kill(os.getpid(), signal.SIGINT)
    assert (await server.expect("cancel"))["requestId"] == frame["requestId"]
    assert await asyncio.wait_for(running, LIMIT) is False


@given(st.text())
def test_text_of_the_server_is_data(text: str) -> None:
    """Any text: no markup, no control character, no change of direction, no traceback."""
    terminal = Terminal()
    terminal.person.show(text)
    shown = terminal.text
    assert not any(
        (ord(letter) < 32 and letter not in "\n\t") or letter == "\x7f" for letter in shown
    )
    assert "".join(plain(text).split()) == "".join(shown.split())


async def test_without_a_terminal_standard_input_is_what_is_said() -> None:
    async with peer() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "smooth_operator.cli", "chat", server.url,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        talk = asyncio.create_task(process.communicate(b"what they typed\n"))
        frame = await server.expect("create_conversation_session")
        await server.respond(frame["requestId"], SESSION)
        frame = await server.expect("send_message")
        assert frame["message"] == "what they typed"
        await server.tokens(frame["requestId"], "the [b]answer")
        await server.finish(frame["requestId"], "the [b]answer")
        output, _ = await asyncio.wait_for(talk, LIMIT)
        assert process.returncode == 0
        assert "the [b]answer" in output.decode()


@pytest.mark.parametrize("arguments", [["chat", "--nope"], ["nope"], ["chat", "http://x"]])
def test_wrong_usage_is_one_line_and_exit_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith("smooth-operator: ")


async def test_what_was_read_is_shown_where_no_terminal_did_it() -> None:
    out = io.StringIO()
    person = Person(Console(file=out), lambda: "hello\n", echo=True)
    assert await person.ask("you>") == "hello"
    assert out.getvalue() == "you> hello\n"
