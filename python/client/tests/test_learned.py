"""Frames read by comparing bytes give the same events as frames that are decoded in full."""

from __future__ import annotations

import copy
import json
import os
import pickle
import random
from typing import Any

import pytest

from smooth_operator import wire
from smooth_operator.wire.learned import STREAMING, FrameReader, join, sent_text, size_of

FRAMES = int(os.environ.get("FUZZ_FRAMES", "8000"))
"""How many frames the differential fuzz plays; 1,000,000 before a release."""

TEXTS = ("", "a", "0", "false", "null", " ", '"', "\\", "\n\t", "é", "😀", "\u2028", "x" * 300)


def frame(
    token: str, *, kind: str = "stream_token", request_id: str = "r-1", at: int = 17
) -> dict[str, Any]:
    """Return a frame as servers write it."""
    data = {"requestId": request_id, "token": token}
    return {"type": kind, "requestId": request_id, "token": token, "data": data, "timestamp": at}


def text_of(body: dict[str, Any], *, ascii_only: bool = False) -> bytes:
    """Print a frame."""
    return json.dumps(body, ensure_ascii=ascii_only, separators=(",", ":")).encode()


def seen(data: bytes, reader: FrameReader) -> Any:
    """Return all that can be told of what a reader makes of a frame."""
    try:
        event: Any = reader.read(data)
    except (wire.MalformedFrame, wire.DecodeError, UnicodeDecodeError) as fault:
        return type(fault), str(fault)
    if event.type == "unknown":
        return event
    facts = (event.type, event.correlated, event.raw_text, event.raw, event.merged)
    if event.type in STREAMING:
        facts = (*facts, event.token, event.timestamp, event.request_id, sent_text(event))
    return facts, event.model_dump(), repr(event), event, wire.facts_of(event), event.to_wire()


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Return a frame that differs somewhere."""
    it = bytearray(data)
    for _ in range(dice.choice((0, 0, 1, 1, 2, 5))):
        at = dice.randrange(len(it))
        match dice.randrange(5):
            case 0:
                it[at] = dice.randrange(256)
            case 1:
                del it[at : at + dice.randrange(1, 4)]
            case 2:
                it[at:at] = bytes(dice.choices(b'"\\{}[]:,0123eEud\x00\x1f\xff ', k=2))
            case 3:
                it[at:at] = dice.choice((b"\\ud83d", b"\\udc4d", b"\\u0000", b"\\n", b"\\x"))
            case _:
                it = bytearray(it[: at + 1]) if dice.random() < 0.1 else it
        if not it:
            break
    return bytes(it)


def some_frame(dice: random.Random) -> bytes:
    """Return a sound frame of one of the kinds that stream, written in one of many ways."""
    body = frame(
        dice.choice(TEXTS),
        kind=dice.choice((*STREAMING, "stream_token")),
        request_id=dice.choice(("r-1", "r-2", "é", 'q"')),
        at=dice.choice((0, 9, 10, 1_764_000_000_000, 2**53 - 1, 2**53)),
    )
    for member in ("timestamp", "token", "requestId"):
        if dice.random() < 0.1:
            del body[member]
    if dice.random() < 0.1:
        body["seq"] = dice.choice((1, -1, 1.5, None, "x", [1], {"a": 1}))
    if dice.random() < 0.05:
        body["data"]["token"] = dice.choice(("other", 1, None))
    if dice.random() < 0.2:
        body = dict(dice.sample(list(body.items()), len(body)))
    return text_of(body, ascii_only=dice.random() < 0.5)


def test_learned_and_full_decode_agree_on_mutated_frames() -> None:
    """REQ-WIRE-01: whichever way a frame is read, the event is the same."""
    dice = random.Random(8)
    learned, full = FrameReader(), FrameReader(learn=False)
    for count in range(FRAMES):
        if count % 500 == 0:
            learned = FrameReader()
        data = mutated(some_frame(dice), dice)
        assert seen(data, learned) == seen(data, full), data


def is_learned(event: Any) -> bool:
    """Whether an event was read by comparing bytes."""
    return type(event) is not event.__class__


@pytest.mark.parametrize("kind", STREAMING)
def test_a_second_frame_is_not_parsed(kind: str) -> None:
    """A frame that differs in text, id, time and numbers alone is learned."""
    reader = FrameReader()
    reader.read(text_of(frame("a", kind=kind) | {"seq": 1}))
    event = reader.read(text_of(frame("b\n", kind=kind, request_id="r-2", at=18) | {"seq": 2}))
    assert is_learned(event)
    assert (event.token, event.request_id, event.timestamp) == ("b\n", "r-2", 18)  # type: ignore[union-attr]
    assert event.raw["seq"] == 2


def test_switched_off_every_frame_is_parsed() -> None:
    reader = FrameReader(learn=False)
    for token in "ab":
        assert not is_learned(reader.read(text_of(frame(token))))


def test_a_learned_event_is_a_model_like_any_other() -> None:
    reader = FrameReader()
    full = reader.read(text_of(frame("a")))
    event: Any = reader.read(text_of(frame("a")))
    assert is_learned(event)
    assert isinstance(event, wire.StreamTokenEvent)
    assert event == full
    assert hash(event) == hash(full)
    assert event.model_dump_json() == full.model_dump_json()
    assert event.data.token == "a"
    assert pickle.loads(pickle.dumps(event)) == event
    assert copy.deepcopy(event) is event
    assert size_of(event) == len(event.raw_text)
    with pytest.raises(Exception, match="frozen"):
        event.timestamp = 1
    with pytest.raises(AttributeError):
        _ = event.nothing


def test_a_merged_event_is_the_last_one_with_the_text_of_all() -> None:
    """REQ-TURN-02."""
    event: Any = join(wire.decode_event(text_of(frame("c", at=3)).decode()), "abc", 3)
    assert (event.token, event.merged, event.timestamp) == ("abc", 3, 3)
    assert event.raw["token"] == "c"
    assert pickle.loads(pickle.dumps(event)).token == "abc"
