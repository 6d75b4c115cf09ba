"""Which link may have a turn: the newest one that asked for it.

A client opens a link only when the one before is gone. What then still arrives over the older one
has lain unread on its way, and a ``resume_turn`` among it would take the turn from the link that
the client has (REQ-SRV-30).
"""

from __future__ import annotations

from ..protocol.peer import Peer
from .channels import Key


class Precedence:
    """The links of this server that resumed turns, as long as they live."""

    def __init__(self) -> None:
        self._askers: dict[Key, Peer] = {}

    def claim(self, key: Key, peer: Peer) -> bool:
        """Note that a link asks for a turn; False when a newer one has asked that still lives."""
        if self.is_late(key, peer):
            return False
        self._askers[key] = peer
        return True

    def is_late(self, key: Key, peer: Peer) -> bool:
        """Tell whether a newer link that still lives has asked for a turn."""
        asker = self._askers.get(key)
        return asker is not None and asker.number > peer.number

    def yield_to(self, key: Key, peer: Peer) -> None:
        """Let a link have a turn that it is told of now: what it asks then is not late."""
        if self.is_late(key, peer):
            del self._askers[key]

    def forget(self, peer: Peer) -> None:
        """Forget a link that is lost."""
        for key in [key for key, asker in self._askers.items() if asker is peer]:
            del self._askers[key]
