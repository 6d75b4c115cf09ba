"""``conform server URL``: black-box checks of any server, level 0. Needs no set-up on its side.

The harness is the client here. Every frame that comes is checked by the schema; each check is a
sentence of ``spec/behaviour.md`` (areas SRV, OTP, VERB) that can be seen from outside.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from conform.script import uuid_of
from conform.spec import TERMINAL_TYPES, Spec, Tree

STEP_SECONDS = 5.0
TURN_SECONDS = 60.0
ADDED_IN_1_1 = frozenset({"terminal", "retryAfterMs", "confirmationId", "expiresAt", "callId"})


class CheckError(Exception):
    """The server did not do what the rule says."""


class NotReachableError(Exception):
    """There is no server to judge."""


@dataclass
class Finding:
    """Outcome of one check; ``fault`` is empty when the rule held."""

    rule: str
    title: str
    fault: str = ""


@dataclass
class Peer:
    """One link to the server; reads are bounded, every frame is checked."""

    link: ClientConnection
    spec: Spec
    plain: bool = True  # no session listed spec_1_1: nothing added in 1.1 may come
    seen: list[Tree] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def new_id(self) -> str:
        """A requestId of ours."""
        return f"req-check-{next(self._ids)}"

    async def send(self, frame: Tree) -> str:
        """Send an action; a requestId is added unless there is one (``None`` = leave it out)."""
        request = frame.get("requestId", self.new_id())
        body = {**frame, "requestId": request}
        await self.link.send(json.dumps({k: v for k, v in body.items() if k != "requestId" or v}))
        return str(request)

    async def read(self, limit: float = STEP_SECONDS) -> Tree:
        """The next event, valid by the schema."""
        try:
            text = await asyncio.wait_for(self.link.recv(), limit)
        except TimeoutError:
            raise CheckError(f"nothing came within {limit:.0f} s") from None
        except WebSocketException as error:
            raise CheckError(f"the link ended: {error}") from None
        try:
            frame = json.loads(text)
        except ValueError:
            raise CheckError(f"a frame is not JSON: {text[:80]!r}") from None
        fault = self.spec.strict_fault(frame) if isinstance(frame, dict) else "no object"
        if fault:
            raise CheckError(f"a frame breaks the schema, {fault}")
        if self.plain and (added := _added(frame)):
            raise CheckError(f"{frame['type']} carries {added}, which the session did not ask for")
        self.seen.append(frame)
        return dict(frame)

    async def answer(self, frame: Tree) -> Tree:
        """Send an action and read the one event that answers it."""
        request = await self.send(frame)
        got = await self.read()
        if got.get("requestId") != request:
            raise CheckError(f"requestId {request} came back as {got.get('requestId')!r}")
        return got

    async def error(self, frame: Tree, *codes: str) -> None:
        """Send an action that must be refused with one of the codes, in both copies."""
        got = await self.answer(frame)
        _refused(got, *codes)

    async def silent(self) -> None:
        """Nothing waits to be read: the answer to a ping is the next frame."""
        got = await self.answer({"action": "ping"})
        if got["type"] != "pong":
            raise CheckError(f"expected silence, got {got['type']}")


def _refused(got: Tree, *codes: str) -> None:
    if got["type"] != "error":
        raise CheckError(f"expected an error, got {got['type']}")
    nested, top = got["data"]["error"], got.get("error")
    if nested["code"] not in codes:
        raise CheckError(f"expected {' or '.join(codes)}, got {nested['code']}")
    if top is None or (top["code"], top["message"]) != (nested["code"], nested["message"]):
        raise CheckError("code and message are not repeated at top level")


def _added(node: Any) -> str:
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ADDED_IN_1_1 or (inner := _added(value)):
                return name if name in ADDED_IN_1_1 else inner
    if isinstance(node, list):
        return next((found for value in node if (found := _added(value))), "")
    return ""


async def _session(peer: Peer, **extra: Any) -> Tree:
    action = {"action": "create_conversation_session", "agentId": uuid_of(1), **extra}
    got = await peer.answer(action)
    if got["type"] != "immediate_response" or got.get("status") != 200:
        raise CheckError(f"a session was not opened: {got}")
    missing = {"sessionId", "conversationId", "agentName"} - set(got["data"])
    if missing:
        raise CheckError(f"the descriptor lacks {', '.join(sorted(missing))}")
    return dict(got["data"])


async def check_ping(peer: Peer) -> None:
    """A ping is answered with the server's time."""
    got = await peer.answer({"action": "ping"})
    time = got.get("data", {}).get("timestamp", got.get("timestamp"))
    if got["type"] != "pong" or not isinstance(time, int):
        raise CheckError(f"no pong with a time: {got}")


async def check_malformed(peer: Peer) -> None:
    """What is no action is refused and the link stays."""
    for text in ("{", "17", "[]", '"x"'):
        await peer.link.send(text)
        _refused(await peer.read(), "VALIDATION_ERROR")
    await peer.error({"note": "no action"}, "VALIDATION_ERROR")
    await peer.error({"action": "fly_me_to_the_moon"}, "UNSUPPORTED_ACTION")
    await peer.silent()


