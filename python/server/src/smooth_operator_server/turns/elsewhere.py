"""The link of a turn that is open at another server."""

from __future__ import annotations

from ..backplane import Post
from ..protocol.frames import Frame
from ..protocol.peer import Nobody


class Elsewhere(Nobody):
    """A peer that reads the events of its turn by itself; it is told only what is none."""

    def __init__(self, post: Post, node: str, link: str, turn_id: str, since: float) -> None:
        self.node = node
        self.socket_id = link
        self.seen = since
        """When its server was last heard of it, on the clock."""
        self._post = post
        self._turn_id = turn_id

    def is_link(self, node: str, link: str) -> bool:
        """Tell whether it is this link of this server."""
        return (self.node, self.socket_id) == (node, link)

    async def send(self, frame: Frame) -> None:
        self.send_now(frame)

    def send_now(self, frame: Frame) -> None:
        link, turn = self.socket_id, self._turn_id
        self._post.tell_later(self.node, "frame", link=link, turn=turn, frame=frame)
