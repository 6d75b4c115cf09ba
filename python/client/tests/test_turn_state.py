"""The pure part of a turn: what needs no step, and that a step in full says the same."""

from __future__ import annotations

import json

import pytest

from smooth_operator._turn_state import QUESTION_KINDS, TurnState, Verb
from smooth_operator.wire import decode_event
from smooth_operator.wire.steps import QUESTION_MACHINES, TURN, Facts, Item


def token() -> object:
    """Return a token."""
    data = {"requestId": "r-1", "token": "a"}
    return decode_event(json.dumps({"type": "stream_token", "data": data}))


def state() -> TurnState:
    """Return the state of a turn whose questions do not lapse."""
    return TurnState(lambda *_: False)


@pytest.mark.parametrize("word", sorted(TURN.quiet["running"]))
def test_what_is_quiet_moves_no_machine(word: str) -> None:
    """REQ-TURN-02: a quiet event is an item and nothing else, whatever was answered before."""
    assert TURN.step("running", word, Facts(turn="running")) == ("running", (Item(),))
    for machine in QUESTION_MACHINES:
        for resting in ("none", "answered"):
            assert machine.step(resting, word, Facts(turn="running")) == (resting, ())


def test_nothing_is_quiet_while_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ-VERB-10: an open question may lapse, an outstanding verb may be answered."""
    monkeypatch.setattr(TurnState, "fast", True)  # what is tested here is the fast path
    it = state()
    assert not it.quiet(token())
    it.frame(token(), "stream_token", Facts(turn=it.turn))
    assert it.quiet(token())
    it.verbs.append(Verb("cancel"))
    assert not it.quiet(token())
    it.verbs.clear()
    for kind in QUESTION_KINDS:
        it.questions[kind] = "open"
        assert not it.quiet(token())
        it.questions[kind] = "answered"
        assert it.quiet(token())
    it.turn = "settled"
    assert not it.quiet(token())
