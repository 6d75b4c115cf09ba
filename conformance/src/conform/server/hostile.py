"""Checks with frames that nobody should send: odd ones are answered, lawless ones end their link.

The link of the check is the good neighbour: it goes on, whatever the others do.
"""

from __future__ import annotations

import json
import struct

from conform.server.peer import CheckError, NotExercisedError, Peer, completed
from conform.server.raw import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    RawLink,
    action,
    answer_of,
    frame,
    handshake,
    opened,
    tcp,
)

FAILED = frozenset({1002, 1003, 1006, 1007, 1008, 1009})
TOO_LARGE = frozenset({1006, 1008, 1009})
GIANT = 1 << 40
PIECE = 256 * 1024
PIECES = 128
DEPTH = 100_000
GOOD = action("ping", requestId="req-good")


async def goes_on(peer: Peer) -> None:
    """See that the neighbour is answered, and that its turns run where there is a model."""
    await peer.silent()
    try:
        completed(await peer.rest(await peer.begin((await peer.session())["sessionId"])))
    except NotExercisedError:
        return


async def pinged(link: RawLink, why: str) -> None:
    """See that a link answers a ping next."""
    await link.send(frame(TEXT, action("ping", requestId="req-after")))
    got = await link.event()
    if (got["type"], got.get("requestId")) != ("pong", "req-after"):
        raise CheckError(f"after {why} a ping was answered by {got['type']}")


async def check_fragments(peer: Peer) -> None:
    """An action in fragments of one byte, or in writes of one byte, is answered as any other."""
    async with opened(peer.service.url) as link:
        for index in range(len(GOOD)):
            opcode = CONTINUATION if index else TEXT
            piece = GOOD[index : index + 1]
            await link.send(frame(opcode, piece, fin=index == len(GOOD) - 1))
        if (await link.event())["type"] != "pong":
            raise CheckError("an action in fragments of one byte is not answered by pong")
        await link.bytewise(frame(TEXT, GOOD))
        if (await link.event())["type"] != "pong":
            raise CheckError("an action in writes of one byte is not answered by pong")
    async with tcp(peer.service.url) as link:
        await link.bytewise(handshake(peer.service.url))
        status, _ = await answer_of(link, b"")
        if status != 101:
            raise CheckError(f"a handshake in writes of one byte was answered by {status}")
    await goes_on(peer)


async def check_coalesced(peer: Peer) -> None:
    """A hundred actions in one write are all answered, each once."""
    asked = [f"req-{number}" for number in range(100)]
    async with opened(peer.service.url) as link:
        frames = [frame(TEXT, action("ping", requestId=request)) for request in asked]
        await link.send(b"".join(frames))
        told = [(await link.event()).get("requestId") for _ in asked]
    if sorted(map(str, told)) != sorted(asked):
        raise CheckError("a hundred actions in one write have other answers than one each")
    await goes_on(peer)


def _lawless() -> dict[str, bytes]:
    """What RFC 6455 lets nobody send."""
    text = frame(TEXT, GOOD, fin=False)
    return {
        "an unmasked frame": bytes([0x80 | TEXT, len(GOOD)]) + GOOD,
        "a reserved bit": frame(TEXT, GOOD, flags=0x40),
        "an unknown opcode": frame(0x3, GOOD),
        "an unknown control opcode": frame(0xB, b""),
        "a ping of 126 bytes": frame(PING, b"x" * 126),
        "a ping in fragments": frame(PING, b"x", fin=False),
        "a continuation of nothing": frame(CONTINUATION, GOOD),
        "a message within a message": text + frame(TEXT, GOOD),
        "a close of one byte": frame(CLOSE, b"\x03"),
        "a close with code 1005": frame(CLOSE, struct.pack("!H", 1005)),
        "a close with code 999": frame(CLOSE, struct.pack("!H", 999)),
        "a close whose reason is not UTF-8": frame(CLOSE, struct.pack("!H", 1000) + b"\xff"),
        "text that is not UTF-8": frame(TEXT, b'{"action": "ping\xff\xfe"}'),
        "UTF-8 that ends in the middle": frame(TEXT, '{"action": "é'.encode()[:-1]),
        "a length with its top bit set": struct.pack("!BBQ", 0x81, 0x80 | 127, 1 << 63) + b"abcd",
    }


