"""What a turn keeps: bounded, no text lost, each iterator by itself (REQ-TURN-02, REQ-TURN-15)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from smooth_operator import SlowConsumerError, SmoothAgentClient, wire
from smooth_operator._turn_items import Backlog, TurnItems
from smooth_operator.wire.options import ITERATOR_BYTES, ITERATOR_ITEMS

from .peer import LIMIT, Peer, S

CHUNK = {"type": "stream_chunk", "data": {"requestId": "r-1", "node": "n", "state": {}}}


def token(text: str) -> Any:
    """Return one token."""
    data = {"requestId": "r-1", "token": text}
    return wire.decode_event(json.dumps({"type": "stream_token", "data": data}))


def chunk() -> Any:
    """Return an event that is never merged."""
    return wire.decode_event(json.dumps(CHUNK))


def fed(*events: Any) -> Backlog:
    """Return a backlog that took the events one by one."""
    backlog = Backlog()
    for event in events:
        backlog.extend((event,), len(event.raw_text))
    return backlog


def test_up_to_the_bound_nothing_is_merged() -> None:
    """REQ-TURN-02."""
    backlog = fed(*(token("a") for _ in range(ITERATOR_ITEMS)))
    assert [event.merged for event in backlog.events()] == [1] * ITERATOR_ITEMS


def test_req_turn_21_beyond_the_bound_tokens_are_merged_and_no_text_is_lost() -> None:
    """REQ-TURN-02."""
    count = 3 * ITERATOR_ITEMS
    backlog = fed(*(token(f"{n} ") for n in range(count)))
    (event,) = backlog.events()
    assert event.merged == count  # type: ignore[union-attr]
    assert event.token == "".join(f"{n} " for n in range(count))  # type: ignore[union-attr]
    assert event.raw["data"]["token"] == f"{count - 1} "


def test_what_stands_between_tokens_is_kept_in_place() -> None:
    """REQ-TURN-02."""
    events = [event for n in range(400) for event in (token("a"), token("b"), token("c"), chunk())]
    kept = list(fed(*events).events())
    assert len(kept) <= ITERATOR_ITEMS
    assert [event.type for event in kept if event.type != "stream_token"] == ["stream_chunk"] * 400
    shown = "".join(event.token if event.type == "stream_token" else "|" for event in kept)
    assert shown == "abc|" * 400


def test_a_reader_in_time_sees_every_token_by_itself() -> None:
    """REQ-TURN-02."""
    items = TurnItems()
    backlog = items.open()
    for n in range(3 * ITERATOR_ITEMS):
        items.extend((token(str(n)),))
        event: Any = backlog.take()
        assert (event.token, event.merged) == (str(n), 1)
    assert sum(event.merged for event in items.kept()) == 3 * ITERATOR_ITEMS


def test_what_cannot_be_merged_ends_the_iteration_that_is_over() -> None:
    """REQ-TURN-02: slow_consumer, alone."""
    backlog = fed(*(chunk() for _ in range(ITERATOR_ITEMS + 1)))
    assert backlog.over
    assert len(backlog) == ITERATOR_ITEMS


def test_req_turn_21_bytes_are_bounded_too() -> None:
    """REQ-TURN-15."""
    big = token("x" * (ITERATOR_BYTES // 4))
    backlog = fed(*[big] * 3)
    assert not backlog.over
    assert len(backlog) == 3
    for _ in range(3):
        backlog.take()
    backlog.extend([big] * 3, 3 * len(big.raw_text))
    assert not backlog.over
    assert len(backlog) == 3


async def test_req_turn_22_an_iterator_that_is_over_ends_alone(
    server: Peer, client: SmoothAgentClient
) -> None:
    """REQ-TURN-02: the turn and its other readers go on."""
    turn = client.send_message(session_id=S, message="hi")
    await server.expect("send_message")
    slow = turn.__aiter__()
    for _ in range(ITERATOR_ITEMS + 10):
        await server.send(CHUNK)
    await server.finish("r-1", "done")
    assert (await asyncio.wait_for(turn, LIMIT)).text == "done"
    for _ in range(ITERATOR_ITEMS):
        await anext(slow)
    with pytest.raises(SlowConsumerError) as caught:
        await anext(slow)
    assert caught.value.request_id == "r-1"


async def test_req_turn_23_halves_of_a_pair_in_two_tokens_are_joined(
    server: Peer, client: SmoothAgentClient
) -> None:
    """REQ-TURN-09: in text and text stream; the items show what came."""
    turn = client.send_message(session_id=S, message="hi")
    await server.expect("send_message")
    stream = turn.text_stream
    items = turn.__aiter__()
    for half in (r"a\ud83d", r"\ude00b", r"\ud83d", "c"):
        text = f'{{"type":"stream_token","data":{{"requestId":"r-1","token":"{half}"}}}}'
        await server.send(text)
    await server.finish("r-1", None)
    assert (await asyncio.wait_for(turn, LIMIT)).text == "a😀b�c"
    assert "".join([piece async for piece in stream]) == "a😀b�c"
    shown = [event.token async for event in items if event.type == "stream_token"]
    assert shown == ["a�", "�b", "�", "c"]


async def test_partial_text_can_be_read_at_each_token(
    server: Peer, client: SmoothAgentClient
) -> None:
    """REQ-TURN-15."""
    turn = client.send_message(session_id=S, message="hi")
    await server.expect("send_message")
    await server.tokens("r-1", "a", "b", "c")
    await server.finish("r-1", "abc")
    seen = [turn.partial_text async for event in turn if event.type == "stream_token"]
    assert seen[-1] == "abc"
