"""Turns, the ids that name them, their leases and questions: the same from every store."""

from __future__ import annotations

import asyncio

import pytest

from smooth_operator_server.store import (
    CallRecord,
    Lease,
    LeaseLostError,
    NewCall,
    NewEvents,
    Refused,
    SessionRecord,
    Stores,
    TurnRecord,
    TurnState,
)

from .support_records import fresh, message, opened, question, turn


async def begun(stores: Stores, session: SessionRecord, request_id: str = "req-1") -> TurnRecord:
    record = await stores.turns.begin(turn(session, request_id))
    assert isinstance(record, TurnRecord)
    return record


async def test_a_turn_is_stored_with_its_message(stores: Stores) -> None:
    session = await opened(stores)
    record = await begun(stores, session)
    assert await stores.turns.running(session.conversation_id) == record
    page = await stores.conversations.messages(session.conversation_id, 10, None)
    assert [item.message_id for item in page.items] == [record.message_id]


async def test_a_conversation_runs_one_turn_and_keeps_no_word_of_a_refused_one(
    stores: Stores,
) -> None:
    session = await opened(stores)
    again = await opened(stores, conversation_id=session.conversation_id)
    await begun(stores, session)
    assert await stores.turns.begin(turn(again, "req-2")) is Refused.BUSY
    page = await stores.conversations.messages(session.conversation_id, 10, None)
    assert len(page.items) == 1
    # The id was not used up.
    assert await stores.turns.look_up(session.conversation_id, "req-2", "socket-1") is None


async def test_of_many_that_begin_at_once_one_does(stores: Stores) -> None:
    session = await opened(stores)
    turns = [turn(session, f"req-{number}") for number in range(8)]
    outcomes = await asyncio.gather(*(stores.turns.begin(one) for one in turns))
    assert [one for one in outcomes if one is not Refused.BUSY] == [
        await stores.turns.running(session.conversation_id)
    ]


async def test_the_same_message_under_the_same_id_finds_its_turn(stores: Stores) -> None:
    session = await opened(stores)
    record = await begun(stores, session)
    repeated = turn(session, holder="socket-2")
    found = await stores.turns.begin(repeated)
    assert found == record
    assert await stores.turns.begin(turn(session, body="another")) is Refused.DIFFERENT
    await stores.turns.settle(record.turn_id, TurnState.COMPLETED, now=2_000, terminal="{}")
    found = await stores.turns.begin(repeated)
    assert isinstance(found, TurnRecord)
    assert (found.turn_id, found.state, found.terminal) == (record.turn_id, "completed", "{}")


async def test_an_id_may_name_a_new_turn_where_nobody_replays(stores: Stores) -> None:
    session = await opened(stores)
    record = await begun(stores, session)
    await stores.turns.settle(record.turn_id, TurnState.COMPLETED, now=2_000)
    newer = await stores.turns.begin(turn(session, once=False))
    assert isinstance(newer, TurnRecord)
    assert newer.turn_id != record.turn_id
    assert await stores.turns.look_up(session.conversation_id, "req-1", "socket-1") == newer


async def test_what_was_never_accepted_may_come_from_the_holder_of_that_promise_alone(
    stores: Stores,
) -> None:
    session = await opened(stores)
    conversation = session.conversation_id
    assert await stores.turns.look_up(conversation, "req-1", "socket-2") is None
    assert await stores.turns.begin(turn(session, holder="socket-1")) is Refused.PROMISED
    assert await stores.turns.look_up(conversation, "req-1", "socket-3") is None
    assert await stores.turns.begin(turn(session, holder="socket-2")) is Refused.PROMISED
    record = await stores.turns.begin(turn(session, holder="socket-3"))
    assert isinstance(record, TurnRecord)
    assert await stores.turns.look_up(conversation, "req-1", "socket-4") == record


async def test_a_turn_ends_once_with_its_answer(stores: Stores) -> None:
    session = await opened(stores)
    record = await begun(stores, session)
    answer = message(session, "Done", 2_000, by_agent=True)
    ended = await stores.turns.settle(
        record.turn_id, TurnState.COMPLETED, now=2_000, terminal='{"a":1}', answer=answer
    )
    assert ended
    assert not await stores.turns.settle(record.turn_id, TurnState.CANCELLED, now=3_000)
    assert await stores.turns.running(session.conversation_id) is None
    page = await stores.conversations.messages(session.conversation_id, 10, None)
    assert [item.text for item in page.items] == ["Done", "Hello"]


