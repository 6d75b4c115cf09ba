"""Checks of turns and what they leave behind: streams, cancel, pages, resume, conversations."""

from __future__ import annotations

import asyncio
from typing import Any

from conform.reader import final_text
from conform.script import uuid_of
from conform.server.peer import CheckError, NotExercisedError, Peer, completed, refused
from conform.spec import Tree

MAX_PAGES = 20
SETTLED_SECONDS = 0.5  # in which a model goes on to its next word, or to its pause


def _is(*types: str) -> Any:
    return lambda frame: frame["type"] in types


async def check_turn(peer: Peer) -> None:
    """A message is accepted by a 202 and ended exactly once; the tokens are its text."""
    session = (await peer.session())["sessionId"]
    send = {"action": "send_message", "sessionId": session, "message": "Hello"}
    await peer.error({**send, "sessionId": uuid_of(404)}, "SESSION_NOT_FOUND")
    await peer.error({**send, "message": ""}, "VALIDATION_ERROR")
    frames = await peer.rest(await peer.begin(session))
    answer = completed(frames)
    tokens = "".join(f["data"]["token"] for f in frames if f["type"] == "stream_token")
    text = final_text(answer.get("response"), tokens)
    if tokens and tokens != text:
        raise CheckError("the tokens joined are not the text of the answer")
    if not text:
        raise CheckError("the turn completed without a text")


async def check_tool_chunks(peer: Peer) -> None:
    """A toolCall chunk comes before its toolResult chunk."""
    session = (await peer.session())["sessionId"]
    frames = await peer.rest(await peer.begin(session))
    seen = [word for frame in frames for word in tool_words(frame)]
    if not seen:
        raise NotExercisedError("no tool ran: say what leads to one with --ask answer=MESSAGE")
    for index, (word, name) in enumerate(seen):
        if word == "toolResult" and seen[:index].count(("toolCall", name)) <= seen[:index].count(
            (word, name)
        ):
            raise CheckError(f"a toolResult of {name} comes before its toolCall")


def tool_words(frame: Tree) -> list[tuple[str, str]]:
    """Which of ``toolCall`` and ``toolResult`` a frame shows, each with the name of its tool."""
    if frame["type"] != "stream_chunk":
        return []
    raw = (frame["data"].get("state") or {}).get("rawResponse")
    told = raw if isinstance(raw, dict) else {}
    return [(w, told[w].get("name", "")) for w in ("toolCall", "toolResult") if told.get(w)]


async def check_unstreamed(peer: Peer) -> None:
    """With stream: false no token comes, and the answer does."""
    session = (await peer.session())["sessionId"]
    frames = await peer.rest(await peer.begin(session, stream=False))
    completed(frames)
    if any(frame["type"] == "stream_token" for frame in frames):
        raise CheckError("a token came although the turn asked for no stream")


async def _slow(peer: Peer) -> tuple[str, str]:
    """Session and requestId of a turn that is under way."""
    session = (await peer.session())["sessionId"]
    request = await peer.begin(session, "slow")
    await under_way(peer, request)
    return session, request


async def under_way(peer: Peer, request: str) -> None:
    """Read a turn until it works: words have come, or a tool has run and the model goes on.

    Raises: NotExercisedError: it ended first.
    """

    def works(frame: Tree) -> bool:
        words = [word for word, _ in tool_words(frame)]
        return frame["type"] == "stream_token" or "toolResult" in words

    if peer.terminal((await peer.until(request, works))[-1]):
        hint = "say what takes long with --ask slow=MESSAGE"
        raise NotExercisedError(f"the turn ended before it could be steered: {hint}")
    await asyncio.sleep(SETTLED_SECONDS)


async def check_cancel(peer: Peer) -> None:
    """A cancel ends the turn that it names by cancelled, and the next turn runs."""
    session, request = await _slow(peer)
    await peer.send({"action": "cancel", "requestId": request, "sessionId": session})
    frames = await peer.rest(request)
    if frames[-1]["type"] != "cancelled":
        raise CheckError(f"the cancelled turn ended with {frames[-1]['type']}")
    completed(await peer.rest(await peer.begin(session)))


async def check_cancel_of_another(peer: Peer) -> None:
    """A cancel that names another turn stops nothing and is not answered."""
    session, request = await _slow(peer)
    await peer.send({"action": "cancel", "requestId": "req-other", "sessionId": session})
    mark = peer.service.new_id()
    await peer.send({"action": "ping", "requestId": mark})
    while (got := await peer.read())["type"] != "pong":
        if got.get("requestId") != request or peer.terminal(got):
            raise CheckError(f"the cancel of another turn led to {got['type']}")
    if peer.terminal((await peer.until(request, lambda _: True))[-1]):
        raise CheckError("the cancel of another turn ended this one")
    await peer.send({"action": "cancel", "requestId": request, "sessionId": session})
    await peer.rest(request)


