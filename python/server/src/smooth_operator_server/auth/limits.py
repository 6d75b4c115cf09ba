"""Rate limits: a bucket of tokens for each caller, filled at a steady rate."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

REMEMBERED = 10_000
"""Callers; the one that was silent longest is forgotten first, with a full bucket or nearly so."""


class RateLimiter:
    """Lets ``per_minute`` actions of each caller through, at most as many at once.

    ``now`` is a monotonic clock in seconds; without ``per_minute`` everything passes.
    """

    def __init__(self, per_minute: int | None, now: Callable[[], float]) -> None:
        self._most = float(per_minute or 0)
        self._rate = self._most / 60
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @property
    def limits(self) -> bool:
        """Whether there is a limit at all."""
        return self._most > 0

    def wait_s(self, caller: str) -> float:
        """Take a token; return 0, or the seconds until there is one."""
        if not self._most:
            return 0.0
        now = self._now()
        left, seen = self._buckets.pop(caller, (self._most, now))
        left = min(self._most, left + (now - seen) * self._rate)
        passes = left >= 1
        self._buckets[caller] = (left - 1 if passes else left, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return 0.0 if passes else (1 - left) / self._rate