async def test_a_turn_goes_on_from_its_last_step(stores: Stores) -> None:
    session = await opened(stores)
    record = await begun(stores, session)
    await stores.turns.save(record.turn_id, 2, b"\x00\xffhistory")
    found = await stores.turns.running(session.conversation_id)
    assert found is not None
    assert (found.step, found.saved) == (2, b"\x00\xffhistory")


async def test_a_tool_call_is_known_before_it_runs(stores: Stores) -> None:
    session = await opened(stores)
    record = await begun(stores, session)
    for number, call_id in enumerate(("a", "b")):
        await stores.turns.start_call(
            NewCall(record.turn_id, call_id, "search", {"q": 1}, step=1, now=1_000 + number)
        )
    await stores.turns.end_call(record.turn_id, "b", {"hits": []}, is_error=False, now=1_002)
    assert await stores.turns.calls(record.turn_id, 1) == (
        CallRecord("a", "search", 1, ended=False),
        CallRecord("b", "search", 1, ended=True, result={"hits": []}),
    )
    assert await stores.turns.calls(record.turn_id, 2) == ()


async def test_turns_of_a_lost_owner_are_taken_over_once(stores: Stores) -> None:
    first, second = await opened(stores), await opened(stores)
    lost, kept = await begun(stores, first), await begun(stores, second)
    await stores.turns.renew("somebody else", 99_000)
    assert await stores.turns.take_over(Lease("replica-2", 9_000), now=4_999) == ()
    await stores.turns.settle(kept.turn_id, TurnState.FAILED, now=4_999)
    taken = await stores.turns.take_over(Lease("replica-2", 9_000), now=5_000)
    assert [(one.turn_id, one.lease) for one in taken] == [
        (lost.turn_id, Lease("replica-2", 9_000))
    ]
    assert await stores.turns.take_over(Lease("replica-3", 9_000), now=5_000) == ()


async def test_nobody_takes_his_own_turns_over(stores: Stores) -> None:
    record = await begun(stores, await opened(stores))
    late = record.lease.until + 1
    assert await stores.turns.take_over(Lease(record.lease.owner, late + 9_000), now=late) == ()
    assert len(await stores.turns.take_over(Lease("another", late + 9_000), now=late)) == 1


async def test_the_first_answer_of_a_question_wins(stores: Stores) -> None:
    session = await opened(stores)
    record = await begun(stores, session)
    asked = question(session, record.turn_id)
    await stores.questions.ask(asked)
    found = await stores.questions.latest(session.session_id, "confirmation")
    assert found is not None
    assert (found.question_id, found.subject, found.is_open) == (
        asked.question_id,
        {"tool": "delete"},
        True,
    )
    claims = (stores.questions.claim(asked.question_id, value, 2_000) for value in (True, False))
    assert sorted(await asyncio.gather(*claims)) == [False, True]
    answered = await stores.questions.question(asked.question_id)
    assert answered is not None
    assert (answered.is_open, answered.answer in (True, False)) == (False, True)
    assert await stores.questions.latest(session.session_id, "confirmation") == answered


async def test_a_newer_question_of_a_kind_closes_the_one_before(stores: Stores) -> None:
    session = await opened(stores)
    record = await begun(stores, session)
    older = question(session, record.turn_id)
    newer = question(session, record.turn_id, now=1_001)
    other = question(session, record.turn_id, "otp", attempts=3, now=1_002)
    for one in (older, newer, other):
        await stores.questions.ask(one)
    assert not await stores.questions.claim(older.question_id, True, 2_000)
    states = [
        (one.question_id, one.is_open) for one in await stores.questions.of_turn(record.turn_id)
    ]
    assert states == [
        (older.question_id, False),
        (newer.question_id, True),
        (other.question_id, True),
    ]


async def test_tries_are_counted_while_the_question_is_open(stores: Stores) -> None:
    session = await opened(stores)
    record = await begun(stores, session)
    asked = question(session, record.turn_id, "otp", attempts=2)
    await stores.questions.ask(asked)
    assert [await stores.questions.count_try(asked.question_id) for _ in range(2)] == [1, 0]
    closed = [await stores.questions.close_question(asked.question_id) for _ in range(2)]
    assert closed == [True, False]
    assert await stores.questions.count_try(asked.question_id) is None
    assert await stores.questions.question(fresh("question")) is None


async def test_the_end_of_a_turn_closes_the_questions_that_it_waits_for(stores: Stores) -> None:
    session = await opened(stores)
    record = await begun(stores, session)
    waiting = question(session, record.turn_id)
    code = question(session, record.turn_id, "otp", attempts=3, parked=False)
    await stores.questions.ask(waiting)
    await stores.questions.ask(code)
    await stores.turns.settle(record.turn_id, TurnState.COMPLETED, now=2_000)
    assert not await stores.questions.claim(waiting.question_id, True, 2_000)
    assert await stores.questions.claim(code.question_id, True, 2_000)


