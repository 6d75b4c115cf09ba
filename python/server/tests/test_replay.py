"""A turn survives its link: numbered events, ``resume_turn``, one turn an id (REQ-SRV-24 to 39)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from .support import (
    TERMINALS,
    Client,
    Frame,
    Running,
    details,
    eventually,
    hold_little,
    serving,
    text_of,
)
from .support_stores import fresh_database

SCRIPT: dict[str, Any] = {
    "model": [
        {"preamble": "One moment."},
        {"toolCall": {"name": "delete_record", "arguments": {"id": 42}}},
        {"text": "It is gone. Anything else?"},
    ],
    "tools": [
        {"name": "delete_record", "parameters": {"type": "object"}, "result": "ok", "confirm": True}
    ],
}


def numbers(frames: list[Frame]) -> list[int]:
    """Return the ``seq`` of the frames that have one."""
    return [frame["seq"] for frame in frames if "seq" in frame]


def resumed(frame: Frame) -> tuple[str, int]:
    """Return state and last number of a ``turn_resumed``."""
    assert frame["type"] == "turn_resumed", frame
    assert "seq" not in frame
    return details(frame)["state"], details(frame)["lastSeq"]


@pytest.fixture(params=["memory", "postgres"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Running]:
    settings: dict[str, Any] = {}
    if request.param == "postgres":
        where = await fresh_database(request.getfixturevalue("postgres"))
        settings["database_url"] = where
    script = {**SCRIPT, "model": SCRIPT["model"] * 40}
    async with serving(tmp_path, script, **settings) as running:
        yield running


async def told(client: Client, session_id: str, request_id: str) -> list[Frame]:
    """Read a turn to its end, approving what it asks."""
    frames: list[Frame] = []
    while not frames or frames[-1]["type"] not in TERMINALS:
        frames.append(await client.rx())
        if frames[-1]["type"] == "write_confirmation_required":
            await approve(client, session_id, request_id, frames[-1])
    return frames


async def approve(client: Client, session_id: str, request_id: str, question: Frame) -> None:
    await client.tx(
        "confirm_tool_action",
        requestId=request_id,
        sessionId=session_id,
        approved=True,
        confirmationId=details(question)["confirmationId"],
    )


def bare(frame: Frame) -> Frame:
    """Return a frame without what differs from turn to turn."""
    text = json.dumps({key: value for key, value in frame.items() if key != "timestamp"})
    shown: Frame = json.loads(text)
    shown.get("data", {}).pop("sessionId", None)
    inner = shown.get("data", {}).get("data", {})
    for name in ("confirmationId", "expiresAt", "messageId", "citations"):
        inner.pop(name, None)
    shown.pop("requestId", None)
    shown.get("data", {}).pop("requestId", None)
    chunk = inner or shown.get("data", {}).get("state", {}).get("rawResponse", {})
    for step in chunk.values():
        if isinstance(step, dict):
            step.pop("callId", None)
    return shown


async def test_req_srv_24_every_event_of_a_turn_is_numbered(server: Running) -> None:
    async with server.client(replay=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete it")
        frames = await told(client, session_id, request_id)
        assert numbers(frames) == list(range(1, len(frames) + 1))
        assert frames[0]["status"] == 202
        assert 200 in [frame.get("status") for frame in frames]  # the acknowledgement is one
        pong = await client.call("ping")
        assert "seq" not in pong


async def test_req_srv_26_a_link_cut_after_any_frame_loses_and_repeats_nothing(
    server: Running,
) -> None:
    async with server.client(replay=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete it")
        uncut = await told(client, session_id, request_id)
    for cut in range(1, len(uncut) + 1):
        async with server.client(replay=True) as first:
            session_id = await first.session()
            request_id = f"turn-{cut}"
            await first.tx(
                "send_message", sessionId=session_id, message="Delete it", requestId=request_id
            )
            seen: list[Frame] = []
            while len(seen) < cut:
                seen.append(await first.rx())
                if seen[-1]["type"] == "write_confirmation_required" and len(seen) < cut:
                    await approve(first, session_id, request_id, seen[-1])
            first.socket.transport.abort()
        async with server.client(replay=True) as second:
            await second.tx("resume_turn", sessionId=session_id, requestId=request_id, afterSeq=cut)
            state, last = resumed(await second.rx())
            assert state in ("running", "settled")
            assert last >= cut
            if seen[-1]["type"] == "write_confirmation_required":
                await approve(second, session_id, request_id, seen[-1])
            if cut < len(uncut):
                seen += await told(second, session_id, request_id)
            await second.silence()
        assert numbers(seen) == list(range(1, len(uncut) + 1))
        assert [bare(frame) for frame in seen] == [bare(frame) for frame in uncut]


async def test_req_srv_25_events_come_again_as_the_same_bytes(server: Running) -> None:
    async with server.client(replay=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete it")
        texts: list[str] = []
        while not texts or json.loads(texts[-1])["type"] not in TERMINALS:
            texts.append(str(await client.socket.recv()))
            frame = json.loads(texts[-1])
            if frame["type"] == "write_confirmation_required":
                await approve(client, session_id, request_id, frame)
        for after in (0, 3, len(texts)):
            await client.tx(
                "resume_turn", sessionId=session_id, requestId=request_id, afterSeq=after
            )
            assert resumed(await client.rx()) == ("settled", len(texts))
            assert [str(await client.socket.recv()) for _ in texts[after:]] == texts[after:]
        await client.silence()


async def test_req_srv_27_what_is_not_kept_is_gone(server: Running) -> None:
    async with server.client(replay=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete it")
        last = len(await told(client, session_id, request_id))
        about = {"sessionId": session_id, "requestId": request_id}
        assert resumed(await client.call("resume_turn", afterSeq=last + 1, **about)) == (
            "gone",
            last,
        )
        await server.clock.advance(119)
        assert resumed(await client.call("resume_turn", afterSeq=last, **about))[0] == "settled"
        await server.clock.advance(2)
        assert resumed(await client.call("resume_turn", afterSeq=last, **about)) == ("gone", 0)


async def test_req_srv_28_never_is_kept(server: Running) -> None:
    async with server.client(replay=True) as lost, server.client(replay=True) as holder:
        session_id = await lost.session()
        about = {"sessionId": session_id, "requestId": "turn"}
        never = await holder.call("resume_turn", afterSeq=0, **about)
        assert resumed(never) == ("never", 0)
        await lost.tx("send_message", message="Delete it", **about)
        await lost.silence()  # dropped without an answer
        await holder.tx("send_message", message="Delete it", **about)
        frames = await told(holder, session_id, "turn")
        assert numbers(frames) == list(range(1, len(frames) + 1))


async def test_req_srv_29_a_message_that_comes_again_is_not_run_again(server: Running) -> None:
    """The link that had the turn is told that it lost it (REQ-SRV-30)."""
    async with server.client(replay=True) as client, server.client(replay=True) as other:
        session_id = await client.session()
        about = {"sessionId": session_id, "requestId": "turn"}
        await client.tx("send_message", message="Delete it", **about)
        asked = await client.until("write_confirmation_required")
        chunk = await client.rx("stream_chunk")
        await other.tx("send_message", message="Delete it", **about)
        assert resumed(await other.rx()) == ("running", chunk["seq"])
        assert resumed(await client.rx()) == ("moved", chunk["seq"])
        again = [await other.rx() for _ in range(chunk["seq"])]
        assert again == [*asked, chunk]
        assert await other.refusal("send_message", message="Other", **about) == "VALIDATION_ERROR"
        assert (
            await other.refusal("send_message", message="Delete it", sessionId=session_id)
            == "TURN_IN_PROGRESS"
        )
        await approve(other, session_id, "turn", asked[-1])
        rest = await other.until("eventual_response")
        await client.silence()  # the turn was taken from it
        await client.tx("send_message", message="Delete it", **about)
        assert resumed(await client.rx()) == ("settled", rest[-1]["seq"])
        assert [await client.rx() for _ in range(rest[-1]["seq"])] == [*again, *rest]


async def test_req_srv_30_what_lay_unread_on_an_older_link_takes_no_turn(server: Running) -> None:
    """A newer link that resumed the turn keeps it."""
    async with server.client(replay=True) as lost, server.client(replay=True) as holder:
        session_id = await lost.session()
        about = {"sessionId": session_id, "requestId": "turn"}
        await lost.tx("send_message", message="Delete it", **about)
        asked = await lost.until("write_confirmation_required")
        chunk = await lost.rx("stream_chunk")
        assert resumed(await holder.call("resume_turn", afterSeq=0, **about))[0] == "running"
        assert [await holder.rx() for _ in range(chunk["seq"])] == [*asked, chunk]
        assert resumed(await lost.rx()) == ("moved", chunk["seq"])
        for late in ({"action": "resume_turn", "afterSeq": 0}, {"message": "Delete it"}):
            await lost.tx(late.pop("action", "send_message"), **late, **about)
            assert resumed(await lost.rx()) == ("moved", chunk["seq"])
        await approve(holder, session_id, "turn", asked[-1])
        assert (await holder.rx())["seq"] == chunk["seq"] + 1
        await lost.silence()


async def test_req_srv_24_a_refused_answer_of_another_link_is_no_event_of_the_turn(
    server: Running,
) -> None:
    """Neither while the turn runs nor behind its end."""
    async with server.client(replay=True) as lost, server.client(replay=True) as holder:
        session_id = await lost.session()
        about = {"sessionId": session_id, "requestId": "turn"}
        late = {**about, "confirmationId": "stale", "approved": True}
        await holder.tx("send_message", message="Delete it", **about)
        asked = await holder.until("write_confirmation_required")
        chunk = await holder.rx("stream_chunk")
        for _ in range(2):
            await lost.tx("confirm_tool_action", **late)
            refused = await lost.rx("error")
            assert refused["error"]["code"] == "NO_PENDING_CONFIRMATION"
            assert "seq" not in refused
            await holder.silence()
            if asked:
                await approve(holder, session_id, "turn", asked[-1])
                asked = []
                last = (await holder.until("eventual_response"))[-1]["seq"]
        await holder.tx("confirm_tool_action", **late)
        assert "seq" not in await holder.rx("error")
        await holder.tx("resume_turn", afterSeq=chunk["seq"], **about)
        assert resumed(await holder.rx()) == ("settled", last)


async def test_req_srv_24_a_code_that_nothing_waits_for_is_no_event_of_the_turn(
    server: Running,
) -> None:
    """A code that lay unread on a lost link: neither while the turn runs nor behind its end."""
    async with server.client(replay=True) as lost, server.client(replay=True) as holder:
        session_id = await lost.session()
        about = {"sessionId": session_id, "requestId": "turn"}
        await holder.tx("send_message", message="Delete it", **about)
        seen = await holder.until("write_confirmation_required")
        asked = seen[-1]
        seen.append(await holder.rx("stream_chunk"))
        await lost.tx("verify_otp", code="123456", **about)
        assert "seq" not in await lost.rx("otp_invalid")
        await holder.silence()
        await approve(holder, session_id, "turn", asked)
        seen += await holder.until("eventual_response")
        for client in (lost, holder):
            await client.tx("verify_otp", code="123456", **about)
            assert "seq" not in await client.rx("otp_invalid")
        assert [one["seq"] for one in seen] == list(range(1, len(seen) + 1))
        await holder.tx("resume_turn", afterSeq=len(seen), **about)
        assert resumed(await holder.rx()) == ("settled", len(seen))


async def test_req_srv_30_an_older_link_has_a_turn_that_it_is_told_of(server: Running) -> None:
    async with server.client(replay=True) as older, server.client(replay=True) as newer:
        session_id = await older.session()
        about = {"sessionId": session_id, "requestId": "turn"}
        await older.tx("send_message", message="Delete it", **about)
        await older.until("write_confirmation_required")
        last = (await older.rx("stream_chunk"))["seq"]
        await newer.call("resume_turn", afterSeq=last, **about)
        assert resumed(await older.rx()) == ("moved", last)
        assert "openTurn" in await older.result("get_session", sessionId=session_id)
        assert resumed(await older.call("resume_turn", afterSeq=last, **about))[0] == "running"
        assert resumed(await newer.rx()) == ("moved", last)


async def test_req_srv_30_a_link_that_ended_stands_in_no_ones_way(server: Running) -> None:
    async with server.client(replay=True) as older:
        session_id = await older.session()
        about = {"sessionId": session_id, "requestId": "turn"}
        await older.tx("send_message", message="Delete it", **about)
        await older.until("write_confirmation_required")
        last = (await older.rx("stream_chunk"))["seq"]
        async with server.client(replay=True) as newer:
            await newer.call("resume_turn", afterSeq=last, **about)
            assert resumed(await older.rx()) == ("moved", last)
        await eventually(lambda: len(server.listener.server.sockets) == 1)
        assert resumed(await older.call("resume_turn", afterSeq=last, **about))[0] == "running"


async def test_req_srv_28_a_late_question_takes_no_promise_away(server: Running) -> None:
    async with server.client(replay=True) as lost, server.client(replay=True) as holder:
        session_id = await lost.session()
        about = {"sessionId": session_id, "requestId": "turn"}
        assert resumed(await holder.call("resume_turn", afterSeq=0, **about)) == ("never", 0)
        assert resumed(await lost.call("resume_turn", afterSeq=0, **about)) == ("moved", 0)
        await holder.tx("send_message", message="Delete it", **about)
        assert numbers(await told(holder, session_id, "turn"))[0] == 1


async def test_req_srv_31_a_turn_is_resumed_by_sessions_of_its_conversation_alone(
    server: Running,
) -> None:
    """Sessions that did not list ``replay`` do not know the action (REQ-SRV-21)."""
    async with server.client(replay=True) as client, server.client(extended=True) as plain:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete it")
        await client.until("write_confirmation_required")
        await client.rx("stream_chunk")
        about = {"requestId": request_id, "afterSeq": 0}
        other = await client.session()
        found = await client.call("resume_turn", sessionId=other, **about)
        assert resumed(found) == ("never", 0)
        assert await client.refusal("resume_turn", sessionId="unknown", **about) == (
            "SESSION_NOT_FOUND"
        )
        old = await plain.session()
        assert await plain.refusal("resume_turn", sessionId=old, **about) == "UNSUPPORTED_ACTION"


async def test_req_srv_32_the_open_turn_is_named(server: Running) -> None:
    async with server.client(replay=True) as client, server.client(replay=True) as other:
        created = await client.result(
            "create_conversation_session",
            agentId="agent",
            supports=["replay", "spec_1_1", "spec_1_2", "otp_park"],
        )
        assert {"replay", "spec_1_2"} <= set(created["capabilities"])
        assert "openTurn" not in created
        request_id = await client.tx(
            "send_message", sessionId=created["sessionId"], message="Delete it"
        )
        await client.until("write_confirmation_required")
        last = (await client.rx("stream_chunk"))["seq"]
        named = {"requestId": request_id, "lastSeq": last}
        shown = await other.result("get_session", sessionId=created["sessionId"])
        assert shown["openTurn"] == named
        again = await other.result(
            "create_conversation_session",
            agentId="agent",
            supports=list(other.words),
            conversationId=created["conversationId"],
        )
        assert again["openTurn"] == named
        await other.tx(
            "resume_turn", sessionId=again["sessionId"], requestId=request_id, afterSeq=0
        )
        assert resumed(await other.rx()) == ("running", last)
        frames = await other.until("stream_chunk")
        assert frames[-2]["type"] == "write_confirmation_required"


async def test_req_srv_15_cancelled_is_numbered_for_the_holder_alone(server: Running) -> None:
    async with server.client(replay=True) as client, server.client(replay=True) as other:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete it")
        await client.until("write_confirmation_required")
        last = (await client.rx("stream_chunk"))["seq"]
        await other.tx("cancel", sessionId=session_id, requestId=request_id)
        assert (await client.rx("cancelled"))["seq"] == last + 1
        assert "seq" not in await other.rx("cancelled")


async def test_req_srv_24_a_refused_verb_is_numbered_and_a_refused_message_is_not(
    server: Running,
) -> None:
    async with server.client(replay=True) as client:
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Delete it")
        await client.until("write_confirmation_required")
        last = (await client.rx("stream_chunk"))["seq"]
        stale = await client.call(
            "confirm_tool_action",
            requestId=request_id,
            sessionId=session_id,
            approved=True,
            confirmationId="stale",
        )
        assert (stale["error"]["code"], stale["seq"]) == ("NO_PENDING_CONFIRMATION", last + 1)
        busy = await client.call("send_message", sessionId=session_id, message="More")
        assert busy["error"]["code"] == "TURN_IN_PROGRESS"
        assert "seq" not in busy


async def test_req_srv_41_an_answer_that_comes_again_over_the_link_of_its_turn_is_not_refused(
    server: Running,
) -> None:
    """It is not told of twice; another answer, and any from another link, is refused."""
    async with server.client(replay=True) as client, server.client(replay=True) as other:
        session_id = await client.session()
        about = {"sessionId": session_id, "requestId": "turn"}
        await client.tx("send_message", message="Delete it", **about)
        asked = (await client.until("write_confirmation_required"))[-1]
        again = {**about, "confirmationId": details(asked)["confirmationId"], "approved": True}
        for _ in range(3):
            await client.tx("confirm_tool_action", **again)
        frames = await client.until("eventual_response")
        assert [frame.get("status") for frame in frames].count(200) == 2  # and the answer itself
        assert "error" not in [frame["type"] for frame in frames]
        first = asked["seq"] + 1
        assert numbers(frames) == list(range(first, first + len(frames)))
        await client.tx("confirm_tool_action", **again)
        await client.silence()
        refused = [
            await client.refusal("confirm_tool_action", **{**again, "approved": False}),
            await other.refusal("confirm_tool_action", **again),
        ]
        assert refused == ["NO_PENDING_CONFIRMATION"] * 2


FORM: dict[str, Any] = {
    "model": [
        {"toolCall": {"name": "request_identity_intake", "arguments": {"fields": ["name"]}}},
        {"text": "Hello."},
    ]
    * 2,
}


@pytest.mark.parametrize("how", [{"declined": True}, {"values": {"name": " Ann "}}])
async def test_req_srv_41_a_form_that_comes_again_over_the_link_of_its_turn_is_not_refused(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    async with serving(tmp_path, FORM) as server, server.client(replay=True) as client:
        session_id = await client.session(supports=["identity_form"])
        about = {"sessionId": session_id, "requestId": "turn"}
        await client.tx("send_message", message="Hello", **about)
        asked = (await client.until("interaction_required"))[-1]
        again = {**about, "interactionId": details(asked)["interactionId"], **how}
        for _ in range(2):
            await client.tx("submit_interaction", **again)
        frames = await client.until("eventual_response")
        assert [frame.get("status") for frame in frames].count(200) == 2
        await client.tx("submit_interaction", **again)
        await client.silence()
        other = {**about, "interactionId": again["interactionId"], "values": {"name": "Bob"}}
        assert await client.refusal("submit_interaction", **other) == "NO_PENDING_INTERACTION"


async def test_req_srv_36_a_turn_without_a_link_ends_by_agent_error(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT, question_secs=200) as server:
        async with server.client(replay=True) as client:
            session_id = await client.session()
            request_id = await client.tx("send_message", sessionId=session_id, message="Delete it")
            await client.until("write_confirmation_required")
            await client.rx("stream_chunk")
        turns = server.listener.server
        await eventually(lambda: not turns.sockets)
        await server.clock.advance(100)  # the question outlives the time without a link
        async with server.client(replay=True) as client:
            await client.tx("resume_turn", sessionId=session_id, requestId=request_id, afterSeq=0)
            assert resumed(await client.rx())[0] == "running"
            await client.until("write_confirmation_required")


async def test_req_srv_36_a_slow_model_is_stopped_without_a_link(tmp_path: Path) -> None:
    script = {"model": [{"preamble": "Wait"}, {"delayMs": 500_000}, {"text": "Done"}]}
    async with serving(tmp_path, script) as server:
        async with server.client(replay=True) as client:
            session_id = await client.session()
            request_id = await client.tx("send_message", sessionId=session_id, message="Go")
            await client.until("stream_preamble")
        turns = server.listener.server
        await eventually(lambda: not turns.sockets)
        await server.clock.advance(89)
        assert turns.running_turns == 1
        await server.clock.advance(5)
        await eventually(lambda: turns.running_turns == 0)
        async with server.client(replay=True) as client:
            await client.tx("resume_turn", sessionId=session_id, requestId=request_id, afterSeq=2)
            assert resumed(await client.rx()) == ("settled", 3)
            end = await client.rx("error")
            assert (end["error"]["code"], end["seq"]) == ("AGENT_ERROR", 3)


async def test_req_srv_39_a_link_that_does_not_read_is_closed_with_1013_and_resumes(
    tmp_path: Path,
) -> None:
    words = " ".join(f"{number:05}" + "x" * 2_000 for number in range(1_500))
    script = {"model": [{"text": words}]}
    async with serving(tmp_path, script, slow_reader_secs=5) as server:
        seen: list[Frame] = []
        async with server.client(replay=True) as client:
            session_id = await client.session()
            hold_little(client)
            client.socket.transport.pause_reading()
            await client.tx("send_message", sessionId=session_id, message="Go", requestId="turn")
            (connection,) = server.listener.server.sockets
            await eventually(lambda: not connection.has_room)
            while connection.queued:
                await server.clock.advance(1)
                await asyncio.sleep(0.01)
            client.socket.transport.resume_reading()
            with suppress(ConnectionClosed):
                async for text in client.socket:
                    seen.append(json.loads(text))  # noqa: PERF401
            assert client.socket.close_code == 1013
        about = {"sessionId": session_id, "requestId": "turn", "afterSeq": seen[-1]["seq"]}
        async with server.client(replay=True) as client:
            await client.tx("resume_turn", **about)
            assert resumed(await client.rx())[1] >= about["afterSeq"]
            seen += await client.until("eventual_response")
        assert text_of(seen) == words
        assert numbers(seen) == list(range(1, len(seen) + 1))
