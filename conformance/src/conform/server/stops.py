"""Checks of ``cancel`` in every state of a turn, and from every place it may come from."""

from __future__ import annotations

from conform.server.peer import CheckError, Peer, completed, extended
from conform.server.questions import parked, verb
from conform.server.turns import under_way
from conform.spec import Tree

OPENERS = {
    "confirmation": "write_confirmation_required",
    "otp": "otp_verification_required",
    "interaction": "interaction_required",
}
LATE: dict[str, tuple[str, Tree, str]] = {  # what is answered too late, and by which code
    "confirmation": (
        "confirm_tool_action",
        {"approved": True},
        "NO_PENDING_CONFIRMATION",
    ),
    "interaction": ("submit_interaction", {"values": {}}, "NO_PENDING_INTERACTION"),
}


async def _stopped(peer: Peer, ask: str) -> None:
    session, question = await parked(peer, ask, OPENERS[ask])
    request = question["requestId"]
    await peer.send({"action": "cancel", "requestId": request, "sessionId": session["sessionId"]})
    frames = await peer.rest(request)
    if frames[-1]["type"] != "cancelled":
        raise CheckError(f"a turn that waits for an answer ended with {frames[-1]['type']}")
    if ask in LATE:
        word, facts, code = LATE[ask]
        details = question["data"]["data"]
        echo = {k: details[k] for k in ("confirmationId", "interactionId") if k in details}
        await peer.error(verb(word, session, question, **facts, **echo), code)
    completed(await peer.rest(await peer.begin(session["sessionId"])))


async def check_stop_confirmation(peer: Peer) -> None:
    """A cancel ends a turn that waits for a confirmation; a late yes is refused."""
    await _stopped(peer, "confirmation")


async def check_stop_code(peer: Peer) -> None:
    """A cancel ends a turn that waits for a code."""
    await _stopped(peer, "otp")


async def check_stop_form(peer: Peer) -> None:
    """A cancel ends a turn that waits for a form; a late form is refused."""
    await _stopped(peer, "interaction")


async def check_stop_too_late(peer: Peer) -> None:
    """A cancel of a turn that has ended, or of the same one twice, is not answered."""
    session = (await peer.session())["sessionId"]
    request = await peer.begin(session)
    await peer.rest(request)
    for _ in range(2):
        await peer.send({"action": "cancel", "requestId": request, "sessionId": session})
    await peer.silent()
    completed(await peer.rest(await peer.begin(session)))


async def check_stop_elsewhere(peer: Peer) -> None:
    """A cancel reaches the turn from another link of its person, and is told on both."""
    session = (await extended(peer))["sessionId"]
    request = await peer.begin(session)
    await under_way(peer, request)
    other = await peer.other()
    await other.send({"action": "cancel", "requestId": request, "sessionId": session})
    for link in (other, peer):
        last = (await link.until(request, lambda f: f["type"] == "cancelled"))[-1]
        if last["type"] != "cancelled":
            raise CheckError(f"a cancel from another link led to {last['type']}")
    await peer.silent()
    await other.silent()


async def check_stop_by_session(peer: Peer) -> None:
    """A cancel that names the session alone stops its turn."""
    session = (await peer.session())["sessionId"]
    request = await peer.begin(session)
    await under_way(peer, request)
    await peer.send_text(f'{{"action": "cancel", "sessionId": "{session}"}}')
    frames = await peer.rest(request)
    if frames[-1]["type"] != "cancelled":
        raise CheckError(f"the cancelled turn ended with {frames[-1]['type']}")