async def check_sessions(peer: Peer) -> None:
    """Sessions are opened and asked for; what is unknown looks unknown."""
    await peer.error({"action": "create_conversation_session"}, "VALIDATION_ERROR")
    session = await _session(peer, userName="Ada")
    got = await peer.answer({"action": "get_session", "sessionId": session["sessionId"]})
    if got["data"].get("conversationId") != session["conversationId"]:
        raise CheckError("get_session tells another conversation")
    await peer.error({"action": "get_session", "sessionId": uuid_of(404)}, "SESSION_NOT_FOUND")


async def check_tolerance(peer: Peer) -> None:
    """Unknown fields are ignored, null on an optional field is absent, formats not asserted."""
    session = await _session(peer, userName=None, mood="curious", agentId="not-a-uuid")
    page = {"action": "get_conversation_messages", "sessionId": session["sessionId"]}
    got = await peer.answer({**page, "before": "m-1", "limit": None})
    if got["type"] != "immediate_response":
        raise CheckError("a page was refused for a field that must be ignored")
    await peer.error({**page, "limit": 0}, "VALIDATION_ERROR")
    await peer.error({**page, "limit": 101}, "VALIDATION_ERROR")


async def check_history(peer: Peer) -> None:
    """An empty history is one page without a cursor; an unknown cursor is refused."""
    session = await _session(peer)
    page = {"action": "get_conversation_messages", "sessionId": session["sessionId"]}
    got = await peer.answer(page)
    data = got["data"]
    if data["messages"] or data["hasMore"] or data.get("nextCursor") is not None:
        raise CheckError(f"a new conversation has a history: {data}")
    await peer.error({**page, "cursor": "no such cursor"}, "VALIDATION_ERROR")


async def check_verbs(peer: Peer) -> None:
    """Answers to questions that nobody asked are refused; a cancel of nothing is silence."""
    session = (await _session(peer))["sessionId"]
    confirm = {"action": "confirm_tool_action", "sessionId": session, "approved": True}
    await peer.error(confirm, "NO_PENDING_CONFIRMATION")
    submit = {"action": "submit_interaction", "sessionId": session, "interactionId": "i-0"}
    await peer.error({**submit, "values": {}}, "NO_PENDING_INTERACTION", "INTERACTION_MISMATCH")
    await peer.send({"action": "cancel", "sessionId": session})
    await peer.silent()


async def check_turn(peer: Peer) -> None:
    """A message is refused by one error, or accepted by a 202 and ended exactly once."""
    session = (await _session(peer))["sessionId"]
    send = {"action": "send_message", "sessionId": session, "message": "Hello"}
    await peer.error({**send, "sessionId": uuid_of(404)}, "SESSION_NOT_FOUND")
    await peer.error({**send, "message": ""}, "VALIDATION_ERROR")
    request = await peer.send(send)
    got = await peer.read(TURN_SECONDS)
    if got["type"] == "error":
        return
    if got["type"] != "immediate_response" or got.get("status") != 202:
        raise CheckError(f"the first frame of a turn is {got['type']}, not the 202")
    while got["type"] not in TERMINAL_TYPES or _spares(peer.spec, got):
        got = await peer.read(TURN_SECONDS)
        if got.get("requestId") != request:
            raise CheckError(f"a frame of the turn carries requestId {got.get('requestId')!r}")
    await peer.silent()


def _spares(spec: Spec, frame: Tree) -> bool:
    return (
        frame["type"] == "error" and spec.code(frame["data"]["error"]["code"]).terminal == "never"
    )


async def check_negotiation(peer: Peer) -> None:
    """A session that lists spec_1_1 is told the server's capabilities."""
    peer.plain = False
    session = await _session(peer, supports=["spec_1_1"])
    if "spec_1_1" not in session.get("capabilities", []):
        raise CheckError("capabilities do not list spec_1_1")


Check = Callable[[Peer], Awaitable[None]]
CHECKS: tuple[tuple[str, Check], ...] = (
    ("REQ-SRV-01", check_ping),
    ("REQ-SRV-02", check_malformed),
    ("REQ-SRV-01", check_sessions),
    ("REQ-SRV-06", check_tolerance),
    ("REQ-SRV-12", check_history),
    ("REQ-SRV-09", check_verbs),
    ("REQ-SRV-03", check_turn),
    ("REQ-SRV-05", check_negotiation),
)


async def judge_server(spec: Spec, url: str) -> list[Finding]:
    """Run every check on a link of its own; raises ``NotReachableError`` when there is none."""
    findings = []
    for rule, check in CHECKS:
        title = (check.__doc__ or "").strip()
        try:
            link = await connect(url, compression=None, proxy=None, open_timeout=STEP_SECONDS)
        except (OSError, TimeoutError, InvalidHandshake, ValueError, WebSocketException) as error:
            raise NotReachableError(f"{url}: {error}") from None
        try:
            await check(Peer(link, spec))
            findings.append(Finding(rule, title))
        except CheckError as error:
            findings.append(Finding(rule, title, str(error)))
        finally:
            await link.close()
    return findings
