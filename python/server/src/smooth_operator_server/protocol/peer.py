"""The other end of a socket, as the rooms that answer it see it."""

from __future__ import annotations

from typing import Protocol

from ..auth.principal import ANONYMOUS, Principal
from .frames import Frame


class Peer(Protocol):
    """Takes frames for one client. A peer that is gone swallows them."""

    @property
    def principal(self) -> Principal:
        """Who the actions of this socket come from."""
        ...

    @property
    def socket_id(self) -> str:
        """What tells this socket from every other one, also of other servers."""
        ...

    @property
    def origin(self) -> str | None:
        """The page that opened the socket; None without one."""
        ...

    @property
    def reads_extended(self) -> bool:
        """Whether every session used over this socket listed ``spec_1_1``, and one was used."""
        ...

    def used_session(self, *, extended: bool) -> None:
        """Note that an action named a session over this socket."""
        ...

    async def send(self, frame: Frame) -> None:
        """Queue a frame; waits while the queue is full, and gives a peer up that never reads."""
        ...

    def send_now(self, frame: Frame) -> None:
        """Queue a frame without a wait, beyond the bound if need be: for the end of a turn."""
        ...


class Nobody:
    """The peer of a turn that nobody watches: it swallows every frame."""

    socket_id = ""
    principal = ANONYMOUS
    origin = None
    reads_extended = False

    def used_session(self, *, extended: bool) -> None:
        pass

    async def send(self, frame: Frame) -> None:
        pass

    def send_now(self, frame: Frame) -> None:
        pass