async def check_lawless(peer: Peer) -> None:
    """Frames that WebSocket forbids end their link, with a code that says why, or without."""
    for what, data in _lawless().items():
        async with opened(peer.service.url) as link:
            await link.send(data)
            try:
                code = await link.ended()
            except CheckError as error:
                raise CheckError(f"{what}: {error}") from None
            if code not in FAILED:
                raise CheckError(f"{what} was answered by a close with {code}")
    await goes_on(peer)


async def check_binary(peer: Peer) -> None:
    """A binary message is answered, or ends its link with 1003; it is never met by silence."""
    for data in (GOOD, b"\xff\xfe\x00"):
        async with opened(peer.service.url) as link:
            await link.send(frame(BINARY, data))
            got = await link.read()
            if got is None or got.opcode == CLOSE:
                if got is not None and got.code not in FAILED:
                    raise CheckError(f"a binary message ended its link with {got.code}")
                continue
            if got.tree["type"] not in ("error", "pong"):
                raise CheckError(f"a binary message was answered by {got.tree['type']}")
            await pinged(link, "a binary message")
    await goes_on(peer)


async def check_giant(peer: Peer) -> None:
    """A message without end is not waited for: its link ends, or it is answered."""
    async with opened(peer.service.url) as link:
        await link.send(struct.pack("!BBQ", 0x81, 0x80 | 127, GIANT) + b"abcd" + b"x" * 4096)
        code = await link.ended()
        if code not in TOO_LARGE | FAILED:
            raise CheckError(f"a message of {GIANT} bytes ended its link with {code}")
    async with opened(peer.service.url) as link:
        head, piece = b'{"action": "ping", "x": "', b"x" * PIECE
        await link.send(frame(TEXT, head, fin=False))
        data = frame(CONTINUATION, piece, fin=False)
        for _ in range(PIECES):
            if link.reader.at_eof() or link.writer.is_closing():
                break
            await link.send(data)
        await link.send(frame(CONTINUATION, b'"}'))
        got = await link.read()
        if got is not None and got.opcode == CLOSE and got.code not in TOO_LARGE:
            raise CheckError(f"a message of {PIECE * PIECES} bytes was closed with {got.code}")
    await goes_on(peer)


def _odd() -> dict[str, bytes]:
    """Text that is no action, or one that is odd within."""
    usual = {"requestId": "req-odd", "agentId": "00000000-0000-4000-8000-000000000001"}
    deep = "[" * DEPTH
    return {
        "a deep array": b'{"action": "ping", "x": ' + deep.encode(),
        "a deep array that is whole": f'{{"action":"ping","x":{deep}{"]" * DEPTH}}}'.encode(),
        "a deep object": b'{"x":' * DEPTH,
        "a deep array in metadata": action("create_conversation_session", **usual)[:-1]
        + f', "metadata": {{"x": {"[" * 500}{"]" * 500}}}}}'.encode(),
        "a number beyond doubles": b'{"action": "ping", "x": 1e400}',
        "a number of 5,000 digits": b'{"action": "ping", "x": ' + b"9" * 5000 + b"}",
        "NaN": b'{"action": "ping", "x": NaN}',
        "a member twice": b'{"action": "ping", "action": "fly"}',
        "a byte-order mark": b"\xef\xbb\xbf" + GOOD,
        "something behind the object": GOOD + b"x",
        "an empty message": b"",
        "half of a surrogate pair": b'{"action": "ping", "requestId": "\\ud800"}',
        "a long requestId": action("ping", requestId="x" * 100_000),
        "NUL in a name": action("create_conversation_session", **usual, userName="A\0da"),
        "NUL in an id": action("get_session", requestId="req-odd", sessionId="x\0y"),
        "NUL in a cursor": action("list_conversations", requestId="req-odd", cursor="x\0y"),
        "half a pair in a name": action("create_conversation_session", **usual)[:-1]
        + b', "userName": "\\udc00"}',
        "a proto of JavaScript": action("create_conversation_session", **usual)[:-1]
        + b', "__proto__": {"x": 1}, "constructor": null}',
        "10,000 members": json.dumps(
            {"action": "ping"} | {f"m{n}": n for n in range(10_000)}
        ).encode(),
    }


