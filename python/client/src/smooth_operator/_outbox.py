"""Frames on their way out, in order: the one place that knows whether a frame may have left.

The outbox belongs to the connection and outlives a link: what is put into it while an attempt runs
is written by the link that comes of it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._errors import MessageTooLargeError
from .wire.options import OUTBOUND_BYTES
from .wire.steps import FRAME, Facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._errors_made import Failures
    from ._transport import Transport


@dataclass(eq=False, slots=True)
class Outgoing:
    """One frame on its way out."""

    action: str
    request_id: str | None
    text: str = field(repr=False)
    session_id: str | None = None
    state: str = FRAME.initial
    """Where it is, in the words of the machine ``frame``."""
    until: float | None = None
    """The clock's time from which on it is not written any more; None = never too late."""

    @property
    def may_have_left(self) -> bool:
        """Whether it may have left this machine: it cannot be taken back then (REQ-CONN-16)."""
        return self.state in ("writing", "written")

    def on(self, word: str, *, sought: bool = False) -> None:
        """Step on what happens to the frame; ``sought``: another link follows this one."""
        self.state, _ = FRAME.step(self.state, word, Facts(sought=sought))

    def again(self) -> Outgoing:
        """Return the same frame to be written once more (REQ-CALL-13)."""
        return Outgoing(self.action, self.request_id, self.text, self.session_id)

    def ids(self) -> dict[str, Any]:
        """Return what every error of the action says."""
        return {"request_id": self.request_id, "session_id": self.session_id}

    def drop(self) -> None:
        """Take the frame back, if that is still possible."""
        self.on("withdrawn")


class Outbox:
    """The queue of a connection.

    ``written`` hears of each frame that a socket took; ``now`` tells the clock's time.
    """

    def __init__(
        self,
        written: Callable[[Outgoing, int], None],
        failures: Failures,
        now: Callable[[], float],
    ) -> None:
        self._failures = failures
        self._queue: deque[Outgoing] = deque()
        self._written = written
        self._now = now

    def check(self, outgoing: Outgoing) -> None:
        """Refuse a frame that is too large (REQ-CALL-10).

        Raises:
            MessageTooLargeError: over 1 MiB; nothing was sent.
        """
        size = len(outgoing.text)
        if size * 4 > OUTBOUND_BYTES:
            size = len(outgoing.text.encode())
        if size > OUTBOUND_BYTES:
            raise self._failures.make(
                MessageTooLargeError,
                limit=OUTBOUND_BYTES,
                details={"size": size, "limit": OUTBOUND_BYTES},
                **outgoing.ids(),
            )

    def put(self, outgoing: Outgoing) -> None:
        """Queue a frame behind all others.

        A read that is written again is queued in the step that lost its link, when nothing waits
        yet that was called later.
        """
        self._queue.append(outgoing)

    def full(self, limit: int) -> bool:
        """Whether ``limit`` frames wait for a link (REQ-CONN-40)."""
        if len(self._queue) < limit:
            return False
        self._drop_late()
        return len(self._queue) >= limit

    def _drop_late(self) -> None:
        """Keep what still waits and is not too late (REQ-RESUME-08)."""
        now = self._now()
        for outgoing in self._queue:
            if outgoing.until is not None and round((outgoing.until - now) * 1000) <= 0:
                outgoing.drop()
        self._queue = deque(it for it in self._queue if it.state == "queued")

    def link_ready(self, first: Callable[[], None]) -> None:
        """Give all that waits to a link, in call order: from now on it may have left.

        What ``first`` writes goes before it.
        """
        self._drop_late()
        waiting, self._queue = self._queue, deque()
        try:
            first()
        finally:
            self._queue.extend(waiting)
        for outgoing in waiting:
            outgoing.on("link_ready")
            outgoing.on("taken")

    def write_to(self, transport: Transport) -> None:
        """Write what waits, in call order, as long as the socket takes it (REQ-CONN-18)."""
        queue = self._queue
        while queue and not transport.paused:
            outgoing = queue.popleft()
            if outgoing.state == "writing":
                size = transport.send_text(outgoing.text)
                outgoing.on("flushed")
                self._written(outgoing, size)

    def ended(self, word: str, *, sought: bool) -> None:
        """Step what was not written; keep what goes on waiting, for another link is sought."""
        for outgoing in self._queue:
            outgoing.on(word, sought=sought)
        self._queue = deque(it for it in self._queue if it.state == "queued")
