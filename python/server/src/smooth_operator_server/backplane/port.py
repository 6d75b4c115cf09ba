"""The port between servers: notices to one of them or all, and the streams of turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Notice = dict[str, Any]
"""A JSON object that one server tells another."""


class BackplaneError(Exception):
    """What the servers share does not answer; the text names the fault, never an event."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of a turn that are to be kept for every server."""

    turn_id: str
    first: int
    """Number of the first text; the others follow without a gap."""

    texts: tuple[str, ...]
    oldest: int
    """Number of the oldest event that still has to be kept."""

    ended: bool
    """Whether the turn has ended: from now on its events are kept for a while only."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Which events of a turn are there for every server."""

    first: int
    last: int
    ended: bool


class Backplane(Protocol):
    """What one server has of the others. A method may raise ``BackplaneError``."""

    node: str
    """What tells this server from every other one; leases of turns name it as their owner."""

    is_shared: bool
    """Whether there can be other servers; without them nothing needs to be published."""

    async def start(self, receive: Callable[[Notice], None]) -> None:
        """Take part from now on; ``receive`` gets what is told to this server or to all."""
        ...

    async def tell(self, node: str | None, notice: Notice) -> bool:
        """Tell a server something, or every server, this one too (None).

        False when it is certain that nobody heard it. True is no promise.
        """
        ...

    async def append(self, batches: Sequence[Batch]) -> None:
        """Keep events of turns; those that are kept already stay as they are."""
        ...

    async def kept(self, turn_id: str) -> Kept | None:
        """Tell which events of a turn are kept; None without any."""
        ...

    async def read(self, turn_id: str, after: int, most: int) -> list[tuple[int, str]]:
        """Return kept events after a number, in order, each with its own."""
        ...

    async def forget(self, turn_id: str) -> None:
        """Keep nothing of a turn any more."""
        ...

    async def wait_s(self, caller: str, per_minute: int) -> float:
        """Take one of the ``per_minute`` actions that a caller has at all servers together.

        Returned is 0, or the seconds until there is one.
        """
        ...

    async def aclose(self) -> None:
        """Take part no more. Notices that wait to be received are dropped."""
        ...
