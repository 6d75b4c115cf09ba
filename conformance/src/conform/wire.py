"""Acts of the stage that no library performs: broken frames, cut links, refused handshakes."""

from __future__ import annotations

import json
from typing import Any

from conform.documents import CaseError
from conform.frames import big_frame
from conform.stage import Link, Received, Stage, StageError

BOM = b"\xef\xbb\xbf"


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    out, at = [], 0
    for size in cuts:
        out.append(data[at : at + size])
        at += size
    out.append(data[at:])
    return [piece for piece in out if piece]


def _fragments(link: Link, pieces: list[bytes]) -> None:
    for index, piece in enumerate(pieces):
        last = index == len(pieces) - 1
        if index == 0:
            link.protocol.send_text(piece, fin=last)
        else:
            link.protocol.send_continuation(piece, fin=last)
        link.flush()


def _inside_code_point(data: bytes) -> int:
    for index, byte in enumerate(data):
        if byte & 0xC0 == 0x80:
            return index
    raise CaseError("mid-utf8 needs a frame with a character beyond ASCII")


def encode(frame: Any) -> bytes:
    """A frame as bytes, without escapes for what UTF-8 can say."""
    return json.dumps(frame, ensure_ascii=False).encode()


async def act(stage: Stage, client: str, verb: str, value: Any, limit: float) -> None:
    """Perform one ``wire`` step."""
    if verb == "handshake":
        await _plan(stage, client, value, limit)
        return
    link = await stage.link(client, limit)
    shown = json.dumps(value, ensure_ascii=False)[:400]
    if verb not in ("json", "raw"):
        stage.log.add(client, "->", f"wire {verb} {shown}")
    match verb:
        case "json":
            link.text(json.dumps(value, ensure_ascii=False))
        case "raw":
            link.text(value)
        case "binary":
            link.protocol.send_binary(value.encode())
        case "bad-utf8":
            link.protocol.send_text(b'{"type":"\xff\xfe"}')
        case "bom":
            link.protocol.send_text(BOM + encode(value))
        case "fragment":
            _fragments(link, _pieces(encode(value["frame"]), value["sizes"]))
        case "bytewise":
            data = encode(value)
            _fragments(link, _pieces(data, [1] * (len(data) - 1)))
        case "mid-utf8":
            data = encode(value)
            _fragments(link, _pieces(data, [_inside_code_point(data)]))
        case "coalesce":
            for frame in value:
                link.protocol.send_text(encode(frame))
        case "big":
            link.protocol.send_text(big_frame(value).encode())
        case "octets":
            link.raw(bytes.fromhex(value))
        case "deaf":
            link.deaf = True
        case "ping":
            await _ping(stage, link, client, value, limit)
        case "pong":
            link.protocol.send_pong(value.encode())
        case "close":
            link.we_closed = True
            link.protocol.send_close(value["code"], value.get("reason", ""))
        case "close-no-status":
            link.we_closed = True
            link.protocol.send_close()
        case "drop":
            link.drop()
        case "reset":
            link.reset()
    link.flush()


async def _ping(stage: Stage, link: Link, client: str, value: str, limit: float) -> None:
    link.protocol.send_ping(value.encode())
    link.flush()
    got: Received = await stage.receive(client, limit)
    if got.kind != "pong" or got.text != value:
        raise StageError(f"{client} answered a ping with {got.kind} {got.text!r}")


async def _plan(stage: Stage, client: str, value: Any, limit: float) -> None:
    """Plan the next handshake, or answer the one that is held."""
    held = stage.current.get(client)
    if value == "arrived":
        await stage.link(client, limit)
    elif value == "release" or (held and held.held):
        link = await stage.link(client, limit)
        link.held = False
        if value == "release":
            link.accept()
        else:
            link.refuse(value)
    else:
        stage.plans[client] = value
