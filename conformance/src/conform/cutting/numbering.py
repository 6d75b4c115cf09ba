"""A case as a server tells it that replays: its sessions say so, its turns' events have numbers."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace

from conform.script import Case, Step
from conform.spec import Tree

UNNUMBERED = ("keepalive", "turn_resumed")
SESSIONS = ("create_conversation_session", "get_session")
TERMINAL = ("eventual_response", "cancelled", "error")
WORD = "replay"
LOSSES = ("close", "close-no-status", "drop", "reset", "bad-utf8", "octets")
SILENT = (*LOSSES[:4], "handshake")  # nothing of these is a frame


def passes(step: Step) -> bool:
    """Whether a frame passes at a step, in whatever form and direction."""
    if step.kind == "recv":
        return "action" in step.body
    return step.kind == "send" or (step.kind == "wire" and not step.body.keys() & set(SILENT))


def request_of(frame: Tree) -> str | None:
    """The turn or call that a frame belongs to."""
    data = frame.get("data")
    nested = data.get("requestId") if isinstance(data, dict) else None
    found = frame.get("requestId", nested)
    return found if isinstance(found, str) else None


def number_of(frame: Tree) -> int | None:
    """The number that an event has."""
    number = frame.get("seq")
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return number if number > 0 else None


def frames_of(step: Step) -> list[Tree]:
    """The frames that a step of the server sends, as far as they can be read."""
    if step.kind == "send":
        return [step.body]
    if step.kind != "wire":
        return []
    verb, value = next(iter(step.body.items()))
    match verb:
        case "json" | "bytewise" | "mid-utf8":
            found = [value]
        case "fragment":
            found = [value["frame"]]
        case "coalesce":
            found = value
        case _:
            found = []
    return [frame for frame in found if isinstance(frame, dict)]


def tells_itself(case: Case) -> str:
    """Why a case has to be told as it is; empty when a server that replays can tell it."""
    requests = {s.body.get("requestId") for s in case.steps if is_message(s)}
    for step in case.steps:
        if any("seq" in frame for frame in frames_of(step)):
            return "its events have numbers"
        if step.kind == "wire" and step.body.keys() & set(LOSSES):
            return "it has losses of its own"
        if step.kind == "do" and step.body["cmd"] in ("openturn", "recover"):
            return "what it is about is how a turn is found again"
        if step.kind == "wire" and _unread(step) in requests:
            return "bytes of its turn take no number"
    return ""


def in_real_time(case: Case) -> bool:
    """Whether a limit of a case is moved by no clock: that of a handshake or a close frame."""
    given = (s.body.get("timeouts", {}) for s in case.steps if s.kind == "do")
    return any(time.keys() & {"close", "connect"} for time in given)


def is_message(step: Step) -> bool:
    """Whether the client sends a message there."""
    return step.kind == "recv" and step.body.get("action") == "send_message"


def _unread(step: Step) -> str | None:
    """The turn of a frame that is given as bytes."""
    verb, value = next(iter(step.body.items()))
    if verb == "big":
        return str(value["requestId"])
    if verb != "raw":
        return None
    try:
        frame = json.loads(value)
    except ValueError:
        return None
    return request_of(frame) if isinstance(frame, dict) else None


def numbered(case: Case) -> Case:
    """The case on replay sessions."""
    counts: dict[str, int] = {}
    asked: dict[str, str] = {}
    steps = []
    for old in case.steps:
        step = replace(old, body=deepcopy(old.body))
        if step.kind == "recv" and isinstance(step.body.get("requestId"), str):
            asked[step.body["requestId"]] = step.body.get("action", "")
            if is_message(step):
                counts.setdefault(step.body["requestId"], 0)
        for frame in frames_of(step):
            _number(frame, counts, asked)
        steps.append(step)
    return clocked(replace(case, steps=tuple(steps)))


def _number(frame: Tree, counts: dict[str, int], asked: dict[str, str]) -> None:
    request = request_of(frame)
    data = frame.get("data")
    if asked.get(request or "") in SESSIONS and isinstance(data, dict) and "sessionId" in data:
        words = data.get("capabilities", [])
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            data["capabilities"] = sorted({*words, WORD})
    if request in counts and frame.get("type") not in UNNUMBERED:
        counts[request] += 1
        frame["seq"] = counts[request]


def clocked(case: Case) -> Case:
    """The case with clocks that move by hand, so that a wait before an attempt is over at once."""
    steps = [replace(step, body=deepcopy(step.body)) for step in case.steps]
    for step in steps:
        if step.kind == "do" and step.body["cmd"] == "open":
            step.body["clock"] = "virtual"
    needs = tuple(dict.fromkeys([*case.needs, "virtual_clock", "reconnect", WORD]))
    proves = tuple(dict.fromkeys([*case.proves, "REQ-WIRE-03"]))
    return replace(case, steps=tuple(steps), needs=needs, proves=proves, kills=())


def with_steps(case: Case, steps: list[Step], name: str, ids: dict[str, list[str]]) -> Case:
    """A case with other steps, whose clients draw these ids."""
    drawn = {client: list(each) for client, each in ids.items()}
    return replace(case, name=name, steps=tuple(steps), ids=drawn)
