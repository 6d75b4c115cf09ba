"""Checks of turns that outlive their link (1.2): numbers, cuts, late comers, promises, questions.

That numbers follow each other, that an event sent again is the same text, and that nothing follows
``moved`` is seen by the trace in every check; here the occasions are made.
"""

from __future__ import annotations

from conform.script import uuid_of
from conform.server.answers import ran
from conform.server.peer import CheckError, NotExercisedError, Peer, completed, extended, refused
from conform.server.questions import verb
from conform.server.talks import send
from conform.server.turns import under_way
from conform.spec import Tree

GOES_ON = ("running", "settled")


async def session_of(peer: Peer) -> Tree:
    """Open a replay session."""
    words = ("otp_park", "identity_form", "choice_chips")
    session = await extended(peer, *words, userName="Ada", userEmail="ada@example.com")
    if "replay" not in session.get("capabilities", []):
        raise NotExercisedError("the server does not list replay")
    return session


async def resumed(peer: Peer, session: str, request: str, after: int) -> Tree:
    """Ask for a turn; what ``turn_resumed`` says."""
    ask = {"action": "resume_turn", "requestId": request, "sessionId": session, "afterSeq": after}
    got = await peer.answer(ask)
    if got["type"] != "turn_resumed":
        told = got["data"]["error"]["code"] if got["type"] == "error" else got["type"]
        raise CheckError(f"resume_turn was answered by {told}")
    return dict(got["data"]["data"])


async def taken_up(peer: Peer, session: str, request: str, after: int) -> None:
    """Take a turn up that can be taken up."""
    state = (await resumed(peer, session, request, after))["state"]
    if state not in GOES_ON:
        raise CheckError(f"a turn that was accepted is {state}")


async def _whole(peer: Peer, session: str, request: str) -> list[Tree]:
    """All events of a turn that has ended, asked for once more over a new link."""
    late = await peer.other()
    late.plain = False
    told = await resumed(late, session, request, 0)
    if told["state"] != "settled":
        raise CheckError(f"a turn that has ended is {told['state']}")
    frames = await late.rest(request)
    if len(frames) != told["lastSeq"]:
        raise CheckError(f"lastSeq is {told['lastSeq']}, and {len(frames)} events came")
    return frames


