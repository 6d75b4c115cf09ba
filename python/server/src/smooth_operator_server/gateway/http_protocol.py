"""uvicorn's HTTP with one thing more: a connection that asks for nothing is let go.

uvicorn waits for ever for the first request of a connection; thousands of them would cost the
server its file descriptors.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class HttpProtocol(H11Protocol):
    """Gives a connection as long for its first request as for the next ones (keep-alive)."""

    _hello: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._hello = self.loop.call_later(self.timeout_keep_alive, self._is_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def _stop_waiting(self) -> None:
        if self._hello is not None:
            self._hello.cancel()
            self._hello = None

    def _is_silent(self) -> None:
        self._hello = None
        cycle: object = self.cycle
        if cycle is None:  # not one request was read
            self.transport.abort()
