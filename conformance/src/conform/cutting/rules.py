"""Why a case whose link was cut may show something else than the uncut one, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass

from conform.cutting.numbering import LOSSES, frames_of, number_of, request_of
from conform.interpreter import Tables
from conform.script import Step
from conform.story.client import Client

ASKS = "resume_turn"
GAVE_UP = "REQ-CONN-30: no other link is sought"
VERBS = ("confirm_tool_action", "submit_interaction")


def in_flight(client: Client, lost: Step | None) -> str:
    """What is in flight that a cut may change."""
    for call in client.calls.values():
        if call.op not in client.tables.reads:
            return f"REQ-CONN-15: {call.op} is in flight"
    for turn in client.turns.values():
        if not turn.settled and not turn.resuming.replays:
            return "REQ-RESUME-01: a turn runs in a session that does not replay"
        states = turn.machines.states
        asked = [client.tables.verbs[verb.kind]["question"] for verb in turn.verbs]
        for verb, question in zip(turn.verbs, asked, strict=True):
            if question is None:
                continue
            if asked.count(question) > 1:
                return "REQ-RESUME-07: two answers of one kind are in flight"
            if states[question] != "answered" or _asks(client.tables, question, lost):
                return "REQ-RESUME-07: another question followed the one that was answered"
            if not turn.known_again(verb):
                return f"REQ-RESUME-07: the answer of {verb.kind} cannot be known again"
        if turn.settled and turn.live:
            return "REQ-OTP-03: the code of a turn that has ended"
    return ""


def missed(client: Client, lost: Step | None) -> str:
    """What of a lost frame does not come again."""
    if lost is None:
        return ""
    if lost.kind == "recv":
        op = lost.body.get("action", "")
        known_again = op in ("send_message", ASKS) or op in client.tables.reads
        if op in ("cancel", "verify_otp"):
            return f"REQ-RESUME-08: {op} is written once"
        return "" if known_again or op in VERBS else f"REQ-CONN-15: {op} is in flight"
    frames = frames_of(lost)
    for frame in frames:
        request = request_of(frame) or ""
        turn = client.turns.get(request)
        numbered = turn and not turn.settled and number_of(frame) is not None
        if request not in client.calls and not numbered:
            return "REQ-CONN-42: an event outside a turn is missed"
    return "" if frames else "REQ-CONN-42: an event outside a turn is missed"


def _asks(tables: Tables, question: str, lost: Step | None) -> bool:
    """Whether a frame that is lost asks a question anew."""
    row = tables.questions[question]
    asks = (row["shows"], *row["updated_by"])
    return any(f.get("type") in asks for f in frames_of(lost)) if lost is not None else False


@dataclass(frozen=True)
class Afterwards:
    """Why a cut that loses nothing may change what comes after it."""

    client: Client
    steps: list[Step]
    meanwhile: list[Step]
    rest: list[Step]
    full: bool  # the case fills what the client remembers

    def why(self) -> str:
        """The first rule that says so."""
        client, turns = self.client, self.client.turns.values()
        option = client.seeking.option
        waits = option("queuePolicy") != "fail_fast" and option("queueLimit") > 0
        if self.meanwhile and not waits:
            return "REQ-CONN-40: a command that is given without a link does not wait for one"
        if any(turn.machines.state == "sent" for turn in turns):
            return "REQ-RESUME-04: a turn that goes on was accepted, here without its 202"
        loses = any(_loses(step) for step in self.rest)
        repeated = any(call.repeated for call in client.calls.values())
        if repeated or (client.calls and loses):
            return "REQ-CALL-13: a read is written again once, and the case has a loss of its own"
        if self.full:
            return "REQ-TURN-06: the ping at the cut is one more id of those remembered"
        if client.malformed:
            return "REQ-WIRE-04: frames in a row are those of one link"
        if any(step.kind == "recv" and step.body.get("action") == ASKS for step in self.steps):
            return "REQ-RESUME-04: its own server says what became of a turn, in its own way"
        if _says_again(self.steps):
            return "REQ-RESUME-07: an answer is given again in the same words: which one came?"
        if not _in_order(self.steps):
            return "REQ-RESUME-06: its own server leaves numbers out, or tells them twice"
        if any(step.body.get("cmd") == "advance" for step in self.rest):
            return "REQ-RESUME-09: a clock that the case moves stood still, ran on or began anew"
        return ""


def _says_again(steps: list[Step]) -> bool:
    """Whether a client gives one answer several times: one of them cannot be told from another."""
    given = [
        step.body for step in steps if step.kind == "recv" and step.body.get("action") in VERBS
    ]
    return any(given.count(body) > 1 for body in given)


def _in_order(steps: list[Step]) -> bool:
    """Whether every event has the number after the one before."""
    last: dict[str | None, int] = {}
    for frame in (frame for step in steps for frame in frames_of(step)):
        request, number = request_of(frame), number_of(frame)
        if "seq" in frame and number != last.get(request, 0) + 1:
            return False
        last[request] = number or last.get(request, 0)
    return True


def _loses(step: Step) -> bool:
    return step.kind == "wire" and bool(step.body.keys() & set(LOSSES))
