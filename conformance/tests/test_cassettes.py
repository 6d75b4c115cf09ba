"""Cassettes: what was recorded is given back, secrets are struck out, and drafts are sound."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from conform.cassette import Cassette, Line, Masks, Recorder, Replayer, draft, read, write
from conform.cli import main
from conform.documents import CaseError
from conform.lint import expectation
from conform.reader import Reader
from conform.script import Loader
from conform.server.scripts import ANSWERS
from conform.spec import Spec
from conform.stand_in import StandIn

AGENT = "00000000-0000-4000-8000-000000000001"
LIMIT = 10.0


async def ask(link: ClientConnection, action: str, request: str, **facts: object) -> None:
    await link.send(json.dumps({"action": action, "requestId": request, **facts}))


async def until(link: ClientConnection, kind: str, status: int | None = None) -> list[dict]:
    """Read frames until one of a type (and status) has come."""
    found = []
    async with asyncio.timeout(LIMIT):
        while True:
            found.append(json.loads(await link.recv()))
            if found[-1]["type"] == kind and status in (None, found[-1].get("status")):
                return found


async def talk(url: str, prefix: str, *, ping: bool = False) -> list[dict]:
    """One session with one turn; returns every frame of the turn."""
    async with connect(url, proxy=None, compression=None) as link:
        signed = {"userId": "u", "signature": "s3cret", "timestamp": 1}
        await ask(
            link,
            "create_conversation_session",
            f"{prefix}-1",
            agentId=AGENT,
            supports=[],
            authContext=signed,
        )
        (created,) = await until(link, "immediate_response", 200)
        if ping:
            await ask(link, "ping", f"{prefix}-p")
            await until(link, "pong")
        session = created["data"]["sessionId"]
        await ask(link, "send_message", f"{prefix}-2", sessionId=session, message="hello")
        return await until(link, "eventual_response")


@contextlib.asynccontextmanager
async def serving(spec: Spec) -> AsyncIterator[str]:
    """The harness's own small server, whose model says a few things."""
    server = StandIn(spec)
    await server.hook.put(ANSWERS)
    async with server.served() as url:
        yield url


async def recorded(spec: Spec, path: Path) -> list[dict]:
    """Record ``talk`` with the harness's own small server."""
    async with serving(spec) as url:
        recorder = Recorder(spec, url)
        async with recorder.listen() as proxy:
            port = proxy.sockets[0].getsockname()[1]
            seen = await talk(f"ws://127.0.0.1:{port}/ws", "live", ping=True)
            async with asyncio.timeout(LIMIT):
                await recorder.until(1)
    write(path, recorder.cassette)
    return seen


def renamed(frames: list[dict]) -> list[dict]:
    text = json.dumps(frames)
    return json.loads(text.replace('"live-', '"other-'))


async def test_a_session_is_given_back_with_the_ids_of_the_new_client(
    spec: Spec, tmp_path: Path
) -> None:
    path = tmp_path / "talk.cassette"
    live = await recorded(spec, path)
    replayer = Replayer(read(path))
    async with replayer.listen() as server:
        port = server.sockets[0].getsockname()[1]
        again = await talk(f"ws://127.0.0.1:{port}/ws", "other")
    assert again == renamed(live)
    assert replayer.unmatched == []


async def test_secrets_are_struck_out(spec: Spec, tmp_path: Path) -> None:
    path = tmp_path / "talk.cassette"
    await recorded(spec, path)
    text = path.read_text(encoding="utf-8")
    assert "s3cret" not in text
    assert '"signature": "***"' in text
    masked = Masks(spec).masked({"action": "verify_otp", "requestId": "r", "code": "123456"})
    assert masked == {"action": "verify_otp", "requestId": "r", "code": "***"}


async def test_a_recorded_session_makes_a_case_that_is_sound(spec: Spec, tmp_path: Path) -> None:
    path = tmp_path / "talk.cassette"
    await recorded(spec, path)
    text = draft(spec, read(path), "turn/mine")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    (case,) = Loader(spec).load(tmp_path / "mine.yaml")
    expected = expectation(spec, Reader(spec), case)
    assert any(event["ev"] == "ended" for _, event in expected.events)
    assert "live-" not in text


async def test_an_action_that_was_not_recorded_is_refused_and_told(spec: Spec) -> None:
    cassette = Cassette(spec.version, (Line(0, 1, "out", {"action": "ping", "requestId": "a"}),))
    replayer = Replayer(cassette)
    async with replayer.listen() as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as link:
            await ask(link, "get_session", "r-1", sessionId=AGENT)
            (told,) = await until(link, "error")
    assert told["requestId"] == "r-1"
    assert told["data"]["error"]["code"] == "VALIDATION_ERROR"
    assert spec.strict_fault(told) is None
    assert replayer.unmatched == ["get_session"]


async def test_a_link_that_the_server_ended_ends_again(spec: Spec) -> None:
    lines = (
        Line(0, 1, "out", {"action": "ping", "requestId": "a"}),
        Line(5, 1, "end", code=4400),
    )
    async with Replayer(Cassette(spec.version, lines)).listen() as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as link:
            await ask(link, "ping", "b")
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(link.recv(), LIMIT)
            assert link.close_code == 4400


HEAD = '{"cassette": 1, "spec": "1.2"}\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty: it holds no session"),
        (HEAD, "is empty: it holds no session"),
        ('{"cassette": 2}\n{}', "is of cassette version 2; this harness reads 1"),
        ("{}\n{}", "line 1 does not say that this is a cassette"),
        (HEAD + "{\n", "line 2 is no frame of a cassette"),
        (HEAD + '{"at": 0, "link": 1, "way": "up", "frame": {}}', "line 2 is no frame"),
        (HEAD + '{"at": 0, "link": 1, "way": "in"}', "line 2 is no frame"),
        (HEAD + '{"at": "0", "link": 1, "way": "in", "frame": {}}', "line 2 is no frame"),
        (HEAD + '{"at": 0, "link": 1, "way": "end"}', "line 2 is no frame"),
    ],
)
def test_a_file_that_is_no_cassette_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    path = tmp_path / "x.cassette"
    path.write_text(text, encoding="utf-8")
    assert main(["replay", str(path)]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert "x.cassette" in err


def test_what_was_there_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(TypeError):
        write(path, Cassette("1.2", (Line(0, 1, "in", frame=object()),)))
    assert path.read_text(encoding="utf-8") == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["x.cassette"]
    with pytest.raises(CaseError, match="No such file"):
        read(tmp_path / "gone")


async def test_record_and_replay_as_programs(spec: Spec, tmp_path: Path) -> None:
    tape = tmp_path / "talk.cassette"
    conform = [sys.executable, "-m", "conform.cli"]
    async with serving(spec) as url:
        flags = ["--case", "turn/mine", "--case-root", str(tmp_path / "cases")]
        live, told = await _beside([*conform, "record", url, str(tape), *flags])
    assert "lines of 1 links" in told
    assert "a draft that is sound" in told
    again, _ = await _beside([*conform, "replay", str(tape), "--links", "1"])
    assert [f["type"] for f in again] == [f["type"] for f in live]


async def _beside(command: list[str]) -> tuple[list[dict], str]:
    """Start a program that says where it listens, talk to it, and wait for its end."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
            seen = await talk(line.split()[-1], "live")
            told = (await process.stdout.read()).decode()
            assert await process.wait() == 0, line + told
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return seen, told
