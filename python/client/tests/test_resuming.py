"""A turn outlives its link: what no frame shows of it (REQ-RESUME-01 to REQ-RESUME-11)."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from smooth_operator import (
    Conversation,
    MessageTooLargeError,
    SmoothAgentClient,
    Turn,
    TurnInterruptedError,
    wire,
)
from smooth_operator._options import Options
from smooth_operator._turn_resuming import Resuming, number_of
from smooth_operator.testing import VirtualClock
from smooth_operator.wire.options import OUTBOUND_BYTES

from .conftest import Maker
from .peer import LIMIT, SESSION, Peer, S, until
from .test_questions import FORM

AGENT = "00000000-0000-4000-8000-000000000001"
WORDS = ["replay", "spec_1_2"]


async def talking(server: Peer, make: Maker, **options: Any) -> tuple[SmoothAgentClient, Turn]:
    """Return a client with a turn of a replay session, whose message was read."""
    client = make(ping_interval=0, **options)
    conversation = await opened(server, client)
    turn = conversation.send("hi")
    await server.expect("send_message")
    return client, turn


async def opened(server: Peer, client: SmoothAgentClient, **more: Any) -> Conversation:
    await client.connect()
    opening = asyncio.ensure_future(client.start_conversation(agent_id=AGENT))
    frame = await server.expect("create_conversation_session")
    await server.respond(frame["requestId"], {**SESSION, "capabilities": WORDS, **more})
    return await opening


def script(request_id: str, *tokens: str) -> list[dict[str, Any]]:
    """Return the numbered events of a whole turn."""
    data = [{"requestId": request_id, "token": token} for token in tokens]
    events: list[dict[str, Any]] = [
        {"type": "immediate_response", "status": 202, "data": {}},
        *({"type": "stream_token", "data": it} for it in data),
        {
            "type": "eventual_response",
            "status": 200,
            "data": {
                "requestId": request_id,
                "status": 200,
                "data": {"messageId": "m-1", "response": None},
            },
        },
    ]
    return [{**it, "requestId": request_id, "seq": n} for n, it in enumerate(events, 1)]


async def lose(server: Peer, client: SmoothAgentClient, clock: VirtualClock) -> dict[str, Any]:
    """Cut the link, let the next one be found; return the frame that asks for the turn."""
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    return await found(server, clock)


async def found(server: Peer, clock: VirtualClock) -> dict[str, Any]:
    await clock.advance(1_000)
    return await server.expect("resume_turn")


async def resumed(server: Peer, request_id: str, last: int, state: str = "running") -> None:
    data = {"requestId": request_id, "data": {"state": state, "lastSeq": last}}
    await server.send({"type": "turn_resumed", "requestId": request_id, "data": data})


async def test_req_resume_02_readers_wait_while_the_turn_is_suspended(
    server: Peer, make: Maker, clock: VirtualClock
) -> None:
    """No iterator, no text stream and no wait ends, and nothing is made up for them."""
    client, turn = await talking(server, make)
    events = script(turn.request_id, "a", "b")
    seen: list[str] = []
    pieces: list[str] = []

    async def follow() -> None:
        seen.extend([event.type async for event in turn])

    async def read() -> None:
        pieces.extend([piece async for piece in turn.text_stream])

    waits = [asyncio.ensure_future(it) for it in (follow(), read(), turn.result())]
    states = [turn.state]
    for event in events[:2]:
        await server.send(event)
    await until(lambda: turn.partial_text == "a")
    states.append(turn.state)
    frame = await lose(server, client, clock)
    states.append(turn.state)
    assert frame == {
        "action": "resume_turn",
        "requestId": turn.request_id,
        "sessionId": S,
        "afterSeq": 2,
    }
    assert not any(wait.done() for wait in waits)
    assert not turn.settled
    await resumed(server, turn.request_id, 3)
    await until(lambda: turn.state == "running")
    for event in events[1:]:
        await server.send(event)
    await asyncio.wait_for(asyncio.gather(*waits), LIMIT)
    assert (pieces, waits[2].result().text) == (["a", "b"], "ab")
    assert seen == ["stream_token", "stream_token", "eventual_response"]
    assert [*states, turn.state] == ["sent", "running", "suspended", "settled"]
    assert (client.counters.resumed_turns, client.counters.open_turns) == (1, 0)


async def test_req_resume_02_a_reader_that_leaves_stops_a_suspended_turn(
    server: Peer, make: Maker, clock: VirtualClock
) -> None:
    """REQ-STOP-04: the cancel waits for the next link, and goes behind ``resume_turn``."""
    client, turn = await talking(server, make)
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    assert turn.state == "suspended"
    wait = asyncio.ensure_future(turn.result())
    await asyncio.sleep(0)
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wait
    await found(server, clock)
    await server.expect("cancel")
    await resumed(server, turn.request_id, 0, "never")
    result = await asyncio.wait_for(turn, LIMIT)
    assert (result.outcome, result.confirmed) == ("cancelled", False)


async def play_with_cuts(
    server: Peer, client: SmoothAgentClient, clock: VirtualClock, events: list[Any], seed: int
) -> int:
    """Send all events; lose some at random, and send some twice. Return how often it was asked."""
    chance = random.Random(seed)
    at = newest = asked = 0
    while True:
        end = chance.randint(newest + 1, len(events))
        for event in events[at:end]:
            await server.send(event)
        if end == len(events):
            return asked
        if end + 1 < len(events) and chance.random() < 0.5:
            await server.send(events[end + 1])  # a gap: the client asks on the same link
            frame = await server.expect("resume_turn")
            assert frame["afterSeq"] == end
        else:
            frame = await lose(server, client, clock)
            assert newest <= frame["afterSeq"] <= end  # what the cut link still held is lost
        newest, asked = frame["afterSeq"], asked + 1
        at = chance.randint(0, newest)
        await resumed(server, frame["requestId"], len(events))


@pytest.mark.parametrize("seed", range(16))
async def test_req_resume_06_random_cuts_give_the_whole_text_once(
    server: Peer, make: Maker, clock: VirtualClock, seed: int
) -> None:
    """Frames are lost, come twice or after a gap: every event is shown once, in order."""
    client, turn = await talking(server, make, resume_timeout=0, backoff_max=0.5)
    tokens = [f"{n} " for n in range(60)]
    events = script(turn.request_id, *tokens)
    asked = await play_with_cuts(server, client, clock, events, seed)
    result = await asyncio.wait_for(turn, LIMIT)
    assert (result.outcome, result.text) == ("completed", "".join(tokens))
    assert [number_of(event) for event in turn.items] == list(range(2, len(events) + 1))
    assert client.counters.resumed_turns == asked


async def test_req_resume_06_a_thousand_suspensions_leave_nothing_behind(
    server: Peer, make: Maker, clock: VirtualClock
) -> None:
    """Nothing grows with the times that a turn was suspended; nothing is left when it ends."""
    client, turn = await talking(server, make)
    rounds = 1000
    events = script(turn.request_id, *["x"] * rounds)
    await server.send(events[0])
    armed: set[int] = set()
    for number in range(1, rounds + 1):
        await server.send(events[number + 1])
        assert (await server.expect("resume_turn"))["afterSeq"] == number
        await resumed(server, turn.request_id, number + 1)
        await server.send(events[number])
        await until(lambda wanted=number: len(turn.partial_text) == wanted)
        armed.add(clock.armed)
    assert len(armed) == 1
    assert (turn.state, client.counters.resumed_turns) == ("running", rounds)
    await server.send(events[-1])
    assert (await asyncio.wait_for(turn, LIMIT)).text == "x" * rounds
    assert clock.armed == 1  # of the link: stable_after


async def test_req_resume_03_lost_links_leave_no_frame_and_no_timer_behind(
    server: Peer, make: Maker, clock: VirtualClock
) -> None:
    client, turn = await talking(server, make, backoff_max=0.5, resume_timeout=0)
    events = script(turn.request_id, "x")
    await server.send(events[0])
    await until(lambda: turn.state == "running")
    armed = 0
    for _ in range(30):
        assert (await lose(server, client, clock))["afterSeq"] == 1
        await resumed(server, turn.request_id, 1)
        await until(lambda: turn.state == "running")
        await server.quiet(client)
        await asyncio.sleep(0.001)
        armed = armed or clock.armed
        assert clock.armed == armed
    for event in events[1:]:
        await server.send(event)
    assert (await asyncio.wait_for(turn, LIMIT)).text == "x"


async def test_req_resume_06_tokens_that_come_at_once_are_looked_at_by_their_numbers(
    server: Peer, make: Maker, clock: VirtualClock
) -> None:
    """The fast way takes a run of tokens, and leaves one with an old or a missing number alone."""
    del clock
    _, turn = await talking(server, make)
    events = script(turn.request_id, *map(str, range(200)))
    link = await server.link()
    for event in [*events[:90], *events[80:120], *events[150:160]]:
        await link.send(json.dumps(event))
    assert (await server.expect("resume_turn"))["afterSeq"] == 120
    await resumed(server, turn.request_id, len(events))
    for event in events[100:]:
        await link.send(json.dumps(event))
    result = await asyncio.wait_for(turn, LIMIT)
    assert result.text == "".join(map(str, range(200)))


def test_req_resume_06_a_run_of_tokens_is_taken_as_one_by_one() -> None:
    """Both ways take the same numbers, and refuse the same."""
    tokens = [wire.decode_event(json.dumps(it)) for it in script("r", *"abcdef")[1:-1]]
    fast, full = (Resuming(Options(url="ws://h"), replays=True) for _ in range(2))
    fast.last = full.last = 1
    assert fast.follow(tokens[:3])
    assert [full.takes(it, it.type, "running") for it in tokens[:3]] == ["stream_token"] * 3
    assert fast.last == full.last == 4
    for wrong in (tokens[:1], tokens[4:], [tokens[3], tokens[5]]):
        assert not fast.follow(wrong)
        assert fast.last == 4
    assert fast.follow(tokens[3:])
    assert Resuming(Options(url="ws://h"), replays=False).follow(tokens[4:])


@pytest.mark.parametrize(
    ("seq", "number"),
    [(1, 1), (2.0, 2), (2**53 - 1, 2**53 - 1), (0, None), (-1, None), (1.5, None), (2**53, None),
     (True, None), ("1", None), (None, None), (1e999, None)],
)  # fmt: skip
def test_req_resume_06_a_number_is_an_integer_from_1_on(seq: Any, number: int | None) -> None:
    """Events that nobody knows are read by the same rule."""
    raw = {"type": "of_tomorrow", "seq": seq}
    assert number_of(wire.UnknownEvent("of_tomorrow", raw, json.dumps(raw))) == number


async def test_req_resume_08_a_verb_that_is_too_large_is_refused_while_suspended(
    server: Peer, make: Maker, clock: VirtualClock
) -> None:
    """REQ-CALL-10: nothing is kept of it, the question is open still."""
    client, turn = await talking(server, make)
    await server.send(script(turn.request_id)[0])
    data = {"requestId": turn.request_id, "data": FORM}
    asked = {"type": "interaction_required", "requestId": turn.request_id, "seq": 2, "data": data}
    await server.send(asked)
    await until(lambda: turn.question("interaction") is not None)
    await server.drop()
    await until(lambda: turn.state == "suspended")
    with pytest.raises(MessageTooLargeError):
        turn.submit({"text": "x" * OUTBOUND_BYTES})
    answer = turn.submit({"text": "x"})
    await found(server, clock)
    await resumed(server, turn.request_id, 2)
    assert (await server.expect("submit_interaction"))["values"] == {"text": "x"}
    await client.close()
    with pytest.raises(Exception, match="closed"):
        await answer


async def test_req_resume_09_a_turn_that_nobody_takes_up_fails_after_resume_timeout(
    server: Peer, make: Maker, clock: VirtualClock
) -> None:
    client, turn = await talking(server, make, resume_timeout=5)
    await server.drop()
    await until(lambda: client.state == "reconnecting")
    await clock.advance(4_999)
    assert turn.state == "suspended"
    await clock.advance(1)
    with pytest.raises(TurnInterruptedError) as raised:
        await turn
    assert (raised.value.close_code, raised.value.sent) == (1006, True)


async def test_req_resume_11_a_conversation_gives_the_turn_that_it_runs(
    server: Peer, make: Maker
) -> None:
    """The same one as long as it runs; one that has settled is asked for anew."""
    client = make(ping_interval=0)
    conversation = await opened(server, client, openTurn={"requestId": "old", "lastSeq": 3})
    turn = conversation.open_turn()
    assert turn is not None
    assert (turn.request_id, turn.state) == ("old", "suspended")
    assert conversation.open_turn() is turn is client.turn("old")
    assert (await server.expect("resume_turn"))["afterSeq"] == 0
    await resumed(server, "old", 3, "gone")
    with pytest.raises(TurnInterruptedError) as raised:
        await turn
    assert repr(raised.value.details["state"]) == "'gone'"
    again = conversation.open_turn()
    assert again is not None
    assert again is not turn
    await server.expect("resume_turn")
    again.detach()


async def test_req_resume_11_there_is_none_where_the_answer_named_none(
    server: Peer, make: Maker
) -> None:
    conversation = await opened(server, make(ping_interval=0))
    assert conversation.open_turn() is None
    await server.close()


async def test_req_resume_11_there_is_none_of_a_client_that_seeks_no_link(
    server: Peer, make: Maker
) -> None:
    """REQ-RESUME-01: its sessions are no replay sessions, whatever the server lists."""
    for options in ({"auto_reconnect": False}, {"max_reconnect_attempts": 0}):
        client = make(ping_interval=0, **options)
        named = {"requestId": "old", "lastSeq": 3}
        conversation = await opened(server, client, openTurn=named)
        assert conversation.open_turn() is None
        await client.close()
