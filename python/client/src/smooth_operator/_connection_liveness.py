"""Whether an open link still lives: its timers, and the one place that notices a sleep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ._clock import Timer
from ._options import Options
from .wire.options import PROBE_TIMEOUT

Word = Literal["stable", "silence", "wake", "pong_timeout", "probe_failed"]

_HAIR = 1e-9  # sums of binary fractions must not take a due timer for one that is early


class Liveness:
    """The timers ``stable``, ``ping``, ``pong`` and ``probe`` of one link after the other.

    ``happened`` takes the event of a timer that is due. It may begin or end a link.
    """

    def __init__(self, options: Options, happened: Callable[[Word], None]) -> None:
        self._options = options
        self._happened = happened
        self._now = options.clock.now
        self._heard_at = 0.0
        self._armed_at = (0.0, 0.0)
        self._timers: dict[str, Timer] = {}
        self._signs: dict[str, Timer] = {}
        """Timers of the pings of our own that nothing followed yet."""

    def begin(self) -> None:
        """Watch a link that opened."""
        self._arm("stable", self._options.stable_after, lambda: self._happened("stable"))
        self._heard_at = self._now()
        if self._options.ping_interval:
            self._watch(self._options.ping_interval)

    def heard(self) -> None:
        """Take note that a message came: the link lives. Costs no timer (REQ-CONN-38)."""
        self._heard_at = self._now()
        if self._signs:
            self._cancel(self._signs)

    def pinged(self) -> None:
        """Wait ``pong_timeout`` for a sign of life: a ping went out after a silence."""
        self._expect("pong", self._options.pong_timeout, "pong_timeout")

    def probed(self) -> None:
        """Wait five seconds for a sign of life: a ping went out after a sleep (REQ-CONN-39)."""
        self._expect("probe", PROBE_TIMEOUT / 1000, "probe_failed")

    def end(self) -> None:
        """Watch no longer: the link has ended."""
        self._cancel(self._timers)
        self._cancel(self._signs)

    def _expect(self, name: str, limit: float, word: Word) -> None:
        # A further ping does not put off the end of the wait that an earlier one began.
        if limit and name not in self._signs:

            def over() -> None:
                del self._signs[name]
                self._happened(word)

            self._signs[name] = self._options.clock.call_later(limit, over)

    def _watch(self, delay: float) -> None:
        clock = self._options.clock
        self._armed_at = (clock.now(), clock.wall())
        self._arm("ping", delay, self._look)

    def _look(self) -> None:
        """Look when something came last; messages only note the time, and arm no timer."""
        interval = self._options.ping_interval
        left = self._heard_at + interval - self._now()
        silent = left <= _HAIR
        slept = self._slept()
        self._watch(interval if silent else left)
        if slept:
            self._happened("wake")
        elif silent:
            self._happened("silence")

    def _slept(self) -> bool:
        """Whether the wall clock ran ahead since the timer was armed (REQ-CONN-39)."""
        clock, (monotonic, wall) = self._options.clock, self._armed_at
        ahead = (clock.wall() - wall) - (clock.now() - monotonic)
        return ahead > 2 * self._options.ping_interval

    def _arm(self, name: str, delay: float, callback: Callable[[], None]) -> None:
        def due() -> None:
            del self._timers[name]
            callback()

        self._timers[name] = self._options.clock.call_later(delay, due)

    @staticmethod
    def _cancel(timers: dict[str, Timer]) -> None:
        for timer in timers.values():
            timer.cancel()
        timers.clear()
