"""Conversations, sessions, messages and passages: the same from every store."""

from __future__ import annotations

from pathlib import Path

import pytest

from smooth_operator_server.auth.principal import Scope
from smooth_operator_server.store import Stores, StoreUnavailableError, UnknownCursorError
from smooth_operator_server.store.opening import open_stores

from .support_records import ANN, BOB, message, opened


async def test_a_session_is_found_as_it_was_opened(stores: Stores) -> None:
    session = await opened(stores, supports=("otp_park", "spec_1_1"), user_email="ann@example.com")
    assert await stores.conversations.session(session.session_id) == session
    assert (session.supports, session.owner) == (("otp_park", "spec_1_1"), ANN.owner)
    assert await stores.conversations.session("nobody's") is None


async def test_a_conversation_is_taken_up_by_its_owner_alone(stores: Stores) -> None:
    first = await opened(stores)
    again = await opened(stores, conversation_id=first.conversation_id)
    foreign = await opened(stores, BOB, conversation_id=first.conversation_id)
    assert again.conversation_id == first.conversation_id != foreign.conversation_id


async def test_words_about_the_wire_are_not_taken_over(stores: Stores) -> None:
    first = await opened(stores, supports=("identity_form", "spec_1_1"))
    again = await opened(stores, conversation_id=first.conversation_id)
    assert again.supports == ("identity_form",)


async def test_what_changes_of_a_session_is_kept(stores: Stores) -> None:
    session = await opened(stores)
    changes = {"user_name": "Ada", "verified": True, "conversational": {"choices": {"a": 1}}}
    await stores.conversations.update_session(session.session_id, changes)
    found = await stores.conversations.session(session.session_id)
    assert found is not None
    assert (found.user_name, found.verified) == ("Ada", True)
    assert found.conversational == {"choices": {"a": 1}}
    with pytest.raises(ValueError, match="no member supports"):
        await stores.conversations.update_session(session.session_id, {"supports": ()})


async def test_messages_come_in_pages_newest_first(stores: Stores) -> None:
    session = await opened(stores)
    for number in range(5):
        await stores.conversations.add_message(
            message(session, f"m{number}", by_agent=number % 2 == 1)
        )
    pages, cursor = [], None
    while True:
        page = await stores.conversations.messages(session.conversation_id, 2, cursor)
        pages.append([item.text for item in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == [["m4", "m3"], ["m2", "m1"], ["m0"]]
    other = await opened(stores)
    await stores.conversations.add_message(foreign := message(other, "x"))
    for made_up in ("nothing", foreign.message_id):
        with pytest.raises(UnknownCursorError):
            await stores.conversations.messages(session.conversation_id, 2, made_up)


async def test_nul_is_stored_alike_everywhere(stores: Stores) -> None:
    session = await opened(stores)
    await stores.conversations.add_message(message(session, "a\0b"))
    page = await stores.conversations.messages(session.conversation_id, 1, None)
    assert page.items[0].text == "a�b"


@pytest.mark.parametrize("text", ["", "a\ud7ff\U0001f600é", "'; DROP TABLE x; --", ":name $1 ? %s"])
async def test_a_text_comes_back_as_it_was(stores: Stores, text: str) -> None:
    session = await opened(stores)
    await stores.conversations.add_message(message(session, text))
    page = await stores.conversations.messages(session.conversation_id, 10, None)
    assert [item.text for item in page.items] == [text]


async def test_conversations_are_listed_by_age_within_the_scope(stores: Stores) -> None:
    times = {}
    for now in (3_000, 1_000, 2_000, 2_000):
        session = await opened(stores)
        await stores.conversations.add_message(message(session, f"at {now}", now))
        times[session.conversation_id] = now
    await opened(stores)  # nothing was said
    await stores.conversations.add_message(message(await opened(stores, BOB), "Bob's"))
    listed, cursor = [], None
    while True:
        page = await stores.conversations.conversations(ANN, 3, cursor)
        listed += [(item.updated_ms, item.conversation_id) for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert listed == sorted(((now, one) for one, now in times.items()), reverse=True)
    everybody = await stores.conversations.conversations(Scope("acme", everybody=True), 10, None)
    elsewhere = await stores.conversations.conversations(Scope("other", ANN.owner), 10, None)
    assert (len(everybody.items), elsewhere.items) == (5, ())
    with pytest.raises(UnknownCursorError):
        await stores.conversations.conversations(ANN, 3, "made up")


async def test_a_title_is_set_within_the_scope(stores: Stores) -> None:
    session = await opened(stores)
    await stores.conversations.add_message(message(session, "Hello"))
    rename = stores.conversations.rename_conversation
    assert await rename(ANN, session.conversation_id, "Mine")
    assert not await rename(BOB, session.conversation_id, "Stolen")
    assert not await rename(ANN, "nothing", "x")
    page = await stores.conversations.conversations(ANN, 10, None)
    assert [item.title for item in page.items] == ["Mine"]


async def test_a_database_that_cannot_be_opened_is_named_without_its_password(
    tmp_path: Path,
) -> None:
    with pytest.raises(StoreUnavailableError, match=r"cannot open database .*nowhere"):
        await open_stores(str(tmp_path / "nowhere" / "x.db"))
    with pytest.raises(StoreUnavailableError, match=r"database 127\.0\.0\.1/db") as refused:
        await open_stores("postgresql://ann:sesame@127.0.0.1:1/db")
    assert "sesame" not in str(refused.value)
