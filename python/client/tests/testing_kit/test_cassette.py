"""A talk is recorded at one server and given back by another (TESTING-KIT.md, section 5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smooth_operator import Handlers, SmoothAgentClient, SmoothAgentError, ValidationError
from smooth_operator.testing import FakeServer, record

AGENT = "00000000-0000-4000-8000-00000000000a"
LIMIT = 20.0


@pytest.fixture
async def real() -> AsyncIterator[FakeServer]:
    """A server on a socket, which stands for a real one."""
    async with asyncio.timeout(LIMIT), FakeServer() as server:
        server.on_message("code").otp(code="4711").tokens("12 ", "euros").finish()
        server.on_message("cut").cut(4403)
        server.on_message().finish("Hello")
        await server.listen()
        yield server


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def talk(client: SmoothAgentClient) -> list[str]:
    handlers = Handlers(otp=lambda _: "4711")
    chat = await client.start_conversation(agent_id=AGENT, handlers=handlers)
    return [(await chat.ask("hi")).text, (await chat.ask("code")).text]


async def test_a_recorded_talk_is_given_back(real: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "talk.cassette"
    client = record(real.url, path, token="secret-token")
    await client.connect()
    said = await talk(client)
    assert not path.exists()  # whole or not at all
    await client.close()
    async with FakeServer.replay_of(path) as fake:
        assert await talk(fake.client(supports=["replay"])) == said
        assert fake.unmatched == []


async def test_secrets_are_masked_and_lines_are_as_the_page_says(
    real: FakeServer, tmp_path: Path
) -> None:
    path = tmp_path / "talk.cassette"
    async with record(real.url, path, token="secret-token", headers={"X-Key": "k1"}) as client:
        await talk(client)
    text = path.read_text(encoding="utf-8")
    assert "4711" not in text
    assert "secret-token" not in text
    assert "k1" not in text
    head, *lines = [json.loads(line) for line in text.splitlines()]
    assert head == {"cassette": 1, "spec": "1.2"}
    assert (lines[0]["at"], lines[0]["link"], lines[0]["way"]) == (0, 1, "out")
    (given,) = [one["frame"] for one in lines if one.get("frame", {}).get("action") == "verify_otp"]
    assert given["code"] == "***"
    assert names(tmp_path) == [path.name]


async def test_the_end_of_a_link_is_recorded_and_comes_again(
    real: FakeServer, tmp_path: Path
) -> None:
    path = tmp_path / "talk.cassette"
    async with record(real.url, path, auto_reconnect=False) as client:
        chat = await client.start_conversation(agent_id=AGENT)
        with pytest.raises(SmoothAgentError):
            await chat.ask("cut")
    assert '"way":"end","code":4403' in path.read_text()
    async with FakeServer.replay_of(path) as fake:
        chat = await fake.client(auto_reconnect=False).start_conversation(agent_id=AGENT)
        with pytest.raises(SmoothAgentError) as fault:
            await chat.ask("cut")
        assert fault.value.close_code == 4403


async def test_an_action_that_was_not_recorded_is_refused_and_listed(
    real: FakeServer, tmp_path: Path
) -> None:
    path = tmp_path / "talk.cassette"
    async with record(real.url, path) as client:
        await talk(client)
    async with FakeServer.replay_of(path) as fake:
        with pytest.raises(ValidationError) as fault:
            await fake.client().list_conversations()
        assert fault.value.server_message == "the cassette does not hold this action"
        assert fake.unmatched == ["list_conversations"]


async def test_a_cassette_that_cannot_be_written_leaves_nothing(
    real: FakeServer, tmp_path: Path
) -> None:
    client = record(real.url, tmp_path / "no folder" / "talk.cassette")
    await client.connect()
    with pytest.raises(OSError, match="no folder"):
        await client.close()
    assert names(tmp_path) == []
