"""The part of the admin REST that is about people in conversations: come, write, take the word."""

from __future__ import annotations

from dataclasses import dataclass

from ..auth import Role, Scope
from ..clock import iso_time
from ..people import People, party
from ..store import ConversationRecord, HeldError, ParticipantRecord, PeopleStore
from .endpoint import AdminError, Call, Json, not_found


@dataclass(frozen=True, slots=True)
class PeopleAdmin:
    """What people do in conversations of their organisation that are not theirs."""

    people: People
    store: PeopleStore

    async def conversation(self, call: Call) -> Json:
        return {"conversation": shown(await self._found(call))}

    async def participants(self, call: Call) -> Json:
        found = await self._found(call)
        everybody = await self.store.participants(found.conversation_id)
        return {"participants": [_participant(one) for one in everybody]}

    async def join(self, call: Call) -> Json:
        came = await self.people.join(call.principal, call.path["id"])
        if came is None:
            raise not_found()
        return {"conversation": shown(await self._found(call))}

    async def leave(self, call: Call) -> Json:
        await self._found(call)
        if await self.people.leave(call.principal, call.path["id"]) is None:
            raise AdminError(409, "NOT_JOINED", "you are not in the conversation")
        return {"conversation": shown(await self._found(call))}

    async def take_over(self, call: Call) -> Json:
        try:
            came = await self.people.take_over(call.principal, call.path["id"])
        except HeldError as fault:
            raise _held(fault) from None
        if came is None:
            raise not_found()
        return {"conversation": shown(await self._found(call))}

    async def hand_back(self, call: Call) -> Json:
        """Admins take the word from anybody, curators give back their own."""
        await self._found(call)
        from_anybody = call.principal.role.holds(Role.ADMIN)
        try:
            gave = await self.people.hand_back(
                call.principal, call.path["id"], from_anybody=from_anybody
            )
        except HeldError as fault:
            raise _held(fault) from None
        if gave is None:
            raise AdminError(409, "NOT_HELD", "nobody has the word but the agent")
        return {"conversation": shown(await self._found(call))}

    async def write(self, call: Call) -> Json:
        said = await self.people.write(call.principal, call.path["id"], call.body["text"])
        if said is None:
            raise not_found()
        return {"message": said}

    async def _found(self, call: Call) -> ConversationRecord:
        scope = Scope(call.principal.org, everybody=True)
        found = await self.store.conversation(scope, call.path["id"])
        if found is None:
            raise not_found()
        return found


def shown(record: ConversationRecord) -> Json:
    """Return a conversation as the routes about people show it."""
    return {
        "id": record.conversation_id,
        "name": record.title,
        "owner": record.owner,
        "agentId": record.agent_id,
        "messageCount": record.message_count,
        "createdAt": iso_time(record.created_ms),
        "updatedAt": iso_time(record.updated_ms),
        "heldBy": party(record.held_by.sender) if record.held_by else None,
        "people": [party(one.sender) for one in record.people],
    }


def _participant(record: ParticipantRecord) -> Json:
    return party(record.sender) | {"joinedAt": iso_time(record.joined_ms)}


def _held(fault: HeldError) -> AdminError:
    del fault  # who it is stands in the conversation, for those who may read it
    return AdminError(409, "HELD", "somebody else has the word")
