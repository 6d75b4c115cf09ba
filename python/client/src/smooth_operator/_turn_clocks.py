"""The limits of one turn, beside those of its questions and verbs."""

from __future__ import annotations

from collections.abc import Callable

from ._clock import Timer
from ._options import Options

_HAIR = 1e-9


class TurnClocks:
    """Timers by the word of the event that they tell to ``fire`` (table ``timers``)."""

    def __init__(self, options: Options, fire: Callable[[str], None]) -> None:
        self._clock = options.clock
        self._idle = options.turn_idle_timeout
        self._fire = fire
        self._timers: dict[str, Timer] = {}
        self._seen_at = 0.0

    def start(self, word: str, seconds: float) -> None:
        """Tell ``word`` when ``seconds`` are over, unless it is cleared before."""
        self.clear(word)
        self._timers[word] = self._clock.call_later(seconds, lambda: self._fire(word))

    def clear(self, word: str) -> None:
        """Tell ``word`` no more."""
        timer = self._timers.pop(word, None)
        if timer is not None:
            timer.cancel()

    def stop(self) -> None:
        """Stop every limit: the turn has settled."""
        for word in list(self._timers):
            self.clear(word)

    def keep(self, word: str) -> None:
        """Stop every limit but that of ``word``."""
        for other in [other for other in self._timers if other != word]:
            self.clear(other)

    # silence --------------------------------------------------------------------------

    def heard(self) -> None:
        """Let the idle clock begin anew: frames only note the time, and arm no timer."""
        self._seen_at = self._clock.now()

    def touch(self, *, still: bool) -> None:
        """Let the idle clock run from now on, or stand still (REQ-TURN-11)."""
        if not self._idle:
            return
        self.heard()
        if still:
            self.clear("idle_timeout")
        elif "idle_timeout" not in self._timers:
            self._watch(self._idle)

    def _watch(self, seconds: float) -> None:
        self._timers["idle_timeout"] = self._clock.call_later(seconds, self._look)

    def _look(self) -> None:
        left = self._seen_at + self._idle - self._clock.now()
        if left > _HAIR:
            self._watch(left)
        else:
            del self._timers["idle_timeout"]
            self._fire("idle_timeout")
