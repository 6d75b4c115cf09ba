"""Ids of what the stores keep: they grow with time, and their rest nobody guesses."""

from __future__ import annotations

import os
import time

DRAWN = 256
"""Ids whose chance is asked of the system at once: the asking costs more than all the rest."""

_BYTES = 10
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_chances: list[str] = []


def new_uuid() -> str:
    """Return a UUID of version 7 (RFC 9562): 48 bits of time, 74 of chance.

    A new row goes to the end of an index that ids order by time; a random one goes to any of its
    pages, which costs half as much again with ten thousand sessions and more with every further.
    """
    if not _chances:
        _draw()
    moment, chance = f"{time.time_ns() // 1_000_000:012x}", _chances.pop()
    return (
        f"{moment[:8]}-{moment[8:]}-7{chance[:3]}-{_VARIANT[chance[3]]}{chance[4:7]}-{chance[8:]}"
    )


def _draw() -> None:
    drawn, each = os.urandom(DRAWN * _BYTES).hex(), 2 * _BYTES
    _chances.extend(drawn[at : at + each] for at in range(0, len(drawn), each))


if hasattr(os, "register_at_fork"):  # two processes must not have the same ones
    os.register_at_fork(after_in_child=_chances.clear)