async def check_cut(peer: Peer) -> None:
    """After a cut anywhere the rest of the turn comes on the next link, and nothing twice."""
    session = (await session_of(peer))["sessionId"]
    uncut = await peer.rest(await peer.begin(session))
    count = len(uncut) + 1
    for cut in sorted({1, 2, count // 2, count - 1}):
        link = await peer.other()
        link.plain = False
        request = await link.begin(session)
        for _ in range(cut - 1):
            await link.read(peer.setup.patience)
        link.cut()
        after = await peer.other()
        after.plain = False
        await taken_up(after, session, request, cut)
        rest = await after.rest(request)
        if [f["seq"] for f in rest] != list(range(cut + 1, count + 1)):
            raise CheckError(f"after {cut} of {count} events came {[f['seq'] for f in rest]}")
        completed(rest)
        await _whole(peer, session, request)


async def check_late(peer: Peer) -> None:
    """A turn that has ended is replayed whole or in part; asked beyond its end it is gone."""
    session = (await session_of(peer))["sessionId"]
    request = await peer.begin(session)
    await peer.rest(request)
    whole = await _whole(peer, session, request)
    end = whole[-1]["seq"]
    after = await peer.other()
    after.plain = False
    await taken_up(after, session, request, end - 1)
    if [f["seq"] for f in await after.rest(request)] != [end]:
        raise CheckError("after all events but the last another one came")
    far = await resumed(after, session, request, end + 1)
    if far["state"] != "gone":
        raise CheckError(f"after an event that never was the turn is {far['state']}")
    await after.silent()


async def check_unknown_turns(peer: Peer) -> None:
    """What was never accepted is never; an unknown session is no session."""
    session = (await session_of(peer))["sessionId"]
    if (await resumed(peer, session, "req-of-nothing", 0))["state"] != "never":
        raise CheckError("a turn of nothing is not never")
    ask = {"action": "resume_turn", "sessionId": uuid_of(404), "afterSeq": 0}
    await peer.error(ask, "SESSION_NOT_FOUND")
    request = await peer.begin(session)
    await peer.rest(request)
    elsewhere = (await session_of(peer))["sessionId"]
    if (await resumed(peer, elsewhere, request, 0))["state"] != "never":
        raise CheckError("a turn of another conversation is not never")


async def check_never(peer: Peer) -> None:
    """never is a promise: the message is read from the link that was told so alone."""
    session = (await session_of(peer))["sessionId"]
    old = await peer.other()
    old.plain = False
    await old.value({"action": "get_session", "sessionId": session})
    request = peer.service.new_id()
    if (await resumed(peer, session, request, 0))["state"] != "never":
        raise CheckError("a turn of nothing is not never")
    await old.send({**send(session), "requestId": request})
    await old.silent()
    await peer.begin_with({**send(session), "requestId": request})
    completed(await peer.rest(request))


async def check_same_id(peer: Peer) -> None:
    """The same message again is the same turn, even while it runs; another one is refused."""
    session = (await session_of(peer))["sessionId"]
    first = {**send(session), "requestId": peer.service.new_id()}
    request = await peer.begin_with(first)
    other = await peer.other()
    other.plain = False
    got = await other.answer(first)
    if got["type"] != "turn_resumed":
        raise CheckError(f"the same message again was answered by {got['type']}")
    frames = await other.rest(request)
    if [f["seq"] for f in frames] != list(range(1, len(frames) + 1)):
        raise CheckError("the same message again is not answered from its first event on")
    got = await other.answer({**first, "message": "Another one"})
    refused(got, "VALIDATION_ERROR")
    if "requestId" not in got["data"]["error"]["message"]:
        raise CheckError("the refusal of another message with that id does not name requestId")
    page = {"action": "get_conversation_messages", "sessionId": session}
    rows = (await other.value(page))["messages"]
    if len([r for r in rows if r["direction"] == "inbound"]) != 1:
        raise CheckError("the message is in the history twice")


async def check_moved(peer: Peer) -> None:
    """A live link that loses its turn to another is told moved, and nothing more of it."""
    session = (await session_of(peer))["sessionId"]
    request = await peer.begin(session)
    await under_way(peer, request)
    other = await peer.other()
    other.plain = False
    await taken_up(other, session, request, 0)
    last = (await peer.until(request, lambda f: f["type"] == "turn_resumed"))[-1]
    if last["type"] != "turn_resumed" or last["data"]["data"]["state"] != "moved":
        raise CheckError(f"the link that lost its turn was told {last['type']}")
    completed(await other.rest(request))
    await peer.silent()


async def check_open_turn(peer: Peer) -> None:
    """What is asked in a turn is found, asked again and answered from a new link."""
    descriptor = await session_of(peer)
    session = descriptor["sessionId"]
    if "openTurn" in descriptor:
        raise CheckError("a new conversation has an open turn")
    request = await peer.begin(session)
    opener = "write_confirmation_required"
    seen = await peer.until(request, lambda f: f["type"] == opener)
    peer.cut()
    other = await peer.other()
    other.plain = False
    again = await extended(other, "otp_park", conversationId=descriptor["conversationId"])
    told = await other.value({"action": "get_session", "sessionId": session})
    for answer in (again, told):
        found = answer.get("openTurn")
        if not found or found["requestId"] != request or found["lastSeq"] < seen[-1]["seq"]:
            raise CheckError(f"the answer to a new link names the open turn {found}")
    await taken_up(other, session, request, 0)
    asked = (await other.until(request, lambda f: f["type"] == opener))[-1]
    if asked["type"] != opener:
        raise CheckError(f"the question is not asked again: {asked['type']}")
    details = asked["data"]["data"]
    echo = {"confirmationId": details["confirmationId"]}
    yes = verb("confirm_tool_action", descriptor, asked, approved=True, **echo)
    await other.send(yes)
    ran(await other.rest(request), "delete_record")
    told = await other.value({"action": "get_session", "sessionId": session})
    if "openTurn" in told:
        raise CheckError("a turn that has ended is still told as open")


async def check_stop_after_cut(peer: Peer) -> None:
    """A turn without a link is cancelled from a new one, and its replay ends with cancelled."""
    session = (await session_of(peer))["sessionId"]
    request = await peer.begin(session)
    await under_way(peer, request)
    peer.cut()
    other = await peer.other()
    other.plain = False
    await other.send({"action": "cancel", "requestId": request, "sessionId": session})
    got = await other.read(peer.setup.patience)
    if got["type"] != "cancelled":
        raise CheckError(f"the cancel of a turn without a link led to {got['type']}")
    frames = await _whole(other, session, request)
    if frames[-1]["type"] != "cancelled":
        raise CheckError(f"the replay of a cancelled turn ends with {frames[-1]['type']}")
