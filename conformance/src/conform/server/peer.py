"""One link to the server that is judged: reads are bounded, every frame is checked."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from conform.script import uuid_of
from conform.server.trace import Trace
from conform.spec import TERMINAL_TYPES, Spec, Tree

STEP_SECONDS = 5.0
OPEN_SECONDS = 10.0
TURN_SECONDS = 60.0
SHOWN = 400  # characters of a frame in a message
ASKS = {  # what to say to get a question or a slow turn: the words of the reference demonstration
    "answer": "When are you open?",
    "confirmation": "delete record 42",
    "otp": "balance",
    "interaction": "contact",
    "slow": "slow",
}


class CheckError(Exception):
    """The server did not do what a rule says: that of the check, unless it names another."""

    def __init__(self, why: str, rule: str = "") -> None:
        super().__init__(why)
        self.rule = rule


class NotReachableError(Exception):
    """There is no server to judge."""


class NotExercisedError(Exception):
    """The server gave no occasion to see whether the rule holds."""


@dataclass(frozen=True)
class Setup:
    """What a caller knows of the server: ``asks`` is what to say, by word of ``ASKS``.

    ``patience``: seconds that may pass between two frames of a turn. ``also``: another address of
    the same service. ``stranger``: the server with the token of somebody else.
    """

    agent: str = uuid_of(1)
    asks: Mapping[str, str] = field(default_factory=dict)
    patience: float = TURN_SECONDS
    also: str | None = None
    stranger: str | None = None


class Service:
    """The server of one check: opens links, keeps what went over them, ends them.

    ``also`` is another address of the same service, for the second and later links; ``stranger``
    is the server as somebody else reaches it.
    """

    def __init__(self, spec: Spec, url: str, setup: Setup, version: str = "1.0") -> None:
        self.spec, self.url, self.setup, self.version = spec, url, setup, version
        self.trace = Trace(spec)
        self.wire: list[tuple[str, str]] = []
        self.peers: list[Peer] = []
        self._ids = itertools.count(1)

    def new_id(self) -> str:
        """A requestId that no link of this check has used."""
        return f"req-check-{next(self._ids)}"

    def speaks(self, version: str) -> bool:
        """Whether a rule of that version is asked of this server."""
        return number(self.version) >= number(version)

    async def open(self, url: str | None = None, *, plain: bool = True) -> Peer:
        """Open a link.

        Raises: NotReachableError: nobody answers.
        """
        link = await open_link(url or self.url)
        peer = Peer(link, self, plain=plain, number=len(self.peers))
        self.peers.append(peer)
        return peer

    async def close(self) -> None:
        """End every link."""
        for peer in self.peers:
            await peer.link.close()


def number(version: str) -> tuple[int, ...]:
    """A version as it is compared."""
    return tuple(int(part) for part in version.split("."))


async def open_link(url: str) -> ClientConnection:
    """Open a link without extensions.

    Raises: NotReachableError: nobody answers.
    """
    try:
        return await connect(
            url, compression=None, proxy=None, open_timeout=OPEN_SECONDS, max_size=None
        )
    except (OSError, TimeoutError, InvalidHandshake, ValueError, WebSocketException) as error:
        raise NotReachableError(f"{without_query(url)}: {error or type(error).__name__}") from None


def without_query(url: str) -> str:
    """A URL as it may be shown: its query may hold a token."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the URL"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass
