"""What people do in conversations that are not theirs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..auth import Principal, Scope
from ..clock import Clock
from ..store import (
    Attendance,
    Direction,
    NewMessage,
    NewPerson,
    ParticipantRecord,
    PeopleStore,
    Sender,
    SessionRecord,
)
from .crowd import Crowd
from .shown import message_shown, party

NAMELESS = "Operator"
"""How a person is called whose token has no name."""

JOINED, LEFT = "joined", "left"
TOOK_OVER, HANDED_BACK = "took_over", "handed_back"


async def _nothing(_: str) -> None:
    """Stands for what stops turns until there is something that does."""


class People:
    """Lets people in, has them write, and gives them the word.

    While somebody has the word, messages are passed on to the people: the agent does not answer.
    """

    def __init__(
        self, store: PeopleStore, crowd: Crowd, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._store = store
        self._crowd = crowd
        self._clock = clock
        self._new_id = new_id
        self.stop_turn: Callable[[str], Awaitable[None]] = _nothing
        """Stops the turn that a conversation runs, wherever it runs."""

    async def join(self, who: Principal, conversation_id: str) -> ParticipantRecord | None:
        """Let a person in; None when their organisation has no such conversation."""
        person = self._person(who)
        came = await self._store.join(_all_of(who), conversation_id, person)
        if came is not None:
            await self._changed(who.org, conversation_id, came, JOINED)
        return came

    async def take_over(self, who: Principal, conversation_id: str) -> ParticipantRecord | None:
        """Give a person the word, and stop the turn that runs.

        Raises:
            HeldError: somebody else has it.
        """
        person, scope = self._person(who), _all_of(who)
        came = await self._store.join(scope, conversation_id, person, takes_over=True)
        if came is not None:
            await self.stop_turn(conversation_id)
            await self._changed(who.org, conversation_id, came, TOOK_OVER)
        return came

    async def hand_back(
        self, who: Principal, conversation_id: str, *, from_anybody: bool
    ) -> ParticipantRecord | None:
        """Give the word back to the agent; None when the agent has it.

        Raises:
            HeldError: somebody else has it, and it is not to be taken ``from_anybody``.
        """
        identity = None if from_anybody else who.person
        gave = await self._store.hand_back(_all_of(who), conversation_id, identity)
        if gave is not None:
            await self._changed(who.org, conversation_id, gave, HANDED_BACK)
        return gave

    async def leave(self, who: Principal, conversation_id: str) -> ParticipantRecord | None:
        """Let a person go, who hands back what they have; None when they are not there."""
        now = self._clock.epoch_ms()
        gone = await self._store.leave(_all_of(who), conversation_id, who.person, now)
        if gone is not None:
            await self._changed(who.org, conversation_id, gone, LEFT)
        return gone

    async def write(self, who: Principal, conversation_id: str, text: str) -> dict[str, Any] | None:
        """Have a person say something, whom it lets in; None as ``join``."""
        came = await self._store.join(_all_of(who), conversation_id, self._person(who))
        if came is None:
            return None
        return await self._said(conversation_id, came.participant_id, text, None)

    async def say(
        self, session: SessionRecord, text: str, besides: str | None
    ) -> dict[str, Any] | None:
        """Have a person say something over a session of theirs; None when they have left.

        Everybody hears it but the socket ``besides``.
        """
        conversation_id, participant_id = session.conversation_id, session.user_participant_id
        return await self._said(conversation_id, participant_id, text, besides)

    async def _said(
        self, conversation_id: str, participant_id: str, text: str, besides: str | None
    ) -> dict[str, Any] | None:
        new = NewMessage(
            self._new_id(),
            conversation_id,
            participant_id,
            Direction.OUTBOUND,
            text,
            self._clock.epoch_ms(),
        )
        speaker = await self._store.say(new)
        if speaker is None:
            return None
        return await self.hear(new, speaker.sender, besides)

    async def hear(self, said: NewMessage, sender: Sender, besides: str | None) -> dict[str, Any]:
        """Let everybody hear a message that was stored; return it as it is shown."""
        shown = message_shown(said.message_id, said.direction, said.text, said.now, sender)
        await self._crowd.hear(said.conversation_id, shown, besides)
        return shown

    async def came(self, session: SessionRecord, besides: str) -> None:
        """Tell of a person who came in by opening a session, but not the socket ``besides``."""
        for one in await self._store.participants(session.conversation_id):
            if one.participant_id == session.user_participant_id:
                await self._changed(session.org, session.conversation_id, one, JOINED, besides)

    async def attendance(self, conversation_id: str) -> Attendance | None:
        """Return who is there beside the owner."""
        return await self._store.attendance(conversation_id)

    async def _changed(
        self,
        org: str,
        conversation_id: str,
        who: ParticipantRecord,
        change: str,
        besides: str | None = None,
    ) -> None:
        attendance = await self._store.attendance(conversation_id)
        people = {*(attendance.identities if attendance else ()), who.identity or ""}
        data = {"participant": party(who.sender), "change": change}
        self._crowd.tell(org, conversation_id, people, "Participants changed", data, besides)

    def _person(self, who: Principal) -> NewPerson:
        name = who.name or who.email or who.user_id or NAMELESS
        return NewPerson(self._new_id(), who.person, name, self._clock.epoch_ms(), who.email)


def _all_of(who: Principal) -> Scope:
    return Scope(who.org, everybody=True)
