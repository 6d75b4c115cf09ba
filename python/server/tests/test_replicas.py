"""Two servers on one database: what begins at one goes on at the other (REQ-SRV-16, 26 to 32)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from smooth_operator_server.backplane import Kept

from .support import TERMINALS, Client, Frame, Running, eventually, serving, text_of
from .support_backplanes import empty, redis
from .support_clock import VirtualClock
from .support_stores import fresh_database
from .test_auth import ADA, BOB, JWT, entering
from .test_recovery import Killable, killable
from .test_replay import approve, bare, numbers, resumed, told

__all__ = ["redis"]

LEASE_S = 15.0
BEHIND_S = 3_600.0
"""How far the servers of this process are behind the time: what others lease outlasts a test."""

SCRIPT: dict[str, Any] = {
    "model": [
        {"preamble": "Wait."},
        {"toolCall": {"name": "delete_record", "arguments": {"id": 42}}},
        {"text": "It is gone."},
    ]
    * 20,
    "tools": [
        {"name": "delete_record", "parameters": {"type": "object"}, "result": "ok", "confirm": True}
    ],
}
SLOW: dict[str, Any] = {
    "model": [{"text": "One two three."}, {"delayMs": 3_600_000}, {"text": "late"}],
}
HALF_SAID: dict[str, Any] = {
    "model": [{"preamble": "One two three"}, {"delayMs": 5_000}, {"text": "done"}],
}


@dataclass
class Cluster:
    """Two servers of this process, on one clock that only tests move: however slow the machine
    is, no lease lapses and nobody counts as gone."""

    first: Running
    second: Running
    clock: VirtualClock


@dataclass
class Mortal:
    """A server of a process of its own, which can be killed, and one of this process."""

    first: Killable
    second: Running

    async def kill(self) -> None:
        """Kill the first server, and have the second one take it for gone."""
        await self.first.kill()
        await self.outlive()

    async def outlive(self) -> None:
        """Let the time of the first server's leases pass for the second one."""
        now = self.second.clock.epoch_ms() / 1000
        await self.second.clock.advance(time.time() + 2 * LEASE_S - now)
        await self.second.listener.server.turns.take_over()


