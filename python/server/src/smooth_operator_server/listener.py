"""A server that listens: its socket, its HTTP and WebSocket engine, its orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

import uvicorn

from .app import Server
from .gateway.http_protocol import HttpProtocol
from .gateway.socket_protocol import SocketProtocol

SHUTDOWN_S = 5
BACKLOG = 2048


class ListenError(Exception):
    """The address cannot be listened on; the text says which and why."""


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        ListenError: the port is in use, the host unknown, or permission missing.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        # The protocol is named because asyncio turns Nagle's delay off only for sockets that say
        # TCP; socket.create_server leaves it open, which costs 40 ms a turn.
        bound = socket.socket(family, kind, protocol)
    except OSError as fault:
        raise _cannot_listen(host, port, fault) from None
    try:
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as fault:
        bound.close()
        raise _cannot_listen(host, port, fault) from None
    return bound


def _cannot_listen(host: str, port: int, fault: OSError) -> ListenError:
    return ListenError(f"cannot listen on {host}:{port}: {fault.strerror or 'unknown host'}")


class Listener:
    """Serves a ``Server`` on a bound socket within the running event loop."""

    def __init__(self, server: Server, bound: socket.socket) -> None:
        self.server = server
        self._socket = bound
        host, self.port = bound.getsockname()[:2]
        self.host = f"[{host}]" if ":" in host else host
        self._uvicorn = _Uvicorn(_config(server))
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"ws://{self.host}:{self.port}/ws"

    @property
    def page(self) -> str:
        """Where browsers find the playground, if there is one."""
        return f"http://{self.host}:{self.port}/"

    async def start(self) -> None:
        """Accept connections; returns once they are.

        Raises:
            ListenError: the application did not start.
        """
        serving = self._uvicorn.serve(sockets=[self._socket])
        self._task = asyncio.create_task(serving, name="uvicorn")
        is_up = asyncio.create_task(self._uvicorn.is_up.wait(), name="uvicorn is up")
        await asyncio.wait({self._task, is_up}, return_when=asyncio.FIRST_COMPLETED)
        is_up.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Drain the server, then close its sockets. The store stays open."""
        await self.server.drain()
        self._uvicorn.may_end.set()
        if self._task is not None:
            await self._task


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers and its ten ticks a second.

    This server drains before uvicorn closes sockets, and is idle when nothing happens.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()
        self.may_end = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:  # it would end the event loop, and whoever else runs there
            raise ListenError("the server did not start: its store failed") from None
        self.is_up.set()

    async def main_loop(self) -> None:
        await self.may_end.wait()


def _config(server: Server) -> uvicorn.Config:
    return uvicorn.Config(
        server.application(),
        http=HttpProtocol,
        timeout_keep_alive=server.settings.hello_secs,  # type: ignore[arg-type]
        ws=SocketProtocol,
        ws_per_message_deflate=False,  # a token is too small to be worth a compressor
        ws_ping_interval=server.settings.ping_secs or None,
        ws_ping_timeout=server.settings.pong_secs or None,
        ws_max_size=server.settings.max_frame_bytes,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
