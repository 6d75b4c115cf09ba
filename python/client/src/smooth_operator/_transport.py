"""What a transport is: one socket that carries text messages, and what opens it.

The connection room knows no more of a socket than is said here. :mod:`._transport_socket` is the
transport of this package; an application brings its own by the option ``opener``.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

EndReason = Literal["closed_by_peer", "lost", "too_large", "invalid_utf8"]


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """How a link ended, in the words of the connection machine."""

    reason: EndReason
    code: int
    """Close code: as received, 1005 without one, 1006 without a close frame (REQ-CONN-15)."""
    text: str = ""
    """What the peer said in its close frame; shown as an attribute, never in an error's text."""


class Receiver(Protocol):
    """Who takes what a transport reads. Called on the loop; must not block."""

    def batch_begins(self) -> None:
        """Take note that what came in one piece is read now, message by message."""

    def batch_ends(self) -> None:
        """Take note that there is nothing more to read for now."""

    def text_received(self, data: bytes) -> None:
        """Take one text message. ``UnicodeDecodeError`` says that it is no UTF-8."""

    def binary_received(self, size: int) -> None:
        """Take note of a binary message, which the protocol does not know."""

    def writable_again(self) -> None:
        """Go on writing: the socket took what was buffered (REQ-CONN-18)."""

    def link_ended(self, end: LinkEnd) -> None:
        """Take note of the end; called once, and not after :meth:`Transport.close`."""


class Transport(Protocol):
    """One open socket."""

    paused: bool
    """Whether too much waits for the socket; writers must wait then (REQ-CONN-18)."""

    def attach(self, receiver: Receiver) -> None:
        """Hand everything that is read, from the first message on, to ``receiver``."""

    def send_text(self, text: str) -> int:
        """Write one text message; messages leave in call order. Return its size in bytes."""

    def close(self, code: int) -> None:
        """Begin the closing handshake; nothing that comes after it reaches the receiver."""

    async def wait_closed(self) -> None:
        """Wait until the socket is gone."""

    def abort(self) -> None:
        """Drop the socket now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenRequest:
    """What an opener is asked for: one attempt."""

    url: str = field(repr=False)
    """Address with its query, the token in it where that is where tokens go."""
    headers: Mapping[str, str] = field(repr=False)
    """Further headers of the handshake."""
    origin: str | None
    tls: ssl.SSLContext | None
    """Settings for ``wss:``; None for ``ws:``."""
    max_message_bytes: int
    """Largest message that may be taken."""


Opener = Callable[[OpenRequest], Awaitable[Transport]]
"""Opens one socket and finishes its handshake; raises HandshakeError or OSError."""


class HandshakeError(Exception):
    """The server was reached and did not accept; ``status`` is its HTTP status, if it gave one."""

    def __init__(
        self,
        message: str,
        status: int | None = None,
        *,
        retry_after_ms: int | None = None,
        body: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_ms = retry_after_ms
        """``Retry-After`` of the answer, in milliseconds."""
        self.body = body
        """The first 4,096 bytes of the answer's body, as text."""
        self.request_id = request_id
        """``x-request-id`` of the answer."""
