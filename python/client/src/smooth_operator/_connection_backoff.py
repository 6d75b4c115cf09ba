"""How long to wait before the next attempt to open a link, and how many were made. Pure."""

from __future__ import annotations

import math
from typing import Final

from .wire.options import BACKOFF_DOUBLINGS, RETRY_AFTER_LONGEST

ENDLESS: Final = 2**53 - 1
"""Attempts that are left where there is no limit."""


class Backoff:
    """Waits and count of one client's attempts (REQ-CONN-31 to REQ-CONN-33). Milliseconds."""

    def __init__(self, base: float, longest: float) -> None:
        self._base = base
        self._longest = longest
        self._doublings = 0
        self.attempts = 0
        """Attempts since the count began anew; the first one of ``connect()`` is not among them."""

    def reset(self) -> None:
        """Begin to count anew (REQ-CONN-32)."""
        self._doublings = self.attempts = 0

    def remaining(self, limit: int | None) -> int:
        """Return how many attempts are left of ``limit``; None = without end."""
        return ENDLESS if limit is None else max(0, limit - self.attempts)

    def delay(self, draw: float, *, backoff_from: int = 0, hint: int | None = None) -> int:
        """Return the wait before the next attempt, and count it.

        ``draw`` is one number of the random source, ``backoff_from`` that of the table of close
        codes, ``hint`` what the server asked for (``Retry-After``).
        """
        doublings = max(self._doublings, backoff_from)
        self._doublings = doublings + 1
        if hint is not None:
            told = min(hint, RETRY_AFTER_LONGEST)
            return told + math.floor(draw * max(self._base, told / 4))
        if doublings == 0:
            return math.floor(min(self._longest, math.floor(draw * self._base)))
        grown = self._base * 2.0 ** min(doublings, BACKOFF_DOUBLINGS)
        wait = self._base + math.floor(draw * min(self._longest, grown))
        return math.floor(min(self._longest, wait))
