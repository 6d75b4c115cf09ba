"""The supervisor of a link: its state, one attempt at a time, and the way to close it.

Every event goes the same way: first the machine of the link, then the frames that wait, then calls
and turns; an attempt that follows begins when all that is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal, Protocol, assert_never

from . import wire
from ._arguments import printed
from ._clock import patiently, within
from ._connection_attempt import attempt
from ._connection_failure import HOPELESS, Failure, Outlook, after_close
from ._connection_liveness import Liveness, Word
from ._connection_seeking import Seeking
from ._connection_state import ConnectionState, LinkState, StateChange
from ._counters import Tally
from ._errors import ClientClosedError, ReconnectExhaustedError
from ._errors_made import Failures
from ._link import Link, Taker, Tap
from ._listeners import Listeners
from ._observer import Watch
from ._options import Options, TokenRequest
from ._outbox import Outbox, Outgoing
from ._transport import LinkEnd, Transport
from .wire import steps

Refusal = Literal["not_connected", "queue_full"]
"""Why an action cannot start: the local event that ends it."""

_MALFORMED = 4400
_NO_PONG = 4408


class Sink(Taker, Protocol):
    """Who takes what the link reads, and hears of its end. Must not block.

    ``sought`` says that another attempt follows, and that what waits for a link may go on waiting.
    """

    def link_ended(self, end: LinkEnd, word: str, *, sought: bool) -> None:
        """Settle what is in flight: the link is gone."""

    def link_opened(self) -> None:
        """Write what goes before all that waits for the link."""

    def attempt_failed(self, error: Exception, *, sought: bool) -> None:
        """Settle what waited for an attempt that failed."""

    def closing(self) -> None:
        """Settle what is in flight: the caller closes the client."""

    def own_id(self) -> str:
        """Draw the id of a ping of the client's own, whose answer is nobody's."""


@dataclass(slots=True)
class _News:
    """What the state event of a step will say."""

    word: str
    previous: ConnectionState
    code: int | None = None
    error: Exception | None = None
    attempt: int | None = None
    retry_in: float | None = None


class Connection:
    """Owns attempt, link and outbox of one client. Lives on one event loop at a time."""

    def __init__(
        self,
        options: Options,
        listeners: Listeners,
        sink: Sink,
        failures: Failures,
        watch: Watch,
    ) -> None:
        self._watch = watch
        self._options = options
        self._listeners = listeners
        self._sink = sink
        self.tally = Tally()
        self._tap = Tap(options, listeners, self.tally)
        self._failures = failures
        self._outbox = Outbox(self._tap.written, failures, options.clock.now)
        self._state = LinkState()
        self._seeking = Seeking(options, lambda: self._happens("retry_due"))
        self._liveness = Liveness(options, self._timer_due)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._waited: asyncio.Future[Exception | None] | None = None
        self._link: Link | None = None
        self._before: Transport | None = None
        self._finishing: asyncio.Task[None] | None = None
        self._beside: set[asyncio.Task[None]] = set()
        self.ending: LinkEnd | None = None
        """How the last link was lost; None when none was."""
        self.session_known = False
        """Whether a session was opened or found: events of it may be missed (REQ-CONN-42)."""

    @property
    def state(self) -> ConnectionState:
        """Current state of the link."""
        return self._state.current

    async def connect(self) -> None:
        """Open the link, or join the attempt that runs (REQ-CONN-03, REQ-CONN-04, REQ-CONN-35).

        Giving up the wait ends the wait, not the attempt.
        """
        self.check_loop()
        self._seek()
        if self._state.sought:
            if self._waited is None:
                self._waited = asyncio.get_running_loop().create_future()
            error = await asyncio.shield(self._waited)
            if error is not None:
                raise error

    async def close(self) -> None:
        """Close the link and settle everything; never raises (REQ-CONN-05, REQ-CONN-06).

        ``close_timeout`` bounds the whole of it.
        """
        home = self._loop
        if home is not None and home is not asyncio.get_running_loop() and home.is_running():
            there = asyncio.run_coroutine_threadsafe(self.close(), home)
            await asyncio.wrap_future(there)
            return
        if home is not None and home is not asyncio.get_running_loop():
            self._loop_died()
        had_link = self._link is not None
        running = self._stop()
        self._step("close")
        if had_link and self._before is not None:
            self._finish(self._before)
        self._outbox.ended("close", sought=False)
        self._answer(self._failures.make(ClientClosedError))
        self._sink.closing()
        if running is not None:
            running.cancel()
        here = asyncio.current_task()
        beside = [task for task in self._beside if task is not here]
        waits = [task for task in (running, self._finishing, *beside) if task is not None]
        await patiently(self._options.clock, self._options.close_timeout, waits)
        await self._listeners.drain()

    def background(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run ``work`` beside the link; `close` waits for its end, inside its limit."""
        task = asyncio.create_task(work, name=name)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        return task

    def wake(self) -> None:
        """Ask the link whether it lives, or end the wait for another one (REQ-CONN-35, 39)."""
        if self._state.current not in ("idle", "closed"):
            self.check_loop()
            self._happens("wake")

    def submit(self, outgoing: Outgoing) -> Refusal | None:
        """Write the frame, or keep it until there is a link; return why it cannot start.

        Raises:
            MessageTooLargeError: over 1 MiB; nothing was sent.
        """
        self.check(outgoing)
        if self._link is not None:
            self._write(self._link, outgoing)
            return None
        refusal = self._refusal()
        if refusal is not None:
            outgoing.on(refusal)
            return refusal
        self._outbox.put(outgoing)
        if not self._state.sought:
            self._seek()
        return None

    def check(self, outgoing: Outgoing) -> None:
        """Refuse a frame that is too large, or of another loop, as :meth:`submit` does."""
        self.check_loop()
        self._outbox.check(outgoing)

    @property
    def linked(self) -> bool:
        """Whether a frame that is written now leaves at once."""
        return self._link is not None

    def put(self, outgoing: Outgoing) -> None:
        """Write a frame that belongs to what began before, or keep it for the link that is sought.

        However many wait already, it finds its place; where no link is sought it is dropped.
        """
        self.check_loop()
        if self._link is not None:
            self._write(self._link, outgoing)
        elif self._state.sought:
            self._outbox.put(outgoing)

    def _refusal(self) -> Refusal | None:
        """Return why no action may start without a link (REQ-CONN-09, REQ-CONN-40)."""
        options = self._options
        if self._state.current == "reconnecting" and options.queue_policy == "fail_fast":
            return "not_connected"
        if not self._state.sought and not options.lazy:
            return "not_connected"
        return "queue_full" if self._outbox.full(options.queue_limit) else None

    def _write(self, link: Link, outgoing: Outgoing) -> None:
        self._outbox.put(outgoing)
        outgoing.on("taken")
        link.writable_again()

    # events ---------------------------------------------------------------------------

    def _happens(self, word: str) -> None:
        """Take an event that ends nothing."""
        self._step(word)
        self._begin_attempt()

    def _seek(self) -> None:
        """Begin to seek a link, or end the wait before the next attempt."""
        if self._state.current in ("idle", "closed"):
            self._seeking.begin()
        self._happens("connect")

    def _timer_due(self, word: Word) -> None:
        """Take an event of a timer of the open link."""
        if word == "pong_timeout" or word == "probe_failed":
            self._lose(word, LinkEnd("lost", _NO_PONG))
        else:
            self._happens(word)

    def _link_ended(self, end: LinkEnd | None) -> None:
        """Take note of the end of the link; None: it is to be closed for its malformed frames."""
        if end is None:
            self._lose("malformed_limit", LinkEnd("lost", _MALFORMED))
        else:
            self._lose(end.reason, end)

    def _lose(self, word: str, end: LinkEnd) -> None:
        if self._link is None:
            return
        self._stop()
        self.ending = end
        news = self._step(word, after_close(end.code), code=end.code)
        if self._before is not None:
            self._finish(self._before)
        self._log("the link to %s ended (close code %s): %s", end.code, news)
        self._outbox.ended(word, sought=self._state.sought)
        self._sink.link_ended(end, word, sought=self._state.sought)
        self._begin_attempt()

    def _attempt_failed(self, failure: Failure) -> None:
        self._seeking.error = failure.error
        news = self._step("connect_failed", failure.outlook, error=failure.error)
        self._watch.tell("attempt", self._failures.host, failure.error)
        self._log("no link to %s (%s): %s", getattr(failure.error, "kind", "misuse"), news)
        error = news.error or failure.error
        self._outbox.ended("connect_failed", sought=self._state.sought)
        if self._state.current != "connecting":
            self._answer(error)
        self._sink.attempt_failed(error, sought=self._state.sought)
        self._begin_attempt()

    def _opened(self, transport: Transport) -> None:
        heard = self._liveness.heard
        link = Link(transport, self._outbox, self._sink, self._tap, heard, self._link_ended)
        self._link = link
        self.tally.connects += 1
        self.tally.reconnects += self._state.current == "reconnecting"
        self._step("opened")
        self._liveness.begin()
        self._answer(None)
        link.begin(self._sink.link_opened)
        self._watch.tell("attempt", self._failures.host, None)

    # the machine ----------------------------------------------------------------------

    def _step(
        self,
        word: str,
        outlook: Outlook = HOPELESS,
        *,
        code: int | None = None,
        error: Exception | None = None,
    ) -> _News:
        """Step the machine of the link and carry out what it says."""
        news = _News(word, self._state.current, code, error)
        for effect in self._state.on(word, self._seeking.facts(outlook)):
            match effect:
                case steps.State():
                    self._tell(news)
                case steps.Close():
                    assert self._before is not None
                    assert effect.close_code is not None
                    news.code = effect.close_code
                    self._before.close(effect.close_code)
                case steps.Schedule():
                    news.attempt = self._seeking.number
                    news.retry_in = self._seeking.schedule(outlook)
                case steps.Fail():
                    news.error = self._given_up_with(effect, news.error)
                case steps.RenewToken():
                    self._seeking.renew()
                    news.attempt, news.retry_in = self._seeking.number, 0.0
                case steps.Attempt(which="next"):
                    if self._attempt is None:
                        self._seeking.attempt()
                case steps.Attempt():
                    self._seeking.begin_anew()
                case steps.Ping():
                    self._ping()
                    self._liveness.pinged()
                case steps.Probe():
                    self._ping()
                    self._liveness.probed()
                case _:
                    assert_never(effect)
        return news

    def _tell(self, news: _News) -> None:
        current = self._state.current
        found_again = (news.previous, current) == ("reconnecting", "open")
        change = StateChange(
            news.previous,
            current,
            news.word,
            news.code,
            news.error,
            news.attempt,
            news.retry_in,
            missed=found_again and self.session_known,
        )
        self._listeners.emit("state", change)

    def _given_up_with(self, effect: steps.Fail, error: Exception | None) -> Exception | None:
        if effect.ending == "attempt":
            return error
        exhausted = self._failures.make(ReconnectExhaustedError)
        exhausted.__cause__ = error or self._seeking.error
        return exhausted

    def _ping(self) -> None:
        """Write a ping of the client's own (REQ-CONN-38)."""
        if self._link is not None:
            request_id = self._sink.own_id()
            text = printed(wire.actions.PingAction(request_id=request_id))
            self._write(self._link, Outgoing("ping", request_id, text))

    def _log(self, text: str, why: object, news: _News) -> None:
        """Log what happened behind the caller's back, in one line (REQ-CONN-41)."""
        if news.retry_in is not None:
            then = f"attempt {news.attempt} in {news.retry_in:g} s"
        else:
            then = "no further attempt"
        given_up = news.retry_in is None and news.previous != "connecting"
        level = logging.WARNING if given_up else logging.INFO
        self._options.logger.log(level, text, self._failures.host, why, then)

    # the attempt ----------------------------------------------------------------------

    def _begin_attempt(self) -> None:
        """Begin the attempt that follows the step, if one does."""
        request = self._seeking.take()
        if request is not None:
            running = self._run_attempt(request)
            self._attempt = asyncio.create_task(running, name="smooth-operator attempt")

    async def _run_attempt(self, request: TokenRequest) -> None:
        # The socket before is gone before another one is opened: there are never two.
        before, self._before = self._before, None
        opened = await attempt(self._options, self._failures, request, before)
        if self._attempt is not asyncio.current_task():
            # `close` ended the attempt, and something in it went on regardless.
            if not isinstance(opened, Failure):
                opened.abort()
            return
        self._attempt = None
        if isinstance(opened, Failure):
            self._attempt_failed(opened)
            return
        try:
            self._opened(opened)
        except Exception:
            self._options.logger.error("a transport failed as it opened", exc_info=True)
            self._link_ended(LinkEnd("lost", 1006))

    def _answer(self, error: Exception | None) -> None:
        """Tell those who wait in `connect` what came of it."""
        waited, self._waited = self._waited, None
        if waited is not None and not waited.done():
            waited.set_result(error)

    # the end --------------------------------------------------------------------------

    def _stop(self) -> asyncio.Task[None] | None:
        """Drop timers, link and attempt; return the attempt, which may have to be cancelled."""
        self._liveness.end()
        self._seeking.stop()
        running, self._attempt = self._attempt, None
        link, self._link = self._link, None
        if link is not None:
            self._before = link.transport
        return running

    def _finish(self, transport: Transport) -> None:
        """Let the socket go in the background: wait for the peer, then drop it."""

        async def finish() -> None:
            try:
                if self._options.close_timeout:
                    limit = self._options.close_timeout
                    await within(self._options.clock, limit, transport.wait_closed())
            except TimeoutError:
                pass  # the peer does not answer: the abort below is the answer
            except Exception:
                self._options.logger.warning("a transport failed in closing", exc_info=True)
            transport.abort()

        self._finishing = asyncio.create_task(finish(), name="smooth-operator close")

    # the loop -------------------------------------------------------------------------

    def check_loop(self) -> None:
        """Take care that the client is used on its own loop; a new one after that has died.

        Raises:
            RuntimeError: the loop is another one, and the client's own still lives (REQ-CONN-17).
        """
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        if self._loop is not None and self._loop.is_closed():
            self._loop_died()
        elif self._state.current not in ("idle", "closed"):
            raise RuntimeError("this client belongs to another event loop (REQ-CONN-17)")
        self._loop = loop

    def _loop_died(self) -> None:
        """The loop ended without `close`: the link is lost, and nobody of that loop waits.

        Nothing is sought again: that is for who comes from a new loop to ask for.
        """
        had_link, sought = self._link is not None, self._state.sought
        self._stop()
        self._finishing = self._loop = self._before = self._waited = None
        self._beside.clear()
        self._listeners.begin_anew()
        if had_link:
            self._step("lost", code=1006)
            self._outbox.ended("lost", sought=False)
            self.ending = LinkEnd("lost", 1006)
            self._sink.link_ended(self.ending, "lost", sought=False)
        elif sought:
            error = self._failures.make(ClientClosedError)
            self._step("connect_failed", error=error)
            self._outbox.ended("connect_failed", sought=False)
            self._sink.attempt_failed(error, sought=False)
