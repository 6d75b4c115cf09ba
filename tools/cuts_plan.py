"""What tools/cuts.py draws from its seed: the script of the server, and where each link is cut."""

from __future__ import annotations

import random
from typing import Any

from cuts_proxy import HOW, Cut
from cuts_session import OTP

from conform.spec import Tree

WORDS = ("a", "few", "words", "of", "which", "each", "is", "one", "token")
HANDSHAKE = 0.12  # share of the links that are cut before they are open
DOWN = 0.6  # share of the others that are cut in what the server says
EDGE = 0.3  # share of cuts behind a whole frame
BYTES = {"handshake": 120, "down": 2500, "up": 400}
"""Most bytes before a cut; less than what a turn says, so that a turn is cut more than once."""

PAUSE_S = (0.02, 0.2)


def script(chance: random.Random, messages: int) -> Tree:
    """Return a script for so many messages; each text and each call is in it once."""
    model: list[Tree] = []
    for number in range(messages):
        model += [
            {"delayMs": chance.randint(1, 10), pieces: _words(chance, 8)}
            for pieces in ("preamble", "reasoning")
            if chance.random() < 0.5
        ]
        call = _call(chance.randrange(6), number)
        if call is not None:
            model.append({"toolCall": call})
        text = f"answer {number}: {_words(chance, chance.randint(18, 58))}"
        model.append({"delayMs": chance.randint(1, 10), "text": text})
    return {
        "model": model,
        "tools": [
            {"name": "look", "result": "done"},
            {"name": "pay", "result": "paid", "confirm": True},
            {"name": "orders", "result": "none", "auth": "end_user"},
        ],
        "otp": {"code": OTP, "channel": "email"},
    }


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(count))


def _call(kind: int, number: int) -> Tree | None:
    """A tool that runs, one that is confirmed, one that needs a code, a form, or (twice) none."""
    if kind < 3:
        return {"name": ("look", "pay", "orders")[kind], "arguments": {"n": number}}
    if kind == 3:
        form: dict[str, Any] = {"fields": [{"key": "email", "required": True}]}
        return {"name": "request_identity_intake", "arguments": {**form, "reason": f"no. {number}"}}
    return None


def cuts(chance: random.Random, count: int) -> list[Cut]:
    """Return the cuts of one session, one a link."""
    return [_cut(chance) for _ in range(count)]


def _cut(chance: random.Random) -> Cut:
    way = "down" if chance.random() < DOWN else "up"
    part = "handshake" if chance.random() < HANDSHAKE else "frames"
    return {
        "part": part,
        "way": way,
        "after": chance.randrange(BYTES["handshake" if part == "handshake" else way]),
        "edge": part == "frames" and chance.random() < EDGE,
        "how": chance.choice(list(HOW)),
        "pause": round(chance.uniform(*PAUSE_S), 3),
    }
