"""Frames that are cut here and frames that the library reads: the same messages."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from smooth_operator._transport import LinkEnd
from smooth_operator._transport_socket import ROOM, SocketTransport

MAX = 100_000


class Tcp:
    """A socket that takes everything."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def can_write_eof(self) -> bool:
        return False

    def nothing(self, **_: Any) -> None:
        pass

    set_write_buffer_limits = pause_reading = resume_reading = abort = close = nothing


class Taken:
    """What came out, in order."""

    def __init__(self) -> None:
        self.all: list[Any] = []

    def batch_begins(self) -> None:
        pass

    def batch_ends(self) -> None:
        pass

    def text_received(self, data: bytes) -> None:
        self.all.append(data.decode())

    def binary_received(self, size: int) -> None:
        self.all.append(size)

    def writable_again(self) -> None:
        pass

    def link_ended(self, end: LinkEnd) -> None:
        self.all.append(end)


def frame(opcode: int, payload: bytes, *, fin: bool = True, first: int = 0, mask: int = 0) -> bytes:
    """Return one frame of a server, lawful or not."""
    size = len(payload)
    head = bytes((opcode | (0x80 if fin else 0) | first,))
    if size < 126:
        head += bytes((size | mask,))
    elif size < 65536:
        head += bytes((126 | mask,)) + struct.pack(">H", size)
    else:
        head += bytes((127 | mask,)) + struct.pack(">Q", size)
    return head + (b"\0\0\0\0" if mask else b"") + payload


async def opened(*, cut: bool) -> tuple[SocketTransport, Taken, Tcp]:
    """Return a transport behind its handshake."""
    protocol = ClientProtocol(parse_uri("ws://peer/"), max_size=MAX)
    protocol.state = type(protocol.state)["OPEN"]
    protocol.parser.close()
    protocol.parser = super(ClientProtocol, protocol).parse()
    next(protocol.parser)
    transport, taken, tcp = SocketTransport(protocol, {}, MAX), Taken(), Tcp()
    transport._cut = cut
    transport.connection_made = lambda _: None  # type: ignore[method-assign]
    transport._tcp = tcp
    transport._opened.set_result(None)
    transport.attach(taken)
    return transport, taken, tcp


def feed(transport: SocketTransport, data: bytes, sizes: list[int]) -> None:
    """Let bytes arrive in pieces of the given sizes, which repeat."""
    at, turn = 0, 0
    while at < len(data):
        buffer = transport.get_buffer(-1)
        size = min(len(buffer), sizes[turn % len(sizes)], len(data) - at)
        buffer[:size] = data[at : at + size]
        transport.buffer_updated(size)
        at, turn = at + size, turn + 1


def stream(dice: random.Random) -> bytes:
    """Return frames of all kinds, mostly lawful ones."""
    out = b""
    for _ in range(dice.randrange(1, 12)):
        size = dice.choice((0, 1, 2, 5, 125, 126, 127, 300, 65535, 65536, 70000))
        text = dice.choice(("x", "é", "😀")).encode() * (size // 4 + size % 4)
        match dice.randrange(12):
            case 0:
                out += frame(2, text)
            case 1:
                half = len(text) // 2
                out += frame(1, text[:half], fin=False) + frame(9, b"p") + frame(0, text[half:])
            case 2:
                out += frame(9, text[:120])
            case 3:
                out += dice.choice(
                    (
                        frame(1, b"\xff\xfe"),
                        frame(1, b"x", first=0x40),
                        frame(1, b"x", mask=0x80),
                        frame(3, b""),
                        frame(0, b"x"),
                        frame(9, b"x" * 126),
                        frame(8, b"\x03"),
                        frame(8, struct.pack(">H", 4001) + b"bye"),
                        frame(1, b"x" * (MAX + 1)),
                        frame(1, b"x", fin=False) + frame(1, b"y"),
                    )
                )
            case _:
                out += frame(1, text)
    return out


async def test_cut_frames_and_the_library_give_the_same_messages() -> None:
    """REQ-WIRE-10: whoever reads a frame, the client sees the same."""
    dice = random.Random(3)
    for _ in range(400):
        data, sizes = stream(dice), dice.choices((1, 2, 3, 7, 100, 5000, ROOM), k=4)
        results = []
        for cut in (True, False):
            transport, taken, _ = await opened(cut=cut)
            feed(transport, data, sizes if len(data) < 5000 else [5000, ROOM])
            results.append(taken.all)
        assert results[0] == results[1], data[:200]


LAWLESS_CODES = (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)
LAWLESS = {
    "masked": frame(1, b"x", mask=0x80),
    "reserved bit": frame(1, b"x", first=0x40),
    "long control frame": frame(9, b"x" * 126),
    "control frame in pieces": frame(9, b"x", fin=False),
    "close of one byte": frame(8, b"\x03"),
    **{f"close code {code}": frame(8, code.to_bytes(2, "big")) for code in LAWLESS_CODES},
}


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize("broken", LAWLESS.values(), ids=LAWLESS)
async def test_req_wire_15_a_peer_that_breaks_the_protocol_is_told_1002(
    broken: bytes, cut: bool
) -> None:
    transport, taken, _ = await opened(cut=cut)
    feed(transport, broken, [ROOM])
    assert taken.all == [LinkEnd("lost", 1002)]


async def test_fragments_are_bounded() -> None:
    transport, taken, _ = await opened(cut=True)
    feed(transport, frame(1, b"", fin=False) + frame(0, b"", fin=False) * 16_384, [ROOM])
    assert taken.all == [LinkEnd("lost", 1002)]


@pytest.mark.parametrize("paused", [True, False])
async def test_req_wire_16_pings_of_a_peer_that_does_not_read_go_unanswered(paused: bool) -> None:
    """What waits for a peer is bounded, pongs included."""
    transport, taken, tcp = await opened(cut=True)
    transport.paused = paused
    feed(transport, frame(9, b"hello") * 100 + frame(1, b"on"), [7])
    assert taken.all == ["on"]
    assert bool(tcp.written) is not paused
