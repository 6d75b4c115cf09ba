"""The stage: a scripted WebSocket peer on a real socket, bound to 127.0.0.1.

Handshake and legal frames come from the sans-I/O layer of ``websockets``; what a library will
not send is written to the same transport as bytes (``wire.py``). The path of the URL carries the
run's nonce and the client's name, so a stale process or a crossed link shows at once.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from conform.certificates import server_context
from conform.frames import body_of
from conform.spec import Tree


class StageError(Exception):
    """The client did not do what the step waits for; the text says what came instead."""


@dataclass(frozen=True)
class Received:
    """One thing that a client sent: ``text``, ``binary``, ``close``, ``pong`` or ``eof``."""

    kind: str
    text: str = ""
    code: int = 0


@dataclass
class WireLog:
    """Both directions of every link of one case, with microseconds since its start."""

    started: float = field(default_factory=time.perf_counter)
    lines: list[str] = field(default_factory=list)

    def add(self, client: str, arrow: str, what: str) -> None:
        """Note one act."""
        micros = int((time.perf_counter() - self.started) * 1e6)
        self.lines.append(f"{micros:>9} {client} {arrow} {what}")


class Link(asyncio.Protocol):
    """One connection of a client to the stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.protocol = ServerProtocol(max_size=None)
        self.transport: asyncio.Transport | None = None
        self.client = "?"
        self.request: Request | None = None
        self.inbox: asyncio.Queue[Received] = asyncio.Queue()
        self.closed = asyncio.Event()
        self.close_code: int | None = None  # what the client sent first
        self.we_closed = False
        self.held = False  # the handshake waits for a later step
        self.silent = False  # the handshake is never answered
        self.deaf = False  # a close frame is never answered
        self._parts: list[bytes] = []
        self._slow: asyncio.Task[None] | None = None  # writes the answer to the handshake
        self._opcode = Opcode.TEXT

    @property
    def over(self) -> bool:
        """Whether this link is done with, as far as the stage knows."""
        closing = self.transport is None or self.transport.is_closing() or self.closed.is_set()
        return closing or self.we_closed or self.silent or self.close_code is not None

    # --- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A TCP connection came in."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.stage.links.append(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came: handshake first, then frames."""
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self._handshake(event)
            elif isinstance(event, Frame):
                self._frame(event)
        if self.deaf:
            return
        self.flush()
        if self.protocol.close_expected() and self.transport:
            self.transport.close()

    def eof_received(self) -> bool:
        """The client half-closed; close our side too."""
        self.protocol.receive_eof()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.stage.log.add(self.client, "<-", "EOF" if exc is None else type(exc).__name__)
        self.inbox.put_nowait(Received("eof"))
        self.closed.set()

    # --- handshake --------------------------------------------------------------------------

    def _handshake(self, request: Request) -> None:
        nonce, _, rest = request.path[1:].partition("/")
        self.client = rest.partition("/")[0].partition("?")[0]
        self.request = request
        self.stage.log.add(self.client, "<-", f"handshake {request.path}")
        if nonce != self.stage.nonce:
            self.stage.strangers.append(request.path)
            self.refuse({"status": 404})
            return
        plan = self.stage.plans.pop(self.client, None)
        self.stage.arrived(self)
        if plan in ("silence", "hold"):
            self.held, self.silent = plan == "hold", plan == "silence"
        elif plan is None:
            self.accept()
        elif plan == "bytewise":
            self._slow = asyncio.get_running_loop().create_task(self._accept_bytewise())
        elif plan == "reset":
            self.reset()
        elif "cut" in plan:
            self.raw(self._acceptance()[: plan["cut"]])
            self.drop()
        else:
            self.refuse(plan)

    def _acceptance(self) -> bytes:
        assert self.request is not None
        self.protocol.send_response(self.protocol.accept(self.request))
        return b"".join(self.protocol.data_to_send())

    def accept(self) -> None:
        """Answer 101."""
        self.raw(self._acceptance())

    async def _accept_bytewise(self) -> None:
        """Answer 101, each octet in a segment of its own."""
        for octet in self._acceptance():
            self.raw(bytes([octet]))
            await asyncio.sleep(0.001)

    def refuse(self, plan: Tree) -> None:
        """Answer with another status, then close the socket."""
        status, body = plan["status"], body_of(plan)
        headers = plan.get("headers", {})
        lines = [f"HTTP/1.1 {status} Refused", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.stage.log.add(self.client, "->", f"handshake {status}")
        self.raw(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        if self.transport:
            self.transport.close()

    # --- frames -----------------------------------------------------------------------------

    def _frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._opcode, self._parts = frame.opcode, []
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                self._message(b"".join(self._parts))
        elif frame.opcode is Opcode.CLOSE:
            code = int.from_bytes(frame.data[:2], "big") if len(frame.data) >= 2 else 1005
            self.stage.log.add(self.client, "<-", f"close {code}")
            if not self.we_closed:
                self.close_code = code
            self.inbox.put_nowait(Received("close", code=code))
        elif frame.opcode is Opcode.PONG:
            self.inbox.put_nowait(Received("pong", text=bytes(frame.data).decode("latin-1")))
        elif frame.opcode is Opcode.PING:
            self.stage.log.add(self.client, "<-", "ping (of the protocol)")
            self.inbox.put_nowait(Received("ping"))

    def _message(self, data: bytes) -> None:
        if self._opcode is Opcode.BINARY:
            self.stage.log.add(self.client, "<-", f"binary {data[:80].hex()}")
            self.inbox.put_nowait(Received("binary"))
            return
        text = data.decode("utf-8", "replace")
        self.stage.log.add(self.client, "<-", text[:2000])
        self.inbox.put_nowait(Received("text", text=text))

    # --- writing ----------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what the sans-I/O layer has to send."""
        for data in self.protocol.data_to_send():
            if data and self.transport and not self.transport.is_closing():
                self.transport.write(data)

    def raw(self, data: bytes) -> None:
        """Write bytes past the library."""
        if self.transport and not self.transport.is_closing():
            self.transport.write(data)

    def drop(self) -> None:
        """End the socket without a close frame (FIN)."""
        self.we_closed = True
        if self.transport:
            self.transport.close()

    def reset(self) -> None:
        """End the socket at once (RST)."""
        self.we_closed = True
        assert self.transport is not None
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def text(self, text: str) -> None:
        """Send one whole text message."""
        self.stage.log.add(self.client, "->", text[:2000])
        self.protocol.send_text(text.encode("utf-8", "surrogatepass"))
        self.flush()


class Stage:
    """The server side of one case. Use as an async context manager."""

    def __init__(self, *, tls: bool = False) -> None:
        self.tls = tls
        self.nonce = secrets.token_hex(4)
        self.links: list[Link] = []
        self.strangers: list[str] = []
        self.plans: dict[str, Any] = {}
        self.log = WireLog()
        self.current: dict[str, Link] = {}
        self._arrivals: dict[str, asyncio.Event] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Stage:
        loop = asyncio.get_running_loop()
        context = server_context() if self.tls else None
        self._server = await loop.create_server(lambda: Link(self), "127.0.0.1", 0, ssl=context)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()
        for link in self.links:
            if link.transport and not link.closed.is_set():
                link.transport.abort()
        await asyncio.sleep(0)

    @property
    def port(self) -> int:
        """Port that the stage listens on."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def url(self, client: str) -> str:
        """URL for a client: nonce and name are its path."""
        scheme = "wss" if self.tls else "ws"
        return f"{scheme}://127.0.0.1:{self.port}/{self.nonce}/{client}"

    def arrived(self, link: Link) -> None:
        """A link's handshake request came."""
        self.current[link.client] = link
        self._arrivals.setdefault(link.client, asyncio.Event()).set()

    async def link(self, client: str, limit: float) -> Link:
        """The client's newest link; waits for its handshake."""
        event = self._arrivals.setdefault(client, asyncio.Event())
        try:
            await asyncio.wait_for(event.wait(), limit)
        except TimeoutError:
            raise StageError(f"{client} opened no link") from None
        return self.current[client]

    def expect_link(self, client: str) -> None:
        """The next ``link()`` waits for a new handshake, unless a link lives."""
        if client not in self.current or self.current[client].over:
            self._arrivals[client] = asyncio.Event()

    async def receive(self, client: str, limit: float, skip: tuple[str, ...] = ()) -> Received:
        """Next thing the client sent, in order."""
        link = await self.link(client, limit)
        while True:
            try:
                got = await asyncio.wait_for(link.inbox.get(), limit)
            except TimeoutError:
                raise StageError(f"{client} sent nothing within {limit:.1f} s") from None
            if got.kind not in skip:
                return got
