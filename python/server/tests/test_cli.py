"""The command: what it prints, and with which status it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from smooth_operator_server.cli import main
from smooth_operator_server.settings import Settings
from smooth_operator_server.store import StoreUnavailableError
from smooth_operator_server.store.opening import open_stores

WAIT_S = 60  # a guard against a hang: a model engine takes seconds to import on a busy machine
COMMAND = [sys.executable, "-m", "smooth_operator_server"]


async def spawn(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | environment,
    )


def ends(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    """Run the command within this process; return status, stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    shown = capsys.readouterr()
    return ended.value.code, shown.out, shown.err


@asynccontextmanager
async def serving(
    *arguments: str, **environment: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    process = await spawn("--port", "0", *arguments, **environment)
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), WAIT_S)).decode()
        assert line.startswith("listening on ws://127.0.0.1:"), await process.stderr.read()
        assert line.endswith("/ws\n")
        yield process, line.split()[-1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_serves_and_ends_with_0_on_sigterm() -> None:
    async with serving("--demo") as (process, url):
        health = url.replace("ws:", "http:").replace("/ws", "/health")
        answer = await asyncio.to_thread(urllib.request.urlopen, health)
        with answer:
            assert json.load(answer) == {"status": "ok"}
        async with connect(url, proxy=None) as client:
            await client.send('{"action":"ping"}')
            assert json.loads(await client.recv())["type"] == "pong"
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(client.recv(), WAIT_S)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
        assert await asyncio.wait_for(process.wait(), WAIT_S) == 0


async def test_serve_is_the_default_command_and_sigint_ends_it_too() -> None:
    async with serving() as (process, _):
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), WAIT_S) == 0
        assert await asyncio.to_thread(Path("smooth-operator.db").exists)
    process = await spawn("serve", "--port", "0", "--demo")
    assert process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), WAIT_S)).startswith(b"listening")
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), WAIT_S)
    assert process.returncode == 0


async def test_a_second_signal_waits_for_nothing(tmp_path: Path) -> None:
    script = tmp_path / "slow.json"
    script.write_text('{"model": [{"delayMs": 600000}]}')
    async with (
        serving("--script", str(script), SMOOTH_AGENT_DRAIN_SECS="600") as (process, url),
        connect(url, proxy=None) as client,
    ):
        await client.send('{"action":"create_conversation_session","agentId":"a"}')
        session_id = json.loads(await client.recv())["data"]["sessionId"]
        await client.send(
            json.dumps({"action": "send_message", "sessionId": session_id, "message": "m"})
        )
        assert json.loads(await client.recv())["status"] == 202
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        await asyncio.wait_for(process.stderr.readline(), WAIT_S)  # draining
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), WAIT_S) == 1


def test_names_of_other_programs_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "BIND", "PORT", "DB", "DEMO", "SCRIPT", "LOG_LEVEL", "GATEWAY_KEY"):
        monkeypatch.setenv(name, "1")
    assert Settings() == Settings.model_construct()


async def test_the_established_environment_names_are_read(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        "SMOOTH_AGENT_BIND": "localhost",
        "SMOOTH_AGENT_PORT": str(port),
        "SMOOTH_AGENT_DB": str(tmp_path / "env.db"),
        "SMOOTH_AGENT_SEED_KB": "1",
        "SMOOAI_GATEWAY_KEY": "key-that-must-not-show",
        "SMOOTH_AGENT_LOG_LEVEL": "debug",
    }
    process = await spawn(**environment)
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), WAIT_S)).decode()
    assert line == f"listening on ws://127.0.0.1:{port}/ws\n"
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), WAIT_S)
    assert process.returncode == 0
    assert b"key-that-must-not-show" not in out + err
    assert (tmp_path / "env.db").exists()


