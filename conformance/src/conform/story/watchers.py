"""Who watches a turn: iterators, the text stream, waits for the result (REQ-TURN-02, 03, 10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conform.oracle import Turn
from conform.reader import whole
from conform.spec import Tree

UNBOUNDED = 1 << 30


@dataclass
class Iteration:
    """One iterator. ``left`` is how many items it may still read; ``None`` = all."""

    name: str | None  # None = the one that `watch: items` opened
    left: int | None = None
    read: int = 0
    over: bool = False
    cap: int | None = None  # fell behind: it ends after so many items (REQ-TURN-22)


class Watchers:
    """Everything of one turn that the testee was told to watch."""

    def __init__(self, turn: Turn, watch: str, merges: Callable[[str, int], None]) -> None:
        self.turn = turn
        self.merges = merges
        turn.on_item, turn.on_settled = self.item, self.settled
        self.items_kept = turn.host.spec.bound("iteratorItems")
        self.bytes_kept = turn.host.spec.bound("iteratorBytes")
        self.items: list[Tree] = []
        self.sizes: list[int] = []
        self.iterations: list[Iteration] = []
        self.texts: list[str] = []
        self.waits: list[str] = []
        self.main: Iteration | None = None
        self.watch_result = watch == "result"
        self.detached = False
        if watch == "items":
            self.main = self._open(None, None)

    def _open(self, name: str | None, left: int | None) -> Iteration:
        self.turn.iterated = True
        iteration = Iteration(name, left)
        self.iterations.append(iteration)
        return iteration

    def item(self, shown: Tree, size: int) -> None:
        """One more item of a frame of that many bytes; every iterator sees it."""
        self.items.append(shown)
        self.sizes.append(size)
        for iteration in self.iterations:
            if not iteration.over:
                self._bound(iteration)
            self._pump(iteration)

    def _bound(self, it: Iteration) -> None:
        """Beyond the bound adjacent tokens may come merged (REQ-TURN-21).

        One that reads all the time is not held up here, but a real one may fall behind a burst.
        """
        if it.cap is not None:
            return
        lane = it.name or self.turn.name
        reads = it.left is None
        waiting = slice(0 if reads else it.read, None)
        if len(self.items[waiting]) > self.items_kept or sum(self.sizes[waiting]) > self.bytes_kept:
            self.merges(lane, UNBOUNDED if reads else it.read + self.items_kept)
            if not reads and self._unmerged(it.read) > self.items_kept:
                it.cap = it.read + self.items_kept

    def _unmerged(self, first: int) -> int:
        """How many items are left when all adjacent tokens are merged."""
        kinds = [item["type"] for item in self.items[first:]]
        pairs = zip(kinds, ["", *kinds], strict=False)
        return sum(not (kind == last == "stream_token") for kind, last in pairs)

    def iterate(self, name: str) -> None:
        """A further iterator, from the first item on."""
        self._pump(self._open(name, None))

    def take(self, count: int) -> None:
        """The main iterator may read that many more; opened by the first ``take``."""
        if self.main is None:
            self.main = self._open(None, 0)
        self.main.left = count
        self._pump(self.main)

    def hold(self) -> None:
        """The main iterator reads no more for now."""
        if self.main:
            self.main.left = 0

    def _pump(self, it: Iteration) -> None:
        extra = {} if it.name is None else {"as": it.name}
        end = len(self.items) if it.cap is None else it.cap
        while not it.over and it.left != 0 and it.read < end:
            shown = self.items[it.read]
            self.turn.host.emit({"ev": "item", "turn": self.turn.name, **extra, **shown})
            it.read += 1
            if it.left is not None:
                it.left -= 1
        outcome = self.turn.outcome
        if outcome is None or it.over or it.left == 0 or it.read < end:
            return
        it.over = True
        failure = outcome.get("error") if it.cap is None else self.turn.error("slow_consumer")
        if it.name is not None:
            self.turn.host.returned(it.name, None, failure)
        else:
            self._ended({**outcome, **({"raised": failure["kind"]} if failure else {})})

    def _ended(self, body: Tree) -> None:
        self.turn.host.emit({"ev": "ended", "turn": self.turn.name, **body})

    def text(self, name: str) -> None:
        """A text stream; reported as one piece when it is over."""
        if self.turn.outcome:
            self._end_text(name, self.turn.outcome)
        else:
            self.texts.append(name)

    def _end_text(self, name: str, outcome: Tree) -> None:
        text = whole(self.turn.streamed)
        if not self.turn.streamed:
            text = outcome["text"]  # REQ-TURN-10: nothing streamed, the final text once
        if text:
            shown = {"ev": "text", "turn": self.turn.name, "as": name, "piece": text}
            self.turn.host.emit(shown)
        self.turn.host.returned(name, None, outcome.get("error"))

    def wait(self, name: str) -> None:
        """Await the result."""
        self.waits.append(name)
        if self.turn.outcome:
            self.settled(self.turn.outcome)

    def settled(self, outcome: Tree) -> None:
        """The turn has its outcome: end every iteration, stream and wait."""
        for iteration in self.iterations:
            self._pump(iteration)
        if self.watch_result:
            self.watch_result = False
            self._ended(outcome)
        for name in self.texts:
            self._end_text(name, outcome)
        self.texts.clear()
        for name in self.waits:
            failure = outcome.get("error")
            self.turn.host.returned(name, None if failure else outcome, failure)
        self.waits.clear()

    # --- leaving ----------------------------------------------------------------------------

    def _stops(self, without: Iteration | None) -> bool:
        """Whether ending this wait stops the turn (REQ-STOP-04, REQ-STOP-05)."""
        others = any(not i.over and i is not without for i in self.iterations)
        awaited = bool(self.waits) or self.watch_result or bool(self.texts)
        return not (others or awaited or self.detached or self.turn.outcome)

    def leave(self) -> None:
        """Close the main iteration as the language does; nothing more is reported."""
        if self.main:
            self.main.over = True
        if self._stops(self.main):
            self.turn.write_cancel()

    def abort(self) -> None:
        """Native cancellation of the main wait."""
        self.watch_result = False
        self.turn.host.returned(self.turn.name, None, {"kind": "native_cancelled"})
        self.leave()

    def abort_wait(self, name: str) -> bool:
        """Native cancellation of one `await`."""
        if name not in self.waits:
            return False
        self.waits.remove(name)
        self.turn.host.returned(name, None, {"kind": "native_cancelled"})
        if self._stops(None):
            self.turn.write_cancel()
        return True
