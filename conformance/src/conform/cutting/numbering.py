"""A case as a server tells it that replays: its sessions say so, its turns' events have numbers."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from conform.script import Case, Step, ids_of
from conform.spec import Tree

UNNUMBERED = ("keepalive", "turn_resumed")
SESSIONS = ("create_conversation_session", "get_session")
LINK = ("connect", "advance", "wake", "counters", "openturn", "recover")
TERMINAL = ("eventual_response", "cancelled", "error")
WORD = "replay"
MOST_STEPS = 200


@dataclass
class Turn:
    """What the server has of one turn, up to a step."""

    heard: bool = False  # its message arrived
    over: bool = False  # its terminal event was sent
    events: list[Step] = field(default_factory=list)


def unfit(case: Case) -> str:
    """Why no link of a case can be cut; empty when it can be."""
    if len(case.steps) > MOST_STEPS:
        return f"more than {MOST_STEPS} steps"
    if len({step.client for step in case.steps}) > 1:
        return "more than one client"
    if not any(s.kind == "recv" and s.body.get("action") == "send_message" for s in case.steps):
        return "no turn"
    if any(s.kind == "wire" and set(s.body) != {"json"} for s in case.steps):
        return "its subject is bytes, links or handshakes"
    closed = False
    for step in case.steps:
        if closed and step.kind in ("fence", "recv", "send"):
            return "it goes on after its close()"
        if step.kind != "do":
            continue
        closed = closed or (step.body["cmd"] == "close" and not step.body.get("auto"))
        if "handlers" in step.body:
            return "its handlers write when they like"
        if step.body["cmd"] in LINK and not step.body.get("auto"):
            return "its subject is the link or the clock"
        if step.body["cmd"] == "open" and not _plain(step.body):
            return "its subject is an option"
    if any("seq" in step.body for step in case.steps if step.kind == "send"):
        return "it is about replay itself"
    return ""


def _plain(body: Tree) -> bool:
    given = body.get("options", {})
    return not body.get("lazy") and body.get("connect", True) and not given and "tls" not in body


def request_of(frame: Tree) -> str | None:
    """The turn or call that a frame belongs to."""
    data = frame.get("data")
    nested = data.get("requestId") if isinstance(data, dict) else None
    found = frame.get("requestId", nested)
    return found if isinstance(found, str) else None


def frame_of(step: Step) -> Any:
    """The frame that a step of the server sends, if it sends one."""
    if step.kind == "send":
        return step.body
    return step.body["json"] if step.kind == "wire" and "json" in step.body else None


def numbered(case: Case) -> Case:
    """The case on a replay session."""
    counts: dict[str, int] = {}
    asked: dict[str, str] = {}
    steps = []
    for old in case.steps:
        step = replace(old, body=deepcopy(old.body))
        if step.kind == "recv" and isinstance(step.body.get("requestId"), str):
            asked[step.body["requestId"]] = step.body.get("action", "")
            if step.body.get("action") == "send_message":
                counts.setdefault(step.body["requestId"], 0)
        elif step.kind == "do" and step.body["cmd"] == "open":
            step.body["clock"] = "virtual"
        frame = frame_of(step)
        if isinstance(frame, dict):
            _number(frame, counts, asked)
        steps.append(step)
    return rebuilt(case, steps, case.name)


def _number(frame: Tree, counts: dict[str, int], asked: dict[str, str]) -> None:
    request = request_of(frame)
    data = frame.get("data")
    if asked.get(request or "") in SESSIONS and isinstance(data, dict) and "sessionId" in data:
        data["capabilities"] = sorted({*data.get("capabilities", []), WORD})
    if request in counts and frame.get("type") not in UNNUMBERED:
        counts[request] += 1
        frame["seq"] = counts[request]


def rebuilt(case: Case, steps: list[Step], name: str) -> Case:
    """A case with other steps; the ids that its client draws follow from them."""
    fresh = tuple(replace(step, body=deepcopy(step.body)) for step in steps)
    needs = tuple(dict.fromkeys([*case.needs, "virtual_clock", "reconnect", WORD]))
    proves = tuple(dict.fromkeys([*case.proves, "REQ-WIRE-03"]))
    return replace(
        case, name=name, steps=fresh, needs=needs, proves=proves, kills=(), ids=ids_of(fresh)
    )


def known(steps: list[Step]) -> dict[str, Turn]:
    """What the server knows of each turn after these steps."""
    turns: dict[str, Turn] = {}
    for step in steps:
        if step.kind == "recv" and step.body.get("action") == "send_message":
            turns.setdefault(step.body["requestId"], Turn()).heard = True
        frame = frame_of(step)
        turn = turns.get(request_of(frame) or "") if isinstance(frame, dict) else None
        if turn is None or "seq" not in frame:
            continue
        turn.events.append(step)
        turn.over = turn.over or frame.get("type") in TERMINAL[:2]
    return turns
