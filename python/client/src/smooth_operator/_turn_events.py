"""Iterators over a turn. Plain objects, so that only an explicit close stops the turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from . import _errors as errors
from . import wire
from ._accumulator import Halves

if TYPE_CHECKING:
    from ._turn_driver import TurnDriver


class TurnEvents:
    """The events of a turn from the first one on; raises the turn's error after them.

    Raises:
        SlowConsumerError: more events waited than are kept; this iteration alone ends.
    """

    def __init__(self, turn: TurnDriver) -> None:
        self._turn = turn
        self._backlog = turn.items.open()
        self._finished = False

    def __aiter__(self) -> TurnEvents:
        return self

    async def __anext__(self) -> wire.Event:
        while not self._finished:
            event = self._backlog.take()
            if event is not None:
                return event
            if self._backlog.over or self._turn.settled:
                self._end()
                break
            try:
                await self._turn.changed()
            except asyncio.CancelledError:
                await self.aclose()
                raise
        raise StopAsyncIteration

    def _end(self) -> None:
        """Finish; raises what ended the iteration."""
        self._finished = True
        self._turn.left(self._backlog)
        if self._backlog.over:
            raise self._turn.slow_consumer()
        if self._turn.error is not None:
            raise self._turn.error

    async def aclose(self) -> None:
        """Leave the iteration: stops the turn unless somebody else follows it (REQ-STOP-05)."""
        if not self._finished:
            self._finished = True
            self._turn.left(self._backlog)

    def __del__(self) -> None:
        # Who breaks out of a loop stops nothing, and what comes must not pile up for nobody.
        backlog = getattr(self, "_backlog", None)
        if backlog is not None:
            self._turn.items.shut(backlog)


class TextStream:
    """The text of a turn, piece by piece (REQ-TURN-10)."""

    def __init__(self, turn: TurnDriver, events: TurnEvents) -> None:
        self._turn = turn
        self._events = events
        self._halves = Halves()
        self._streamed = False
        self._finished = False
        self._failed: errors.SmoothAgentError | None = None

    def __aiter__(self) -> TextStream:
        return self

    async def __anext__(self) -> str:
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed
        try:
            async for event in self._events:
                if event.type == "stream_token":
                    self._streamed = True
                    piece = self._halves.text(event)
                    if piece or not self._halves.rest():
                        return piece
        except errors.SmoothAgentError as error:
            if not self._halves.rest():
                raise
            self._failed = error  # behind the half that stayed alone
        if not self._finished:
            self._finished = True
            rest = self._halves.rest()
            if rest:
                return rest
            result = self._turn.result
            if not self._streamed and result is not None and result.text:
                return result.text
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Leave the stream, as :meth:`TurnEvents.aclose`."""
        await self._events.aclose()
