"""Servers of one process, or one server that is alone: nothing leaves the process."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from uuid import uuid4

from ..clock import Clock
from .buckets import Buckets
from .port import Batch, Kept, Notice

Receive = Callable[[Notice], None]


class Hub:
    """What the servers of one process share: who is there, and the events of turns."""

    def __init__(self, clock: Clock, kept_s: float) -> None:
        self._clock = clock
        self._kept_s = kept_s
        self.nodes: dict[str, Receive] = {}
        self.rates = Buckets(clock.monotonic)
        self._streams: dict[str, dict[int, str]] = {}
        self._until: dict[str, float] = {}
        """When the events of a turn that has ended are forgotten, on the clock."""

    def stream(self, turn_id: str) -> dict[int, str]:
        """Return the events of a turn that are kept."""
        now = self._clock.monotonic()
        for over in [key for key, until in self._until.items() if until <= now]:
            self.forget(over)
        return self._streams.get(turn_id, {})

    def append(self, batch: Batch) -> None:
        """Keep events."""
        self.stream(batch.turn_id)
        stream = self._streams.setdefault(batch.turn_id, {})
        for number, text in enumerate(batch.texts, start=batch.first):
            if number > next(reversed(stream), 0):
                stream[number] = text
        for old in [number for number in stream if number < batch.oldest]:
            del stream[old]
        if batch.ended:
            self._until[batch.turn_id] = self._clock.monotonic() + self._kept_s

    def has_ended(self, turn_id: str) -> bool:
        """Tell whether a turn has ended."""
        return turn_id in self._until

    def forget(self, turn_id: str) -> None:
        """Keep nothing of a turn any more."""
        self._streams.pop(turn_id, None)
        self._until.pop(turn_id, None)


class LocalBackplane:
    """The place of one server at a hub. Without a hub it is alone, and keeps nothing."""

    def __init__(self, hub: Hub | None = None) -> None:
        self.node = str(uuid4())
        self.is_shared = hub is not None
        self._hub = hub

    async def start(self, receive: Receive) -> None:
        if self._hub is not None:
            self._hub.nodes[self.node] = receive

    async def tell(self, node: str | None, notice: Notice) -> bool:
        nodes = self._hub.nodes if self._hub is not None else {}
        named = [nodes[node]] if node in nodes else []
        heard = list(nodes.values()) if node is None else named
        for receive in heard:
            receive(json.loads(json.dumps(notice)))
        return bool(heard)

    async def append(self, batches: Sequence[Batch]) -> None:
        if self._hub is not None:
            for batch in batches:
                self._hub.append(batch)

    async def kept(self, turn_id: str) -> Kept | None:
        stream = self._hub.stream(turn_id) if self._hub is not None else {}
        if self._hub is None or not stream:
            return None
        return Kept(next(iter(stream)), next(reversed(stream)), self._hub.has_ended(turn_id))

    async def read(self, turn_id: str, after: int, most: int) -> list[tuple[int, str]]:
        stream = self._hub.stream(turn_id) if self._hub is not None else {}
        return [item for item in stream.items() if item[0] > after][:most]

    async def forget(self, turn_id: str) -> None:
        if self._hub is not None:
            self._hub.forget(turn_id)

    async def wait_s(self, caller: str, per_minute: int) -> float:
        return self._hub.rates.wait_s(caller, per_minute) if self._hub is not None else 0.0

    async def aclose(self) -> None:
        if self._hub is not None:
            self._hub.nodes.pop(self.node, None)
