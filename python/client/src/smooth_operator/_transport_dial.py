"""From a host name to a TCP socket: every address of the name gets its chance (RFC 8305)."""

from __future__ import annotations

import asyncio
import itertools
import socket
from typing import Any

STAGGER = 0.25  # seconds that an address has before the next one is tried beside it

Address = tuple[Any, ...]


async def dial(host: str, port: int) -> socket.socket:
    """Return a socket that is connected to ``host``, by whichever address answers first.

    Raises:
        OSError: no address answered; the first one's error.
    """
    found = await _resolve(host, port)
    if not found:
        raise OSError("the name has no address")
    return await _race(interleaved(found))


def interleaved(found: list[Address]) -> list[Address]:
    """Return addresses so that the families take turns, the resolver's first choice first."""
    families: dict[Any, list[Address]] = {}
    for one in found:
        families.setdefault(one[0], []).append(one)
    turns = itertools.zip_longest(*families.values())
    return [one for turn in turns for one in turn if one is not None]


async def _race(addresses: list[Address]) -> socket.socket:
    running: set[asyncio.Task[socket.socket]] = set()
    failed: list[BaseException] = []
    waiting = list(addresses)
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_connect(waiting.pop(0)), name=_NAME))
            done, running = await asyncio.wait(
                running,
                timeout=STAGGER if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                error = task.exception()
                if error is None:
                    return task.result()
                failed.append(error)
    finally:
        await _give_up(running)
    raise failed[0]


_NAME = "smooth-operator dial"


async def _resolve(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    return list(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))


async def _sock_connect(it: socket.socket, where: Any) -> None:
    await asyncio.get_running_loop().sock_connect(it, where)


async def _connect(address: Address) -> socket.socket:
    family, kind, protocol, _, where = address
    it = socket.socket(family, kind, protocol)
    try:
        it.setblocking(False)
        it.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await _sock_connect(it, where)
    except BaseException:
        it.close()
        raise
    return it


async def _give_up(running: set[asyncio.Task[socket.socket]]) -> None:
    """End the attempts that lost; one that won meanwhile closes its socket."""
    for task in running:
        task.cancel()
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(outcome, socket.socket):
            outcome.close()
