"""What a client makes of the frames it reads."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
from hypothesis import strategies as st

from smooth_operator import (
    MessageTooLargeError,
    SmoothAgentClient,
    StateChange,
    TurnInterruptedError,
)
from smooth_operator.wire import DecodeError, MalformedFrame, decode_event, encode_event

from .peer import Peer, S
from .test_turns import begin, words


async def test_req_wire_01_an_unknown_type_goes_to_its_turn_or_to_the_listeners(
    server: Peer, client: SmoothAgentClient
) -> None:
    pushed: list[Any] = []
    client.on_event(pushed.append)
    turn, rid = await begin(server, client)
    await server.send(f'{{"type": "stream_video", "requestId": "{rid}", "x": [1e400]}}')
    await server.send({"type": "stream_video"})
    await server.finish(rid, "x")
    assert await words(turn) == ["unknown", "eventual_response"]
    await server.quiet(client)
    unknown = turn.items[0]
    assert (unknown.wire_type, unknown.problem) == ("stream_video", None)
    assert unknown.raw["requestId"] == rid
    assert [event.wire_type for event in pushed] == ["stream_video"]


async def test_req_wire_03_a_broken_body_is_an_unknown_item_with_the_problem(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    await server.send(
        {"type": "stream_token", "requestId": rid, "data": {"requestId": rid, "token": 7}}
    )
    await server.finish(rid, "x")
    assert await words(turn) == ["unknown", "eventual_response"]
    problem = turn.items[0].problem
    assert (problem.kind, problem.pointer) == ("type", "/data/token")


@pytest.mark.parametrize(
    "frame",
    [
        b"\x00",
        "not json",
        "[1]",
        "7",
        '{"type": 7}',
        "{}",
        '{"type":"pong","x":NaN}',
        '\ufeff{"type":"pong"}',
    ],
)
async def test_req_wire_04_ten_malformed_frames_in_a_row_end_the_link(
    server: Peer, client: SmoothAgentClient, frame: str | bytes
) -> None:
    changes: list[StateChange] = []
    client.on_state(changes.append)
    turn, rid = await begin(server, client)
    for _ in range(9):
        await server.send(frame)
    await server.tokens(rid, "a")
    for _ in range(9):
        await server.send(frame)
    await server.quiet(client)
    for _ in range(10):
        await server.send(frame)
    with pytest.raises(TurnInterruptedError) as caught:
        await turn
    assert caught.value.close_code == 4400
    link = await server.link()
    await asyncio.wait_for(link.wait_closed(), 5)
    assert link.close_code == 4400
    assert (changes[-1].reason, changes[-1].code) == ("malformed_limit", 4400)


async def test_req_wire_10_a_text_that_is_not_utf8_closes_with_1007(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, _ = await begin(server, client)
    link = await server.link()
    await link.send(b'{"type":"\xff"}', text=True)
    with pytest.raises(TurnInterruptedError) as caught:
        await turn
    assert caught.value.close_code == 1007
    await asyncio.wait_for(link.wait_closed(), 5)
    assert link.close_code == 1007


async def test_req_wire_10_a_code_point_may_be_cut_by_fragments(
    server: Peer, client: SmoothAgentClient
) -> None:
    turn, rid = await begin(server, client)
    data = json.dumps(
        {"type": "stream_token", "requestId": rid, "data": {"requestId": rid, "token": "🗑️"}},
        ensure_ascii=False,
    ).encode()
    link = await server.link()
    await link.send((data[n : n + 1] for n in range(len(data))), text=True)
    await server.finish(rid, None)
    assert (await turn).text == "🗑️"


async def test_req_wire_11_a_message_over_the_limit_closes_with_1009(server: Peer) -> None:
    async with SmoothAgentClient(server.url, max_message_bytes=1000) as client:
        turn, rid = await begin(server, client)
        await server.tokens(rid, "y" * 2000)
        with pytest.raises(MessageTooLargeError) as caught:
            await turn
        assert caught.value.close_code == 1009
        link = await server.link()
        await asyncio.wait_for(link.wait_closed(), 5)
        assert link.close_code == 1009


async def test_req_wire_12_what_nobody_owns_goes_to_the_listeners(
    server: Peer, client: SmoothAgentClient
) -> None:
    pushed: list[Any] = []
    client.on_event(pushed.append)
    await server.fail(None, "INTERNAL_ERROR")
    await server.respond("foreign", {})
    await server.send({"type": "keepalive", "data": {"requestId": "foreign"}})
    await server.quiet(client)
    assert [event.type for event in pushed] == ["error", "immediate_response"]


def test_req_wire_05_null_on_an_optional_field_reads_as_absent() -> None:
    event = decode_event('{"type":"pong","requestId":null,"timestamp":5,"data":null}')
    assert event.type == "pong"
    assert encode_event(event) == {"type": "pong", "timestamp": 5}


def test_req_wire_06_one_repair_and_nothing_else_is_coerced() -> None:
    text = '{"type":"stream_token","token":"a","timestamp":5.0,"data":{"requestId":"r"}}'
    event = decode_event(text)
    assert event.token == "a"
    assert encode_event(event)["timestamp"] == 5
    for bad in ('"5"', "true", "5.5"):
        with pytest.raises(DecodeError):
            decode_event(text.replace("5.0", bad))


def test_req_wire_06_lone_surrogates_read_as_replacement_characters() -> None:
    token = "\\ud83d x \\\\ud83d \\ud83d\\uddd1"
    event = decode_event(f'{{"type":"stream_token","data":{{"requestId":"r","token":"{token}"}}}}')
    assert event.token == "\ufffd x \\ud83d 🗑"


def test_req_wire_02_unknown_fields_survive_a_round_trip() -> None:
    frame = {
        "new": [1],
        "data": {
            "data": {"channel": "pigeon", "maskedDestination": "a", "x": {"y": None}},
            "requestId": "r",
            "z": 1,
        },
        "type": "otp_sent",
    }
    event = decode_event(json.dumps(frame))
    assert event.channel == "pigeon"
    assert encode_event(event) == frame
    assert event.raw == frame


def test_req_wire_09_bombs_neither_crash_nor_wedge() -> None:
    for text in (
        '{"type":"pong","x":' + "[" * 200_000,
        '{"type":"pong","x":' + "[" * 50_000 + "]" * 50_000 + "}",
        '{"type":"pong","timestamp":' + "9" * 10_000 + "}",
        '{"type":"pong","type":"keepalive"}',
    ):
        with contextlib.suppress(MalformedFrame, DecodeError):
            decode_event(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)
TYPES = ["stream_token", "error", "eventual_response", "otp_invalid", "pong", "brand_new"]


@pytest.mark.parametrize("more", ["NaN", "-Infinity", "[Infinity]", '{"y":NaN}'])
@pytest.mark.parametrize("name", ["stream_token", "stream_preamble", "stream_reasoning"])
def test_req_wire_04_no_number_that_json_lacks_comes_in_beside_a_token(
    name: str, more: str
) -> None:
    data = '"data":{"requestId":"r","token":"t"'
    for text in (
        f'{{"type":"{name}",{data}}},"x":{more}}}',
        f'{{"type":"{name}",{data},"x":{more}}}}}',
        f'{{"typo":"{name}",{data}}}}}',
    ):
        with pytest.raises(MalformedFrame):
            decode_event(text)


def test_req_log_01_events_do_not_hold_a_session_text_in_their_errors() -> None:
    with pytest.raises(DecodeError) as caught:
        decode_event(
            '{"type":"eventual_response","data":{"requestId":"r","status":200,"data":"the-secret"}}'
        )
    assert "the-secret" not in str(caught.value)
    assert S not in str(caught.value)
