"""Iterators over a turn. Plain objects, so that only an explicit close stops the turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .wire import Event

if TYPE_CHECKING:
    from .turn_driver import TurnDriver


class TurnEvents:
    """The events of a turn from the first one on; raises the turn's error after them."""

    def __init__(self, turn: TurnDriver) -> None:
        self._turn = turn
        self._next = 0
        self._finished = False

    def __aiter__(self) -> TurnEvents:
        return self

    async def __anext__(self) -> Event:
        while not self._finished:
            item = self._turn.item(self._next)
            if item is not None:
                self._next += 1
                return item
            if self._turn.settled:
                self._finished = True
                self._turn.left(self)
                if self._turn.error is not None:
                    raise self._turn.error
                break
            try:
                await self._turn.changed()
            except asyncio.CancelledError:
                await self.aclose()
                raise
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Leave the iteration: stops the turn unless somebody else follows it (REQ-STOP-05)."""
        if not self._finished:
            self._finished = True
            self._turn.left(self)


class TextStream:
    """The text of a turn, piece by piece (REQ-TURN-10)."""

    def __init__(self, turn: TurnDriver, events: TurnEvents) -> None:
        self._turn = turn
        self._events = events
        self._streamed = False
        self._finished = False

    def __aiter__(self) -> TextStream:
        return self

    async def __anext__(self) -> str:
        async for event in self._events:
            if event.type == "stream_token":
                self._streamed = True
                return event.token
        if not self._streamed and not self._finished:
            self._finished = True
            result = self._turn.result
            if result is not None and result.text:
                return result.text
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Leave the stream, as :meth:`TurnEvents.aclose`."""
        await self._events.aclose()