async def check_odd(peer: Peer) -> None:
    """Odd JSON gets one answer that is no failure of the server, and the link stays."""
    for what, data in _odd().items():
        async with opened(peer.service.url) as link:
            await link.send(frame(TEXT, data))
            try:
                got = await link.event()
            except CheckError as error:
                raise CheckError(f"{what}: {error}") from None
            code = got["data"]["error"]["code"] if got["type"] == "error" else ""
            if fault := peer.spec.strict_fault(got):
                raise CheckError(f"{what} was answered by a frame that breaks the schema, {fault}")
            if code in ("INTERNAL_ERROR", "STORAGE_ERROR"):
                raise CheckError(f"{what} was answered by {code}")
            await pinged(link, what)
    await goes_on(peer)


async def check_odd_words(peer: Peer) -> None:
    """Odd characters in a message are kept, or refused; for NUL there may stand U+FFFD."""
    session = (await peer.session())["sessionId"]
    for text in ("a\0b", "\U0001f9d1\u200d\U0001f680", "\u202eabc\u2028", "'; DROP TABLE x; --"):
        send = {"action": "send_message", "sessionId": session, "message": text}
        got = await peer.answer(send)
        if got["type"] == "error" and got["data"]["error"]["code"] == "LLM_UNAVAILABLE":
            raise NotExercisedError("the server has no model: LLM_UNAVAILABLE")
        if got["type"] == "error":
            if got["data"]["error"]["code"] != "VALIDATION_ERROR":
                raise CheckError(f"{text!r} was refused with {got['data']['error']['code']}")
            continue
        completed(await peer.rest(got["requestId"]))
        page = {"action": "get_conversation_messages", "sessionId": session}
        rows = (await peer.value(page))["messages"]
        kept = [r["content"].get("text") for r in rows if r["direction"] == "inbound"]
        if kept[:1] not in ([text], [text.replace("\0", "\ufffd")]):
            raise CheckError(f"{text!r} is in the history as {kept[:1]}")


async def check_no_handshake(peer: Peer) -> None:
    """What is no HTTP request is refused, or its connection ends; it is never opened."""
    url = peer.service.url
    good = handshake(url)
    for what, data in {
        "a line without HTTP": b"HELLO\r\n\r\n",
        "bytes": bytes(range(256)) * 4 + b"\r\n\r\n",
        "a header of 256 KiB": good[:-2] + b"X: " + b"x" * (256 * 1024) + b"\r\n\r\n",
        "a thousand headers": good[:-2] + b"X: y\r\n" * 1000 + b"\r\n",
        "a header without a name": good[:-2] + b": y\r\n\r\n",
        "a POST": good.replace(b"GET ", b"POST ", 1),
    }.items():
        async with tcp(url) as link:
            try:
                status, _ = await answer_of(link, data)
            except CheckError as error:
                raise CheckError(f"{what}: {error}") from None
        if status == 101 and what != "a thousand headers":
            raise CheckError(f"{what} was answered by 101")
        if status >= 500 and status not in (501, 503, 505):
            raise CheckError(f"{what} was answered by {status}")
    await goes_on(peer)
