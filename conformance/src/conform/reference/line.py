"""Turns of a session behind each other, in the reference client (REQ-TURN-31, REQ-TURN-32)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from conform.reference.verbs import Out

if TYPE_CHECKING:
    from conform.reference.client import RefClient
    from conform.reference.turn import RefTurn

PAUSE_MS, GRACE_MS = 250, 1_000
Tree = dict[str, Any]


class RefLine:
    """Messages that wait for a turn, and those that came too early."""

    def __init__(self, client: RefClient) -> None:
        self.client = client
        self.waiting: list[RefTurn] = []
        self.ended: dict[str, float] = {}
        self.sent_at: dict[str, float] = {}  # requestId -> when its message was sent
        self.tried: set[int] = set()
        self.pausing: set[int] = set()

    def _others(self, turn: RefTurn) -> list[RefTurn]:
        turns = self.client.turns.values()
        return [
            it for it in turns if it.session == turn.session and it is not turn and it.body is None
        ]

    def send(self, turn: RefTurn) -> None:
        """A message goes out, or waits."""
        given = self.client.options.get("options", {}).get("turnPolicy", "parallel")
        waits = given == "queue" and "turn-policy-ignored" not in self.client.faults
        if waits and self._others(turn):
            turn.out = Out("", kept=False)
            turn._disarm("idle")
            self.waiting.append(turn)
        else:
            self.start(turn)

    def start(self, turn: RefTurn) -> None:
        """Write a message."""
        client = self.client
        for other in list(client.turns.values()):
            mine = other.session == turn.session or "any-send-closes-code" in self.client.faults
            if mine and other is not turn:
                other.next_send()
        self.sent_at[turn.id] = client.clock.now
        refusal = client.refuses()
        if refusal:
            turn.settle(turn.failed(turn.error(refusal)))
        else:
            client.latest = turn
            turn.out = client.write(turn.frame_sent)

    def terminal(self, turn: RefTurn) -> None:
        """The terminal event of a turn came."""
        self.ended[turn.session] = self.client.clock.now

    def over(self) -> None:
        """A turn has its outcome."""
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        faults = self.client.faults
        last_first = "turn-line-backwards" in faults
        for turn in list(reversed(self.waiting) if last_first else self.waiting):
            if turn.body is not None:
                self.waiting.remove(turn)
                if "gone-turn-still-sent" in faults:
                    self.client.write(turn.frame_sent)
            elif all(it in self.waiting for it in self._others(turn)):
                self.waiting.remove(turn)
                turn.idle()
                self.start(turn)

    def early(self, turn: RefTurn, code: Any) -> bool:
        """Whether a refusal may pass; the message is sent again then."""
        faults, ended = self.client.faults, self.ended.get(turn.session)
        if id(turn) in self.pausing:
            return True
        if code != "TURN_IN_PROGRESS" or turn.running or "early-message-fails" in faults:
            return False
        first = id(turn) not in self.tried or "early-message-sent-again-and-again" in faults
        if ended is None or not first or self._others(turn):
            return False
        sent = self.sent_at.get(turn.id, -1.0)
        if sent - ended >= GRACE_MS and "late-refusal-sent-again" not in faults:
            return False
        self._again(turn)
        return True

    def _again(self, turn: RefTurn) -> None:
        self.tried.add(id(turn))
        self.pausing.add(id(turn))
        turn.out = Out("", kept=False)

        def fire() -> None:
            self.pausing.discard(id(turn))
            if turn.body is not None:
                return
            if "early-message-keeps-id" not in self.client.faults:
                self.client.renew(turn)
            turn.resuming = turn.resuming.fresh()
            turn.idle()
            self.start(turn)

        pause = 0 if "early-message-at-once" in self.client.faults else PAUSE_MS
        self.client.clock.later(pause, fire)
