"""What is logged never shows what people wrote (REQ-LOG-01, REQ-OTP-06)."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from smooth_operator_server.telemetry import configure_logs, debugs, log

from .test_cli import WAIT_S, serving

SECRETS = ("the text of a message", "ada@example.org", "998877", "url-token", "a secret answer")


async def test_messages_codes_and_tokens_are_never_logged(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    model = [
        {"toolCall": {"name": "x", "arguments": {"id": "a secret answer"}}},
        {"text": "a secret answer"},
    ]
    tools = [{"name": "x", "auth": "end_user"}]
    script.write_text(json.dumps({"model": model, "tools": tools, "otp": {"code": "998877"}}))
    async with serving("--script", str(script), "--log-level", "debug") as (process, url):
        async with connect(f"{url}?token=url-token", proxy=None) as client:

            async def send(action: str, **members: object) -> None:
                await client.send(json.dumps({"action": action, "requestId": "r", **members}))

            await send("create_conversation_session", agentId="a", userEmail="ada@example.org")
            session_id = json.loads(await client.recv())["data"]["sessionId"]
            await send("send_message", sessionId=session_id, message="the text of a message")
            while json.loads(await client.recv())["type"] != "eventual_response":
                pass
            await send("verify_otp", sessionId=session_id, code="998877")
            assert json.loads(await client.recv())["type"] == "otp_verified"
            await send("send_message", sessionId=session_id, message=["the text of a message"])
            refused = json.loads(await client.recv())
            assert "the text" not in refused["error"]["message"]
            await client.send(b"\xff\xfe")
            await client.recv()
        async with connect(url, proxy=None) as client:
            client.transport.write(b"\x81\x82\x00\x00\x00\x00\xff\xff")  # text that is not UTF-8
            await client.wait_closed()
        process.send_signal(signal.SIGTERM)
        out, err = await asyncio.wait_for(process.communicate(), WAIT_S)
    logged = (out + err).decode()
    assert '"action": "send_message"' in logged
    for secret in SECRETS:
        assert secret not in logged


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_debug_lines_are_told_of_exactly_when_they_are_written(
    level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(level)
    log.debug("a line")
    assert ("a line" in capsys.readouterr().err) == debugs() == (level == "debug")
