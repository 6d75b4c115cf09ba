"""The Python wire room beyond the vectors: hostile input, new events, tri-state, helpers."""

from __future__ import annotations

import json
import pickle

import pytest

from smooth_operator import wire

TOKEN = '{"type":"stream_token","requestId":"r","token":"a","data":{"requestId":"r","token":"b"}}'


@pytest.mark.parametrize("depth", [150, 400, 3_000, 100_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_req_wire_04_deep_nesting_never_crashes(depth: int, brackets: str) -> None:
    opening = "[" if brackets == "[]" else '{"a":'
    middle = "" if brackets == "[]" else "1"
    text = '{"type":"pong","x":' + opening * depth + middle + brackets[1] * depth + "}"
    try:
        event = wire.decode_event(text)
    except wire.MalformedFrame:
        return
    assert event.type == "pong"
    assert event.raw_text == text


@pytest.mark.parametrize("place", ["timestamp", "x"])
def test_req_wire_04_endless_digits_never_crash(place: str) -> None:
    text = f'{{"type":"pong","{place}":{"1" * 10_000}}}'
    try:
        event = wire.decode_event(text)
    except (wire.MalformedFrame, wire.DecodeError):
        return
    assert event.type == "pong"


def test_req_wire_04_a_lone_surrogate_in_the_text_itself_is_mended() -> None:
    event = wire.decode_event(TOKEN.replace('"b"', '"b\ud800"'))
    assert event.type == "stream_token"
    assert event.token == "b\ufffd"


def test_req_wire_05_a_mirrored_fact_reads_nested_first() -> None:
    event = wire.decode_event(TOKEN)
    assert isinstance(event, wire.StreamTokenEvent)
    assert event.token == "b"
    assert event.raw["token"] == "a"
    assert wire.encode_event(event) == json.loads(TOKEN)


def test_req_wire_05_a_new_event_is_written_at_both_places() -> None:
    event = wire.StreamTokenEvent.of(request_id="r", token="t")
    assert event.raw == {
        "type": "stream_token",
        "requestId": "r",
        "token": "t",
        "data": {"requestId": "r", "token": "t"},
    }
    error = wire.ErrorEvent.of(code="AGENT_ERROR", message="m", terminal=False)
    assert error.raw["error"] == error.raw["data"]["error"]
    assert (error.code, error.terminal) == ("AGENT_ERROR", False)
    empty = wire.EventualResponseEvent.of(request_id="r", status=200, message_id="m", response=None)
    assert empty.raw["data"]["data"] == {"messageId": "m", "response": None}


def test_req_wire_03_a_broken_body_names_kind_and_pointer() -> None:
    with pytest.raises(wire.DecodeError) as caught:
        wire.decode_event(
            '{"type":"otp_invalid","requestId":"q","data":{"requestId":"r","data":{}}}'
        )
    fault = caught.value
    assert (fault.type, fault.kind) == ("otp_invalid", "missing")
    assert fault.pointer == "/data/data/attemptsRemaining"
    assert fault.request_id == "q"
    assert not fault.terminal
    unknown = fault.as_unknown()
    assert (unknown.type, unknown.wire_type) == ("unknown", "otp_invalid")
    assert unknown.problem == wire.Problem("missing", "/data/data/attemptsRemaining")


def test_req_wire_06_tristate_tells_absent_null_and_value_apart() -> None:
    def page(**more: object) -> wire.MessagePage:
        data = {"messages": [], "hasMore": False, **more}
        frame = {"type": "immediate_response", "requestId": "r", "status": 200, "data": data}
        return wire.decode_result("get_conversation_messages", wire.decode_event(json.dumps(frame)))

    assert page().next_cursor is wire.MISSING
    assert page(nextCursor=None).next_cursor is None
    assert page(nextCursor="c").next_cursor == "c"
    assert "nextCursor" not in page().to_wire()
    assert page(nextCursor=None).to_wire()["nextCursor"] is None


def test_req_wire_02_an_unknown_enum_value_is_kept() -> None:
    channel = wire.OtpChannel("pigeon")
    assert channel == "pigeon"
    assert not channel.is_known
    assert wire.OtpChannel("sms") is wire.OtpChannel.SMS
    assert json.dumps([channel]) == '["pigeon"]'


def test_req_turn_02_the_correlation_id_is_read_at_the_top_first() -> None:
    text = '{"type":"stream_token","requestId":"top","data":{"requestId":"in","token":""}}'
    assert wire.request_id_of(wire.decode_event(text)) == "top"
    text = '{"type":"x-new","requestId":7,"data":{"requestId":"in"}}'
    assert wire.request_id_of(wire.decode_event(text)) == "in"


def test_req_call_04_an_action_writes_nothing_that_was_not_set() -> None:
    action = wire.SendMessageAction(session_id="s", message="grüße", stream=False)
    expected = '{"action":"send_message","sessionId":"s","message":"grüße","stream":false}'
    assert wire.encode_action(action) == expected
    with pytest.raises(ValueError, match="extra"):
        wire.SendMessageAction(session_id="s", message="m", colour="red")  # type: ignore[call-arg]


def test_events_are_immutable_and_equal_by_value() -> None:
    one, two = wire.decode_event(TOKEN), wire.decode_event(TOKEN)
    assert one == two
    with pytest.raises(ValueError, match="frozen"):
        one.timestamp = 1  # type: ignore[misc, union-attr]
    assert pickle.loads(pickle.dumps(one)) == one


def test_req_wire_12_the_machines_step_by_the_first_row_that_fits() -> None:
    turn, facts = wire.steps.TURN, wire.steps.Facts(status=202)
    state, effects = turn.step("sent", "immediate_response", facts)
    assert (state, [str(effect) for effect in effects]) == ("running", ["tap"])
    assert turn.step("settled", "cancel", wire.steps.Facts()) == ("settled", ())


def test_req_err_03_an_unknown_code_is_a_protocol_error() -> None:
    row = wire.errors.lookup("X_NEW")
    assert (row.code, row.kind, row.terminal) == ("X_NEW", "protocol", "always")
    assert wire.errors.lookup("TURN_IN_PROGRESS").leaf == "TurnInProgress"
