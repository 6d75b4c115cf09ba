"""What is somebody else's looks like what does not exist: every action and every route of the
admin REST, as another person of the same organisation and of another one (REQ-SRV-31).

The actions are those of the specification and the routes those of the OpenAPI document: a new one
is tried as soon as it is there, and the test fails until it is told what its members hold.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from smooth_operator_server.protocol.actions import action_names
from smooth_operator_server.protocol.spec import documents

from .support import REPLAY, TERMINALS, Client, Frame, Running, details, serving
from .test_admin import CURATOR, FOREIGN, ROOT, WEB, caller
from .test_auth import ADA, BOB, EVE, JWT, entering

OTHERS = {
    "of the same organisation": BOB,
    "of another organisation": EVE,
    "an admin of another organisation": FOREIGN,
}
WORDS = ("identity_form", "otp_park", "spec_1_1", *REPLAY)
NOTHING = "00000000-0000-4000-8000-000000000000"
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

MEMBERS: dict[str, Any] = {
    "afterSeq": 0,
    "agentId": "agent",
    "approved": True,
    "code": "123456",
    "message": "A word",
    "title": "Mine now",
    "values": {"name": "Eve"},
}
"""What the members of actions hold that name nothing of anybody."""

NAMING = ("confirmationId", "conversationId", "cursor", "interactionId", "requestId", "sessionId")
"""Members that name something."""

IDLE = {"authContext", "browserFingerprint", "declined", "files", "images", "kind", "limit"} | {
    *("metadata", "model", "query", "skill", "stream", "supports", "userEmail", "userName"),
}
"""Members that an action can do without, and that name nothing which has an owner."""

SCRIPT: dict[str, Any] = {
    "model": [
        {"toolCall": {"name": "rm", "arguments": {}}},
        {"toolCall": {"name": "pay", "arguments": {}}},
        {"toolCall": {"name": "request_identity_intake", "arguments": {"fields": ["name"]}}},
        *[{"text": "Hello"}] * 1_000,
    ],
    "tools": [{"name": "rm", "confirm": True}, {"name": "pay", "auth": "end_user"}],
    "otp": {"code": "123456", "attempts": 3, "channel": "email"},
}
ASKS = ("write_confirmation_required", "otp_sent", "interaction_required")


@dataclass
class Owned:
    """What Ada has in one conversation: a turn that waits for her, in a session, with a message."""

    ids: dict[str, str] = field(default_factory=dict)


async def opened(client: Client, request_id: str) -> Owned:
    """Open a conversation; the turn of a message waits in it."""
    made = await client.result("create_conversation_session", agentId="a", supports=list(WORDS))
    ids = {"sessionId": made["sessionId"], "conversationId": made["conversationId"]}
    about = {"sessionId": ids["sessionId"], "requestId": request_id}
    await client.tx("send_message", message="A secret", **about)
    question = (await client.until(*ASKS, *TERMINALS))[-1]
    asked = details(question)
    ids |= {"requestId": request_id}
    ids |= {name: asked[name] for name in ("confirmationId", "interactionId") if name in asked}
    if question["type"] != "otp_sent":
        await client.rx("stream_chunk")
    else:
        await client.until("stream_chunk")
    page = await client.result("get_conversation_messages", sessionId=ids["sessionId"])
    return Owned(ids | {"cursor": page["messages"][0]["id"]})


@asynccontextmanager
async def two_people(
    folder: Path, claims: dict[str, Any]
) -> AsyncIterator[tuple[Client, Client, list[Owned]]]:
    """Let Ada have three turns that wait for her, each for something else, and another come."""
    async with (
        serving(folder, SCRIPT, **JWT) as server,
        entering(server, ADA) as ada,
        entering(server, claims) as other,
    ):
        ada.words = other.words = WORDS
        owned = [await opened(ada, f"turn-{number}") for number in range(len(ASKS))]
        yield ada, other, owned
        for one in owned:  # nothing of it has moved, and nobody was told anything
            shown = await ada.result("get_session", sessionId=one.ids["sessionId"])
            assert shown["openTurn"]["requestId"] == one.ids["requestId"]
        listed = await ada.result("list_conversations")
        assert {item["title"] for item in listed["conversations"]} == {"A secret"}
        assert [item["messageCount"] for item in listed["conversations"]] == [1, 1, 1]


def schema_of(action: str) -> dict[str, Any]:
    return next(
        schema
        for path, schema in documents().items()
        if path.startswith("actions/") and schema["properties"]["action"]["const"] == action
    )


def members_of(action: str, ids: dict[str, str]) -> dict[str, Any]:
    """Return an action's members, with these ids where it names something."""
    members: dict[str, Any] = {}
    for name in schema_of(action)["properties"]:
        if name in NAMING:
            members[name] = ids.get(name, NOTHING)
        elif name in MEMBERS:
            members[name] = MEMBERS[name]
        else:
            assert name == "action" or name in IDLE, f"say what {name} of {action} is"
    return members


