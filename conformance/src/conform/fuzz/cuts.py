"""Draws sessions whose links are cut, at any time and with frames unread on either side."""

from __future__ import annotations

import math
from collections.abc import Callable

from conform.fuzz.frames import calm, event, page
from conform.fuzz.generator import TIMES, TOTAL, Generator
from conform.fuzz.server import Server
from conform.fuzz.session import CLIENT
from conform.reader import Reader
from conform.spec import Spec, Tree

RESUME = 11_059
CUTS: tuple[Tree, ...] = (
    *({"drop": True}, {"drop": True}, {"reset": True}),
    *({"close": {"code": code}} for code in (1001, 1011, 1012, 1013)),
)
REFUSED: tuple[Tree, ...] = ({"status": 503}, {"status": 429, "headers": {"Retry-After": "2"}})
FINAL: Tree = {"status": 403}
GIFTS: dict[str, tuple[Tree, ...]] = {
    "hc": ({"value": True}, {"value": False}, {"wait": True}, {"raise": True}),
    "ho": ({"value": "000000"}, {"decline": True}, {"wait": True}, {"nonsense": True}),
    "hi": ({"value": {"a": 1}}, {"decline": True}, {"wait": True}, {"raise": True}),
}


class CutGenerator(Generator):
    """Draws one session whose links are cut."""

    def __init__(self, spec: Spec, reader: Reader, seed: int) -> None:
        super().__init__(spec, reader, seed)
        self.server = Server(self.draw)
        self.looked = len(self.assembly.world.frames)

    # --- the client -------------------------------------------------------------------------

    def _is_virtual(self) -> bool:
        return True

    def _options(self) -> Tree:
        total = {"turn": TOTAL} if self.draw.random() < 0.2 else {}
        told: Tree = {"clock": "virtual", "timeouts": {**TIMES, **total}}
        given = self._given()
        if given:
            told["options"] = given
        if self.draw.random() < 0.35:
            told["handlers"] = self._handlers()
        told["random"] = [self.draw.randrange(1_000) / 1_000 for _ in range(12)]
        return told

    def _given(self) -> Tree:
        rare: Tree = {
            "resumeTimeout": (0.4, RESUME),
            "maxReconnectAttempts": (0.1, 3),
            "turnPolicy": (0.2, "queue"),
            "queuePolicy": (0.1, "fail_fast"),
            "queueLimit": (0.1, 2),
            "resendAfterOtp": (0.1, False),
            "autoReconnect": (0.03, False),
        }
        return {name: value for name, (odds, value) in rare.items() if self.draw.random() < odds}

    def _handlers(self) -> Tree:
        def script(name: str) -> Tree:
            gives = [self.draw.choice(GIFTS[name]) for _ in range(self.draw.choice([1, 2, 3]))]
            return {"as": name, "gives": gives}

        found: Tree = {"confirm": script("hc"), "otp": script("ho")}
        found["interaction"] = {"choices": script("hi")}
        return {word: found[word] for word in found if self.draw.random() < 0.7} or found

    def _capabilities(self) -> tuple[str, ...]:
        words = {"replay": 0.9, "spec_1_2": 0.7, "otp_park": 0.5}
        return tuple(word for word, odds in words.items() if self.draw.random() < odds)

    # --- what happens -----------------------------------------------------------------------

    def _goes_on(self) -> bool:
        return self.assembly.link in ("open", "connecting", "reconnecting")

    def _choices(self) -> list[Callable[[], None]]:
        if self.assembly.link != "open":
            return self._choices_without_link()
        choices = [each for each in super()._choices() if each != self._frame]
        choices += [self._cut] * (3 if self.turns else 1)
        if self.server.unread:
            choices += [self._read] * 12
        if self.server.asked:
            choices += [self._answer] * 24
        if self.server.running:
            choices += [self._event] * 14 + [self._tell_again]
        if self._client.calls:
            choices += [self._answer_call] * 3
        return [*choices, self._frame, *self._seldom()]

    def _choices_without_link(self) -> list[Callable[[], None]]:
        choices = [self._next_attempt] * 10 + [self._advance, self._call, self._low_verb]
        choices += [self._refuse, self._connect, self._wake]
        if self.server.running:
            choices += [self._keep] * 5
        if self.turns:
            choices += [self._verb] * 4 + [self._reader]
        if len(self.turns) < 3:
            choices += [self._turn] * 3
        return [*choices, *self._seldom()]

    def _seldom(self) -> list[Callable[[], None]]:
        scripts = self.assembly.world.scripts.values()
        found: list[Callable[[], None]] = (
            [self._give] * 6 if any(s.waiting for s in scripts) else []
        )
        return [*found, self._recover] if self.turns else found

    def _act(self, kind: str, body: Tree) -> None:
        super()._act(kind, body)
        world = self.assembly.world
        self.server.unread += [frame for _, _, frame in world.frames[self.looked :]]
        self.looked = len(world.frames)

    # --- the server -------------------------------------------------------------------------

    def _read(self) -> None:
        self.server.read()
        for request in self.server.running:
            if not self.server.turns[request].last and self.draw.random() < 0.8:
                self._tell({"type": "immediate_response", "requestId": request, "status": 202})

    def _tell(self, frame: Tree) -> None:
        if self.assembly.link == "open":
            told = self.server.numbered({**frame, "data": frame.get("data", {})})
            odd = self.draw.random() < 0.05
            self._act("wire", {"json": self.server.garbled(told) if odd else told})

    def _event(self) -> None:
        draw = event if self.draw.random() < 0.25 else calm
        self._tell(draw(self.draw, self.draw.choice(self.server.running)))

    def _keep(self) -> None:
        """An event that the client does not get: it is lost on its way, or there is no link."""
        draw = event if self.draw.random() < 0.3 else calm
        self.server.numbered(draw(self.draw, self.draw.choice(self.server.running)))

    def _tell_again(self) -> None:
        for told in self.server.again(self.draw.choice(self.server.running)):
            self._act(*told)

    def _answer(self) -> None:
        for kind, body in self.server.answer():
            if self.assembly.link == "open":
                self._act(kind, body)

    def _answer_call(self) -> None:
        request, call = self.draw.choice(sorted(self._client.calls.items(), key=lambda it: it[0]))
        match call.op:
            case "ping":
                self._act("wire", {"json": {"type": "pong", "requestId": request}})
            case "get_conversation_messages":
                told = page(self.draw, request, list(self.server.turns))
                self._act("wire", {"json": told})
            case "list_conversations":
                data: Tree = {"conversations": []}
                told = {"type": "immediate_response", "requestId": request, "status": 200}
                self._act("wire", {"json": {**told, "data": data}})

    # --- links ------------------------------------------------------------------------------

    def _cut(self) -> None:
        if self.draw.random() < 0.5:
            self.server.read()
        if self.server.running and self.draw.random() < 0.5:
            self._keep()
        self._act("wire", self.draw.choice(CUTS))
        self.server.cut()

    def _next_attempt(self) -> None:
        timer = self._client.clock.timers.get(("retry",))
        if timer is not None:
            ms = max(1, math.ceil(timer[0] - self._client.now))
            self._do({"cmd": "advance", "on": CLIENT, "ms": ms})

    def _refuse(self) -> None:
        plan = FINAL if self.draw.random() < 0.1 else self.draw.choice(REFUSED)
        self._act("wire", {"handshake": plan})
        self._next_attempt()

    def _connect(self) -> None:
        self._do({"cmd": "connect", "on": CLIENT, "as": self._name("k")})

    def _wake(self) -> None:
        self._do({"cmd": "wake", "on": CLIENT})

    # --- the program ------------------------------------------------------------------------

    def _give(self) -> None:
        scripts = self.assembly.world.scripts
        name = self.draw.choice(sorted(name for name, each in scripts.items() if each.waiting))
        gift = self.draw.choice([gift for gift in GIFTS[name] if "wait" not in gift])
        self._do({"cmd": "give", "handler": name, **gift})

    def _recover(self) -> None:
        turn = self.draw.choice(self.turns)
        body: Tree = {"cmd": "recover", "turn": turn}
        ended = self.assembly.world.turns[turn].outcome is not None
        if not self.assembly.taken(body) and (ended or self.draw.random() < 0.2):
            self._do({**body, "as": self._name("r")})
