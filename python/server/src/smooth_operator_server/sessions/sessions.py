"""Opening and finding sessions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..agents import AgentRegistry, AgentSpec
from ..auth import Principal, Role
from ..clock import Clock
from ..people import Presence
from ..protocol.capabilities import REPLAY, SERVER_CAPABILITIES, SPEC_1_1, SPEC_1_2, normalised
from ..protocol.peer import Peer
from ..protocol.refusals import Code, RefusalError
from ..store import ConversationStore, NewSession, SessionRecord
from ..store.knowledge_records import Reading

REMEMBERED = 4096
"""Sessions that are found without a look into the store, the newest ones."""

VISITOR = "Visitor"


def is_extended(session: SessionRecord) -> bool:
    """Tell whether the session takes the fields that version 1.1 added (REQ-SRV-05)."""
    return SPEC_1_1 in session.supports


def is_replayed(session: SessionRecord) -> bool:
    """Tell whether the turns of the session are numbered and may be taken up (REQ-SRV-24).

    Whoever answers in a conversation has no turns of their own there.
    """
    return REPLAY in session.supports and session.identity is None


def reads_turns(session: SessionRecord) -> bool:
    """Tell whether the session takes the fields that version 1.2 added (REQ-SRV-33)."""
    return SPEC_1_2 in session.supports


def reading_of(session: SessionRecord, sets: frozenset[str] | None) -> Reading:
    """Return what the person of a session may find in the documents of an agent."""
    return Reading(session.org, session.readers, sets)


class Sessions:
    """The sessions of a server."""

    def __init__(
        self,
        store: ConversationStore,
        agents: AgentRegistry,
        clock: Clock,
        new_id: Callable[[], str],
        presence: Presence,
        offered: Sequence[str] = SERVER_CAPABILITIES,
    ) -> None:
        self._presence = presence
        self._offered = tuple(offered)
        self._withheld = frozenset(SERVER_CAPABILITIES) - frozenset(offered)
        self._store = store
        self._agents = agents
        self._clock = clock
        self._new_id = new_id
        self._known: OrderedDict[str, SessionRecord] = OrderedDict()

    async def open(self, action: Mapping[str, Any], peer: Peer) -> SessionRecord:
        """Open a session on a fresh conversation, or on a known one that the action names.

        The person of a token is who the token says, whatever the action says. Whoever may see all
        of the organisation comes into the conversations of others as one who answers there.

        Raises:
            RefusalError: agentId is blank, no agent has it, or not for this page.
        """
        agent, principal = self._agent(action["agentId"], peer), peer.principal
        supports = action.get("supports")
        session = await self._store.open_session(
            NewSession(
                session_id=self._new_id(),
                user_participant_id=self._new_id(),
                agent_participant_id=self._new_id(),
                fresh_conversation_id=self._new_id(),
                agent_id=action["agentId"],
                agent_name=agent.name,
                user_name=action.get("userName") or principal.name or VISITOR,
                now=self._clock.epoch_ms(),
                conversation_id=action.get("conversationId"),
                supports=None if supports is None else self._granted(supports),
                user_email=principal.email or action.get("userEmail"),
                scope=principal.scope,
                readers=principal.readers,
                identity=principal.person if principal.role.holds(Role.CURATOR) else None,
                browser_fingerprint=action.get("browserFingerprint"),
                metadata=action.get("metadata", {}),
            )
        )
        self._remember(session)
        self._presence.note(session, peer)
        return session

    def _granted(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return what a session has of what was asked for: nothing of the wire is unoffered."""
        return tuple(word for word in normalised(words) if word not in self._withheld)

    def shown(self, session: SessionRecord) -> dict[str, Any]:
        """Return the session as its answers show it."""
        described: dict[str, Any] = {
            "sessionId": session.session_id,
            "conversationId": session.conversation_id,
            "agentId": session.agent_id,
            "agentName": session.agent_name,
            "userParticipantId": session.user_participant_id,
            "agentParticipantId": session.agent_participant_id,
        }
        if is_extended(session):
            replays = session.identity is None
            described["capabilities"] = [one for one in self._offered if replays or one != REPLAY]
        return described

    def _agent(self, agent_id: str, peer: Peer) -> AgentSpec:
        if not agent_id.strip():
            raise RefusalError(Code.VALIDATION_ERROR, "/agentId must not be blank")
        agent = self._agents.find(agent_id, peer.principal.org)
        if agent is None:
            raise RefusalError(Code.AGENT_NOT_AUTHORIZED, "there is no such agent here")
        if not agent.admits(peer.origin):
            raise RefusalError(Code.ORIGIN_NOT_ALLOWED, "the agent is not for pages of this origin")
        return agent

    async def look_up(self, session_id: str) -> SessionRecord | None:
        """Return a session, or None when it is unknown.

        Its ids and words are those of its opening. What changes of a session (who the person is,
        whether a code was given) may be older than the store's: tools ask the store.
        """
        session = self._known.get(session_id)
        if session is None:
            session = await self._store.session(session_id)
            if session is not None:
                self._remember(session)
        return session

    def _remember(self, session: SessionRecord) -> None:
        self._known[session.session_id] = session
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def find(self, session_id: str, peer: Peer) -> SessionRecord | None:
        """Return a session; None when it is unknown, or somebody else's: the two look alike."""
        session = await self.look_up(session_id)
        if session is None or not _is_of(session, peer.principal):
            return None
        self._presence.note(session, peer)
        return session

    async def require(self, session_id: str, peer: Peer) -> SessionRecord:
        """Return a session.

        Raises:
            RefusalError: SESSION_NOT_FOUND.
        """
        session = await self.find(session_id, peer)
        if session is None:
            raise RefusalError(Code.SESSION_NOT_FOUND, "no such session")
        return session


def _is_of(session: SessionRecord, principal: Principal) -> bool:
    """Tell whether a session is a principal's: the owner's, or that of one who answers there."""
    if session.identity is None:
        return principal.scope.holds(session.org, session.owner)
    answers = principal.role.holds(Role.CURATOR) and principal.org == session.org
    return answers and principal.person == session.identity
