"""Listeners of a client: called in order, one at a time, never inside the caller's frame."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Topic = Literal["state", "event", "frame"]


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """What the frame tap sees of one frame (REQ-LOG-02)."""

    direction: Literal["in", "out"]
    type: str | None
    """Action or type of the frame; None when it has none."""
    request_id: str | None
    bytes: int
    at: float
    """Time of the client's clock, in seconds."""
    text: str | None = field(default=None, repr=False)
    """The frame as text, when the tap asked for it."""

    def without_text(self) -> FrameInfo:
        """Return the same facts without the text."""
        return replace(self, text=None)


class Listeners:
    """Who listens to what, and the queue between the link and them (REQ-CONN-07, REQ-CONN-08)."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._by_topic: dict[Topic, list[Callable[[Any], object]]] = {}
        self._queue: deque[tuple[Topic, Any]] = deque()
        self._scheduled = False
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, topic: Topic, listener: Callable[[Any], object]) -> Callable[[], None]:
        """Call ``listener`` with everything of ``topic``; return a function that stops it."""
        check_listener(listener)
        listeners = self._by_topic.setdefault(topic, [])
        listeners.append(listener)

        def remove() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return remove

    def has(self, topic: Topic) -> bool:
        """Return whether anybody listens to ``topic``."""
        return bool(self._by_topic.get(topic))

    def emit(self, topic: Topic, payload: Any) -> None:
        """Queue ``payload`` for the listeners of ``topic``."""
        if not self.has(topic):
            return
        self._queue.append((topic, payload))
        if not self._scheduled:
            self._scheduled = True
            self._idle.clear()
            asyncio.get_running_loop().call_soon(self._deliver)

    def begin_anew(self) -> None:
        """Forget the loop: what was queued is delivered on the next one that runs."""
        self._scheduled = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def drain(self) -> None:
        """Wait until everything queued so far was delivered."""
        await self._idle.wait()

    def _deliver(self) -> None:
        while self._queue:
            topic, payload = self._queue.popleft()
            for listener in list(self._by_topic.get(topic, ())):
                self._call(topic, listener, payload)
        self._scheduled = False
        self._idle.set()

    def _call(self, topic: Topic, listener: Callable[[Any], object], payload: Any) -> None:
        try:
            listener(payload)
        except Exception:
            self._logger.error("a %s listener raised", topic, exc_info=True)
            if topic == "frame":
                self._by_topic[topic].remove(listener)


def check_listener(listener: object) -> None:
    """Refuse what could not be called, and what nobody would await.

    Raises:
        TypeError: it is no function, or an async one.
    """
    if not callable(listener):
        raise TypeError("listener: expected a function")
    if inspect.iscoroutinefunction(listener) or inspect.iscoroutinefunction(
        getattr(listener, "__call__", None)  # noqa: B004 - an object may be async too
    ):
        raise TypeError("listener: expected a function that is not async; start a task in it")