def ways(action: str, theirs: dict[str, str], mine: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the ids that an action is tried with: each that it has is theirs, mine or left out."""
    named = [name for name in NAMING if name in schema_of(action)["properties"]]
    for choice in itertools.product("tm-", repeat=len(named)):
        if "t" in choice:
            kinds = dict(zip(named, choice, strict=True))
            yield {
                name: theirs.get(name, NOTHING) if kind == "t" else mine[name]
                for name, kind in kinds.items()
                if kind != "-"
            }


async def answers(client: Client, action: str, members: dict[str, Any]) -> list[str]:
    """Return what comes for an action, without its ids and times."""
    await client.raw(json.dumps({"action": action, **members}))
    await client.raw(json.dumps({"action": "ping", "requestId": "after"}))
    told: list[str] = []
    while True:
        frame: Frame = json.loads(await client.socket.recv())
        if frame["type"] == "pong" and frame.get("requestId") == "after":
            return told
        text = UUID.sub("<id>", json.dumps(frame))
        told.append(re.sub(r'"(timestamp|createdAt|updatedAt)": ("[^"]*"|\d+)', "", text))


@pytest.mark.parametrize("claims", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("action", sorted(action_names()))
async def test_every_action_is_answered_on_what_is_anothers_as_on_nothing(
    tmp_path: Path, action: str, claims: dict[str, Any]
) -> None:
    required = set(schema_of(action)["required"])
    async with two_people(tmp_path, claims) as (ada, other, owned):
        own = await other.result("create_conversation_session", agentId="a", supports=list(WORDS))
        mine = {name: own.get(name, f"own-{name}") for name in NAMING}
        tried = 0
        for one in owned:
            for theirs in ways(action, one.ids, mine):
                if not required <= {*theirs, *MEMBERS, "action"}:
                    continue
                if action == "send_message" and theirs["sessionId"] == mine["sessionId"]:
                    continue  # a turn of one's own, whatever it is called
                plain = {name: MEMBERS[name] for name in members_of(action, {}) if name in MEMBERS}
                nothing = {
                    name: value if value == mine.get(name) else NOTHING
                    for name, value in theirs.items()
                }
                foreign = await answers(other, action, plain | theirs)
                # Its own name is all that a request may see again of itself.
                unknown = await answers(other, action, plain | nothing)
                for name, value in theirs.items():
                    foreign = [text.replace(value, nothing[name]) for text in foreign]
                told = [text.replace(NOTHING, "<id>") for text in unknown]
                assert [text.replace(NOTHING, "<id>") for text in foreign] == told, theirs
                tried += 1
        assert tried or not set(NAMING) & set(schema_of(action)["properties"])
        await ada.silence()


async def test_what_another_organisation_has_taken_in_is_found_by_nobody_else(
    tmp_path: Path,
) -> None:
    """Neither its text nor that there is one."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.md").write_text("The zebra fish costs 17 euros.")
    search = {"toolCall": {"name": "knowledge_search", "arguments": {"query": "zebra fish"}}}
    script = {"model": [search, {"text": "a"}] * 3}
    connector = {"name": "Files", "kind": "file", "config": {"path": "a.md"}}
    async with serving(tmp_path, script, **JWT, connector_files=files) as server:
        async with caller(server, FOREIGN) as eve:
            found = await found_by(server, ADA)
            made = (await eve.post("/admin/connectors", json=connector)).json()["connector"]
            indexed = await eve.post(f"/admin/connectors/{made['id']}/index")
            assert indexed.json()["run"]["documentsIndexed"] == 1
        assert await found_by(server, ADA) == found
        assert "zebra" in await found_by(server, EVE)


