"""Checks of actions with one answer: refusals, sessions, history and conversations."""

from __future__ import annotations

from conform.script import uuid_of
from conform.server.peer import CheckError, Peer, refused
from conform.spec import Tree


async def check_ping(peer: Peer) -> None:
    """A ping is answered with the server's time."""
    got = await peer.answer({"action": "ping"})
    time = got.get("data", {}).get("timestamp", got.get("timestamp"))
    if got["type"] != "pong" or not isinstance(time, int):
        raise CheckError("no pong with a time")


async def check_malformed(peer: Peer) -> None:
    """What is no action is refused and the link stays."""
    for text in ("{", "17", "[]", '"x"'):
        await peer.send_text(text)
        refused(await peer.read(), "VALIDATION_ERROR")
    await peer.error({"note": "no action"}, "VALIDATION_ERROR")
    await peer.error({"action": "fly_me_to_the_moon"}, "UNSUPPORTED_ACTION")
    await peer.silent()


async def check_sessions(peer: Peer) -> None:
    """Sessions are opened and asked for; what is unknown looks unknown."""
    await peer.error({"action": "create_conversation_session"}, "VALIDATION_ERROR")
    session = await peer.session(userName="Ada")
    got = await peer.value({"action": "get_session", "sessionId": session["sessionId"]})
    for name in ("sessionId", "conversationId", "agentName"):
        if got.get(name) != session[name]:
            raise CheckError(f"get_session tells another {name} than the session was opened with")
    await peer.error({"action": "get_session", "sessionId": uuid_of(404)}, "SESSION_NOT_FOUND")


async def check_tolerance(peer: Peer) -> None:
    """Unknown fields are ignored, null on an optional field is absent, bounds are enforced."""
    session = await peer.session(userName=None, mood="curious")
    page = _page(session)
    await peer.value({**page, "before": "m-1", "limit": None})
    await peer.error({**page, "limit": 0}, "VALIDATION_ERROR")
    await peer.error({**page, "limit": 101}, "VALIDATION_ERROR")


async def check_history(peer: Peer) -> None:
    """An empty history is one page without a cursor; an unknown cursor is refused."""
    page = _page(await peer.session())
    data = await peer.value(page)
    if data["messages"] or data["hasMore"] or data.get("nextCursor") is not None:
        raise CheckError("a new conversation has a history")
    await peer.error({**page, "cursor": "no such cursor"}, "VALIDATION_ERROR")


async def check_verbs(peer: Peer) -> None:
    """Answers to questions that nobody asked are refused; a cancel of nothing is silence."""
    session = (await peer.session())["sessionId"]
    confirm = {"action": "confirm_tool_action", "sessionId": session, "approved": True}
    await peer.error(confirm, "NO_PENDING_CONFIRMATION")
    submit = {"action": "submit_interaction", "sessionId": session, "interactionId": "i-0"}
    await peer.error({**submit, "values": {}}, "NO_PENDING_INTERACTION", "INTERACTION_MISMATCH")
    await peer.send({"action": "cancel", "sessionId": session})
    await peer.silent()


async def check_negotiation(peer: Peer) -> None:
    """A session that lists spec_1_1 is told the server's capabilities."""
    peer.plain = False
    session = await peer.session(supports=["spec_1_1"])
    if "spec_1_1" not in session.get("capabilities", []):
        raise CheckError("capabilities do not list spec_1_1")


async def check_words(peer: Peer) -> None:
    """Words that nobody knows, or that are there twice, open a session all the same."""
    peer.plain = False
    session = await peer.session(supports=["spec_1_1", "spec_1_1", "spec_99_0", ""])
    told = session.get("capabilities", [])
    if "spec_99_0" in told or len(set(told)) != len(told):
        raise CheckError("capabilities list a word that nobody knows, or one twice")


async def check_two_links(peer: Peer) -> None:
    """One link carries several sessions, and each keeps its own conversation."""
    one, two = await peer.session(), await peer.session()
    if one["sessionId"] == two["sessionId"] or one["conversationId"] == two["conversationId"]:
        raise CheckError("two sessions of one link are the same")
    for session in (one, two):
        got = await peer.value({"action": "get_session", "sessionId": session["sessionId"]})
        if got["conversationId"] != session["conversationId"]:
            raise CheckError("a session tells the conversation of another one")


async def check_ids(peer: Peer) -> None:
    """A requestId may be used again once it was answered."""
    for _ in range(2):
        await peer.answer({"action": "ping", "requestId": "req-again"})
        await peer.silent()


def _page(session: Tree) -> Tree:
    return {"action": "get_conversation_messages", "sessionId": session["sessionId"]}
