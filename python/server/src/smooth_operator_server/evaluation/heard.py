"""What a person heard in a turn, from its frames. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Frame = Mapping[str, Any]

QUESTIONS = {
    "write_confirmation_required": "confirmation",
    "otp_verification_required": "otp",
    "interaction_required": "interaction",
}
"""Events that ask the person, and how evaluation files call them."""

ENDS = frozenset({"eventual_response", "error", "cancelled"})


@dataclass(frozen=True, slots=True)
class Heard:
    """A turn as its person saw it."""

    frames: tuple[Frame, ...]
    text: str
    calls: tuple[tuple[str, Any], ...]
    """Tools that were called, with their arguments."""

    asked: tuple[str, ...]
    cited: tuple[frozenset[str], ...]
    """Ids and titles of each source."""

    outcome: str
    error: str | None
    usage: Mapping[str, Any]


def heard(frames: Sequence[Frame]) -> Heard:
    """Return what the frames of a whole turn say."""
    end = frames[-1]
    answer: Mapping[str, Any] = {}
    if end["type"] == "eventual_response":
        answer = end["data"]["data"]
    return Heard(
        tuple(frames),
        "\n".join(answer.get("response", {}).get("responseParts", ())),
        tuple(_calls(frames)),
        tuple(QUESTIONS[one["type"]] for one in frames if one["type"] in QUESTIONS),
        tuple(
            frozenset(str(one[key]) for key in ("id", "title") if one.get(key))
            for one in answer.get("citations", ())
        ),
        "answered" if answer else "failed",
        end["error"]["code"] if end["type"] == "error" else None,
        answer.get("usage", {}),
    )


def _calls(frames: Sequence[Frame]) -> list[tuple[str, Any]]:
    raw = (one["data"]["state"]["rawResponse"] for one in frames if one["type"] == "stream_chunk")
    steps = (one["toolCall"] for one in raw if "toolCall" in one)
    return [(step["name"], step["arguments"]) for step in steps]
