"""How far the reference client's iterators have read (REQ-TURN-22)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KEPT = 1024


@dataclass
class Place:
    """One iterator's; ``cap`` is where one that fell behind ends."""

    at: int = 0
    cap: int | None = None

    def grew(self, items: list[dict[str, Any]]) -> None:
        """An item came: one that cannot be brought below the bound ends at its oldest items."""
        if self.cap is None and len(items) - self.at > KEPT and _unmerged(items[self.at :]) > KEPT:
            self.cap = self.at + KEPT


def _unmerged(items: list[dict[str, Any]]) -> int:
    """How many items are left when adjacent tokens are merged."""
    tokens = [item["type"] == "stream_token" for item in items]
    return sum(
        not (token and before) for token, before in zip(tokens, [False, *tokens[:-1]], strict=True)
    )
