"""What a turn has shown: one bounded record for whoever comes later, one backlog per iterator.

Up to 1,024 items and 8 MiB everything is kept as it came. Beyond that adjacent ``stream_token``
events become one whose text is theirs in one piece: no text is lost and no other item is dropped
(REQ-TURN-02, REQ-TURN-15).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from . import wire
from ._accumulator import Joined
from .wire.options import ITERATOR_BYTES, ITERATOR_ITEMS

_MERGES = "stream_token"


class Run:
    """Adjacent tokens that stand as one item."""

    __slots__ = ("_last", "_text", "count", "size")

    def __init__(self, events: Sequence[Any]) -> None:
        self._text = Joined()
        self.count = 0
        self.size = wire.learned.size_of(events[0])
        self.extend(events)

    def extend(self, events: Sequence[Any]) -> int:
        """Take more tokens; return by how much the run grew."""
        self._last = events[-1]
        self.count += sum(event.merged for event in events)
        grown = self._text.extend(events)
        self.size += grown
        return grown

    def event(self) -> Any:
        """Return the one event that stands for the run."""
        return (
            self._last
            if self.count == 1
            else wire.learned.join(self._last, self._text.text, self.count)
        )


class Backlog:
    """Items in order, bounded. ``over`` says that something could not be kept."""

    __slots__ = ("_items", "_run", "_size", "over")

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._run: Run | None = None
        """The last item, when it is a run that goes on growing."""
        self._size = 0
        """At least the size of all items; what was read may still be counted."""
        self.over = False

    def __len__(self) -> int:
        return len(self._items)

    def copy(self) -> Backlog:
        """Return a backlog of its own that holds the same."""
        other = Backlog()
        other._items.extend(self.events())
        other._size, other.over = self._size, self.over
        return other

    def extend(self, events: Sequence[Any], size: int) -> None:
        """Take items of ``size`` bytes in all; where there is no room, tokens are merged."""
        if self._run is not None and all(event.type == _MERGES for event in events):
            self._size += self._run.extend(events)
        elif self._fits(len(events), size):
            self._items.extend(events)
            self._size += size
            self._run = None
            return
        elif not self.over:
            self._items.extend(events)
            self._merge()
        if len(self._items) > ITERATOR_ITEMS or self._size > ITERATOR_BYTES:
            self._stop()

    def _fits(self, count: int, size: int) -> bool:
        if len(self._items) + count > ITERATOR_ITEMS or self.over:
            return False
        if self._size + size > ITERATOR_BYTES:
            self._size = sum(map(_size, self._items))
        return self._size + size <= ITERATOR_BYTES

    def _stop(self) -> None:
        """Keep no more than there is room for, from the first item on."""
        self.over = True
        self._run = None
        while len(self._items) > ITERATOR_ITEMS:
            self._size -= _size(self._items.pop())
        while self._size > ITERATOR_BYTES and len(self._items) > 1:
            self._size -= _size(self._items.pop())

    def _merge(self) -> None:
        """Make one run of all tokens that stand side by side."""
        items, self._items = self._items, deque()
        tokens: list[Any] = []
        for item in items:
            event = item.event() if type(item) is Run else item
            if event.type == _MERGES:
                tokens.append(event)
                continue
            self._put_run(tokens)
            self._items.append(event)
            tokens = []
        self._put_run(tokens)
        self._run = self._items[-1] if tokens else None
        self._size = sum(map(_size, self._items))

    def _put_run(self, tokens: list[Any]) -> None:
        if tokens:
            self._items.append(Run(tokens))

    def take(self) -> wire.Event | None:
        """Return the first item and forget it; None when there is none."""
        if not self._items:
            self._size = 0
            return None
        item = self._items.popleft()
        if type(item) is not Run:
            event: wire.Event = item
            return event
        if item is self._run:
            self._run = None
        joined: wire.Event = item.event()
        return joined

    def events(self) -> Iterator[wire.Event]:
        """Yield what is kept."""
        for item in self._items:
            yield item.event() if type(item) is Run else item


def _size(item: Any) -> int:
    return item.size if type(item) is Run else wire.learned.size_of(item)


class TurnItems:
    """The items of a turn, and who reads them."""

    def __init__(self) -> None:
        self._record = Backlog()
        self._open: list[Backlog] = []
        self._waiting: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return len(self._record)

    def kept(self) -> tuple[wire.Event, ...]:
        """Return what is kept, from the first item on."""
        return tuple(self._record.events())

    def extend(self, events: Sequence[Any]) -> None:
        """Show items to everybody, now and later. Wakes nobody: :meth:`wake` does."""
        size = sum(map(wire.learned.size_of, events))
        self._record.extend(events, size)
        for backlog in self._open:
            backlog.extend(events, size)

    # readers --------------------------------------------------------------------------

    def open(self) -> Backlog:
        """Return a backlog with every item from the first one on."""
        backlog = self._record.copy()
        self._open.append(backlog)
        return backlog

    def shut(self, backlog: Backlog) -> None:
        """Let a reader go."""
        self._open = [one for one in self._open if one is not backlog]

    @property
    def read(self) -> bool:
        """Whether an iteration is open."""
        return bool(self._open)

    async def changed(self) -> None:
        """Wait until something was appended, or until :meth:`wake`."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def wake(self) -> None:
        """Wake whoever waits: once for all that came since it began to."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done() and not one.get_loop().is_closed():
                one.set_result(None)
