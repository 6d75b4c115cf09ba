"""One client over one socket: reads frame by frame, writes through its outbox."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable

from starlette.websockets import WebSocket, WebSocketDisconnect

from ..auth.principal import Principal
from ..clock import Clock, happens_within
from ..ids import new_uuid
from ..protocol.frames import Frame
from ..protocol.json_text import write_json
from ..telemetry import log
from .dispatch import Dispatcher
from .outbox import Outbox
from .socket_protocol import abort, receiver_of, send_texts, writer_of

CLOSE_S = 5.0
"""Seconds in which the sockets of a draining server may take what still waits for them."""


TRY_AGAIN_LATER = 1013


class Connection:
    """The server's end of a socket; a ``Peer`` for the rooms that answer."""

    _numbers = itertools.count(1)

    def __init__(
        self,
        socket: WebSocket,
        principal: Principal,
        dispatcher: Dispatcher,
        clock: Clock,
        slow_reader_s: float,
    ) -> None:
        self.socket_id = new_uuid()
        self.number = next(self._numbers)
        self.principal = principal
        self.origin: str | None = socket.headers.get("origin")
        self._socket = socket
        self._dispatcher = dispatcher
        self._outbox = Outbox(clock, slow_reader_s, writer_of(socket))
        self._replays = False
        self._slow_reader_s = slow_reader_s
        self._clock = clock
        self._draining = False
        self._close: tuple[int, str] | None = None
        self.ended = asyncio.Event()

    @property
    def queued(self) -> int:
        """Frames that wait to be written."""
        return len(self._outbox)

    @property
    def has_room(self) -> bool:
        """Whether a frame can be queued without a wait."""
        return self._outbox.has_room

    async def send(self, frame: Frame) -> None:
        text = write_json(frame)
        if not self._outbox.write(text):
            await self._outbox.put_text(text)

    async def send_written(self, text: str) -> None:
        await self._outbox.put_text(text)

    def send_now(self, frame: Frame) -> None:
        self._outbox.put_text_now(write_json(frame))

    async def send_text(self, text: str) -> None:
        self._replays = True
        await self._outbox.put_text(text)

    def send_text_now(self, text: str) -> None:
        self._outbox.put_text_now(text)

    def fell_behind(self) -> None:
        self._replays = True
        self._outbox.drop()
        self._outbox.gave_up.set()

    async def serve(self) -> None:
        """Serve the socket until either side ends it, or the peer stops reading."""
        await self._socket.accept()
        helpers = [
            asyncio.create_task(self._write(), name="socket writer"),
            asyncio.create_task(self._watch(), name="socket watch"),
        ]
        try:
            await self._read()
        finally:
            self._outbox.close()
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            self.ended.set()

    def stop_reading(self) -> None:
        """Answer no further action; what is on its way to the client still gets there."""
        self._draining = True

    def close(self, code: int, reason: str) -> None:
        """Write what waits, then close the socket."""
        self._close = (code, reason)
        self._outbox.finish()

    def abort(self) -> None:
        """Drop the socket without another word."""
        self._outbox.close()
        abort(self._socket)

    async def _read(self) -> None:
        receive = receiver_of(self._socket)
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if self._draining:
                continue
            text = message.get("text")
            if text is not None:
                await self._dispatcher.text(text, self)
            else:
                await self._dispatcher.binary(self)

    async def _write(self) -> None:
        try:
            async for batch in self._outbox.batches():
                await send_texts(self._socket, batch)
            if self._close is not None:
                await self._socket.close(*self._close)
        except (WebSocketDisconnect, RuntimeError):  # gone, or closed from the other side
            self._outbox.close()

    async def _watch(self) -> None:
        await self._outbox.gave_up.wait()
        log.warning("socket dropped: the client does not read")
        if self._replays:  # it gets its turns again over another socket (REQ-SRV-39)
            self.close(TRY_AGAIN_LATER, "the client does not read")
            await happens_within(self._clock, self.ended.wait(), self._slow_reader_s)
        self.abort()


class Connections:
    """The open sockets of a server."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: set[Connection] = set()

    @property
    def open(self) -> tuple[Connection, ...]:
        """The sockets that are open now."""
        return tuple(self._open)

    async def serve(self, connection: Connection) -> None:
        """Serve a socket to its end."""
        self._open.add(connection)
        try:
            await connection.serve()
        finally:
            self._open.discard(connection)

    def stop_reading(self) -> None:
        """Answer no further action on any socket."""
        for connection in self._open:
            connection.stop_reading()

    async def close(self, code: int, reason: str) -> None:
        """Close all sockets; those that do not take their frames in time are dropped."""
        ends: list[Awaitable[bool]] = []
        for connection in self._open:
            connection.close(code, reason)
            ends.append(connection.ended.wait())
        if ends:
            await happens_within(self._clock, asyncio.gather(*ends), CLOSE_S)
        for connection in list(self._open):
            connection.abort()
