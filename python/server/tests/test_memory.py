"""Memory over conversations: approved, found again, faded, forgotten, and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest
from websockets.asyncio.client import connect

from smooth_operator_server.agents import AgentSpec
from smooth_operator_server.agents.memory import MemorySpec
from smooth_operator_server.auth import minted
from smooth_operator_server.knowledge.hashing import HashingEmbedder
from smooth_operator_server.memory import Memories, Recollection
from smooth_operator_server.memory.memories import DAY_MS, faded
from smooth_operator_server.store import SessionRecord, Stores
from smooth_operator_server.store.memories import MOST, MemoryRecord, NewMemory, Person
from smooth_operator_server.store.opening import open_stores

from .support import NEW, Client, Running, details, kinds, serving
from .support_endpoint import Endpoint, Reply, calls, endpoint, words
from .test_tending import run

AGENT = """
id: helper
instructions: Be brief.
memory: {halfLifeDays: 10, most: 2}
"""
OTHER = "id: plain\ninstructions: Be brief.\n"
SECRET = "a-secret-of-32-bytes-or-more-it-is"
FACT = "Ada prefers warm light."
KNOWN = "What you know of this person from earlier conversations."


@asynccontextmanager
async def answering(
    folder: Path, *replies: Reply, **settings: Any
) -> AsyncIterator[tuple[Endpoint, Running, Client]]:
    agents = folder / "agents"
    agents.mkdir(exist_ok=True)
    (agents / "helper.yaml").write_text(AGENT, encoding="utf-8")
    (agents / "plain.yaml").write_text(OTHER, encoding="utf-8")
    async with endpoint(*replies) as (scripted, url):
        wired = {"gateway_url": url, "db": folder / "x.db", "agents": agents} | settings
        async with serving(folder, **wired) as server, server.client(extended=True) as client:
            yield scripted, server, client


def told(scripted: Endpoint, at: int = -1) -> str:
    """Return the instructions of a call to the model."""
    return str(scripted.requests[at]["messages"][0]["content"])


def offered(scripted: Endpoint) -> set[str]:
    return {tool["function"]["name"] for tool in scripted.requests[-1].get("tools", ())}


async def approve(client: Client, session: str, message: str, *, approved: bool) -> None:
    """Send a message whose tool call a person decides on."""
    request = await client.tx("send_message", sessionId=session, message=message)
    await client.until("write_confirmation_required")
    await client.tx("confirm_tool_action", sessionId=session, requestId=request, approved=approved)
    await client.until("eventual_response")


REMEMBER = Reply(calls(("memory_add", {"fact": FACT})))
DONE = Reply(words("Done."))


async def test_a_fact_is_remembered_when_the_person_approves_it(tmp_path: Path) -> None:
    replies = (REMEMBER, DONE, REMEMBER, DONE, DONE, DONE)
    async with answering(tmp_path, *replies) as (scripted, _, client):
        session = await client.session(agentId="helper")
        await approve(client, session, "I like cold light", approved=False)
        assert KNOWN not in told(scripted)
        await approve(client, session, "I prefer warm light", approved=True)
        await client.turn(await client.session(agentId="helper"), "Which lamp?")
        assert KNOWN in told(scripted)
        assert f"- {FACT}" in told(scripted)
        await client.turn(await client.session(agentId="plain"), "Which lamp?")
        assert KNOWN not in told(scripted)
        assert "memory_add" not in offered(scripted)


async def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    forget = Reply(calls(("memory_forget", {"about": "warm lights"})))
    async with answering(tmp_path, REMEMBER, DONE, forget, DONE, DONE) as (scripted, _, client):
        session = await client.session(agentId="helper")
        await approve(client, session, "I prefer warm light", approved=True)
        await client.turn(session, "Forget about the light")
        (result,) = [m for m in scripted.requests[3]["messages"] if m["role"] == "tool"]
        assert '"forgotten":1' in result["content"].replace(" ", "")
        await client.turn(await client.session(agentId="helper"), "Which light?")
        assert KNOWN not in told(scripted)
    db = apsw.Connection(str(tmp_path / "x.db"))
    assert db.execute("SELECT count(*) FROM memories").get == 0
    db.close()


async def test_conversations_are_remembered_only_from_the_agreement_on(tmp_path: Path) -> None:
    agree = Reply(calls(("memory_agree", {})))
    summary = Reply(words("Ada bought a floor lamp."), usage=(50, 9))
    replies = (DONE, DONE, agree, DONE, DONE, DONE, summary, DONE, DONE)
    async with answering(tmp_path, *replies) as (scripted, server, client):
        before = await client.session(agentId="helper")
        for message in ("One", "Two"):
            await client.turn(before, message)
        await server.clock.advance(1)
        agreed = await client.session(agentId="helper")
        await approve(client, agreed, "You may remember this", approved=True)
        await server.clock.advance(1)
        after = await client.session(agentId="helper")
        for message in ("I want a floor lamp", "I take it"):
            await client.turn(after, message)
        assert len(scripted.requests) == 6
        frames = await client.turn(await client.session(agentId="helper"), "Hello again")
        assert "I want a floor lamp" in str(scripted.requests[6]["messages"])
        assert "Ada bought a floor lamp." in told(scripted)
        assert details(frames[-1])["usage"]["promptTokens"] == 60
        await client.turn(await client.session(agentId="helper"), "And again")
        assert len(scripted.requests) == 9  # neither is summed up twice, nor what was before
        assert kinds(frames)[-1] == "eventual_response"


async def test_a_summary_that_fails_does_not_fail_the_turn(tmp_path: Path) -> None:
    agree = Reply(calls(("memory_agree", {})))
    broken = Reply(status=400)
    async with answering(tmp_path, agree, DONE, DONE, DONE, broken, DONE) as (
        scripted,
        server,
        client,
    ):
        first = await client.session(agentId="helper")
        await approve(client, first, "You may remember this", approved=True)
        await server.clock.advance(1)
        second = await client.session(agentId="helper")
        for message in ("One", "Two"):
            await client.turn(second, message)
        frames = await client.turn(await client.session(agentId="helper"), "Hello")
        assert frames[-1]["type"] == "eventual_response"
        assert KNOWN not in told(scripted)


@asynccontextmanager
async def person(server: Running, sub: str, org: str = "acme") -> AsyncIterator[Client]:
    claims = {"sub": sub, "org": org}
    url = f"{server.url}?token={minted(SECRET, claims, 60)}"
    async with connect(url, proxy=None) as socket:
        yield Client(socket, NEW)


async def test_nobody_is_told_what_is_known_of_another(tmp_path: Path) -> None:
    jwt = {"auth_mode": "jwt", "jwt_hs256_secret": SECRET}
    replies = (REMEMBER, DONE, DONE, DONE, DONE)
    agents = tmp_path / "agents"
    agents.mkdir()
    (agents / "helper.yaml").write_text(AGENT, encoding="utf-8")
    async with (
        endpoint(*replies) as (scripted, url),
        serving(tmp_path, gateway_url=url, db=tmp_path / "x.db", agents=agents, **jwt) as server,
    ):
        async with person(server, "ada") as ada:
            await approve(ada, await ada.session(agentId="helper"), "Warm light", approved=True)
        for sub, org, knows in (
            ("bob", "acme", False),
            ("ada", "rival", False),
            ("ada", "acme", True),
        ):
            async with person(server, sub, org) as client:
                await client.turn(await client.session(agentId="helper"), "Which light?")
            assert (FACT in told(scripted)) is knows, (sub, org)


async def test_a_server_that_anybody_may_use_remembers_nobody(tmp_path: Path) -> None:
    async with answering(tmp_path, REMEMBER, DONE, DONE, insecure=True) as (scripted, _, client):
        session = await client.session(agentId="helper")
        await approve(client, session, "Warm light", approved=True)
        (result,) = [m for m in scripted.requests[-1]["messages"] if m["role"] == "tool"]
        assert "nothing is remembered here" in result["content"]


class Home:
    """Memories of one person without a server, on a clock of their own."""

    def __init__(self, stores: Stores, *, likeness: bool = False) -> None:
        self.now = 1_000 * DAY_MS
        self._count = 0
        embedder = HashingEmbedder() if likeness else None
        self.memories = Memories(
            stores.memories,
            stores.conversations,
            embedder,
            lambda: self.now,
            self._new_id,
            one_person=True,
        )

    def _new_id(self) -> str:
        self._count += 1
        return f"m-{self._count:04}"

    def of(self, agent: str = "helper", **spec: Any) -> Recollection:
        session = SessionRecord("s", "c", agent, "n", "u", "a", (), "Ada")
        found = self.memories.of(session, AgentSpec(agent, memory=MemorySpec(**spec)))
        assert found is not None
        return found


async def texts(recollection: Recollection, question: str, most: int | None = None) -> list[str]:
    return [one.text for one in await recollection.recall(question, most)]


async def test_what_fits_comes_first_and_the_rest_by_age(stores: Stores) -> None:
    home = Home(stores)
    ada = home.of(most=2)
    for fact in ("Ada lives in Linz.", "Ada prefers warm light.", "Ada has a dog."):
        assert await ada.remember(fact)
        home.now += DAY_MS
    assert await texts(ada, "Which lights do you prefer?") == [
        "Ada prefers warm light.",
        "Ada has a dog.",
    ]
    assert not await ada.remember("ada  prefers warm light")
    assert len(await texts(ada, "?", 9)) == 3


async def test_likeness_finds_what_words_do_not(stores: Stores) -> None:
    ada = Home(stores, likeness=True).of(most=1)
    for fact in ("Ada has a dog.", "Ada owns a floorlamp.", "Ada lives in Linz."):
        await ada.remember(fact)
    assert await texts(ada, "Which floor lamps are there?") == ["Ada owns a floorlamp."]


async def test_what_is_not_needed_fades_and_what_is_needed_stays(stores: Stores) -> None:
    home = Home(stores)
    ada = home.of(half_life_days=10, most=1)
    await ada.remember("Ada once asked for blue lamps.")
    await ada.remember("Ada asks for green lamps.")
    for _ in range(4):
        home.now += 10 * DAY_MS
        assert await texts(ada, "green lamps") == ["Ada asks for green lamps."]
    assert await texts(ada, "lamps") == ["Ada asks for green lamps."]
    record = MemoryRecord("m", "fact", "t", None, "", 0, 0, 0)
    assert faded(record, 10 * DAY_MS, 10) == pytest.approx(0.5)
    assert faded(replace(record, uses=5), 10 * DAY_MS, 10) > 0.5
    assert faded(record, -5, 10) == 1


async def test_there_is_room_for_so_many_and_the_unneeded_goes(stores: Stores) -> None:
    home = Home(stores)
    ada = home.of(most=MOST + 5)
    for number in range(MOST + 3):
        home.now += 1
        await ada.remember(f"fact number{number}")
    left = await texts(ada, "?")
    assert len(left) == MOST
    assert {"fact number0", "fact number1", "fact number2"}.isdisjoint(left)


async def test_everything_of_a_person_can_be_forgotten(stores: Stores) -> None:
    home = Home(stores)
    here, there = home.of("helper"), home.of("other")
    for one in (here, there):
        await one.remember(FACT)
        await one.agree()
    assert await here.forget("") == 0
    assert await here.forget("cold light") == 0
    assert await here.forget_everything() == 1
    assert await texts(here, "light") == []
    assert await here.untold() is None
    assert await texts(there, "light") == [FACT]
    assert await stores.memories.forget_all("local", "") == 1
    assert await texts(there, "light") == []


async def test_the_command_forgets_a_person(
    tmp_path: Path,
) -> None:
    stores = await open_stores(str(tmp_path / "a.db"))
    for owner in ("ada", "bob"):
        person = Person("acme", owner, "helper")
        await stores.memories.add(person, NewMemory(owner, "fact", FACT, None, "", None, 1))
    await stores.close()
    out = await run("forget", "--person", "ada", "--org", "acme", "--db", "a.db")
    assert out == "1 memories deleted\n"
    stores = await open_stores(str(tmp_path / "a.db"))
    left = [len(await stores.memories.all(Person("acme", one, "helper"))) for one in ("ada", "bob")]
    await stores.close()
    assert left == [0, 1]


def test_an_agent_without_memory_has_none_of_its_tools() -> None:
    for name in ("memory_add", "memory_forget", "memory_search", "memory_agree"):
        assert not AgentSpec("a").may_call(name)
        assert AgentSpec("a", tools=frozenset(), memory=MemorySpec()).may_call(name)
