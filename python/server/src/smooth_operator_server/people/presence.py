"""Which sockets of this server are in which conversations, and whose they are."""

from __future__ import annotations

from ..protocol.peer import Peer
from ..store import SessionRecord

Place = tuple[str, str]
"""``conversation``, ``session`` or ``agent`` with its id; a person with their organisation."""


class Presence:
    """The sockets of a server. One is in a conversation once it used a session of it."""

    def __init__(self) -> None:
        self._at: dict[Place, Peer | set[Peer]] = {}
        """One socket by itself, nearly always: a set of it alone is as large as all the rest."""
        self._places: dict[Peer, set[Place]] = {}

    def came(self, peer: Peer) -> None:
        """Begin with a socket that was opened."""
        self._places[peer] = set()
        if peer.principal.is_authenticated:
            self._put(peer, _person(peer.principal.org, peer.principal.person))

    def note(self, session: SessionRecord, peer: Peer) -> None:
        """Note that a socket uses a session; nothing happens when it is gone."""
        known = self._places.get(peer)
        if known is not None and ("session", session.session_id) not in known:
            self._put(peer, ("session", session.session_id))
            self._put(peer, ("conversation", session.conversation_id))
            self._put(peer, ("agent", session.agent_id))

    def went(self, peer: Peer) -> None:
        """End with a socket."""
        for place in self._places.pop(peer, ()):
            sockets = self._at[place]
            if isinstance(sockets, set):
                sockets.discard(peer)
            if not sockets or sockets is peer:
                del self._at[place]

    def at(self, kind: str, identity: str) -> frozenset[Peer]:
        """Return the sockets that used a conversation, a session or an agent."""
        return self._sockets((kind, identity))

    def of(self, org: str, identity: str) -> frozenset[Peer]:
        """Return the sockets of a person."""
        return self._sockets(_person(org, identity))

    def _put(self, peer: Peer, place: Place) -> None:
        self._places[peer].add(place)
        there = self._at.setdefault(place, peer)
        if isinstance(there, set):
            there.add(peer)
        elif there is not peer:
            self._at[place] = {there, peer}

    def _sockets(self, place: Place) -> frozenset[Peer]:
        found = self._at.get(place, set())
        return frozenset(found if isinstance(found, set) else (found,))


def _person(org: str, identity: str) -> Place:
    return f"person of {org}", identity
