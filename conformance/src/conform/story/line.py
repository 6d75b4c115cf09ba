"""Turns of a session behind each other, as the oracle sees it (REQ-TURN-31, REQ-TURN-32)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conform.interpreter import Group
from conform.oracle.turns import Turn
from conform.spec import Tree

if TYPE_CHECKING:
    from conform.story.client import Client

SLOT: Tree = {"name": "slot", "option": "slotPause"}


class Line:
    """Messages that wait for a turn of their session, and those that came too early."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.waiting: list[Turn] = []
        self.ended: dict[str, float] = {}  # when a terminal event of a session came
        self.sent_at: dict[Turn, float] = {}
        self.tried: set[Turn] = set()
        self.pausing: set[Turn] = set()

    def _others(self, turn: Turn) -> list[Turn]:
        """Turns of the same session that have no outcome."""
        turns = self.client.turns.values()
        same = (it for it in turns if it.session == turn.session and it is not turn)
        return [it for it in same if it.outcome is None]

    def send(self, turn: Turn) -> None:
        """A message goes out, or waits for its turn."""
        if self.client.option("turnPolicy") == "queue" and self._others(turn):
            self.client.lives.append((turn.out, Group(self.client.tables, "frame")))
            turn.stand_still()
            self.waiting.append(turn)
        else:
            self._start(turn)

    def _start(self, turn: Turn) -> None:
        client = self.client
        for other in client.turns.values():
            if other.session == turn.session and other is not turn:
                other.next_send()
        self.sent_at[turn] = client.now
        refusal = client.admits()
        if refusal:
            turn.local(refusal)
        else:
            client.write(turn.out)

    def advance(self) -> None:
        """After an event: start who waited and is next."""
        for turn in list(self.waiting):
            if turn.outcome is not None:
                self.waiting.remove(turn)
            elif not [it for it in self._others(turn) if self._before(it, turn)]:
                self.waiting.remove(turn)
                turn.begin_idle()
                self._start(turn)

    def _before(self, other: Turn, turn: Turn) -> bool:
        waits = other in self.waiting
        return not waits or self.waiting.index(other) < self.waiting.index(turn)

    def terminal(self, turn: Turn) -> None:
        """The terminal event of a turn came."""
        self.ended[turn.session] = self.client.now

    def too_early(self, turn: Turn, event: str, told: Tree) -> bool:
        """Whether a frame says no more than that a message came too early (REQ-TURN-32)."""
        if turn in self.pausing:
            return True
        refused = event == "error" and told.get("code") == "TURN_IN_PROGRESS"
        if not refused or turn.machines.state != "sent" or not self._may_pass(turn):
            return False
        client = self.client
        self.tried.add(turn)
        self.pausing.add(turn)
        client.withdraw(turn.out)
        client.lives.append((turn.out, Group(client.tables, "frame")))
        wait = client.spec.bound("slotPause")
        client.timed(SLOT, ("slot", turn.name), wait, lambda: self._retry(turn))
        return True

    def _may_pass(self, turn: Turn) -> bool:
        """Whether the slot of the turn before is not free yet."""
        ended, sent = self.ended.get(turn.session), self.sent_at.get(turn)
        if ended is None or sent is None or turn in self.tried or self._others(turn):
            return False
        return 0 <= sent - ended < self.client.spec.bound("slotGrace")

    def _retry(self, turn: Turn) -> None:
        self.pausing.discard(turn)
        if turn.outcome is None:
            turn.renew()
            self._start(turn)
