"""A whole server of this protocol inside a test's process, in memory or on loopback."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from .._client import SmoothAgentClient
from .._clock import Clock, SystemClock
from .._conversation import Conversation
from .._options import OptionWords
from .._transport import HandshakeError, OpenRequest, Transport
from .._transport_refusal import retry_after_ms
from ..wire.model import dump
from .cassette import Cassette
from .host import FakeHost, Matcher
from .loopback import Loopback
from .memory import MemoryLink
from .playing import Play
from .reply import Reply, checked_code
from .script import Script
from .script_errors import ScriptError
from .state import StoredConversation, StoredMessage, World
from .virtual_clock import VirtualClock

AGENT_ID = "00000000-0000-4000-8000-000000000000"
"""The agent of :meth:`FakeServer.conversation`; every other id is one too."""
_GIVEN = ("opener", "clock", "random", "id_generator")
_QUESTION_SECONDS = 300.0


class FakeServer:
    """A server whose agent does what a test says. Nothing is on disk, nothing waits for real time.

    Use it as ``async with``, or call :meth:`close`. Two runs of a test see the same frames: ids
    count from 1, times come from the clock.

    Args:
        replay: whether turns survive their link (the capability word ``replay``).
        seed: of the randomness of its clients, so that their waits are the same in each run.
        clock: source of time; by default one that stands still until it is moved, and on loopback
            the real one.
        agent_name: what sessions say that their agent is called.
        question_ms: milliseconds of the clock that a question stays open; what nobody answers is
            denied.
    """

    def __init__(
        self,
        *,
        replay: bool = True,
        seed: int = 0,
        clock: Clock | None = None,
        agent_name: str = "Fake Agent",
        question_ms: float = _QUESTION_SECONDS * 1000,
    ) -> None:
        world = World(
            VirtualClock() if clock is None else clock,
            replay=replay,
            agent_name=agent_name,
            question=question_ms / 1000,
        )
        self._host = FakeHost(world)
        self._own_clock = clock is None
        self._random = random.Random(seed)
        self._client_ids = itertools.count(1)
        self._clients: list[SmoothAgentClient] = []
        self._loopback: Loopback | None = None

    def __repr__(self) -> str:
        where = "in memory" if self._loopback is None else f"on port {self._loopback.port}"
        return f"<FakeServer {where}, {len(self._host.links)} open links>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()

    # what the agent does ----------------------------------------------------------------

    def on_message(self, matcher: Matcher | None = None) -> Reply:
        """Return a reply to write steps on, for the messages that fit.

        Of the replies that fit a message the first one that was written, and is not used up,
        serves. A message that none fits ends its turn with AGENT_ERROR and is in
        :attr:`unmatched`.

        Raises:
            ScriptError: the server plays a script or a cassette, or the matcher is none.
        """
        self._refuse_beside("on_message()")
        if not (matcher is None or isinstance(matcher, str | re.Pattern) or callable(matcher)):
            raise ScriptError("on_message(): takes a text, a pattern, a function, or nothing")
        reply = Reply()
        self._host.replies.append((matcher, reply))
        return reply

    def script(self, document: Mapping[str, Any]) -> None:
        """Let the agent do what a script of ``smooth-operator-server --script`` says.

        Its keys are ``model``, ``tools``, ``confirmTools`` and ``otp``. Another script takes the
        place of the one before.

        Raises:
            ScriptError: the document is no script, or replies were written on this server.
        """
        if self._host.replies or self._host.cassette is not None:
            self._refuse_beside("script()")
        self._host.script = Script(document)

    @classmethod
    def replay_of(cls, path: str | Path) -> FakeServer:
        """Return a server that gives back what a cassette holds (see :func:`record`).

        The nth action of a type is answered by the frames that followed the nth of that type in
        the recording, the ids of the client in place of the recorded ones. An action that it does
        not hold is answered by VALIDATION_ERROR and is in :attr:`unmatched`.

        Raises:
            CassetteError: the file is no cassette that this kit reads.
            OSError: it cannot be read.
        """
        server = cls()
        server._host.cassette = Cassette.read(Path(path))
        return server

    def _refuse_beside(self, verb: str) -> None:
        if self._host.cassette is not None:
            raise ScriptError(f"{verb}: this server plays a cassette")
        if self._host.script is not None:
            raise ScriptError(f"{verb}: this server plays a script")
        if verb == "script()":
            raise ScriptError(f"{verb}: this server has replies of on_message()")

    # clients ----------------------------------------------------------------------------

    def client(self, **options: Unpack[OptionWords]) -> SmoothAgentClient:
        """Return a client of this server, with the options of a client.

        It connects at its first action unless ``lazy=False`` is given, and is closed with the
        server. Opener, clock, randomness and ids are the server's.

        Raises:
            TypeError: one of these four is given.
        """
        given = next((name for name in _GIVEN if name in options), None)
        if given is not None:
            raise TypeError(f"{given}: the fake server gives it")
        options.setdefault("lazy", True)
        options["clock"] = self._host.world.clock
        options["random"] = self._random.random
        options["id_generator"] = self._next_client_id
        url = "ws://fake-server.invalid/ws"
        if self._loopback is None:
            options["opener"] = self._open
        else:
            url = self.url
        client = SmoothAgentClient(url, **options)
        self._clients.append(client)
        return client

    async def conversation(self, **options: Unpack[OptionWords]) -> Conversation:
        """Return a conversation of a new client, which is connected; ``options`` are the client's.

        ``handlers`` among them answer the questions of its turns.
        """
        client = self.client(**options)
        await client.connect()
        return await client.start_conversation(agent_id=AGENT_ID)

    def _next_client_id(self) -> str:
        return f"req-00000000-0000-4000-8000-{next(self._client_ids):012d}"

    async def _open(self, request: OpenRequest) -> Transport:
        if self._host.closed:
            raise ConnectionRefusedError("the fake server is closed")
        refusal = self._host.next_refusal()
        if refusal is not None:
            status, headers = refusal
            told = {name.lower(): value for name, value in headers}
            raise HandshakeError(
                f"the server answered {status}",
                status,
                retry_after_ms=retry_after_ms(told.get("retry-after")),
                request_id=told.get("x-request-id"),
            )
        link = MemoryLink(self._host, self._host.next_number(), request)
        self._host.link_opened(link)
        return link

    # what a test sees -------------------------------------------------------------------

    @property
    def clock(self) -> VirtualClock:
        """The clock that a test moves: ``await server.clock.advance(1_000)``.

        Raises:
            RuntimeError: the server runs on a clock that no test can move.
        """
        clock = self._host.world.clock
        if not isinstance(clock, VirtualClock):
            raise RuntimeError("clock: this server runs on real time; give it clock=VirtualClock()")
        return clock

    @property
    def url(self) -> str:
        """Address on loopback.

        Raises:
            RuntimeError: the server does not listen.
        """
        if self._loopback is None:
            raise RuntimeError("url: the server is in memory; call listen() first")
        return f"ws://127.0.0.1:{self._loopback.port}/ws"

    def sent(self, action: str | None = None) -> list[dict[str, Any]]:
        """Return the frames that clients have sent, oldest first; of this action alone."""
        return [one for one in self._host.sent if action in (None, one.get("action"))]

    @property
    def connections(self) -> int:
        """How many links were opened; refused handshakes are none."""
        return self._host.numbers

    @property
    def open_connections(self) -> int:
        """How many links are open now."""
        return len(self._host.links)

    @property
    def unmatched(self) -> list[str]:
        """Messages that no reply fitted; of a cassette the actions that it does not hold."""
        return list(self._host.unmatched)

    def conversation_of(self, session_id: str) -> StoredConversation:
        """Return what is stored of a session's conversation.

        Raises:
            KeyError: there is no such session.
        """
        found = self._host.world.sessions[session_id].conversation
        return StoredConversation(found.id, found.title, tuple(found.messages))

    def messages(self, session_id: str) -> tuple[StoredMessage, ...]:
        """Return what was said in a session's conversation, oldest first.

        Raises:
            KeyError: there is no such session.
        """
        return self.conversation_of(session_id).messages

    # what a test does -------------------------------------------------------------------

    async def listen(self, port: int = 0) -> str:
        """Open 127.0.0.1 on a port, a free one by default; return the address.

        Raises:
            RuntimeError: it listens already, or is closed.
            OSError: the port is taken.
        """
        if self._loopback is not None or self._host.closed:
            raise RuntimeError("listen(): the server listens already, or is closed")
        if self._own_clock:
            self._host.world.clock = SystemClock()
        loopback = Loopback(self._host)
        await loopback.listen(port)
        self._loopback = loopback
        return self.url

    def disconnect(self, code: int = 1006) -> None:
        """End all open links; 1006 without a close frame.

        Raises:
            ScriptError: no peer may send the code.
        """
        checked_code(code, "disconnect()")
        for link in tuple(self._host.links):
            link.end(code)

    def refuse(
        self,
        status: int,
        times: int = 1,
        headers: Sequence[tuple[str, str]] | Mapping[str, str] = (),
    ) -> None:
        """Refuse the next handshakes with an HTTP status.

        Raises:
            ScriptError: the status is no refusal, or there is nothing to refuse.
        """
        if not 300 <= status <= 599:
            raise ScriptError(f"refuse(): {status} is no refusal; expected 300 to 599")
        if times < 1:
            raise ScriptError(f"refuse(): {times} handshakes are none; expected at least 1")
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        self._host.refusals += [(status, tuple(pairs))] * times

    def push(self, frame: Mapping[str, Any]) -> None:
        """Send a JSON object on all open links, as it is."""
        for link in self._host.links:
            link.write(dump(dict(frame)))

    async def close(self) -> None:
        """Close all links with 1001, end every waiting turn, free the port. Twice is once.

        The clients that the server made are closed with it.
        """
        self._host.closed = True
        for turn in self._host.world.running():
            if turn.task is not None:
                turn.task.cancel()
                await asyncio.gather(turn.task, return_exceptions=True)
            play = Play(self._host.world, turn)
            play.close_question()
            play.link_is_there()
        for link in tuple(self._host.links):
            link.end(1001)
        await self._host.links_gone()
        clients, self._clients = self._clients, []
        for client in clients:
            await client.close()
        loopback, self._loopback = self._loopback, None
        if loopback is not None:
            await loopback.close()