async def found_by(server: Running, claims: dict[str, Any]) -> str:
    """Return what the search tool gives in a turn of a person."""
    async with entering(server, claims) as client:
        frames = await client.turn(await client.session(), "m")
        results = [
            frame["data"]["state"]["rawResponse"]["toolResult"]
            for frame in frames
            if frame["type"] == "stream_chunk"
            and "toolResult" in frame["data"]["state"]["rawResponse"]
        ]
        return json.dumps([one["result"] for one in results])


DOCUMENT = {"source": "secret.md", "text": "A zebra costs 17 euros."}
BODIES: dict[str, Any] = {
    "/admin/agents": {"id": "theirs"},
    "/admin/agents/{id}": {"id": "made", "name": "Changed"},
    "/admin/connectors": WEB,
    "/admin/connectors/{id}": WEB,
    "/admin/conversations/{id}/messages": {"text": "From nobody"},
    "/admin/documents": {"source": "theirs.md", "text": "Another text."},
    "/admin/settings": {"persona": "rude"},
    "/admin/publish": {"target": {"type": "org", "id": "acme"}, "event": {"type": "x"}},
}
"""A body for each route that takes one."""


async def test_every_route_is_answered_on_what_is_anothers_as_on_nothing(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SCRIPT, **JWT) as server,
        entering(server, ADA) as ada,
        caller(server, ROOT) as root,
    ):
        ada.words = WORDS
        owned = await opened(ada, "turn")
        made = (await root.post("/admin/connectors", json=WEB)).json()["connector"]["id"]
        filed = (await root.post("/admin/documents", json=DOCUMENT)).json()["document"]["id"]
        assert (await root.post("/admin/agents", json={"id": "made"})).status_code == 201
        ids = [*owned.ids.values(), made, filed, "made"]
        document = (await root.get("/openapi.json")).json()
        routes = [
            (method.upper(), path, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        ]
        assert {path for _, path, _ in routes if "{" in path}
        before = await _all_of(root, routes)
        for claims in (BOB, EVE, FOREIGN):
            async with caller(server, claims) as client:
                for method, path, operation in routes:
                    body = BODIES[path] if "requestBody" in operation else None
                    await _tried(client, method, path, body, ids)
        assert await _all_of(root, routes) == before
        # A curator of the organisation sees it, as it was.
        async with caller(server, CURATOR) as curator:
            place = f"/admin/conversations/{owned.ids['conversationId']}/messages"
            shown = (await curator.get(place)).json()["messages"]
            assert [one["content"]["text"] for one in shown] == ["A secret"]
        await ada.silence()


async def _all_of(client: httpx2.AsyncClient, routes: list[tuple[str, str, Any]]) -> list[str]:
    """Return what an admin sees of their organisation."""
    listing = [path for method, path, _ in routes if method == "GET" and "{" not in path]
    return [(await client.get(path)).text for path in listing]


async def _tried(
    client: httpx2.AsyncClient, method: str, path: str, body: Any, ids: list[str]
) -> None:
    """Ask a route for everything that Ada has, and for what nobody has."""

    async def asked(identity: str) -> tuple[int, str]:
        place = re.sub(r"\{\w+\}", identity, path)
        params = {"cursor": identity} if method == "GET" else None
        answer = await client.request(method, place, json=body, params=params)
        text = re.sub(r'"(createdAt|updatedAt)":"[^"]*"', "", answer.text)
        return answer.status_code, UUID.sub("<id>", text)

    unknown = await asked(NOTHING)
    for identity in ids if "{" in path or method == "GET" else ():
        assert await asked(identity) == unknown, (method, path)
    assert "A secret" not in unknown[1]
    if "target" in (body or {}):
        for kind, identity in itertools.product(("org", "user", "connection"), ("acme", NOTHING)):
            target = {"type": kind, "id": identity}
            answer = await client.request(method, path, json=body | {"target": target})
            assert answer.status_code == unknown[0]
            assert answer.text == '{"delivered":0}' or answer.status_code == 403
