"""The judge of the cuts: sound turns pass, and each way to break one is seen."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from cuts_judge import Kept, faults_of, faults_of_script
from cuts_session import Message

from conform.spec import Tree

TEXT = "answer 0: one two"
SCRIPT: Tree = {
    "model": [
        {"toolCall": {"name": "look", "arguments": {"n": 0}}},
        {"text": TEXT},
        {"toolCall": {"name": "look", "arguments": {"n": 1}}},
        {"text": "answer 1: three"},
    ]
}
CALL = {"toolCall": {"name": "look", "arguments": {"n": 0}, "callId": "c"}}
EVENTS: list[Tree] = [
    {"type": "immediate_response", "status": 202, "seq": 1},
    {"type": "stream_chunk", "data": {"state": {"rawResponse": CALL}}, "seq": 2},
    {"type": "stream_token", "token": "answer 0: ", "seq": 3},
    {"type": "stream_token", "token": "one two", "seq": 4},
    {"type": "eventual_response", "seq": 5},
]


class Played:
    """A sound conversation of one message."""

    def __init__(self) -> None:
        items = [
            {"type": event["type"], "data": event, "flat": {"token": event.get("token")}}
            for event in copy.deepcopy(EVENTS[1:])
        ]
        end = {"ev": "ended", "outcome": "completed", "text": TEXT}
        self.message = Message("hello", items, [end])
        inbound = {
            "direction": "inbound",
            "content": {"text": "hello"},
            "requestId": "r",
            "turn": "completed",
        }
        outbound = {"direction": "outbound", "content": {"text": TEXT}, "requestId": "r"}
        self.kept = Kept([outbound, inbound], {"r": copy.deepcopy(EVENTS)})

    def faults(self) -> list[str]:
        found = list(faults_of([self.message], self.kept))
        return found + list(faults_of_script(SCRIPT, [self.kept]))


def doubled_item(played: Played) -> None:
    played.message.items.insert(2, played.message.items[1])


def missing_item(played: Played) -> None:
    del played.message.items[0]


def other_order(played: Played) -> None:
    played.message.items[1:3] = played.message.items[2:0:-1]


def missing_event(played: Played) -> None:
    del played.message.items[1]
    del played.kept.events["r"][2]


def run_twice(played: Played) -> None:
    played.kept.history.insert(0, played.kept.history[0])


def read_by_nobody(played: Played) -> None:
    played.kept.history[0]["content"]["text"] = "answer 1: three"
    played.message.ends[0]["text"] = "answer 1: three"


def stored_twice(played: Played) -> None:
    played.kept.history.append(played.kept.history[1])


def not_stored(played: Played) -> None:
    del played.kept.history[1]


def ended_twice(played: Played) -> None:
    played.message.ends *= 2


def interrupted(played: Played) -> None:
    played.message.ends[0] |= {"outcome": "failed", "error": {"kind": "turn_interrupted"}}


def other_text(played: Played) -> None:
    played.message.ends[0]["text"] = "answer 0: one"


def said_by_nobody(played: Played) -> None:
    played.kept.history.append({**played.kept.history[1], "content": {"text": "another"}})


def still_running(played: Played) -> None:
    played.kept.history[1]["turn"] = "running"


def forgotten(played: Played) -> None:
    played.kept.events["r"] = []


def tool_run_twice(played: Played) -> None:
    again = {**played.kept.events["r"][1], "seq": 6}
    played.kept.events["r"].append(again)
    played.message.items.append({"type": "stream_chunk", "data": again, "flat": {}})


def verb_failed(played: Played) -> None:
    played.message.faults.append("confirm failed")


BROKEN: dict[Callable[[Played], Any], str] = {
    doubled_item: "twice [3]",
    missing_item: "lost ['2 stream_chunk']",
    other_order: "in another order",
    missing_event: "its events are not kept",
    run_twice: "with 2 answers",
    read_by_nobody: "text 0 of the script was not read once",
    stored_twice: "stored 2 times",
    not_stored: "stored 0 times",
    ended_twice: "ended 2 times",
    interrupted: "turn_interrupted",
    other_text: "its result is not the answer",
    said_by_nobody: "nobody said it",
    still_running: "its turn is running",
    forgotten: "its events are not kept",
    tool_run_twice: "tool call 0 of the script was not read once",
    verb_failed: "confirm failed",
}


def test_a_sound_conversation_has_no_fault() -> None:
    assert Played().faults() == []


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_what_is_broken_is_seen(broken: Callable[[Played], Any]) -> None:
    played = Played()
    broken(played)
    assert BROKEN[broken] in "; ".join(played.faults())
