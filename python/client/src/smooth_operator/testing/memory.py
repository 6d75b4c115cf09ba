"""Links in memory: the client's transport on one side, the server's link on the other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from .._transport import LinkEnd, OpenRequest, Receiver
from .state import Link


class Host(Protocol):
    """The server, as its links see it."""

    def link_opened(self, link: Link) -> None:
        """Take note of a link."""

    def received(self, link: Link, text: str) -> None:
        """Answer one frame."""

    def link_closed(self, link: Link) -> None:
        """Take note that a link is gone; called once."""


def owner_of(path: str, headers: Mapping[str, str]) -> str:
    """Return whose link a handshake opens: its token, of the query or of the header."""
    query = parse_qs(urlsplit(path).query).get("token")
    bearer = headers.get("Authorization", "").removeprefix("Bearer ")
    return query[-1] if query else bearer


class MemoryLink:
    """One link in memory: a transport to the client, a link to the server.

    Each frame crosses in a callback of its own, as text, so that neither side runs inside a call
    of the other; the order of each direction is kept.
    """

    def __init__(self, host: Host, number: int, request: OpenRequest) -> None:
        self.number = number
        self.owner = owner_of(request.url, request.headers)
        self.is_open = True
        self.paused = False
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._receiver: Receiver | None = None
        self._held: list[str | LinkEnd] = []
        self._listens = True
        self._gone: asyncio.Future[None] = self._loop.create_future()

    # the client's side (Transport) ------------------------------------------------------

    def attach(self, receiver: Receiver) -> None:
        """Hand everything that is read, from the first frame on, to ``receiver``."""
        self._receiver = receiver
        held, self._held = self._held, []
        for one in held:
            self._loop.call_soon(self._deliver, one)

    def send_text(self, text: str) -> int:
        """Send a frame to the server; return its size in bytes."""
        size = len(text.encode())
        self._loop.call_soon(self._reach, text)
        return size

    def close(self, code: int) -> None:  # noqa: ARG002 - Transport names it
        """Close the link from the client's side."""
        self.abort()

    def abort(self) -> None:
        """Drop the link from the client's side."""
        self._listens = False
        self._loop.call_soon(self._over)

    async def wait_closed(self) -> None:
        """Wait until both sides know."""
        await asyncio.shield(self._gone)

    def _reach(self, text: str) -> None:
        if self.is_open:
            self._host.received(self, text)

    # the server's side (Link) -----------------------------------------------------------

    def write(self, text: str) -> None:
        """Send a frame to the client."""
        if self.is_open:
            self._send(text)

    def end(self, code: int) -> None:
        """End the link behind its frames; 1006 without a close frame."""
        if self.is_open:
            self._send(LinkEnd("lost" if code == 1006 else "closed_by_peer", code))
            self._over()

    def _send(self, one: str | LinkEnd) -> None:
        if self._receiver is None:
            self._held.append(one)
        else:
            self._loop.call_soon(self._deliver, one)

    def _deliver(self, one: str | LinkEnd) -> None:
        receiver = self._receiver
        if receiver is None or not self._listens:
            return
        if isinstance(one, LinkEnd):
            self._listens = False
            receiver.link_ended(one)
            return
        receiver.batch_begins()
        try:
            receiver.text_received(one.encode())
        finally:
            receiver.batch_ends()

    def _over(self) -> None:
        if self.is_open:
            self.is_open = False
            self._host.link_closed(self)
        if not self._gone.done():
            self._gone.set_result(None)
