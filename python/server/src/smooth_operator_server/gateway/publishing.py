"""Sending an event to the sockets of a person or an organisation, at this server and the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..backplane import Post
from ..backplane.port import Notice
from ..people import Presence
from ..protocol.frames import Frame
from ..protocol.peer import Peer
from .connection import Connection

KIND = "publish"


class Publisher:
    """Knows the sockets of this server; the others are told, and deliver to theirs."""

    def __init__(
        self, sockets: Callable[[], Iterable[Connection]], presence: Presence, post: Post
    ) -> None:
        self._sockets = sockets
        self._presence = presence
        self._post = post
        post.on(KIND, self._told)

    def publish(self, org: str, kind: str, name: str, event: Frame) -> int:
        """Send an event within an organisation; return to how many sockets of this server.

        ``kind`` is connection, session, user, org or agent, and ``name`` its id.
        """
        self._post.tell_later(None, KIND, org=org, target=kind, name=name, event=event)
        return self._deliver(org, kind, name, event)

    async def _told(self, notice: Notice) -> None:
        self._deliver(notice["org"], notice["target"], notice["name"], notice["event"])

    def _deliver(self, org: str, kind: str, name: str, event: Frame) -> int:
        meant: list[Peer]
        if kind in ("session", "agent"):
            used = self._presence.at(kind, name)
            meant = sorted(
                (one for one in used if one.principal.org == org), key=lambda one: one.number
            )
        else:
            meant = [one for one in self._sockets() if _is_meant(one, org, kind, name)]
        for connection in meant:
            connection.send_now(event)
        return len(meant)


def _is_meant(connection: Connection, org: str, kind: str, name: str) -> bool:
    who = connection.principal
    if who.org != org:
        return False
    if kind == "connection":
        return connection.socket_id == name
    if kind == "user":
        return name in (who.user_id, who.email)
    return who.org == name
