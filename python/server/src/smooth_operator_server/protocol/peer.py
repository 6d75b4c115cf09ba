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
    def number(self) -> int:
        """How many sockets this server had opened before it: a newer one has a greater number."""
        ...

    @property
    def origin(self) -> str | None:
        """The page that opened the socket; None without one."""
        ...

    async def send(self, frame: Frame) -> None:
        """Queue a frame; waits while the queue is full, and gives a peer up that never reads."""
        ...

    def send_now(self, frame: Frame) -> None:
        """Queue a frame without a wait, beyond the bound if need be: for the end of a turn."""
        ...

    @property
    def has_room(self) -> bool:
        """Whether something can be queued without a wait."""
        ...

    async def send_text(self, text: str) -> None:
        """Queue a frame that is written already and kept elsewhere; waits as ``send`` does.

        A peer that never reads is closed with 1013: it can come back for the frame.
        """
        ...

    def send_text_now(self, text: str) -> None:
        """Queue such a frame without a wait."""
        ...

    def fell_behind(self) -> None:
        """Close the link with 1013: what it lacks is not kept any more."""
        ...


class Nobody:
    """The peer of a turn that nobody watches: it swallows every frame."""

    socket_id = ""
    number = 0
    principal = ANONYMOUS
    origin = None
    has_room = True

    async def send(self, frame: Frame) -> None:
        pass

    def send_now(self, frame: Frame) -> None:
        pass

    async def send_text(self, text: str) -> None:
        pass

    def send_text_now(self, text: str) -> None:
        pass

    def fell_behind(self) -> None:
        pass
