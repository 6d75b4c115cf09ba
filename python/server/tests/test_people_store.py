"""People, agents, settings, lists of documents and usage: the same from every store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smooth_operator_server.accounts import Spent
from smooth_operator_server.auth.principal import Scope
from smooth_operator_server.knowledge import Knowledge
from smooth_operator_server.knowledge.document import Document
from smooth_operator_server.store import (
    Direction,
    HeldError,
    NewMessage,
    NewPerson,
    SessionRecord,
    Stores,
    TurnRecord,
    TurnState,
    UnknownCursorError,
)
from smooth_operator_server.store.agents import AgentRecord, OrgSettings

from .support_records import ANN, fresh, message, opened, turn

ACME, OTHER = Scope("acme", everybody=True), Scope("other", everybody=True)


def person(identity: str, now: int = 2_000) -> NewPerson:
    return NewPerson(fresh("person"), identity, identity.title(), now, f"{identity}@acme.example")


def said(session: SessionRecord, participant_id: str, text: str = "Hi") -> NewMessage:
    conversation = session.conversation_id
    return NewMessage(
        fresh("message"), conversation, participant_id, Direction.OUTBOUND, text, 3_000
    )


async def begun(stores: Stores, session: SessionRecord, request_id: str) -> TurnRecord:
    record = await stores.turns.begin(turn(session, request_id))
    assert isinstance(record, TurnRecord)
    return record


async def test_somebody_comes_in_once_and_comes_back_as_the_same(stores: Stores) -> None:
    session = await opened(stores)
    people, conversation = stores.people, session.conversation_id
    assert await people.attendance(conversation) is None
    first = await people.join(ACME, conversation, person("cat"))
    assert first is not None
    assert await people.join(ACME, conversation, person("cat", 9_000)) == first
    assert await people.join(OTHER, conversation, person("eve")) is None
    assert await people.join(ACME, "nobodys", person("cat")) is None
    attendance = await people.attendance(conversation)
    assert attendance is not None
    assert (attendance.org, attendance.identities, attendance.held_by) == ("acme", ("cat",), None)
    kinds = [one.kind for one in await people.participants(conversation)]
    assert sorted(kinds) == ["ai-agent", "human-agent", "user"]
    assert await people.leave(ACME, conversation, "dan", 4_000) is None
    assert await people.leave(ACME, conversation, "cat", 4_000) == first
    assert await people.leave(ACME, conversation, "cat", 4_000) is None
    assert await people.attendance(conversation) is None
    assert await people.join(ACME, conversation, person("cat")) == first


async def test_one_has_the_word_until_it_is_given_back_or_they_leave(stores: Stores) -> None:
    session = await opened(stores)
    people, conversation = stores.people, session.conversation_id
    assert await people.hand_back(ACME, conversation, None) is None
    cat = await people.join(ACME, conversation, person("cat"), takes_over=True)
    with pytest.raises(HeldError):
        await people.join(ACME, conversation, person("dan"), takes_over=True)
    found = await people.conversation(ACME, conversation)
    assert found is not None
    assert (found.held_by, found.people) == (cat, (cat,))  # nothing of Dan was stored
    assert await people.conversation(OTHER, conversation) is None
    with pytest.raises(HeldError):
        await people.hand_back(ACME, conversation, "dan")
    assert await people.hand_back(OTHER, conversation, None) is None
    assert await people.hand_back(ACME, conversation, "cat") == cat
    await people.join(ACME, conversation, person("dan"), takes_over=True)
    assert await people.hand_back(ACME, conversation, None) is not None
    await people.join(ACME, conversation, person("dan"), takes_over=True)
    await people.leave(ACME, conversation, "dan", 5_000)
    found = await people.conversation(ACME, conversation)
    assert found is not None
    assert found.held_by is None


async def test_what_a_person_writes_answers_the_newest_message_that_was_passed_on(
    stores: Stores,
) -> None:
    session = await opened(stores)
    cat = await stores.people.join(ACME, session.conversation_id, person("cat"), takes_over=True)
    assert cat is not None
    for number in (1, 2):
        record = await begun(stores, session, f"req-{number}")
        assert (record.people, record.is_held) == (1, True)
        await stores.turns.settle(record.turn_id, TurnState.COMPLETED, now=2_000)
    assert await stores.people.say(said(session, cat.participant_id)) == cat
    page = await stores.conversations.messages(session.conversation_id, 10, None)
    answer, second, first = page.items
    assert (answer.sender, answer.request_id) == (cat.sender, "req-2")
    assert (second.turn, first.turn, first.sender.kind) == ("completed", "completed", "user")
    await stores.people.leave(ACME, session.conversation_id, "cat", 4_000)
    assert await stores.people.say(said(session, cat.participant_id)) is None
    page = await stores.conversations.messages(session.conversation_id, 10, None)
    assert len(page.items) == 3
    (listed,) = (await stores.conversations.conversations(ACME, 10, None)).items
    assert (listed.message_count, listed.people, listed.held_by) == (3, 0, None)


async def test_the_end_of_a_turn_tells_how_many_people_there_were(stores: Stores) -> None:
    session = await opened(stores)
    for count in (0, 1):
        record = await begun(stores, session, f"req-{count}")
        answer = message(session, "Yes", by_agent=True)
        ended = await stores.turns.settle(
            record.turn_id, TurnState.COMPLETED, now=2_000, answer=answer
        )
        assert ended is not None
        assert ended.people == count
        await stores.people.join(ACME, session.conversation_id, person("cat"))


async def test_a_turn_that_begins_beside_a_take_over_is_held_or_was_there_before(
    stores: Stores,
) -> None:
    for number in range(10):
        session = await opened(stores)
        conversation = session.conversation_id
        record, _ = await asyncio.gather(
            begun(stores, session, f"req-{number}"),
            stores.people.join(ACME, conversation, person("cat"), takes_over=True),
        )
        if not record.is_held:  # then whoever took over finds it, to stop it
            running = await stores.turns.running(conversation)
            assert running is not None
            assert running.turn_id == record.turn_id


async def test_a_session_of_somebody_who_may_come_in_is_theirs(stores: Stores) -> None:
    session = await opened(stores, supports=("identity_form",))
    bob = Scope("acme", "bob@example.com")
    gone_on: dict[str, Any] = {"conversation_id": session.conversation_id}
    own = await opened(stores, bob, identity="bob", supports=("spec_1_1",), **gone_on)
    assert (own.conversation_id, own.identity) == (session.conversation_id, "bob")
    assert await stores.conversations.session(own.session_id) == own
    again = await opened(stores, bob, identity="bob", **gone_on)
    assert again.user_participant_id == own.user_participant_id
    # The words of the conversation stay those of its owner.
    resumed = await opened(stores, ANN, identity="ann", **gone_on)
    assert (resumed.identity, resumed.supports) == (None, ("identity_form",))
    foreign = await opened(stores, Scope("other", "eve"), identity="eve", **gone_on)
    assert (foreign.identity, foreign.conversation_id == session.conversation_id) == (None, False)


async def test_agents_and_settings_are_kept_by_organisation(stores: Stores) -> None:
    shop = AgentRecord("acme", "shop", {"id": "shop", "name": "Shop"})
    theirs = AgentRecord("other", "shop", {"id": "shop"})
    assert await stores.agents.add(shop, 1)
    assert await stores.agents.add(theirs, 2)
    assert not await stores.agents.add(AgentRecord("acme", "shop", {"id": "shop"}), 3)
    assert await stores.agents.all() == (shop, theirs)
    changed = AgentRecord("acme", "shop", {"id": "shop", "name": "Store"})
    await stores.agents.put(changed, 4)
    assert await stores.agents.all() == (changed, theirs)
    assert await stores.agents.remove("acme", "shop")
    assert not await stores.agents.remove("acme", "shop")
    assert await stores.agents.all() == (theirs,)
    for model in ("small", "large"):
        await stores.agents.put_settings(OrgSettings("acme", {"model": model}, 5))
    assert await stores.agents.all_settings() == (OrgSettings("acme", {"model": "large"}, 5),)


async def test_documents_are_listed_by_organisation_newest_first(stores: Stores) -> None:
    times = iter(range(1, 10))
    knowledge = Knowledge(stores.knowledge, now_ms=lambda: next(times))
    for name, org in (("a", "acme"), ("b", "*"), ("c", "other"), ("d", "acme")):
        await knowledge.put(Document(name, "A lamp.", org=org, set_name=name))
    index = stores.knowledge
    page = await index.documents("acme", None, 2, None)
    assert [one.source for one in page.items] == ["d", "b"]
    rest = await index.documents("acme", None, 2, page.next_cursor)
    assert ([one.source for one in rest.items], rest.next_cursor) == (["a"], None)
    narrow = await index.documents("acme", "b", 2, None)
    assert [one.source for one in narrow.items] == ["b"]
    with pytest.raises(UnknownCursorError):
        await index.documents("acme", None, 2, "made-up")
    found = await index.document("acme", page.items[0].document_id)
    assert found is not None
    assert (found.source, found.readers, found.passages) == ("d", ("org",), 1)
    assert await index.document("other", page.items[0].document_id) is None


async def test_usage_counts_what_an_organisation_did(stores: Stores) -> None:
    session = await opened(stores)
    record = await begun(stores, session, "req-1")
    await stores.models.spend(session.session_id, Spent(10, 5, 0.25))
    before = await stores.models.usage("acme")
    assert (before.conversations, before.messages, before.held) == (1, 1, 0)
    assert (before.turns, before.spent) == ({"running": 1}, Spent(10, 5, 0.25))
    await stores.turns.settle(record.turn_id, TurnState.CANCELLED, now=2_000)
    await stores.people.join(ACME, session.conversation_id, person("cat"), takes_over=True)
    after = await stores.models.usage("acme")
    assert (after.turns, after.held) == ({"cancelled": 1}, 1)
    nothing = await stores.models.usage("other")
    assert (nothing.conversations, nothing.messages, nothing.turns) == (0, 0, {})
    assert nothing.spent == Spent()