class Peer:
    """One link of a check. ``number`` tells it from the others."""

    link: ClientConnection
    service: Service
    plain: bool = True  # no session listed spec_1_1: nothing that was added later may come
    number: int = 0

    @property
    def spec(self) -> Spec:
        """What the server is judged by."""
        return self.service.spec

    @property
    def setup(self) -> Setup:
        """What is known of the server."""
        return self.service.setup

    async def other(self) -> Peer:
        """Another link of the same person: to the other address of the service, if there is one."""
        return await self.service.open(self.setup.also, plain=self.plain)

    def cut(self) -> None:
        """End the link without a word, as a broken cable does."""
        self.link.transport.abort()

    async def send_text(self, text: str) -> None:
        """Send a message as it is."""
        self.service.wire.append((f"{self.number}→", text))
        await self.link.send(text)

    async def send(self, frame: Tree) -> str:
        """Send an action; a requestId is added unless there is one."""
        request = frame.get("requestId") or self.service.new_id()
        whole = {**frame, "requestId": request}
        self.service.trace.sent(self.number, whole)
        await self.send_text(json.dumps(whole, ensure_ascii=False))
        return str(request)

    async def read(self, limit: float = STEP_SECONDS) -> Tree:
        """The next event but ``keepalive``, valid by the schema."""
        while (frame := await self._next(limit))["type"] == "keepalive":
            continue
        return frame

    async def _next(self, limit: float) -> Tree:
        try:
            text = await asyncio.wait_for(self.link.recv(), limit)
        except TimeoutError:
            raise CheckError(f"nothing came within {limit:.0f} s") from None
        except WebSocketException as error:
            raise CheckError(f"the link ended: {error}") from None
        shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
        self.service.wire.append((f"{self.number}←", shown))
        try:
            frame = json.loads(text)
        except ValueError:
            raise CheckError("a frame is not JSON") from None
        fault = self.spec.strict_fault(frame) if isinstance(frame, dict) else "no object"
        if fault:
            raise CheckError(f"a frame breaks the schema, {fault}")
        if self.plain and (added := _added(frame, self.spec.added_fields)):
            raise CheckError(f"{frame['type']} carries {added}, which the session did not ask for")
        if broken := self.service.trace.got(self.number, frame, shown):
            raise CheckError(broken.why, broken.rule)
        return dict(frame)

    async def answer(self, frame: Tree) -> Tree:
        """Send an action and read the one event that answers it."""
        request = await self.send(frame)
        got = await self.read()
        if got.get("requestId") != request:
            raise CheckError(f"requestId {request} came back as {got.get('requestId')!r}")
        return got

    async def value(self, frame: Tree) -> Tree:
        """Send an action that must succeed, and return the data of its answer."""
        got = await self.answer(frame)
        word = frame["action"]
        if got["type"] == "error":
            code = got["data"]["error"]["code"]
            raise CheckError(f"{word} was answered by the error {code} instead of a value")
        if got["type"] != "immediate_response" or got.get("status") != 200:
            raise CheckError(f"{word} was answered by {got['type']} {got.get('status', '')}")
        if fault := self.spec.answer_fault(word, got["data"]):
            raise CheckError(f"the answer to {word} breaks the schema, {fault}")
        return dict(got["data"])

    async def error(self, frame: Tree, *codes: str) -> None:
        """Send an action that must be refused with one of the codes, in both copies."""
        refused(await self.answer(frame), *codes)

    async def silent(self) -> None:
        """Nothing waits to be read: the answer to a ping is the next frame."""
        got = await self.answer({"action": "ping"})
        if got["type"] != "pong":
            raise CheckError(f"expected silence, got {got['type']}")

    async def session(self, **extra: Any) -> Tree:
        """Open a session; returns its descriptor."""
        action = {"action": "create_conversation_session", "agentId": self.setup.agent, **extra}
        data = await self.value(action)
        missing = {"sessionId", "conversationId", "agentName"} - set(data)
        if missing:
            raise CheckError(f"the descriptor lacks {', '.join(sorted(missing))}")
        return data

    # --- turns ------------------------------------------------------------------------------

    def words(self, ask: str) -> str:
        """What to say for an entry of ``ASKS``."""
        return self.setup.asks.get(ask, ASKS[ask])

    async def begin(self, session: str, ask: str = "answer", **extra: Any) -> str:
        """Send a message; the first frame must be its 202. Returns its requestId.

        Raises: NotExercisedError: the server has no model to answer with.
        """
        action = {"action": "send_message", "sessionId": session, "message": self.words(ask)}
        return await self.begin_with({**action, **extra})

    async def begin_with(self, action: Tree) -> str:
        """Send a message as it is; as ``begin``."""
        request = await self.send(action)
        got = await self.read(self.setup.patience)
        if got["type"] == "error" and got["data"]["error"]["code"] == "LLM_UNAVAILABLE":
            raise NotExercisedError("the server has no model: LLM_UNAVAILABLE")
        if got["type"] == "error":
            code = got["data"]["error"]["code"]
            raise CheckError(f"send_message was refused with {code}")
        if got["type"] != "immediate_response" or got.get("status") != 202:
            raise CheckError(f"the first frame of a turn is {got['type']}, not the 202")
        self._of(request, got)
        return request

    async def until(self, request: str, done: Callable[[Tree], bool]) -> list[Tree]:
        """Read frames of a turn up to the one that ``done`` wants, or to its terminal event."""
        frames: list[Tree] = []
        while not frames or not (done(frames[-1]) or self.terminal(frames[-1])):
            got = await self.read(self.setup.patience)
            self._of(request, got)
            frames.append(got)
        return frames

    async def rest(self, request: str) -> list[Tree]:
        """Read a turn to its terminal event, and see that nothing follows."""
        frames = await self.until(request, lambda _: False)
        await self.silent()
        return frames

    async def asked(self, request: str, ask: str, opener: str) -> Tree:
        """Read a turn up to the question that it was to ask.

        Raises: NotExercisedError: it asked nothing, and nobody said that it would.
        """
        frames = await self.until(request, lambda frame: frame["type"] == opener)
        if frames[-1]["type"] == opener:
            return frames[-1]
        if ask in self.setup.asks:
            raise CheckError(f"{self.words(ask)!r} led to no {opener}")
        raise NotExercisedError(f"no {opener} came: say what leads to one with --ask {ask}=MESSAGE")

    def terminal(self, frame: Tree) -> bool:
        """Whether a frame ends its turn."""
        if frame["type"] != "error":
            return frame["type"] in TERMINAL_TYPES
        info = frame["data"]["error"]
        return (
            info.get("terminal") is not False and self.spec.code(info["code"]).terminal != "never"
        )

    @staticmethod
    def _of(request: str, frame: Tree) -> None:
        if frame.get("requestId") != request:
            raise CheckError(f"a frame of turn {request} carries {frame.get('requestId')!r}")


