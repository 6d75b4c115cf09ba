"""Whether a case agrees with the oracle before any client plays it.

A case states what the client must send (``recv``) and, for the reader, what it must show
(``see``). Both are compared with what the specification leads to: a case that contradicts the
oracle is malformed, and says so with file and line.
"""

from __future__ import annotations

from conform.documents import CaseError
from conform.interpreter import Tables
from conform.patterns import mismatch
from conform.reader import Reader
from conform.script import Case, Step
from conform.spec import Spec
from conform.story import Expectation, expect
from conform.transcript import lane_of

SEES = (
    *("item", "ended", "returned", "state", "pushed", "message", "text", "frame"),
    *("called", "signalled", "warned"),
)
OF_CLIENTS = ("state", "pushed", "frame", "warned")


def _fault(case: Case, step: Step, text: str) -> CaseError:
    return CaseError(f"{case.shown_path}:{step.line}: {case.name}: {text}")


def expectation(
    spec: Spec, reader: Reader, case: Case, tables: Tables | None = None
) -> Expectation:
    """The oracle's expectation; raises ``CaseError`` when the case contradicts it."""
    expected = expect(spec, reader, case, tables)
    check(case, expected)
    return expected


def check(case: Case, expected: Expectation) -> None:
    """Raise ``CaseError`` where the case and the oracle disagree."""
    _frames(case, expected)
    _sound(case, expected)
    for index, step in enumerate(case.steps):
        if step.kind == "see":
            _seen(case, expected, index, step)
        elif step.kind == "do" and step.body["cmd"] == "advance":
            _settled_before(case, expected, index, step)


def _sound(case: Case, expected: Expectation) -> None:
    """A frame that decodes to broken proves nothing but REQ-WIRE-03."""
    if "REQ-WIRE-03" in case.proves:
        return
    for index, event in expected.events:
        failure = event.get("error") or {}
        if "problem" in event or failure.get("kind") == "invalid_frame":
            at = event.get("problem", {}).get("pointer") or failure.get("at")
            text = f"a frame is broken at {at}: such a case must prove REQ-WIRE-03"
            raise _fault(case, case.steps[index], text)


def _frames(case: Case, expected: Expectation) -> None:
    for client in {step.client for step in case.steps}:
        stated = [
            (i, s)
            for i, s in enumerate(case.steps)
            if s.kind == "recv" and s.client == client and "action" in s.body
        ]
        sent = [(i, frame) for i, who, frame in expected.frames if who == client]
        for (index, step), (cause, frame) in zip(stated, sent, strict=False):
            found = mismatch(step.body, frame)
            if found:
                raise _fault(case, step, f"the oracle sends another frame, {found}")
            if cause > index:
                raise _fault(case, step, "the oracle sends this frame only after a later step")
        if len(stated) > len(sent):
            raise _fault(case, stated[len(sent)][1], "the oracle sends no such frame")
        if len(sent) > len(stated):
            index, frame = sent[len(stated)]
            raise _fault(case, case.steps[index], f"no recv for what the oracle sends: {frame}")


def _seen(case: Case, expected: Expectation, index: int, step: Step) -> None:
    kind = next((word for word in SEES if word in step.body), None)
    if kind is None:
        raise _fault(case, step, f"see needs one of {', '.join(SEES)}")
    rest = {k: v for k, v in step.body.items() if k != kind}
    lane = f"{kind}:{step.body[kind]}" if kind in OF_CLIENTS else step.body[kind]
    until = [e for i, e in expected.events if i <= index]
    for event in until:
        here = event["ev"] == kind and lane_of(event) == lane
        if here and mismatch({**rest, "$partial": True}, event) is None:
            return
    raise _fault(case, step, f"the oracle does not show this by now: {step.body}")


def _settled_before(case: Case, expected: Expectation, index: int, step: Step) -> None:
    """A clock may move only when all frames before are known to be read."""
    shown = {i for i, _ in expected.events}
    for back in range(index - 1, -1, -1):
        before = case.steps[back]
        if before.client != step.client:
            continue
        if before.kind == "fence" or back in shown:
            return
        if before.kind == "send" or (before.kind == "wire" and "handshake" not in before.body):
            text = "advance follows a frame that nothing shows; put a fence between them"
            raise _fault(case, step, text)
