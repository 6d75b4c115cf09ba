"""``smooth-operator-server admin``: what it asks a running server, what it prints, how it ends."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from smooth_operator_server.auth import minted

from .support import Client, Running, serving
from .test_admin import ROOT
from .test_auth import ADA, JWT, SECRET, entering
from .test_cli import ends

SCRIPT: dict[str, Any] = {"model": [{"text": "Hello"}] * 20}
CAT = ADA | {"sub": "3", "email": "cat@acme.example", "name": "Cat\x1b[31m", "role": "curator"}

Ends = Callable[..., tuple[object, str, str]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(tmp_path, SCRIPT, **JWT) as started:
        yield started


@pytest.fixture
def admin(
    server: Running, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Ends:
    """Return what runs a command against the server, beside its loop."""
    url = server.url.replace("ws://", "http://").removesuffix("/ws")
    monkeypatch.setenv("SMOOTH_ADMIN_URL", url)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("SMOOTH_ADMIN_TOKEN", minted(SECRET, CAT, 600))

    def run(*arguments: str) -> tuple[object, str, str]:
        return ends(capsys, "admin", *arguments)

    return run


async def rows(admin: Ends, *arguments: str) -> list[dict[str, Any]]:
    """Run a command with ``--json``; return its objects."""
    status, out, err = await asyncio.to_thread(admin, *arguments, "--json")
    assert (status, err) == (0, "")
    # The server runs in this process, and says in stdout too what it does.
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


async def conversation(client: Client) -> dict[str, Any]:
    session = await client.result("create_conversation_session", agentId="a")
    await client.turn(session["sessionId"], "Is\x1b[2J anybody there?")
    return session


async def test_a_person_answers_from_a_terminal(server: Running, admin: Ends) -> None:
    async with entering(server, ADA) as ada:
        session = await conversation(ada)
        one = session["conversationId"]
        (listed,) = await rows(admin, "conversations")
        assert (listed["id"], listed["heldBy"]) == (one, None)
        (taken,) = await rows(admin, "take-over", one)
        assert taken["heldBy"]["type"] == "human-agent"
        assert (await ada.rx("immediate_response"))["data"]["change"] == "took_over"
        (written,) = await rows(admin, "write", one, "I am Cat.")
        assert (await ada.rx("immediate_response"))["data"]["message"] == written
        (back,) = await rows(admin, "hand-back", one)
        assert back["heldBy"] is None
        assert (await ada.rx("immediate_response"))["data"]["change"] == "handed_back"
        said = await rows(admin, "messages", one, "--limit", "2")
        assert [row["content"]["text"] for row in said] == ["I am Cat.", "Hello"]
        assert len(await rows(admin, "messages", one, "--all")) == 3
        (shown,) = await rows(admin, "show", one)
        assert [who["id"] for who in shown["people"]] == [taken["heldBy"]["id"]]
        (used,) = await rows(admin, "usage")
        assert (used["conversations"], used["messages"]) == (1, 3)
        (left,) = await rows(admin, "leave", one)
        assert left["people"] == []
        (joined,) = await rows(admin, "join", one)
        assert len(joined["people"]) == 1


async def test_tables_hold_nothing_that_steers_a_terminal(server: Running, admin: Ends) -> None:
    async with entering(server, ADA) as ada:
        session = await conversation(ada)
        await asyncio.to_thread(admin, "join", session["conversationId"])
        for words in (("conversations",), ("show", session["conversationId"])):
            status, out, err = await asyncio.to_thread(admin, *words)
            assert (status, err) == (0, "")
            assert session["conversationId"] in out
            assert "\x1b" not in out
        _, out, _ = await asyncio.to_thread(admin, "messages", session["conversationId"])
        assert "Is [2J anybody there?" in out
        assert "\x1b" not in out


async def test_agents_and_documents_are_set_and_removed(
    admin: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMOOTH_ADMIN_TOKEN", minted(SECRET, ROOT, 600))
    agent, lamp = tmp_path / "shop.yaml", tmp_path / "lamp.md"
    agent.write_text("id: shop\nname: Shop\n", encoding="utf-8")
    lamp.write_text("# Lamps\n\nA lamp of brass.\n", encoding="utf-8")
    assert await rows(admin, "set-agent", str(agent)) == [{"id": "shop", "name": "Shop"}]
    agent.write_text("id: shop\nname: Store\n", encoding="utf-8")
    assert await rows(admin, "set-agent", str(agent)) == [{"id": "shop", "name": "Store"}]
    assert [row["name"] for row in await rows(admin, "agents")] == ["Store"]
    assert await rows(admin, "remove-agent", "shop") == []
    assert await rows(admin, "agents") == []
    (added,) = await rows(admin, "add-document", str(lamp), "--title", "Lamps", "--set", "shop")
    assert (added["change"], added["source"], added["title"]) == ("new", "lamp.md", "Lamps")
    assert [row["id"] for row in await rows(admin, "documents", "--set", "shop")] == [added["id"]]
    assert await rows(admin, "documents", "--set", "other", "--all") == []
    assert await rows(admin, "remove-document", added["id"]) == []
    assert await rows(admin, "documents") == []


async def test_refusals_are_one_line_and_status_1(
    admin: Ends, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    status, out, err = await asyncio.to_thread(admin, "take-over", "nobodys")
    assert (status, out) == (1, "")
    assert err == "smooth-operator-server: NOT_FOUND: there is no such thing\n"
    lamp = tmp_path / "lamp.md"
    lamp.write_text("x", encoding="utf-8")
    status, _, err = await asyncio.to_thread(admin, "add-document", str(lamp))
    assert (status, err.split(": ")[1]) == (1, "FORBIDDEN")
    monkeypatch.setenv("SMOOTH_ADMIN_TOKEN", "word-that-must-not-show")
    status, _, err = await asyncio.to_thread(admin, "agents")
    assert (status, err.split(": ")[1]) == (1, "UNAUTHENTICATED")
    assert "must-not-show" not in err
    status, _, err = await asyncio.to_thread(admin, "agents", "--url", "http://127.0.0.1:9")
    assert (status, err.split(": ")[1]) == (1, "UNREACHABLE")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("agents", "--url", "ws://127.0.0.1:1"), "--url: must begin with http"),
        (("set-agent", "missing.yaml"), "cannot read agent missing.yaml"),
        (("add-document", "missing.md"), "cannot read document missing.md"),
        (("take-over",), "CONVERSATION"),
        (("conversations", "--limit", "x"), "--limit"),
        (("what",), "what"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_2(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = ends(capsys, "admin", *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


async def test_the_readme_of_the_client_is_true(server: Running, admin: Ends) -> None:
    del admin  # it has set the environment
    page = Path(__file__).parents[2] / "admin-client" / "README.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    url = server.url.replace("ws://", "http://").removesuffix("/ws")
    code = code.replace("http://127.0.0.1:8787", url).replace(
        '"..."', repr(minted(SECRET, CAT, 60))
    )
    async with entering(server, ADA) as ada:
        await conversation(ada)
        await asyncio.to_thread(exec, code, {})
        assert (await ada.rx("immediate_response"))["data"]["change"] == "took_over"
        heard = (await ada.rx("immediate_response"))["data"]["message"]
        assert heard["content"] == {"text": "I am Cat. How can I help?"}


def test_help_shows_examples_and_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ((), ("--help",), ("take-over", "--help")):
        status, out, _ = ends(capsys, "admin", *words)
        assert status == 0
        assert "smooth-operator-server admin hand-back" in out
        assert "Status 0" in out


def test_the_page_names_every_command() -> None:
    from smooth_operator_server.administering import admin_app

    page = (Path(__file__).parents[1] / "docs" / "admin.md").read_text(encoding="utf-8")
    names = [name for name in admin_app if not name.startswith("-")]
    assert len(names) == 15
    assert [name for name in names if f"`{name}" not in page] == []
