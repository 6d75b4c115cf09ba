"""Draws the acts of a session; the oracle's state says what is possible next."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conform.fuzz.frames import event
from conform.fuzz.session import CLIENT, SESSION, Session, begin
from conform.reader import Reader
from conform.spec import Spec, Tree
from conform.story.client import Client

# No two of these and no two advances add up to one moment: what is due first is never open.
TIMES = {"request": 3011, "turnIdle": 5023, "question": 7039, "cancel": 2053}
TOTAL = 20071
TURNS = 3
LOW_VERBS: tuple[tuple[str, Tree], ...] = (
    ("confirm_tool_action", {"approved": True}),
    ("verify_otp", {"code": "000001"}),
    ("verify_otp", {"declined": True}),
    ("submit_interaction", {"interactionId": "i-1", "kind": "choices", "values": {}}),
    ("cancel", {}),
)
VERBS: tuple[Tree, ...] = (
    {"cmd": "confirm", "approved": True},
    {"cmd": "confirm", "approved": False},
    {"cmd": "submit", "values": {"a": 1}},
    {"cmd": "decline", "question": "interaction"},
    {"cmd": "decline", "question": "otp"},
    {"cmd": "otp", "code": "000001"},
    {"cmd": "cancel"},
)


class Generator:
    """Draws one session whose link stands until it ends."""

    def __init__(self, spec: Spec, reader: Reader, seed: int) -> None:
        self.draw = random.Random(seed)
        self.virtual = self._is_virtual()
        self.empty = Session(seed, self._options(), self._capabilities(), ())
        self.assembly = begin(spec, reader, self.empty)
        self.acts: list[tuple[str, Tree]] = []
        self.turns: list[str] = []
        self.waits: list[str] = []
        self.names = 0

    def _is_virtual(self) -> bool:
        return self.draw.random() < 0.5

    def _options(self) -> Tree:
        if not self.virtual:
            return {}
        total = {"turn": TOTAL} if self.draw.random() < 0.3 else {}
        return {"clock": "virtual", "timeouts": {**TIMES, **total}}

    def _capabilities(self) -> tuple[str, ...]:
        return ("otp_park",) if self.draw.random() < 0.5 else ()

    def run(self, length: int) -> Session:
        """The session, with at most ``length`` acts."""
        while len(self.acts) < length and self._goes_on():
            if self.virtual:
                self._do({"cmd": "advance", "on": CLIENT, "ms": self.draw.choice([1, 2, 3, 5, 7])})
            self._next()
        if self.assembly.link == "open" and self.draw.random() < 0.3:
            end = {"close": {"code": self.draw.choice([1000, 1011, 4401])}}
            self._act("wire", self.draw.choice([end, {"drop": True}]))
        return replace(self.empty, acts=tuple(self.acts))

    def _goes_on(self) -> bool:
        return self.assembly.link == "open"

    def _next(self) -> None:
        self.draw.choice(self._choices())()

    def _choices(self) -> list[Callable[[], None]]:
        """What may happen next, the likely more than once."""
        choices = [self._frame] * 10 + [self._call, self._low_verb]
        if len(self.turns) < TURNS:
            choices += [self._turn] * (1 if self.turns else 6)
        if self.turns:
            choices += [self._verb] * 8 + [self._reader] * 3
        if self.virtual:
            choices += [self._advance] * 3
        if self.waits:
            choices += [self._abort]
        return choices

    def _act(self, kind: str, body: Tree) -> None:
        self.acts.append((kind, body))
        self.assembly.act(kind, body)

    def _do(self, body: Tree) -> None:
        self._act("do", body)

    def _name(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    # --- acts -------------------------------------------------------------------------------

    @property
    def _client(self) -> Client:
        assert self.assembly.client is not None
        return self.assembly.client

    def _frame(self) -> None:
        ids = [*(f"req-{t}" for t in self.turns * 3), *self._client.calls, "req-none"]
        self._act("wire", {"json": event(self.draw, self.draw.choice(ids))})

    def _turn(self) -> None:
        name = self._name("t")
        body: Tree = {"cmd": "turn", "on": CLIENT, "session": SESSION, "message": "hello"}
        watch = self.draw.choice(["items", "items", "result", "none"])
        self.turns.append(name)
        self._do({**body, "as": name, "watch": watch})

    def _verb(self) -> None:
        name = self._name("v")
        self.waits.append(name)
        self._do({**self.draw.choice(VERBS), "turn": self.draw.choice(self.turns), "as": name})

    def _reader(self) -> None:
        cmd = self.draw.choice(["iterate", "textstream", "await"])
        name = self._name("w")
        if cmd == "await":
            self.waits.append(name)
        self._do({"cmd": cmd, "turn": self.draw.choice(self.turns), "as": name})

    def _call(self) -> None:
        name = self._name("g")
        self.waits.append(name)
        op = self.draw.choice(["ping", "list_conversations"])
        self._do({"cmd": "call", "on": CLIENT, "op": op, "args": {}, "as": name})

    def _low_verb(self) -> None:
        request = self.draw.choice([*(f"req-{t}" for t in self.turns), "req-elsewhere"])
        op, args = self.draw.choice(LOW_VERBS)
        full: dict[str, Any] = {"requestId": request, "sessionId": SESSION, **args}
        body: Tree = {"cmd": "call", "on": CLIENT, "op": op, "args": full}
        if not self.assembly.taken(body):
            self._do({**body, "as": self._name("l")})

    def _advance(self) -> None:
        ms = self.draw.choice([500, 1000, 2000, 3000, 6000])
        self._do({"cmd": "advance", "on": CLIENT, "ms": ms})

    def _abort(self) -> None:
        name = self.draw.choice(self.waits)
        self.waits.remove(name)
        if self.assembly.waits(name):
            self._do({"cmd": "abort", "as": name})