async def extended(peer: Peer, *words: str, **more: Any) -> Tree:
    """Open a session that lists what a server of its version knows, and ``words``."""
    listed = {w for w, row in peer.spec.capabilities.items() if w.startswith(("spec_", "replay"))}
    peer.plain = False
    return await peer.session(supports=sorted({*listed, *words}), **more)


def refused(got: Tree, *codes: str) -> None:
    """See that an event is an ``error`` with one of the codes, and the same in both copies."""
    if got["type"] != "error":
        raise CheckError(f"expected an error, got {got['type']}")
    nested, top = got["data"]["error"], got.get("error")
    if nested["code"] not in codes:
        raise CheckError(f"expected {' or '.join(codes)}, got {nested['code']}")
    if top is None or (top["code"], top["message"]) != (nested["code"], nested["message"]):
        raise CheckError("code and message are not repeated at top level")


def completed(frames: list[Tree]) -> Tree:
    """The data of the ``eventual_response`` that a turn ended with."""
    last = frames[-1]
    if last["type"] != "eventual_response" or int(last["data"].get("status", 200)) >= 400:
        raise CheckError(f"the turn ended with {last['type']}, not with an answer")
    return dict(last["data"].get("data") or {})


def _added(node: Any, names: frozenset[str]) -> str:
    if isinstance(node, dict):
        for name, value in node.items():
            if name in names or (inner := _added(value, names)):
                return name if name in names else inner
    if isinstance(node, list):
        return next((found for value in node if (found := _added(value, names))), "")
    return ""