async def check_one_at_a_time(peer: Peer) -> None:
    """A second message while a turn runs is refused, and the turn goes on."""
    session, request = await _slow(peer)
    second = await peer.send({"action": "send_message", "sessionId": session, "message": "And?"})
    while (got := await peer.read()).get("requestId") != second:
        if peer.terminal(got):
            raise NotExercisedError("the first turn ended too early")
    refused(got, "TURN_IN_PROGRESS")
    await peer.send({"action": "cancel", "requestId": request, "sessionId": session})
    await peer.rest(request)


async def check_pages(peer: Peer) -> None:
    """Pages are newest first, follow each other, and end where hasMore says so."""
    session = (await peer.session())["sessionId"]
    for _ in range(2):
        completed(await peer.rest(await peer.begin(session)))
    page = {"action": "get_conversation_messages", "sessionId": session}
    whole = (await peer.value(page))["messages"]
    if len(whole) < 4:
        raise CheckError(f"two turns left {len(whole)} messages in the history")
    times = [message["createdAt"] for message in whole]
    if times != sorted(times, reverse=True) or whole[-1]["content"].get("text") != peer.words(
        "answer"
    ):
        raise CheckError("the history does not begin with the newest message")
    found = await _walked(peer, {**page, "limit": 2}, "messages")
    if [m["id"] for m in found] != [m["id"] for m in whole]:
        raise CheckError("the pages of two do not add up to the history")


async def _walked(peer: Peer, page: Tree, member: str) -> list[Tree]:
    """All rows of a paged action; each page says rightly whether there is another."""
    found: list[Tree] = []
    cursors: set[str] = set()
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        data = await peer.value({**page, **({"cursor": cursor} if cursor else {})})
        cursor = data.get("nextCursor")
        if data.get("hasMore", cursor is not None) != (cursor is not None):
            raise CheckError("hasMore and nextCursor contradict each other")
        if len(data[member]) > page["limit"] or (cursor and len(data[member]) < page["limit"]):
            raise CheckError(f"a page of {page['limit']} holds {len(data[member])}")
        found += data[member]
        if cursor is None:
            return found
        if cursor in cursors:
            raise CheckError("a cursor repeats")
        cursors.add(cursor)
    raise NotExercisedError(f"more than {MAX_PAGES} pages")


async def check_resume(peer: Peer) -> None:
    """A session on an old conversation has its history; both sessions stay known."""
    old = await peer.session()
    completed(await peer.rest(await peer.begin(old["sessionId"])))
    new = await peer.session(conversationId=old["conversationId"])
    if new["conversationId"] != old["conversationId"] or new["sessionId"] == old["sessionId"]:
        raise CheckError("resuming gave another conversation, or the old session")
    pages = [
        await peer.value({"action": "get_conversation_messages", "sessionId": one["sessionId"]})
        for one in (old, new)
    ]
    if not pages[1]["messages"] or pages[0]["messages"] != pages[1]["messages"]:
        raise CheckError("the resumed session does not have the history of its conversation")
    completed(await peer.rest(await peer.begin(new["sessionId"])))


async def check_conversations(peer: Peer) -> None:
    """Conversations are listed page by page, renamed, and found under the new title."""
    ids = set()
    for _ in range(2):
        session = await peer.session()
        completed(await peer.rest(await peer.begin(session["sessionId"])))
        ids.add(session["conversationId"])
    last = session["conversationId"]
    rename = {"action": "rename_conversation", "conversationId": last, "title": "A new title"}
    told = await peer.value(rename)
    if (told.get("conversationId"), told.get("title")) != (last, "A new title"):
        raise CheckError("the answer to rename_conversation tells another title")
    rows = (await peer.value({"action": "list_conversations"}))["conversations"]
    listed = {row["conversationId"]: row for row in rows}
    if not ids <= set(listed):
        raise CheckError("list_conversations lacks a conversation of this caller")
    if listed[last]["title"] != "A new title" or listed[last]["messageCount"] < 2:
        raise CheckError("list_conversations tells the old title or too few messages")
    times = [row["updatedAt"] for row in rows]
    if times != sorted(times, reverse=True):
        raise CheckError("the list does not begin with the newest conversation")
