"""Cuts a failing session down to the acts that matter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from conform.fuzz.session import Session

TRIES = 120


async def shrink(
    session: Session, fails: Callable[[Session], Awaitable[bool]], tries: int = TRIES
) -> Session:
    """Leave acts out, many at first and then one by one, as long as the session still fails.

    ``fails`` says so of a session; of one whose acts do not fit together it says no.
    """
    size = max(1, len(session.acts) // 2)
    while size and tries > 0:
        at = len(session.acts)
        while at > 0 and tries > 0:
            at = max(0, at - size)
            shorter = replace(session, acts=session.acts[:at] + session.acts[at + size :])
            tries -= 1
            if len(shorter.acts) < len(session.acts) and await fails(shorter):
                session = shorter
        size //= 2
    return session
