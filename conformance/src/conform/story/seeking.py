"""How a client seeks a link: the waits between attempts, their count, and the token."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from conform.spec import Spec, Tree

ENDLESS = 2**53 - 1
USUAL_DRAW = 0.5  # what the random source of a testee gives after the case's own numbers


class Seeking:
    """Counts and waits of one client; pure."""

    def __init__(self, spec: Spec, options: Tree) -> None:
        self.spec = spec
        self.given = options.get("options", {})
        self.draws: Iterator[float] = iter(options.get("random", []))
        self.tokens: list[Any] | None = options.get("tokens")
        self.asked = 0
        self.doublings = self.attempts = 0
        self.renewed = False
        self.wait: int | None = None  # ms until the attempt that was scheduled last

    def option(self, name: str) -> Any:
        """Value of an option: the case's, or the table's default."""
        return self.given.get(name, self.spec.options[name]["default"])

    def reset(self) -> None:
        """Begin to count anew (REQ-CONN-32)."""
        self.doublings = self.attempts = 0
        self.renewed = False

    def schedule(self, row: Tree | None, hint: int | None) -> int:
        """The wait before the next attempt in ms (REQ-CONN-31, REQ-CONN-33)."""
        n = max(self.doublings, row["backoff_from"] if row else 0)
        self.doublings = n + 1
        wait: int = self.pause(n, hint)
        self.wait = wait
        return wait

    def pause(self, n: int, hint: int | None) -> int:
        """The n-th wait, or the one that the server told, in ms; draws one number."""
        base, most = int(self.option("backoffBase")), int(self.option("backoffMax"))
        draw = next(self.draws, USUAL_DRAW)
        if hint is not None:
            told = min(hint, self.spec.bound("retryAfterLongest"))
            return told + math.floor(draw * max(base, told / 4))
        if n == 0:
            return min(most, math.floor(draw * base))
        doubled: int = base << min(n, self.spec.bound("backoffDoublings"))
        return min(most, base + math.floor(draw * min(most, doubled)))

    def renew(self) -> None:
        """The next token is asked for with the reason ``rejected`` (REQ-CONN-34)."""
        self.renewed = True
        self.wait = 0

    def token(self) -> Any:
        """What the provider gives now."""
        assert self.tokens is not None
        given = self.tokens[min(self.asked, len(self.tokens) - 1)]
        self.asked += 1
        return given

    def facts(self, retry: str | None) -> Tree:
        """What the connection machine may look at, beside what happened."""
        most = self.option("maxReconnectAttempts")
        return {
            "auto_reconnect": self.option("autoReconnect") and most != 0,
            "retry_initial": self.option("retryInitialConnect") and most != 0,
            "retry": retry,
            "token_renewable": self.tokens is not None and not self.renewed,
            "attempts_remaining": ENDLESS if most is None else max(0, most - self.attempts),
        }
