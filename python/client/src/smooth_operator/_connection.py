"""The supervisor of a link: its state, one attempt at a time, and the way to close it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from ._clock import patiently, within
from ._connection_failure import attempt_failure
from ._connection_state import ConnectionState, LinkState
from ._errors import ClientClosedError
from ._errors_made import Failures
from ._link import Link, Taker, Tap
from ._listeners import Listeners
from ._observer import Watch
from ._options import Options
from ._options_address import address
from ._outbox import Outbox, Outgoing
from ._transport import LinkEnd, OpenRequest, Transport
from ._transport_socket import open_socket, tls_context


class _MisuseError(Exception):
    """A token provider gave what is no token (REQ-CONN-28)."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.fault = fault


class Sink(Taker, Protocol):
    """Who takes what the link reads, and hears of its end. Must not block."""

    def link_ended(self, end: LinkEnd, word: str) -> None:
        """Settle what is in flight: the link is gone."""

    def attempt_failed(self, error: Exception) -> None:
        """Settle what waited for an attempt that failed."""

    def closing(self) -> None:
        """Settle what is in flight: the caller closes the client."""


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
        self._tap = Tap(options, listeners)
        self._failures = failures
        self._outbox = Outbox(self._tap.written, failures)
        self._state = LinkState(lambda change: listeners.emit("state", change))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._attempt: asyncio.Task[Exception | None] | None = None
        self._link: Link | None = None
        self._finishing: asyncio.Task[None] | None = None

    @property
    def state(self) -> ConnectionState:
        """Current state of the link."""
        return self._state.current

    async def connect(self) -> None:
        """Open the link, or join the attempt that runs (REQ-CONN-03, REQ-CONN-04).

        Giving up the wait ends the wait, not the attempt.
        """
        self.check_loop()
        self._begin()
        if self._attempt is not None:
            error = await asyncio.shield(self._attempt)
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
        self._sink.closing()
        attempt, self._attempt = self._attempt, None
        link, self._link = self._link, None
        self._state.on("close")
        self._outbox.clear("close")
        if attempt is not None:
            attempt.cancel()
        if link is not None:
            link.transport.close(1000)
            self._finish(link.transport)
        waits = [task for task in (attempt, self._finishing) if task is not None]
        await patiently(self._options.clock, self._options.close_timeout, waits)
        await self._listeners.drain()

    def submit(self, outgoing: Outgoing) -> bool:
        """Write the frame, or keep it until the attempt ends; False without a link (REQ-CONN-09).

        Raises:
            MessageTooLargeError: over 1 MiB; nothing was sent.
        """
        self.check_loop()
        self._outbox.check(outgoing)
        if self._options.lazy:
            self._begin()
        if self._link is None and self._state.current != "connecting":
            return False
        self._outbox.put(outgoing)
        if self._link is not None:
            outgoing.on("taken")
            self._link.writable_again()
        return True

    # the attempt ----------------------------------------------------------------------

    def _begin(self) -> None:
        if self._state.on("connect"):
            self._attempt = asyncio.create_task(self._run_attempt(), name="smooth-operator attempt")

    async def _run_attempt(self) -> Exception | None:
        """Make one attempt; return its error instead of raising it, as many may wait for it."""
        limit = self._options.connect_timeout
        try:
            transport = await within(self._options.clock, limit, self._open())
        except asyncio.CancelledError:
            return self._failures.make(ClientClosedError)
        except Exception as cause:
            if self._given_up():
                return self._failures.make(ClientClosedError)
            self._attempt = None
            error: Exception
            if isinstance(cause, _MisuseError):
                error = cause.fault
            else:
                error = attempt_failure(cause, limit, self._failures)
            self._state.on("connect_failed", error=error)
            self._watch.tell("attempt", self._failures.host, error)
            self._outbox.clear("connect_failed")
            self._sink.attempt_failed(error)
            return error
        if self._given_up():
            transport.abort()
            return self._failures.make(ClientClosedError)
        self._attempt = None
        self._link = Link(transport, self._outbox, self._sink, self._tap, self._link_ended)
        self._state.on("opened")
        self._watch.tell("attempt", self._failures.host, None)
        self._link.begin()
        return None

    def _given_up(self) -> bool:
        """Whether `close` ended the attempt that runs, and something in it went on regardless."""
        return self._attempt is not asyncio.current_task()

    async def _open(self) -> Transport:
        options = self._options
        token = options.token
        if callable(token):
            given = await token()
            try:
                token = options.check_token(given)
            except (TypeError, ValueError) as fault:
                raise _MisuseError(fault) from None
        headers = dict(options.headers)
        if token is not None and options.token_in == "header":
            headers["Authorization"], token = f"Bearer {token}", None
        url = address(options.url, token)
        request = OpenRequest(
            url=url,
            headers=headers,
            origin=options.origin,
            tls=tls_context(options.ssl, options.ca_file) if url.startswith("wss:") else None,
            max_message_bytes=options.max_message_bytes,
        )
        return await (options.opener or open_socket)(request)

    # the end --------------------------------------------------------------------------

    def _link_ended(self, end: LinkEnd | None) -> None:
        """Take note of the end of the link; None: it is to be closed for its malformed frames."""
        link, self._link = self._link, None
        if link is None:
            return
        word = "malformed_limit" if end is None else end.reason
        end = end or LinkEnd("lost", 4400)
        if word == "malformed_limit":
            link.transport.close(end.code)
        self._state.on(word, code=end.code)
        self._outbox.clear(word)
        self._finish(link.transport)
        self._sink.link_ended(end, word)

    def _finish(self, transport: Transport) -> None:
        """Let the socket go in the background: wait for the peer, then drop it."""

        async def finish() -> None:
            if self._options.close_timeout:
                try:
                    limit = self._options.close_timeout
                    await within(self._options.clock, limit, transport.wait_closed())
                except TimeoutError:
                    pass  # the peer does not answer: the abort below is the answer
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
        """The loop ended without `close`: the link is lost, and nobody of that loop waits."""
        link, self._link = self._link, None
        self._attempt = self._finishing = self._loop = None
        self._outbox.clear("lost")
        self._listeners.begin_anew()
        if link is not None:
            self._state.on("lost", code=1006)
            self._sink.link_ended(LinkEnd("lost", 1006), "lost")
        else:
            error = self._failures.make(ClientClosedError)
            self._state.on("connect_failed", error=error)
            self._sink.attempt_failed(error)
