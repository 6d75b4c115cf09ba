"""Buckets of tokens, one for each caller, filled at a steady rate."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

REMEMBERED = 10_000
"""Callers; the one that was silent longest is forgotten first, with a full bucket or nearly so."""

FULL_MS = 60_000
"""In how long an empty bucket is full again: limits are by the minute."""


class Buckets:
    """The buckets of one process. ``now`` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._full: OrderedDict[str, float] = OrderedDict()
        """When the bucket of a caller is full again; a full one need not be remembered."""

    def wait_s(self, caller: str, per_minute: int) -> float:
        """Take a token of ``per_minute``; return 0, or the seconds until there is one."""
        now, step = self._now(), FULL_MS / 1000 / per_minute
        full = max(now, self._full.pop(caller, now))
        # Sums of seconds are a little off; a token that is there but for a microsecond is there.
        wait = full + step - now - FULL_MS / 1000
        passes = wait <= 1e-6
        self._full[caller] = full + step if passes else full
        if len(self._full) > REMEMBERED:
            self._full.popitem(last=False)
        return 0.0 if passes else wait


def step_ms(per_minute: int) -> int:
    """Return the milliseconds for which one action fills a bucket, as databases count them."""
    return max(1, FULL_MS // per_minute)
