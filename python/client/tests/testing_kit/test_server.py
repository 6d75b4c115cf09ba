"""What a fake server shows, and does, beside the steps of its replies (TESTING-KIT.md, 1, 3, 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from smooth_operator import (
    AuthenticationError,
    ConnectFailedError,
    Handlers,
    NotFoundError,
    SmoothAgentClient,
    SmoothAgentError,
    TurnInProgressError,
    ValidationError,
    wire,
)
from smooth_operator.testing import FakeServer, VirtualClock

AGENT = "00000000-0000-4000-8000-00000000000a"
LIMIT = 20.0  # seconds of real time until a test that waits for the other side fails
FIELDS = [{"key": "name", "required": True}]


async def test_the_example_of_the_design_runs_as_written() -> None:
    async with FakeServer() as srv:
        srv.on_message("refund").confirm("refund order 7").tokens("Do", "ne").finish()
        chat = await srv.client().start_conversation(
            agent_id=AGENT, handlers=Handlers(confirm=lambda _: True)
        )
        assert (await chat.ask("refund")).text == "Done"
        assert srv.sent("confirm_tool_action")[0]["approved"]


async def frames_of_a_talk() -> list[str]:
    seen: list[str] = []
    async with FakeServer(seed=7) as fake:
        fake.on_message().tokens("a", "b").cut().delay(500).confirm("x").otp().finish()
        client = fake.client(handlers=Handlers(confirm=lambda _: True, otp=lambda _: "123456"))
        client.on_frame(lambda frame: seen.append(f"{frame.at} {frame.text}"), text=True)
        chat = await client.start_conversation(agent_id=AGENT)
        turn = chat.send("x")
        await fake.clock.advance(30_000)
        assert (await turn).text == "ab"
    return seen


async def test_two_runs_of_a_test_give_the_same_frames() -> None:
    first = await frames_of_a_talk()
    assert len(first) > 12
    assert first == await frames_of_a_talk()


async def test_a_server_without_replay_lists_no_such_word() -> None:
    async with FakeServer(replay=False) as fake:
        assert "replay" not in (await fake.conversation()).capabilities
    async with FakeServer(agent_name="Aria") as fake:
        chat = await fake.conversation()
        assert "replay" in chat.capabilities
        assert chat.agent_name == "Aria"


async def test_sent_lists_what_clients_have_sent_in_order(fake: FakeServer) -> None:
    fake.on_message().finish("ok")
    chat = await fake.conversation()
    await chat.ask("one")
    await chat.ask("two")
    assert [one["message"] for one in fake.sent("send_message")] == ["one", "two"]
    actions = [one["action"] for one in fake.sent()]
    assert actions == ["create_conversation_session", "send_message", "send_message"]


async def test_links_are_counted_and_refused_handshakes_are_none(fake: FakeServer) -> None:
    fake.refuse(503, headers={"Retry-After": "7"})
    client = fake.client(lazy=False)
    with pytest.raises(ConnectFailedError) as fault:
        await client.connect()
    assert fault.value.details["status"] == 503
    assert fault.value.details["retryAfterMs"] == 7_000
    assert (fake.connections, fake.open_connections) == (0, 0)
    await client.connect()
    assert (fake.connections, fake.open_connections) == (1, 1)
    await client.close()
    assert (fake.connections, fake.open_connections) == (1, 0)


async def test_as_many_handshakes_are_refused_as_were_asked_for(fake: FakeServer) -> None:
    fake.refuse(401, times=2)
    client = fake.client()
    for _ in range(2):
        with pytest.raises(AuthenticationError):
            await client.connect()
    await client.connect()


@pytest.mark.parametrize("code", [1006, 1012])
async def test_disconnect_ends_all_links(fake: FakeServer, code: int) -> None:
    codes: list[int | None] = []
    clients = [fake.client(), fake.client()]
    for client in clients:
        client.on_state(lambda change: codes.append(change.code))
        await client.connect()
    fake.disconnect(code)
    await fake.clock.advance(0)
    assert fake.open_connections == 0
    assert [one for one in codes if one is not None] == [code, code]
    await fake.clock.advance(20_000)
    assert fake.open_connections == 2


async def test_a_pushed_frame_reaches_all_links_as_it_is(fake: FakeServer) -> None:
    seen: list[Any] = []
    client = fake.client()
    client.on_event(lambda event: seen.append(event.raw))
    await client.connect()
    fake.push({"type": "weather", "sun": True})
    await fake.clock.advance(0)
    assert seen == [{"type": "weather", "sun": True}]


async def test_what_was_said_is_stored(fake: FakeServer) -> None:
    fake.on_message().finish("Hello")
    chat = await fake.conversation()
    await chat.ask("Hi")
    stored = fake.conversation_of(chat.session_id)
    assert stored.conversation_id == chat.conversation_id
    assert fake.messages(chat.session_id) == stored.messages
    told = [(one.direction, one.text, one.turn) for one in stored.messages]
    assert told == [("inbound", "Hi", "completed"), ("outbound", "Hello", None)]


async def test_ids_count_from_one_and_times_come_from_the_clock() -> None:
    async with FakeServer(clock=(clock := VirtualClock())) as fake:
        await clock.advance(86_400_000)
        fake.on_message().finish()
        chat = await fake.conversation()
        assert chat.conversation_id == "00000000-0000-4000-8000-000000000001"
        await chat.ask("x")
        assert fake.clock is clock
        newest = await anext(chat.messages())
        assert newest.created_at == "1970-01-02T00:00:00.000+00:00"


async def test_a_history_has_pages_and_its_own_conversation(fake: FakeServer) -> None:
    fake.on_message().finish("ok")
    client = fake.client()
    chats = [await client.start_conversation(agent_id=AGENT) for _ in range(2)]
    for text in ("one", "two", "three"):
        await chats[0].ask(text)
    await chats[1].ask("elsewhere")
    said = [m.content.text async for m in chats[0].messages(limit=2) if m.content is not None]
    assert said == ["ok", "three", "ok", "two", "ok", "one"]
    assert len(fake.sent("get_conversation_messages")) == 3
    listed = await client.list_conversations(limit=1)
    assert [one.title for one in listed.conversations] == ["elsewhere"]
    assert listed.has_more
    await client.rename_conversation(conversation_id=chats[0].conversation_id, title="Numbers")
    found = await client.call(wire.actions.ListConversationsAction(query="numb"))
    assert [one.message_count for one in found.conversations] == [6]


async def test_conversations_are_resumed_by_session_and_by_conversation(fake: FakeServer) -> None:
    fake.on_message().finish("ok")
    chat = await fake.conversation()
    await chat.ask("one")
    client = fake.client()
    same = await client.resume_conversation(session_id=chat.session_id)
    assert same.conversation_id == chat.conversation_id
    again = await client.resume_conversation(conversation_id=chat.conversation_id, agent_id=AGENT)
    assert again.session_id != chat.session_id
    assert len([m async for m in again.messages()]) == 2


async def test_what_belongs_to_another_token_is_unknown(fake: FakeServer) -> None:
    mine = await fake.conversation(token="mine")
    other = fake.client(token="other", token_in="header")
    with pytest.raises(NotFoundError):
        await other.get_session(session_id=mine.session_id)
    own = fake.client(token="mine", token_in="header")
    await own.get_session(session_id=mine.session_id)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda c: c.get_session(session_id="no"), "SESSION_NOT_FOUND"),
        (
            lambda c: c.rename_conversation(conversation_id="no", title="x"),
            "CONVERSATION_NOT_FOUND",
        ),
        (lambda c: c.send_message(session_id="no", message="x"), "SESSION_NOT_FOUND"),
        (
            lambda c: c.confirm_tool_action(session_id="no", request_id="r", approved=True),
            "NO_PENDING_CONFIRMATION",
        ),
    ],
)
async def test_what_nobody_knows_is_refused(
    fake: FakeServer, call: Callable[[SmoothAgentClient], Any], code: str
) -> None:
    with pytest.raises(SmoothAgentError) as fault:
        await call(fake.client())
    assert fault.value.code == code


async def test_an_unknown_cursor_and_a_broken_field_name_their_place(fake: FakeServer) -> None:
    chat = await fake.conversation()
    client = fake.client()
    with pytest.raises(ValidationError) as fault:
        await client.get_conversation_messages(session_id=chat.session_id, cursor="secret-cursor")
    assert fault.value.server_message == "/cursor is unknown"


async def test_a_second_turn_is_refused_while_one_runs(fake: FakeServer) -> None:
    fake.on_message().tokens("a")
    chat = await fake.conversation()
    turn = chat.send("one")
    await fake.clock.advance(0)
    second = chat.send("two")
    await fake.clock.advance(2_000)
    with pytest.raises(TurnInProgressError):
        await second
    await turn.cancel()


async def test_a_message_that_comes_again_is_the_same_turn(fake: FakeServer) -> None:
    fake.on_message().tokens("a").cut().finish("b")
    chat = await fake.conversation()
    turn = chat.send("x", request_id="req-mine")
    await fake.clock.advance(1_000)
    await turn
    (sent,) = fake.sent("send_message")
    fake.push({"type": "keepalive", "requestId": "req-mine"})
    second = fake.client()
    again = second.send_message(
        session_id=chat.session_id, message="x", request_id=sent["requestId"]
    )
    assert (await again).text == "b"
    assert len(fake.conversation_of(chat.session_id).messages) == 2


async def test_a_turn_without_a_link_ends_after_a_while(fake: FakeServer) -> None:
    fake.on_message().tokens("a").delay(200_000).finish()
    chat = await fake.conversation(max_reconnect_attempts=1)
    turn = chat.send("x")
    await fake.clock.advance(0)
    fake.refuse(503, times=5)
    fake.disconnect()
    await fake.clock.advance(89_000)
    assert fake.conversation_of(chat.session_id).messages[0].turn == "running"
    await fake.clock.advance(2_000)
    assert fake.conversation_of(chat.session_id).messages[0].turn == "failed"
    with pytest.raises(SmoothAgentError):
        await turn


async def test_events_of_an_old_turn_are_forgotten(fake: FakeServer) -> None:
    fake.on_message().finish("ok")
    chat = await fake.conversation()
    turn = chat.send("x")
    await turn
    await fake.clock.advance(121_000)
    asked = wire.actions.ResumeTurnAction(
        request_id=turn.request_id, session_id=chat.session_id, after_seq=0
    )
    assert (await fake.client().call(asked)).state == "gone"


async def test_close_ends_links_waiting_turns_and_clients_and_twice_is_once() -> None:
    fake = FakeServer()
    fake.on_message().confirm("x").finish()
    client = fake.client()
    codes: list[int | None] = []
    client.on_state(lambda change: codes.append(change.code))
    chat = await client.start_conversation(agent_id=AGENT)
    turn = chat.send("x")
    await fake.clock.advance(0)
    await fake.close()
    await fake.close()
    with pytest.raises(SmoothAgentError):
        await turn
    assert 1001 in codes
    assert (client.state, fake.open_connections) == ("closed", 0)
    assert fake.clock.armed == 0
    with pytest.raises(SmoothAgentError):
        await client.start_conversation(agent_id=AGENT)


async def test_on_loopback_any_client_can_use_it() -> None:
    async with FakeServer() as fake:
        fake.on_message("refund").confirm("refund order 7").tokens("Do", "ne").finish()
        fake.on_message("cut").tokens("a").cut().tokens("b").finish()
        fake.on_message("closed").cut(4403)
        url = await fake.listen()
        assert url == fake.url
        async with asyncio.timeout(LIMIT), SmoothAgentClient(url, backoff_base=0.001) as client:
            handlers = Handlers(confirm=lambda _: True)
            chat = await client.start_conversation(agent_id=AGENT, handlers=handlers)
            assert (await chat.ask("refund")).text == "Done"
            assert (await chat.ask("cut")).text == "ab"
            assert fake.connections == 2
            with pytest.raises(SmoothAgentError):
                await chat.ask("closed")
        with pytest.raises(RuntimeError, match="real time"):
            _ = fake.clock
        with pytest.raises(RuntimeError, match="listens already"):
            await fake.listen()


async def test_on_loopback_a_handshake_is_refused_with_its_headers() -> None:
    async with asyncio.timeout(LIMIT), FakeServer() as fake:
        fake.refuse(503, headers=[("Retry-After", "7")])
        client = SmoothAgentClient(await fake.listen())
        with pytest.raises(ConnectFailedError) as fault:
            await client.connect()
        assert fault.value.details["status"] == 503
        assert fault.value.details["retryAfterMs"] == 7_000
        assert fake.connections == 0
        await client.connect()
        await client.close()


async def test_close_frees_the_port() -> None:
    fake = FakeServer()
    url = await fake.listen()
    client = fake.client(auto_reconnect=False)
    await client.connect()
    async with asyncio.timeout(LIMIT):
        await fake.close()
    with pytest.raises(ConnectFailedError):
        await SmoothAgentClient(url).connect()
