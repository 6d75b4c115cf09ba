"""People in conversations of others: they join, take over, write, hand back, and all hear it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from smooth_operator_server.app import Server
from smooth_operator_server.backplane.local import Hub, LocalBackplane
from smooth_operator_server.listener import Listener, bind
from smooth_operator_server.settings import Settings

from .support import REPLAY, Client, Frame, Running, details, serving
from .support_backplanes import empty, redis
from .support_clock import VirtualClock
from .support_stores import fresh_database
from .test_admin import CURATOR, FOREIGN, ROOT, caller, code
from .test_auth import ADA, BOB, JWT, entering

__all__ = ["redis"]

CAT = ADA | {"sub": "3", "email": "cat@acme.example", "name": "Cat", "role": "curator"}
DAN = ADA | {"sub": "4", "email": "dan@acme.example", "name": "Dan", "role": "curator"}
SCRIPT: dict[str, Any] = {"model": [{"text": "Hello"}] * 20}
SLOW: dict[str, Any] = {"model": [{"delayMs": 3_600_000}, {"text": "late"}]}
TEXT = {"text": "I am Cat. How can I help?"}


@pytest.fixture(params=["sqlite", "postgres"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(request, tmp_path, SCRIPT) as started:
        yield started


@asynccontextmanager
async def running(
    request: pytest.FixtureRequest, folder: Path, script: dict[str, Any]
) -> AsyncIterator[Running]:
    """Run a server on the store that the test is for."""
    settings = dict(JWT)
    if request.param == "postgres":
        settings["database_url"] = await fresh_database(request.getfixturevalue("postgres"))
    async with serving(folder, script, **settings) as started:
        yield started


async def told(client: Client) -> Frame:
    """Return what a socket is told without having asked."""
    frame = await client.rx("immediate_response")
    assert "requestId" not in frame
    assert frame["status"] == 200
    return frame["data"]


async def opened(client: Client, **members: Any) -> dict[str, Any]:
    """Open a session that lists every word of the wire."""
    client.words = (*client.words, *REPLAY)
    supports = list(client.words)
    return await client.result(
        "create_conversation_session", agentId="a", supports=supports, **members
    )


def route(session: dict[str, Any], word: str = "") -> str:
    return f"/admin/conversations/{session['conversationId']}{word}"


async def done(client: httpx2.AsyncClient, path: str, body: Any = None) -> dict[str, Any]:
    """Post; return what is answered."""
    answer = await client.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def test_req_srv_42_a_person_takes_over_answers_and_hands_back_and_everybody_hears(
    server: Running,
) -> None:
    async with (
        entering(server, ADA) as ada,
        entering(server, ADA) as elsewhere,
        entering(server, CAT) as cats,
        caller(server, CAT) as cat,
    ):
        session = await opened(ada)
        await opened(elsewhere, conversationId=session["conversationId"])
        await ada.turn(session["sessionId"])
        await elsewhere.silence()  # nobody is there but the owner: nothing is told
        joined = (await done(cat, route(session, "/take-over")))["conversation"]
        assert [one["name"] for one in joined["people"]] == ["Cat"]
        assert joined["heldBy"] == joined["people"][0]
        for client in (ada, elsewhere, cats):
            heard = await told(client)
            assert heard["change"] == "took_over"
            assert heard["participant"] == joined["heldBy"]
            assert heard["conversationId"] == session["conversationId"]
        passed = await ada.turn(session["sessionId"], "Is anybody there?")
        assert [frame["type"] for frame in passed] == ["immediate_response", "eventual_response"]
        assert details(passed[-1])["directive"] == {"type": "passed_on", "to": joined["heldBy"]}
        for client in (elsewhere, cats):
            heard = (await told(client))["message"]
            assert (heard["direction"], heard["content"]) == (
                "inbound",
                {"text": "Is anybody there?"},
            )
            assert (heard["from"]["type"], heard["from"]["name"]) == ("user", "Ada")
            assert heard["id"] == details(passed[-1])["messageId"]
        written = (await done(cat, route(session, "/messages"), TEXT))["message"]
        assert written["from"] == joined["heldBy"]
        for client in (ada, elsewhere, cats):
            assert (await told(client))["message"] == written
        await done(cat, route(session, "/hand-back"))
        for client in (ada, elsewhere, cats):
            assert (await told(client))["change"] == "handed_back"
        answered = await ada.turn(session["sessionId"], "Thanks")
        assert details(answered[-1])["response"]["responseParts"] == ["Hello"]
        for client in (elsewhere, cats):
            assert (await told(client))["message"]["content"] == {"text": "Thanks"}
            heard = (await told(client))["message"]
            assert heard["from"]["type"] == "ai-agent"
            assert heard["id"] == details(answered[-1])["messageId"]
        for client in (ada, elsewhere, cats):
            await client.silence()
        await _history_says_who_wrote(ada, cat, session, passed[-1]["requestId"])


async def _history_says_who_wrote(
    ada: Client, cat: httpx2.AsyncClient, session: dict[str, Any], passed: str
) -> None:
    page = await ada.result("get_conversation_messages", sessionId=session["sessionId"])
    assert [(one["from"]["type"], one["content"]["text"]) for one in page["messages"]] == [
        ("ai-agent", "Hello"),
        ("user", "Thanks"),
        ("human-agent", TEXT["text"]),
        ("user", "Is anybody there?"),
        ("ai-agent", "Hello"),
        ("user", "Hello"),
    ]
    # What Cat wrote answers the message that was passed on (REQ-SRV-33).
    assert page["messages"][2]["requestId"] == passed
    assert page["messages"][3]["turn"] == "completed"
    shown = (await cat.get(route(session, "/messages"))).json()["messages"]
    assert [one["from"]["name"] for one in shown][2:4] == ["Cat", "Ada"]
    (listed,) = (await cat.get("/admin/conversations")).json()["conversations"]
    assert (listed["people"], listed["heldBy"]) == (1, None)


async def test_a_person_answers_over_a_socket_of_their_own(server: Running) -> None:
    async with entering(server, ADA) as ada, entering(server, CAT) as cat:
        session = await opened(ada)
        await ada.turn(session["sessionId"])
        own = await opened(cat, conversationId=session["conversationId"])
        assert own["conversationId"] == session["conversationId"]
        assert own["userParticipantId"] != session["userParticipantId"]
        assert "replay" not in own["capabilities"]
        assert (await told(ada))["change"] == "joined"
        said = await cat.turn(own["sessionId"], "I am Cat.")
        assert [frame["type"] for frame in said] == ["immediate_response", "eventual_response"]
        heard = (await told(ada))["message"]
        assert (heard["id"], heard["from"]["id"]) == (
            details(said[-1])["messageId"],
            own["userParticipantId"],
        )
        page = await cat.result("get_conversation_messages", sessionId=own["sessionId"])
        assert page["messages"][0]["direction"] == "outbound"
        assert len(page["messages"]) == 3
        # The owner does not speak by the session of another, and nobody takes a turn by it.
        for action in ("send_message", "get_session", "get_conversation_messages"):
            members = {"message": "I am Cat."} if action == "send_message" else {}
            answer = await ada.refusal(action, sessionId=own["sessionId"], **members)
            assert answer == "SESSION_NOT_FOUND"
        about = {"sessionId": own["sessionId"], "requestId": "req-1", "afterSeq": 0}
        assert await cat.refusal("resume_turn", **about) == "UNSUPPORTED_ACTION"
        await ada.silence()
        async with caller(server, CAT) as rest:
            await done(rest, route(session, "/leave"))
        assert (await told(ada))["change"] == "left"
        assert (await told(cat))["change"] == "left"
        answer = await cat.refusal("send_message", sessionId=own["sessionId"], message="Hm")
        assert answer == "SESSION_NOT_FOUND"


async def test_only_curators_of_the_organisation_come_in(server: Running) -> None:
    async with entering(server, ADA) as ada:
        session = await opened(ada)
        await ada.turn(session["sessionId"])
        for claims in (BOB, FOREIGN):
            async with entering(server, claims) as other:
                own = await opened(other, conversationId=session["conversationId"])
                assert own["conversationId"] != session["conversationId"]
        async with caller(server, FOREIGN) as foreign:
            for word in ("/join", "/leave", "/take-over", "/hand-back", "/messages"):
                body = TEXT if word == "/messages" else None
                answer = await foreign.post(route(session, word), json=body)
                unknown = await foreign.post(f"/admin/conversations/nobodys{word}", json=body)
                assert code(answer) == (404, "NOT_FOUND")
                assert answer.content == unknown.content
            for word in ("", "/participants"):
                assert code(await foreign.get(route(session, word))) == (404, "NOT_FOUND")
        await ada.silence()


async def test_one_person_has_the_word_and_an_admin_may_take_it_from_them(server: Running) -> None:
    async with (
        entering(server, ADA) as ada,
        caller(server, CAT) as cat,
        caller(server, DAN) as dan,
        caller(server, ROOT) as root,
    ):
        session = await opened(ada)
        await ada.turn(session["sessionId"])
        assert code(await dan.post(route(session, "/hand-back"))) == (409, "NOT_HELD")
        assert code(await dan.post(route(session, "/leave"))) == (409, "NOT_JOINED")
        await done(cat, route(session, "/take-over"))
        await done(cat, route(session, "/take-over"))  # has it already
        for word in ("/take-over", "/hand-back"):
            assert code(await dan.post(route(session, word))) == (409, "HELD")
        assert (await dan.get(route(session))).json()["conversation"]["people"][0]["name"] == "Cat"
        assert len((await dan.get(route(session))).json()["conversation"]["people"]) == 1
        back = await done(root, route(session, "/hand-back"))
        assert back["conversation"]["heldBy"] is None
        await done(dan, route(session, "/take-over"))
        left = (await done(dan, route(session, "/leave")))["conversation"]
        assert left["heldBy"] is None  # who goes has nothing any more
        kinds = (await cat.get(route(session, "/participants"))).json()["participants"]
        assert {one["type"] for one in kinds} == {"user", "ai-agent", "human-agent"}
        assert len(kinds) == 3  # Dan has left


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
async def test_a_running_turn_is_stopped_when_somebody_takes_over(
    store: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.param = store
    async with (
        running(request, tmp_path, SLOW) as server,
        entering(server, ADA) as ada,
        caller(server, CAT) as cat,
    ):
        session = await opened(ada)
        await ada.tx("send_message", sessionId=session["sessionId"], message="Hi")
        await ada.rx("immediate_response")
        await done(cat, route(session, "/take-over"))
        assert (await ada.rx("cancelled"))["status"] == 499
        assert (await told(ada))["change"] == "took_over"
        passed = await ada.turn(session["sessionId"], "Hello?")
        assert passed[-1]["type"] == "eventual_response"


@asynccontextmanager
async def two_servers(
    request: pytest.FixtureRequest, folder: Path, kind: str, script: dict[str, Any]
) -> AsyncIterator[list[Running]]:
    """Run two servers on one database that know of each other."""
    file, clock = folder / "script.json", VirtualClock()
    file.write_text(json.dumps(script), encoding="utf-8")
    given: dict[str, Any] = JWT | {"script": file}
    if kind == "sqlite":
        given["db"] = folder / "one.db"
    else:
        given["database_url"] = await fresh_database(request.getfixturevalue("postgres"))
    if kind == "redis":
        given["redis_url"] = empty(request.getfixturevalue("redis"))
    hub = Hub(clock, 60)
    async with AsyncExitStack() as stack:
        started: list[Running] = []
        for _ in range(2):
            backplane = LocalBackplane(hub) if kind == "sqlite" else None
            server = await Server.build(Settings(**given), clock=clock, backplane=backplane)
            stack.push_async_callback(server.aclose)
            listener = Listener(server, bind("127.0.0.1", 0))
            await listener.start()
            stack.push_async_callback(listener.stop)
            started.append(Running(listener, clock))
        yield started


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "redis"])
async def test_people_are_heard_over_other_servers_too(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async with (
        two_servers(request, tmp_path, kind, SCRIPT) as servers,
        entering(servers[0], ADA) as ada,
        entering(servers[1], CAT) as cat,
        caller(servers[1], CAT) as rest,
    ):
        session = await opened(ada)
        await ada.turn(session["sessionId"])
        own = await opened(cat, conversationId=session["conversationId"])
        assert (await told(ada))["change"] == "joined"
        await done(rest, route(session, "/take-over"))
        assert (await told(cat))["change"] == "took_over"
        assert (await told(ada))["change"] == "took_over"
        passed = await ada.turn(session["sessionId"], "Hello?")
        assert details(passed[-1])["directive"]["type"] == "passed_on"
        assert (await told(cat))["message"]["content"] == {"text": "Hello?"}
        await cat.turn(own["sessionId"], "Yes")
        assert (await told(ada))["message"]["content"] == {"text": "Yes"}
        await ada.silence()
        await cat.silence()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_turn_of_another_server_is_stopped_when_somebody_takes_over(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async with (
        two_servers(request, tmp_path, kind, SLOW) as servers,
        entering(servers[0], ADA) as ada,
        caller(servers[1], CAT) as rest,
    ):
        session = await opened(ada)
        await ada.tx("send_message", sessionId=session["sessionId"], message="Hi")
        await ada.rx("immediate_response")
        await done(rest, route(session, "/take-over"))
        assert (await ada.rx("cancelled"))["status"] == 499
        assert (await told(ada))["change"] == "took_over"


async def test_a_server_without_a_model_passes_on_what_people_answer(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, **JWT) as server,
        entering(server, ADA) as ada,
        caller(server, CURATOR) as bob,
    ):
        session = await opened(ada)
        members = {"sessionId": session["sessionId"], "message": "Hi"}
        assert await ada.refusal("send_message", **members) == "LLM_UNAVAILABLE"
        await done(bob, route(session, "/take-over"))
        assert (await told(ada))["participant"]["name"] == "bob@acme.example"
        passed = await ada.turn(session["sessionId"], "Hi")
        assert passed[-1]["type"] == "eventual_response"
