"""Checks of the link itself, below the actions: handshake, control frames, the end of a link."""

from __future__ import annotations

import struct

from conform.server.peer import CheckError, Peer
from conform.server.raw import (
    ACCEPT,
    CLOSE,
    PING,
    PONG,
    TEXT,
    action,
    answer_of,
    frame,
    handshake,
    opened,
    tcp,
)

REFUSED: dict[str, dict[str, str | None]] = {  # what is no handshake, by what is wrong with it
    "without Upgrade": {"Upgrade": None, "Connection": None},
    "of version 12": {"Sec_WebSocket_Version": "12"},
    "without a key": {"Sec_WebSocket_Key": None},
}


async def check_handshake(peer: Peer) -> None:
    """A handshake is taken, without what was not asked for; what is none is refused."""
    url = peer.service.url
    async with tcp(url) as link:
        status, headers = await answer_of(link, handshake(url))
    if status != 101 or headers.get("sec-websocket-accept") != ACCEPT:
        raise CheckError(f"a handshake was answered by {status}, or with another accept")
    for name in ("sec-websocket-protocol", "sec-websocket-extensions"):
        if name in headers:
            raise CheckError(f"the answer to the handshake has {name}, which nobody offered")
    for title, headers_of in REFUSED.items():
        async with tcp(url) as link:
            status, _ = await answer_of(link, handshake(url, **headers_of))
        if not 400 <= status < 500:
            raise CheckError(f"a request {title} was answered by {status}")


async def check_control(peer: Peer) -> None:
    """A ping is answered by a pong of the same payload, also one between two fragments."""
    async with opened(peer.service.url) as link:
        text = action("ping", requestId="req-control")
        await link.send(frame(TEXT, text[:9], fin=False))
        await link.send(frame(PING, b"between"))
        await link.send(frame(0, text[9:]))
        seen: set[str] = set()
        while seen != {"pong frame", "pong event"}:
            got = await link.read()
            if got is None or got.opcode == CLOSE:
                raise CheckError("the link ended")
            if got.opcode == PONG and got.payload != b"between":
                raise CheckError("a pong frame has another payload than its ping")
            seen |= {"pong frame"} if got.opcode == PONG else set()
            seen |= {"pong event"} if got.opcode == TEXT and got.tree["type"] == "pong" else set()


async def check_close(peer: Peer) -> None:
    """A close frame is answered by one, with or without a code, and the link ends."""
    for payload, codes in (
        (struct.pack("!H", 1000) + b"bye", {1000}),
        (struct.pack("!H", 4321), {4321, 1000}),
        (b"", {1000, 1005}),
    ):
        async with opened(peer.service.url) as link:
            await link.send(frame(CLOSE, payload))
            code = await link.ended()
        if code not in codes:
            shown = struct.unpack("!H", payload[:2])[0] if payload else "no code"
            raise CheckError(f"a close with {shown} was answered by {code}")


async def check_another_link(peer: Peer) -> None:
    """A session is known on every link of its person, and outlives the one that opened it."""
    session = await peer.session()
    other = await peer.other()
    ask = {"action": "get_session", "sessionId": session["sessionId"]}
    got = await other.value(ask)
    if got["conversationId"] != session["conversationId"]:
        raise CheckError("another link is told another conversation of the session")
    await peer.link.close()
    await other.value(ask)
