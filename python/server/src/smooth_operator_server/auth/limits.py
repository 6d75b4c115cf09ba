"""Rate limits: a bucket of tokens for each caller, shared by the servers that share anything."""

from __future__ import annotations

from collections.abc import Callable

from ..backplane import Backplane, BackplaneError, Buckets
from ..telemetry import log, where


class RateLimiter:
    """Lets ``per_minute`` actions of each caller through, at most as many at once.

    ``now`` is a monotonic clock in seconds; without ``per_minute`` everything passes. What a person
    does at one server counts at every other one; while these cannot be asked it counts here alone.
    """

    def __init__(
        self, per_minute: int | None, now: Callable[[], float], backplane: Backplane
    ) -> None:
        self._most = per_minute or 0
        self._backplane = backplane
        self._buckets = Buckets(now)

    @property
    def limits(self) -> bool:
        """Whether there is a limit at all."""
        return self._most > 0

    async def wait_s(self, caller: str, *, is_known: bool = True) -> float:
        """Take a token; return 0, or the seconds until there is one.

        ``is_known`` says that the caller may come to other servers too.
        """
        if not self._most:
            return 0.0
        if is_known and self._backplane.is_shared:
            try:
                return await self._backplane.wait_s(caller, self._most)
            except BackplaneError as fault:
                log.error("rates are counted here alone", **where(fault))
        return self._buckets.wait_s(caller, self._most)
