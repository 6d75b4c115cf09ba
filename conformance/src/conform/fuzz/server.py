"""The server of a session whose links are cut: what it has of each turn, and now and then a lie."""

from __future__ import annotations

import random
from copy import deepcopy

from conform.cutting.memory import Told, Turn
from conform.cutting.numbering import UNNUMBERED, request_of
from conform.spec import Tree

HONEST = 0.85
REFUSALS = ("RATE_LIMITED", "INTERNAL_ERROR", "SESSION_NOT_FOUND", "A_CODE_OF_TOMORROW")
STATES = ("gone", "never", "moved", "settled", "a-word-of-tomorrow")
MESSAGE = "send_message"


class Server:
    """Reads what the client wrote when it likes, numbers events and keeps them."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.turns: dict[str, Turn] = {}
        self.unread: list[Tree] = []  # what the client wrote on this link
        self.asked: list[Tree] = []  # each resume_turn that has no answer yet

    @property
    def running(self) -> list[str]:
        """Ids of turns whose message it has read and that it has not ended."""
        return [name for name, turn in self.turns.items() if turn.heard and not turn.over]

    def read(self) -> None:
        """Read what came by this link."""
        for frame in self.unread:
            if frame["action"] == MESSAGE:
                self.turns.setdefault(frame["requestId"], Turn()).heard = True
            elif frame["action"] == "resume_turn":
                self.asked.append(frame)
        self.unread = []

    def cut(self) -> None:
        """The link is lost, and with it what lies unread."""
        self.unread, self.asked = [], []

    def numbered(self, frame: Tree) -> Tree:
        """An event with its number, which is kept; of no turn it has none."""
        turn = self.turns.get(request_of(frame) or "")
        if turn is None or frame["type"] in UNNUMBERED:
            return frame
        told = {**frame, "seq": turn.last + 1}
        turn.tells(told, "wire")
        return told

    def garbled(self, frame: Tree) -> Tree:
        """The event with a number that is not its own."""
        if "seq" not in frame:
            return frame
        other = self.draw.choice([frame["seq"] + 1, max(1, frame["seq"] - 1), 0, "1", None])
        return {name: value for name, value in {**frame, "seq": other}.items() if value is not None}

    def again(self, request: str) -> Told:
        """An event that was told before, once more."""
        events = self.turns[request].events
        return [events[self.draw.choice(sorted(events))]] if events else []

    def answer(self) -> Told:
        """Answer the oldest question for a turn: by the truth, or by a lie."""
        asked = self.asked.pop(0)
        truth = self.turns.get(asked["requestId"], Turn()).resumed(asked)
        return truth if self.draw.random() < HONEST else self._lie(asked, truth)

    def _lie(self, asked: Tree, truth: Told) -> Told:
        first = deepcopy(truth[0][1])
        match self.draw.randrange(5):
            case 0:
                first["data"]["data"]["state"] = self.draw.choice(STATES)
            case 1:
                shift = self.draw.choice([-1, 1, 2])
                last = max(0, first["data"]["data"]["lastSeq"] + shift)
                first["data"]["data"]["lastSeq"] = last
            case 2:
                return [("wire", {"json": self._refusal(asked)})]
            case 3:
                first["data"] = self.draw.choice([None, {}, {"data": {"state": 7}}])
            case _:
                rest = truth[1:]
                some = [each for each in rest if self.draw.random() < 0.6]
                return [truth[0], *self.draw.choice([some, [*rest, *rest]])]
        return [("wire", {"json": first}), *truth[1:]]

    def _refusal(self, asked: Tree) -> Tree:
        info: Tree = {"code": self.draw.choice(REFUSALS), "message": "m"}
        if self.draw.random() < 0.5:
            info["retryAfterMs"] = self.draw.choice([0, 900, 4_000])
        request = asked["requestId"]
        return {
            "type": "error",
            "requestId": request,
            "data": {"requestId": request, "error": info},
        }
