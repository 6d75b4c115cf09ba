"""Counts, waits and tokens of the reference client while it seeks a link (REQ-CONN-30 to 36)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from conform.spec import Spec

Tree = dict[str, Any]


class Seeking:
    """What one client knows of its attempts. ``faults`` switches defects on, for mutants."""

    def __init__(self, spec: Spec, options: Tree, faults: frozenset[str]) -> None:
        self.spec = spec
        self.given = options.get("options", {})
        self.faults = faults
        self.tokens: list[Any] | None = options.get("tokens")
        self._draws: Iterator[float] = iter(options.get("random", []))
        self._asked = 0
        self.reason = "connect"
        self.reset()

    def option(self, name: str) -> Any:
        """Value of an option."""
        return self.given.get(name, self.spec.options[name]["default"])

    def reset(self) -> None:
        """Begin to count anew."""
        self.doubled = self.attempts = 0
        self.renewed = False

    def seeks(self, first: bool) -> bool:
        """Whether another attempt is wanted at all."""
        if self.option("maxReconnectAttempts") == 0 or "reconnect-never" in self.faults:
            return False
        asked = self.option("retryInitialConnect" if first else "autoReconnect")
        return bool(asked) or (first and "first-attempt-retried" in self.faults)

    def left(self) -> bool:
        """Whether the limit allows another attempt."""
        most = self.option("maxReconnectAttempts")
        return most is None or self.attempts < most or "attempts-uncounted" in self.faults

    def renewable(self) -> bool:
        """Whether the provider may be asked for another token."""
        return self.tokens is not None and (not self.renewed or "renewed-for-ever" in self.faults)

    def renew(self) -> None:
        """The next token is asked for because the one before was refused."""
        self.renewed = True
        if "reason-untold" not in self.faults:
            self.reason = "rejected"

    def token(self) -> Any:
        """What the provider gives."""
        assert self.tokens is not None
        self.reason = "reconnect"
        self._asked += 1
        return self.tokens[min(self._asked, len(self.tokens)) - 1]

    def wait(self, row: Tree | None, hint: int | None) -> int:
        """How long the next attempt waits, in ms."""
        start = row["backoff_from"] if row and "backoff-from-zero" not in self.faults else 0
        doubled = max(self.doubled, start)
        self.doubled = 0 if "backoff-never-grows" in self.faults else doubled + 1
        return self.pause(doubled, hint)

    def pause(self, doubled: int, hint: int | None) -> int:
        """The wait after so many others, in ms; draws one number."""
        base, most = int(self.option("backoffBase")), int(self.option("backoffMax"))
        draw = next(self._draws, 0.5)
        if "backoff-without-chance" in self.faults:
            draw = 0.0
        if hint is not None and "retry-after-ignored" not in self.faults:
            told = hint if "retry-after-unbounded" in self.faults else min(hint, 120_000)
            return told + math.floor(draw * max(base, told / 4))
        if doubled == 0:
            return min(most, math.floor(draw * base))
        found = base + math.floor(draw * min(most, base << min(doubled, 31)))
        return found if "backoff-unbounded" in self.faults else min(most, found)
