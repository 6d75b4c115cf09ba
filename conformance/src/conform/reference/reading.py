"""Who reads a turn of the reference client, and who stops it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from conform.reader import whole
from conform.reference.backlog import Place
from conform.reference.errors import RefError
from conform.reference.verbs import Out, Outstanding

if TYPE_CHECKING:
    from conform.reference.client import RefClient
    from conform.reference.handling import RefHandling
    from conform.reference.resuming import Resuming

Tree = dict[str, Any]


class RefReading(ABC):
    """What of a turn waits for it or ends it; the rest of the turn derives from it."""

    client: RefClient
    handling: RefHandling
    resuming: Resuming
    id: str
    session: str
    items: list[Tree]
    places: list[Place]
    tokens: list[str]
    body: Tree | None
    response: Tree | None
    verbs: list[Outstanding]
    out: Out | None
    cancel_sent: bool
    detached: bool
    readers: int
    changed: asyncio.Event

    @property
    @abstractmethod
    def waits_for_frames(self) -> bool:
        """Whether the message that was sent last has no terminal event yet."""

    @abstractmethod
    def look(self) -> None:
        """The response that was held back is the outcome when no code can come any more."""

    @abstractmethod
    def settle(self, body: Tree) -> None:
        """The outcome; a second one changes nothing."""

    @abstractmethod
    def error(self, kind: str, **facts: Any) -> RefError:
        """An error of this turn."""

    @abstractmethod
    def _finish(self, verb: Outstanding, value: Any, error: RefError | None = None) -> None: ...

    @abstractmethod
    def _arm(self, name: str, ms: float, fire: Callable[[], None]) -> None: ...

    def cancel(self) -> asyncio.Future[Any]:
        """Stop the turn; resolves when it settles."""
        verb = Outstanding("cancel")
        if self.body is not None:
            verb.done(None)
            return verb.future
        self.verbs.append(verb)
        if self.waits_for_frames and self.out and not self.out.written:
            self.unconfirmed()
            return verb.future
        self.send_cancel()
        if "cancel-resolves-before-terminal" in self.client.faults:
            self._finish(verb, None)
        return verb.future

    def send_cancel(self) -> None:
        """Write the one cancel."""
        self.handling.stop()
        if self.response is not None:
            self.look()
            return
        if self.cancel_sent:
            return
        if self.client.state == "open":
            self.write_cancel()
        elif self.resuming.suspended:
            self.cancel_sent = self.resuming.cancel_kept = True

    @property
    def cancel_frame(self) -> Tree:
        """The one cancel."""
        return {"action": "cancel", "requestId": self.id, "sessionId": self.session}

    def write_cancel(self) -> None:
        """Write the one cancel, and start its time."""
        self.cancel_sent = "cancel-sent-twice" not in self.client.faults
        self.client.write(self.cancel_frame, lasts=self.resuming.full)
        self._arm("cancel", self.client.time("cancel"), self.unconfirmed)

    def unconfirmed(self) -> None:
        """The turn ends as cancelled; nothing says that it was."""
        text = whole(self.tokens)
        self.settle({"outcome": "cancelled", "text": text, "confirmed": False})

    # --- reading ----------------------------------------------------------------------------

    async def iterate(self) -> AsyncIterator[Tree]:
        """Every item from the first one; raises after the last one of a failed turn."""
        place = Place()
        self.places.append(place)
        while True:
            while place.at < (len(self.items) if place.cap is None else place.cap):
                place.at += 1
                yield self.items[place.at - 1]
            if self.body is not None or place.cap is not None:
                break
            await self._wait()
        if place.cap is not None:
            raise self.error("slow_consumer")
        if self.body is not None and self.body["outcome"] == "failed":
            raise self.body["error"]

    async def result(self) -> Tree:
        """The body of the outcome; raises for a failed turn."""
        while self.body is None:
            await self._wait()
        if self.body["outcome"] == "failed":
            raise self.body["error"]
        return self.body

    async def _wait(self) -> None:
        self.readers += 1
        try:
            await self.changed.wait()
        except asyncio.CancelledError:
            if self.readers == 1 and not self.detached and self.body is None:
                self.send_cancel()
            raise
        finally:
            self.readers -= 1
