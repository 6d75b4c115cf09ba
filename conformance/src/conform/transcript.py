"""Transcripts: what a testee reported, in a form in which equal behaviour is equal text.

One canonical JSON line an observation, grouped by lane. Every tolerance is here and nowhere else,
each with its reason; whatever is not named here is compared.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Container, Iterable
from typing import Any

from conform.facts import cut, known
from conform.spec import Tree

AUTO_ID = re.compile(r"req-auto-\d+")
FENCE = "~fence"


def lane_of(event: Tree) -> str:
    """Lane of an observation (PROTOCOL.md, section 2)."""
    kind = event["ev"]
    if kind in ("state", "pushed", "frame", "warned"):
        return f"{kind}:{event['on']}"
    if kind == "unhandled":
        return "unhandled"
    return str(event.get("as", event.get("turn")))


def is_ours(event: Tree) -> bool:
    """Whether the harness itself caused the observation (a fence)."""
    return lane_of(event).startswith(FENCE)


def _value(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: _value(v) for k, v in node.items()}
    if isinstance(node, list):
        return [_value(v) for v in node]
    if isinstance(node, bool) or not isinstance(node, int | float):
        return node
    number = float(node)  # numbers count by value, as IEEE doubles
    return int(number) if number.is_integer() else number


def clean(event: Tree, protocol: int) -> Tree:
    """One observation without what is measured, local to the run, or of a later protocol."""
    shown = {k: _value(v) for k, v in event.items() if k != "n"}
    if "error" in shown and shown["ev"] in ("returned", "ended"):
        shown["error"] = cut(known(shown["error"]), protocol)
    value = shown.get("value")
    for body in (shown, value):
        if isinstance(body, dict) and "outcome" in body and body.get("citations") == []:
            del body["citations"]  # a result has citations where there are any (REQ-TURN-18)
    if isinstance(value, dict) and isinstance(value.get("roundTripMs"), int | float):
        shown["value"] = {**value, "roundTripMs": "<t>"}
    return shown


def _join_texts(events: list[Tree]) -> list[Tree]:
    """Pieces of one text stream become one: how text is cut is not compared."""
    joined: list[Tree] = []
    for event in events:
        last = joined[-1] if joined else None
        if event["ev"] == "text" and last and last["ev"] == "text":
            joined[-1] = {**last, "piece": last["piece"] + event["piece"]}
        else:
            joined.append(event)
    return [e for e in joined if e["ev"] != "text" or e["piece"]]


def is_token(event: Tree) -> bool:
    """Whether an observation is an item that shows streamed text."""
    return event["ev"] == "item" and event.get("type") == "stream_token"


def _join_tokens(events: list[Tree]) -> list[Tree]:
    """Adjacent tokens become one: beyond the bound an iterator may merge them (REQ-TURN-21)."""
    joined: list[Tree] = []
    for event in events:
        if not is_token(event):
            joined.append(event)
            continue
        kept = {k: v for k, v in event.items() if k in ("ev", "turn", "as", "type")}
        token = event["token"] if "token" in event else event["flat"]["token"]
        if joined and is_token(joined[-1]):
            token = joined.pop()["token"] + token
        joined.append({**kept, "token": token})
    return joined


def _rename(lines: list[Tree]) -> list[Tree]:
    names: dict[str, str] = {}

    def walk(node: Any) -> Any:
        if isinstance(node, str) and AUTO_ID.fullmatch(node):
            return names.setdefault(node, f"req#{len(names) + 1}")
        if isinstance(node, dict):
            return {k: walk(node[k]) for k in sorted(node)}
        if isinstance(node, list):
            return [walk(v) for v in node]
        return node

    return [walk(line) for line in lines]


def canonical(
    events: Iterable[Tree],
    *,
    counted: bool = True,
    protocol: int = 2,
    merging: Container[str] = (),
) -> list[str]:
    """Return the transcript: lanes in order of name, each lane in its own order.

    With ``counted`` the events carry ``n`` and are put in its order inside their lane; without,
    they are taken in the order given. ``protocol`` is the version that errors are cut down to;
    in the lanes of ``merging`` adjacent tokens count by their concatenation.
    """
    lanes: dict[str, list[Tree]] = {}
    for event in events:
        if not is_ours(event):
            lanes.setdefault(lane_of(event), []).append(event)
    ordered: list[Tree] = []
    for name in sorted(lanes):
        lane = sorted(lanes[name], key=lambda e: e.get("n", 0)) if counted else lanes[name]
        shown = [clean(event, protocol) for event in lane]
        ordered.extend(_join_texts(_join_tokens(shown) if name in merging else shown))
    return [
        json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        for line in _rename(ordered)
    ]


def digest(lines: list[str]) -> str:
    """SHA-256 of a transcript; an empty one has none, so that nothing equals nothing."""
    if not lines:
        return ""
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def first_difference(
    expected: list[str], got: list[str], *, cut: bool = False
) -> tuple[str, str] | None:
    """Both lines of the first difference, lane by lane; an absent line is the empty string.

    With ``cut`` the testee was stopped early: what it reported beyond the expectation is left out.
    """
    left, right = _by_lane(expected), _by_lane(got)
    for lane in sorted({*left, *right}):
        wanted, seen = left.get(lane, []), right.get(lane, [])
        for index in range(max(len(wanted), len(seen))):
            pair = (_line(wanted, index), _line(seen, index))
            if pair[0] != pair[1] and (pair[0] or not cut):
                return pair
    return None


def pointer_of(expected: str, got: str) -> str:
    """JSON Pointer of the first member in which two lines differ; empty when one is missing."""
    if not expected or not got:
        return ""
    return _differs(json.loads(expected), json.loads(got), "")


def _differs(left: Any, right: Any, at: str) -> str:
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted({*left, *right}):
            if left.get(name, ...) != right.get(name, ...):
                return _differs(left.get(name, ...), right.get(name, ...), f"{at}/{name}")
    if isinstance(left, list) and isinstance(right, list):
        for index, (one, other) in enumerate(zip(left, right, strict=False)):
            if one != other:
                return _differs(one, other, f"{at}/{index}")
    return at or "/"


def _line(lines: list[str], index: int) -> str:
    return lines[index] if index < len(lines) else ""


def _by_lane(lines: list[str]) -> dict[str, list[str]]:
    lanes: dict[str, list[str]] = {}
    for line in lines:
        lanes.setdefault(lane_of(json.loads(line)), []).append(line)
    return lanes
