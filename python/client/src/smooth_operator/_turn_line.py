"""Turns of a session behind each other, and messages that come a moment too early."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ._options import Options
from .wire.options import SLOT_GRACE

if TYPE_CHECKING:
    from ._turn_driver import TurnDriver


class TurnLine:
    """The turns of one client that have no outcome, by their session (REQ-TURN-31)."""

    def __init__(self, options: Options) -> None:
        self._serial = options.turn_policy == "queue"
        self._now = options.clock.now
        self._open: dict[str, list[TurnDriver]] = {}
        self._ended: dict[str, float] = {}
        """When the terminal event of a turn came, for sessions where that is not long ago."""

    def enter(self, turn: TurnDriver) -> None:
        """Let a message go out, or wait for the turns before it."""
        self.join(turn)
        if self._serial and len(self._open[turn.session_id]) > 1:
            turn.wait()
        else:
            turn.start()

    def join(self, turn: TurnDriver) -> None:
        """Take note of a turn that runs already."""
        self._open.setdefault(turn.session_id, []).append(turn)

    def over(self, turn: TurnDriver) -> None:
        """Take note that a turn has its outcome; whose turn it is then starts after this step."""
        line = self._open.get(turn.session_id, [])
        if turn in line:
            line.remove(turn)
        if not line:
            self._open.pop(turn.session_id, None)
        elif self._serial:
            asyncio.get_running_loop().call_soon(self._next, turn.session_id)

    def _next(self, session_id: str) -> None:
        line = self._open.get(session_id)
        if line and line[0].waits:
            line[0].start()

    def terminal(self, session_id: str) -> None:
        """Take note that the terminal event of a turn came."""
        now = self._now()
        kept = {key: at for key, at in self._ended.items() if _recent(now, at)}
        self._ended = {**kept, session_id: now}

    def early(self, turn: TurnDriver, sent_at: float) -> bool:
        """Return whether a refused message came right after another turn (REQ-TURN-32)."""
        ended = self._ended.get(turn.session_id)
        alone = self._open.get(turn.session_id) == [turn]
        return alone and ended is not None and _recent(sent_at, ended)


def _recent(now: float, at: float) -> bool:
    return round((now - at) * 1000) < SLOT_GRACE