async def test_req_srv_37_events_are_found_unless_others_went_out_after_them(
    stores: Stores,
) -> None:
    """They are stored with the step or the question that they belong to, and go with the turn."""
    turns = stores.turns
    turn_id = (await begun(stores, await opened(stores))).turn_id
    assert await turns.events(turn_id) is None  # nobody knows what the first server said
    await turns.save(turn_id, 1, b"saved", NewEvents(2, ("one", "two")))
    assert await turns.events(turn_id) == NewEvents(2, ("one", "two"))
    await turns.spoil(turn_id, 3)
    assert await turns.events(turn_id) is None
    await turns.keep(turn_id, NewEvents(4, ("three", "four")))
    assert await turns.events(turn_id) == NewEvents(4, ("one", "two", "three", "four"))
    await turns.settle(turn_id, TurnState.COMPLETED, now=2_000, terminal="{}")
    assert await turns.events(turn_id) == NewEvents(4, ())


async def test_an_owner_that_was_taken_for_gone_stores_nothing_more(stores: Stores) -> None:
    session = await opened(stores)
    mine = turn(session, lease=Lease("first", 100))
    assert isinstance(await stores.turns.begin(mine), TurnRecord)
    turn_id = mine.turn_id
    await stores.turns.save(turn_id, 1, b"1", owner="first")
    assert await stores.turns.take_over(Lease("second", 300), 200)
    call = NewCall(turn_id, "call", "pay", {}, 1, 200)
    late = [
        stores.turns.save(turn_id, 2, b"2", owner="first"),
        stores.turns.keep(turn_id, NewEvents(1, ("a",)), owner="first"),
        stores.turns.spoil(turn_id, 2, owner="first"),
        stores.turns.start_call(call, owner="first"),
        stores.turns.settle(turn_id, TurnState.COMPLETED, now=201, owner="first"),
    ]
    for write in late:
        with pytest.raises(LeaseLostError):
            await write
    assert await stores.turns.calls(turn_id, 1) == ()
    assert await stores.turns.settle(turn_id, TurnState.FAILED, now=202, owner="second")
    assert not await stores.turns.settle(turn_id, TurnState.COMPLETED, now=203, owner="second")


async def test_an_owner_that_comes_back_after_the_end_of_its_turn_does_nothing_more(
    stores: Stores,
) -> None:
    """It neither runs a tool, nor asks, nor closes a question, nor ends the turn otherwise."""
    session = await opened(stores)
    mine = turn(session, lease=Lease("first", 100))
    await stores.turns.begin(mine)
    turn_id = mine.turn_id
    assert await stores.turns.take_over(Lease("second", 300), 200)
    asked = question(session, turn_id)
    await stores.questions.ask(asked, owner="second")
    assert not await stores.questions.close_question(asked.question_id, owner="first")
    assert await stores.turns.settle(turn_id, TurnState.COMPLETED, now=201, owner="second")
    call = NewCall(turn_id, "call", "pay", {}, 1, 200)
    late = [
        stores.turns.start_call(call, owner="first"),
        stores.turns.start_call(call, owner="second"),  # nor does the other one, after the end
        stores.turns.end_call(turn_id, "call", "paid", is_error=False, now=202, owner="first"),
        stores.turns.settle(turn_id, TurnState.COMPLETED, now=203, owner="first"),
        stores.questions.ask(question(session, turn_id), owner="first"),
    ]
    for write in late:
        with pytest.raises(LeaseLostError):
            await write
    assert await stores.turns.calls(turn_id, 1) == ()


async def test_a_turn_that_ends_and_one_that_begins_do_not_wait_for_each_other(
    stores: Stores,
) -> None:
    session = await opened(stores)
    for number in range(30):
        record = await begun(stores, session, f"req-{number}")
        answer = message(session, "answer", by_agent=True)
        ending = stores.turns.settle(record.turn_id, TurnState.COMPLETED, now=2, answer=answer)
        others = [stores.turns.begin(turn(session, f"other-{number}-{one}")) for one in range(3)]
        ended, *outcomes = await asyncio.gather(ending, *others)
        assert ended
        for outcome in outcomes:
            if isinstance(outcome, TurnRecord):
                await stores.turns.settle(outcome.turn_id, TurnState.FAILED, now=3)