@pytest.fixture(params=["postgres", "redis"])
async def shared(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings of servers that know of each other."""
    settings = {"database_url": await fresh_database(request.getfixturevalue("postgres"))}
    if request.param == "redis":
        settings["redis_url"] = empty(request.getfixturevalue("redis"))
    return settings


@asynccontextmanager
async def two(
    folder: Path, script: dict[str, Any], shared: dict[str, str], **settings: Any
) -> AsyncIterator[Cluster]:
    """Run two servers that play one script each."""
    clock = VirtualClock()
    together: dict[str, Any] = {"clock": clock, "lease_secs": LEASE_S, **shared, **settings}
    async with (
        serving(folder, script, **together) as first,
        serving(folder, script, **together) as second,
    ):
        yield Cluster(first, second, clock)


@pytest.fixture
async def servers(tmp_path: Path, shared: dict[str, str]) -> AsyncIterator[Cluster]:
    async with two(tmp_path, SCRIPT, shared) as cluster:
        yield cluster


@asynccontextmanager
async def mortal(
    folder: Path, script: dict[str, Any], shared: dict[str, str]
) -> AsyncIterator[Mortal]:
    """Run a server that can be killed and one that sees it."""
    clock = VirtualClock(int((time.time() - BEHIND_S) * 1000))
    async with serving(folder, script, clock=clock, lease_secs=LEASE_S, **shared) as second:
        command = ("-m", "smooth_operator_server", "--port", "0", "--script")
        variables = {f"SMOOTH_AGENT_{name.upper()}": value for name, value in shared.items()}
        variables["SMOOTH_AGENT_LEASE_SECS"] = str(LEASE_S)
        async with killable(*command, str(folder / "script.json"), **variables) as first:
            yield Mortal(first, second)


async def ask(client: Client, session_id: str, request_id: str, after: int) -> tuple[str, int]:
    """Ask for a turn, until its server answers; return state and last number."""
    while True:
        frame = await client.call(
            "resume_turn", sessionId=session_id, requestId=request_id, afterSeq=after
        )
        if frame["type"] != "error":
            return resumed(frame)
        assert frame["error"]["code"] == "INTERNAL_ERROR"
        assert frame["error"]["retryAfterMs"] == 1000
        await asyncio.sleep(0.05)


async def kept_of(servers: Mortal, session_id: str) -> tuple[str, Kept | None]:
    """Return the servers' own id of the turn of a session, and which events all can read."""
    server = servers.second.listener.server
    session = await server.session(session_id)
    assert session is not None
    record = await server._stores.turns.named(session.conversation_id, "turn")
    assert record is not None
    return record.turn_id, await server._post.backplane.kept(record.turn_id)


async def parked(client: Client) -> list[Frame]:
    """Return the frames of a turn up to where it waits for an approval."""
    return await client.until("stream_chunk")


def question(frames: list[Frame]) -> Frame:
    """Return the newest question."""
    return [frame for frame in frames if frame["type"] == "write_confirmation_required"][-1]


async def test_req_srv_26_a_turn_goes_on_at_another_server_after_a_cut_at_any_frame(
    servers: Cluster,
) -> None:
    async with servers.first.client(replay=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete it")
        uncut = await told(client, session_id, request_id)
    for cut in range(1, len(uncut) + 1):
        async with servers.first.client(replay=True) as first:
            session_id, request_id = await first.session(), f"turn-{cut}"
            about = {"sessionId": session_id, "requestId": request_id}
            await first.tx("send_message", message="Delete it", **about)
            seen: list[Frame] = []
            while len(seen) < cut:
                seen.append(await first.rx())
                if seen[-1]["type"] == "write_confirmation_required" and len(seen) < cut:
                    await approve(first, session_id, request_id, seen[-1])
            first.socket.transport.abort()
        async with servers.second.client(replay=True) as second:
            state, last = await ask(second, session_id, request_id, cut)
            assert state in ("running", "settled")
            assert last >= cut
            if seen[-1]["type"] == "write_confirmation_required":
                await approve(second, session_id, request_id, seen[-1])
            if cut < len(uncut):
                seen += await told(second, session_id, request_id)
            await second.silence()
        assert numbers(seen) == list(range(1, len(uncut) + 1))
        assert [bare(frame) for frame in seen] == [bare(frame) for frame in uncut]


async def test_req_srv_30_a_live_link_is_told_that_another_server_has_its_turn(
    servers: Cluster,
) -> None:
    """The answer that then comes from the first link is told to it without ``seq``."""
    async with (
        servers.first.client(replay=True) as first,
        servers.second.client(replay=True) as second,
    ):
        session_id = await first.session()
        request_id = await first.tx("send_message", sessionId=session_id, message="Delete it")
        asked = await parked(first)
        assert await ask(second, session_id, request_id, 0) == ("running", len(asked))
        assert resumed(await first.rx()) == ("moved", len(asked))
        again = await parked(second)
        assert again == asked
        await approve(first, session_id, request_id, question(asked))
        acknowledged = await first.rx("immediate_response")
        assert (acknowledged["status"], "seq" in acknowledged) == (200, False)
        rest = await second.until(*TERMINALS)
        assert numbers(again + rest) == list(range(1, len(again + rest) + 1))
        assert (rest[0]["status"], text_of(rest)) == (200, "It is gone.")
        await first.silence()
        # And back, after its end: the link that has everything already loses nothing.
        assert (await ask(first, session_id, request_id, 0))[0] == "settled"
        assert await first.until(*TERMINALS) == again + rest


async def test_req_srv_16_an_answer_is_taken_by_any_server(servers: Cluster) -> None:
    """Also for a client of version 1.1, whose turn stays with its link."""
    for replay in (True, False):
        async with (
            servers.first.client(extended=True, replay=replay) as first,
            servers.second.client(extended=True, replay=replay) as second,
        ):
            session_id = await first.session()
            request_id = await first.tx("send_message", sessionId=session_id, message="Delete it")
            asked = await parked(first)
            await approve(second, session_id, request_id, question(asked))
            assert (await second.rx("immediate_response"))["status"] == 200
            rest = await first.until(*TERMINALS)
            assert text_of(rest) == "It is gone."
            statuses = [frame.get("status") for frame in rest]
            assert (200 in statuses[:-1]) is replay  # an event of the turn, where these are counted
            await approve(second, session_id, request_id, question(asked))
            assert (await second.rx("error"))["error"]["code"] == "NO_PENDING_CONFIRMATION"


@pytest.mark.parametrize("replay", [True, False])
async def test_req_srv_15_a_cancel_reaches_the_turn_of_another_server(
    servers: Cluster, replay: bool
) -> None:
    async with (
        servers.first.client(extended=True, replay=replay) as first,
        servers.second.client(extended=True, replay=replay) as second,
    ):
        session_id = await first.session()
        request_id = await first.tx("send_message", sessionId=session_id, message="Delete it")
        await parked(first)
        await second.tx("cancel", sessionId=session_id, requestId="another")
        await second.silence()
        await second.tx("cancel", sessionId=session_id, requestId=request_id)
        asker, holder = await second.rx("cancelled"), await first.rx("cancelled")
        assert ("seq" in asker, "seq" in holder) == (False, replay)
        await first.silence()


async def test_a_link_that_took_a_turn_up_cancels_it_by_nothing_but_cancel(
    servers: Cluster,
) -> None:
    async with (
        servers.first.client(replay=True) as first,
        servers.second.client(replay=True) as second,
    ):
        session_id = await first.session()
        request_id = await first.tx("send_message", sessionId=session_id, message="Delete it")
        await parked(first)
        await ask(second, session_id, request_id, 0)
        await parked(second)
        await second.tx("cancel", requestId=None)
        assert "seq" in await second.rx("cancelled")
        await second.silence()


async def test_req_srv_11_a_conversation_runs_one_turn_over_all_servers(servers: Cluster) -> None:
    async with (
        servers.first.client(replay=True) as first,
        servers.second.client(replay=True) as second,
    ):
        session_id = await first.session()
        request_id = await first.tx("send_message", sessionId=session_id, message="Delete it")
        asked = await parked(first)
        about = {"sessionId": session_id, "message": "Another"}
        assert await second.refusal("send_message", **about) == "TURN_IN_PROGRESS"
        shown = await second.result("get_session", sessionId=session_id)
        assert shown["openTurn"] == {"requestId": request_id, "lastSeq": len(asked)}
        # The same message again takes the turn (REQ-SRV-29), another under its id does not.
        again = {"sessionId": session_id, "requestId": request_id}
        assert await second.refusal("send_message", message="X", **again) == "VALIDATION_ERROR"
        await second.tx("send_message", message="Delete it", **again)
        assert resumed(await second.rx()) == ("running", len(asked))
        assert await parked(second) == asked
        assert resumed(await first.rx()) == ("moved", len(asked))


async def test_req_srv_28_never_is_kept_by_every_server(servers: Cluster) -> None:
    async with (
        servers.first.client(replay=True) as lost,
        servers.second.client(replay=True) as holder,
    ):
        session_id = await lost.session()
        about = {"sessionId": session_id, "requestId": "turn"}
        assert await ask(holder, session_id, "turn", 0) == ("never", 0)
        await lost.tx("send_message", message="Delete it", **about)
        await lost.silence()
        await holder.tx("send_message", message="Delete it", **about)
        assert numbers(await told(holder, session_id, "turn"))[0] == 1


async def test_the_events_of_a_settled_turn_outlive_its_server(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    async with mortal(tmp_path, SCRIPT, shared) as servers:
        async with servers.first.client(replay=True) as first:
            session_id = await first.session()
            about = {"sessionId": session_id, "requestId": "turn"}
            await first.tx("send_message", message="Delete it", **about)
            frames = await told(first, session_id, "turn")
            kept = None
            while kept is None or not kept.ended:  # what is said last is published a moment later
                _, kept = await kept_of(servers, session_id)
            await servers.kill()
        last = len(frames)
        async with servers.second.client(replay=True) as second:
            assert await ask(second, session_id, "turn", 2) == ("settled", last)
            assert await second.until(*TERMINALS) == frames[2:]
            assert await ask(second, session_id, "turn", last + 1) == ("gone", last)


async def test_req_srv_37_an_open_question_goes_on_at_the_server_that_takes_it_over(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    """Whoever answers before that answers for good, and is told of it over the next link."""
    async with mortal(tmp_path, SCRIPT, shared) as servers:
        async with servers.second.client(replay=True) as second:
            async with servers.first.client(replay=True) as first:
                session_id = await first.session()
                about = {"sessionId": session_id, "requestId": "turn"}
                await first.tx("send_message", message="Delete it", **about)
                asked = await parked(first)
                await ask(second, session_id, "turn", 0)
                assert await parked(second) == asked
                await servers.first.kill()
            await approve(second, session_id, "turn", question(asked))
            # Its acknowledgement would have no number: nobody counts the events at this moment.
            await second.socket.wait_closed()
            assert second.socket.close_code == 1013
        await servers.outlive()
        async with servers.second.client(replay=True) as client:
            state, _ = await ask(client, session_id, "turn", len(asked))
            assert state in ("running", "settled")
            rest = await client.until(*TERMINALS)
            assert text_of(rest) == "It is gone."
            assert numbers(asked + rest) == list(range(1, len(asked + rest) + 1))
            assert [frame.get("status") for frame in rest].count(200) == 2  # and the answer
            await client.silence()


async def test_a_question_that_its_server_stored_and_did_not_publish_reaches_links_elsewhere(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    """Whoever takes the turn over publishes what the others cannot read yet."""
    async with mortal(tmp_path, SCRIPT, shared) as servers:
        async with servers.first.client(replay=True) as first:
            session_id = await first.session()
            await first.tx("send_message", sessionId=session_id, message="Go", requestId="turn")
            asked = await parked(first)
            await servers.first.kill()
        turn_id, _ = await kept_of(servers, session_id)
        backplane = servers.second.listener.server._post.backplane
        await backplane.forget(turn_id)
        await servers.outlive()
        kept = None
        while kept is None or kept.last < len(asked):
            _, kept = await kept_of(servers, session_id)
        events = await backplane.read(turn_id, 0, 100)
        assert [json.loads(text) for _, text in events] == asked


async def test_req_srv_37_a_step_that_was_half_said_is_said_by_nobody_again(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    """A live link at the other server is closed, and is then told that the events are gone."""
    async with mortal(tmp_path, HALF_SAID, shared) as servers:
        async with servers.second.client(replay=True) as second:
            async with servers.first.client(replay=True) as first:
                session_id = await first.session()
                about = {"sessionId": session_id, "requestId": "turn"}
                await first.tx("send_message", message="Go", **about)
                while (await first.rx()).get("token", "").strip() != "three":
                    pass
                assert (await ask(second, session_id, "turn", 0))[0] == "running"
                await servers.kill()
            await second.socket.wait_closed()
            assert second.socket.close_code == 1013
        async with servers.second.client(replay=True) as client:
            assert (await ask(client, session_id, "turn", 4))[0] == "gone"
            turns = servers.second.listener.server
            await eventually(lambda: turns.running_turns == 1)
            # Far from the time that a turn runs on without a link, however slow the machine is.
            for _ in range(30):
                await servers.second.clock.advance(1)
                await asyncio.sleep(0.01)
            await eventually(lambda: turns.running_turns == 0)
            page = await client.result("get_conversation_messages", sessionId=session_id)
            assert len(page["messages"]) == 2


async def test_req_srv_36_a_link_that_is_lost_at_another_server_leaves_the_turn_alone(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    async with two(tmp_path, SLOW, shared, detach_secs=5) as servers:
        async with servers.first.client(replay=True) as first:
            session_id = await first.session()
            await first.tx("send_message", sessionId=session_id, message="Go", requestId="a")
            await first.until("eventual_response")
            await first.tx("send_message", sessionId=session_id, message="Go", requestId="b")
            frame = await first.rx()
            while frame.get("requestId") != "b":
                frame = await first.rx()
            async with servers.second.client(replay=True) as second:
                assert (await ask(second, session_id, "b", 0))[0] == "running"
                assert resumed(await first.rx())[0] == "moved"
            while "openTurn" in await first.result("get_session", sessionId=session_id):
                await servers.clock.advance(1)
        async with servers.second.client(replay=True) as second:
            assert (await ask(second, session_id, "b", 0))[0] == "settled"
            assert (await second.until(*TERMINALS))[-1]["error"]["code"] == "AGENT_ERROR"


async def test_an_event_that_is_published_at_one_server_reaches_the_sockets_of_all(
    servers: Cluster,
) -> None:
    event = {"type": "notice", "data": {}}
    body = {"target": {"type": "org", "id": "local"}, "event": event}
    first = servers.first.url.replace("ws://", "http://").removesuffix("/ws")
    async with servers.second.client() as client, httpx2.AsyncClient(trust_env=False) as admin:
        await client.result("create_conversation_session", agentId="a")
        answer = await admin.post(f"{first}/admin/publish", json=body)
        assert answer.json() == {"delivered": 0}
        assert json.loads(await asyncio.wait_for(client.socket.recv(), 60)) == event
        ready = (await admin.get(f"{first}/ready")).json()
        assert ready["parts"]["backplane"] == "ok"


async def test_a_person_has_one_rate_over_all_servers(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    settings = JWT | {"rate_per_minute": 1}
    async with (
        two(tmp_path, SCRIPT, shared, **settings) as cluster,
        entering(cluster.first, BOB) as here,
        entering(cluster.second, BOB) as there,
        entering(cluster.second, ADA) as other,
    ):
        await here.silence()
        for client in (there, here):
            assert (await client.call("ping"))["error"]["code"] == "RATE_LIMITED"
        await other.silence()