def test_help_shows_options_examples_and_triggers(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = ends(capsys, "--help")
    assert status == 0
    for words in ("--host", "--port", "--db", "--demo", "--script", "--log-level", "Examples:"):
        assert words in out
    assert "smooth-operator-server --demo" in out
    assert "delete " in out
    assert "123456" in out


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = ends(capsys, "--version")
    assert status == 0
    assert out.strip()


def test_faults_are_one_line_and_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad_script = tmp_path / "bad.json"
    bad_script.write_text('{"model": [{"txt": "x"}]}')
    not_a_database = tmp_path / "text.db"
    not_a_database.write_text("this is text, not a database, and long enough to be read as one")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for arguments, status, words in (
            (["--host", "0.0.0.0", "--port", "0", "--demo"], 2, "0.0.0.0 is reachable from other"),
            (["token", "--sub", "1", "--org", "o"], 2, "AUTH_JWT_HS256_SECRET: is not set"),
            (["--port", port, "--demo"], 1, f"cannot listen on 127.0.0.1:{port}: Address already"),
            (["--host", "no.such.host.invalid", "--demo"], 1, "cannot listen on no.such.host"),
            (["--port", "0", "--script", "gone.json"], 1, "cannot read script gone.json"),
            (["--port", "0", "--script", str(bad_script)], 1, "/model/0"),
            (["--port", "0", "--db", str(not_a_database)], 1, "file is not a database"),
            (["--port", "0", "--db", str(tmp_path)], 1, "unable to open database file"),
            (["--port", "0", "--db", "gone/x.db"], 1, "cannot open database gone/x.db"),
            (
                ["--port", "70000"],
                2,
                "SMOOTH_AGENT_PORT: Input should be less than or equal to 65535",
            ),
            (["--port", "http"], 2, "--port"),
            (["--prot", "1"], 2, "--prot"),
            (["--log-level", "loud"], 2, "--log-level"),
            (["--demo", "--script", str(bad_script)], 2, "exclude each other"),
            (["dance"], 2, "unknown command dance"),
        ):
            ended, out, err = ends(capsys, *arguments)
            assert (ended, out) == (status, ""), (arguments, err)
            assert err.startswith("smooth-operator-server: "), err
            assert words in err
            assert err.count("\n") == 1, err
    for name, value in (
        ("SMOOTH_AGENT_PORT", "many"),
        ("SMOOTH_AGENT_QUESTION_SECS", "0"),
        ("SMOOTH_AGENT_LOG_LEVEL", "loud"),
    ):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            ended, out, err = ends(capsys, "--demo")
        assert (ended, out) == (2, "")
        assert name in err
        assert err.count("\n") == 1


async def test_a_database_of_a_newer_server_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "new.db"
    async with serving("--db", str(database)) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), WAIT_S) == 0
    connection = apsw.Connection(str(database))
    connection.execute("INSERT INTO schema_version VALUES (99, 'from the future')")
    connection.close()
    with pytest.raises(StoreUnavailableError, match="newer than this server's"):
        await open_stores(str(database))


async def test_killing_the_server_loses_no_accepted_message(tmp_path: Path) -> None:
    script = tmp_path / "slow.json"
    script.write_text('{"model": [{"delayMs": 600000}]}')
    options = ("--script", str(script), "--db", str(tmp_path / "kept.db"))
    async with serving(*options) as (process, url), connect(url, proxy=None) as client:
        await client.send('{"action":"create_conversation_session","agentId":"a"}')
        session_id = json.loads(await client.recv())["data"]["sessionId"]
        frame = {"action": "send_message", "sessionId": session_id, "message": "keep me"}
        await client.send(json.dumps(frame))
        assert json.loads(await client.recv())["status"] == 202
        process.kill()
        await process.wait()
    async with serving(*options) as (_, url), connect(url, proxy=None) as client:
        await client.send(
            json.dumps({"action": "get_conversation_messages", "sessionId": session_id})
        )
        page = json.loads(await client.recv())["data"]
        assert [item["content"]["text"] for item in page["messages"]] == ["keep me"]


def test_what_is_large_is_imported_when_it_is_wanted() -> None:
    large = "{'openai', 'pydantic_ai', 'numpy', 'pypdf', 'httpx2', 'mcp', 'asyncpg'}"
    code = f"import sys, smooth_operator_server.cli; print(sorted({large} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert shown.stdout == "[]\n"
