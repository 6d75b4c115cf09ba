"""Checks of clients that send too much, read too little, or go in the middle of something."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from conform.server import replays
from conform.server.hostile import goes_on
from conform.server.peer import CheckError, Peer, completed, extended, refused
from conform.server.questions import acknowledged, parked, verb
from conform.server.raw import CLOSE, TEXT, RawLink, action, frame, handshake, opened, tcp
from conform.server.talks import send

MANY = 3000
HELD = 40
COPIES = 5
PACE_SECONDS = 0.05
UNREAD_SECONDS = 3.0
TOLD_OFF = frozenset({1006, 1008, 1009, 1013, 4429})


@contextlib.asynccontextmanager
async def watching(peer: Peer) -> AsyncIterator[None]:
    """The neighbour pings all the while; each must be answered as at any other time."""

    over = asyncio.Event()

    async def pings() -> None:
        while not over.is_set():
            await peer.silent()
            await asyncio.sleep(PACE_SECONDS)

    task = asyncio.create_task(pings())
    try:
        yield
    finally:
        over.set()
        try:
            await task
        except CheckError as error:
            raise CheckError(f"the neighbour: {error}") from None


async def _rest(link: RawLink, count: int) -> None:
    """Read what is owed: an answer to each action, unless the link is ended for it."""
    for _ in range(count):
        got = await link.read()
        if got is None:
            return
        if got.opcode == CLOSE:
            if got.code not in TOLD_OFF:
                raise CheckError(f"a flood ended its link with {got.code}")
            return


async def check_flood(peer: Peer) -> None:
    """Thousands of actions at once are answered or told off; the neighbour does not feel it."""
    data = b"".join(
        frame(TEXT, action("ping", requestId=f"req-{number}")) for number in range(MANY)
    )
    async with opened(peer.service.url) as link, watching(peer):
        sending = asyncio.create_task(link.send(data))
        await _rest(link, MANY)
        await sending
    await goes_on(peer)


async def check_slow_reader(peer: Peer) -> None:
    """A client that asks and does not read costs itself alone."""
    session = (await peer.session(userName="x" * 2000))["sessionId"]
    ask = frame(TEXT, action("get_session", requestId="x" * 4000, sessionId=session))
    async with opened(peer.service.url) as link:
        _hold_little(link)
        async with watching(peer):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(UNREAD_SECONDS):
                    await link.send(ask * MANY)
                    await asyncio.sleep(UNREAD_SECONDS)
    await goes_on(peer)


def _hold_little(link: RawLink) -> None:
    """Have the kernel keep little of what the server sends."""
    plain: socket.socket = link.writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


async def check_half_open(peer: Peer) -> None:
    """Connections that stop in the middle of a handshake or a frame keep nobody out."""
    url = peer.service.url
    async with contextlib.AsyncExitStack() as held:
        for number in range(HELD):
            link = await held.enter_async_context(tcp(url))
            await link.send(handshake(url)[: number * 4])
            if number % 4 == 0:
                started = await held.enter_async_context(opened(url))
                await started.send(frame(TEXT, action("ping"))[: 2 + number % 9])
        async with watching(peer):
            other = await peer.other()
            await other.silent()
        await goes_on(peer)


async def check_resets(peer: Peer) -> None:
    """Links that break in the middle of a frame or a turn leave nothing behind that hurts."""
    session = (await peer.session())["sessionId"]
    async with watching(peer):
        for number in range(HELD):
            async with opened(peer.service.url) as link:
                whole = frame(TEXT, action("send_message", **_message(session, number)))
                await link.send(whole[: len(whole) - number % 3])
                link.reset()
    await peer.value({"action": "get_session", "sessionId": session})


def _message(session: str, number: int) -> dict[str, str]:
    return {"requestId": f"req-reset-{number}", "sessionId": session, "message": "Hello"}


async def check_same_frame(peer: Peer) -> None:
    """One message that comes five times at once is one turn."""
    session = (await replays.session_of(peer))["sessionId"]
    message = {**send(session), "requestId": peer.service.new_id()}
    for _ in range(COPIES):
        await peer.send(message)
    again = 0
    while again < COPIES - 1:
        got = await peer.read(peer.setup.patience)
        if got["type"] == "error":
            raise CheckError(f"a message that came again got {got['data']['error']['code']}")
        again += got["type"] == "turn_resumed"
    other = await peer.other()
    other.plain = False
    await replays.taken_up(other, session, message["requestId"], 0)
    completed(await other.rest(message["requestId"]))
    page = {"action": "get_conversation_messages", "sessionId": session}
    rows = (await other.value(page))["messages"]
    if [row["direction"] for row in rows] != ["outbound", "inbound"]:
        raise CheckError(f"a message that came {COPIES} times left {len(rows)} in the history")


async def check_guessed_ids(peer: Peer) -> None:
    """Ids of the neighbour's turn and question are worth nothing in another session."""
    session, question = await parked(peer, "confirmation", "write_confirmation_required")
    request = question["requestId"]
    other = await peer.other()
    theirs = (await extended(other))["sessionId"]
    await other.send({"action": "cancel", "requestId": request, "sessionId": theirs})
    details = question["data"]["data"]
    echo = {k: details[k] for k in ("confirmationId",) if k in details}
    guess = {"action": "confirm_tool_action", "sessionId": theirs, "approved": True, **echo}
    got = await other.answer({**guess, "requestId": f"{request}-guess"})
    refused(got, "NO_PENDING_CONFIRMATION")
    no = verb("confirm_tool_action", session, question, approved=False, **echo)
    frames = await acknowledged(peer, no)
    completed(frames)


async def check_stolen_turn(peer: Peer) -> None:
    """A turn is not given to a session of another conversation, whoever knows its id."""
    session = (await replays.session_of(peer))["sessionId"]
    request = await peer.begin(session)
    other = await peer.other()
    other.plain = False
    theirs = (await replays.session_of(other))["sessionId"]
    if peer.setup.stranger:
        stranger = await peer.service.open(peer.setup.stranger)
        ask = {"action": "resume_turn", "sessionId": session, "requestId": request, "afterSeq": 0}
        await stranger.send(ask)
        refused(await stranger.read(), "SESSION_NOT_FOUND", "UNSUPPORTED_ACTION")
    state = (await replays.resumed(other, theirs, request, 0))["state"]
    if state not in ("never", "gone"):
        raise CheckError(f"another conversation is told that the turn is {state}")
    completed(await peer.rest(request))
