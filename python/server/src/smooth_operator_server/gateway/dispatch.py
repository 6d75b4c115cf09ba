"""From a frame to the room that answers it; every fault becomes a typed ``error``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from math import ceil

from ..auth.limits import RateLimiter
from ..clock import Clock
from ..protocol import frames
from ..protocol.actions import Action, check, parse_frame
from ..protocol.peer import Peer
from ..protocol.refusals import Code, RefusalError
from ..sessions import Sessions, is_extended
from ..store import SessionRecord, StoreError
from ..telemetry import Observer, debugs, log, where
from ..turns import Hosting, Turns

Handler = Callable[[Action, Peer], Awaitable[None]]

VERBS = frozenset({"confirm_tool_action", "verify_otp", "submit_interaction", "cancel"})
"""Actions whose requestId is a turn's: an error that answers them leaves the turn alive."""

HISTORY = frozenset({"get_conversation_messages", "list_conversations", "rename_conversation"})
"""Actions that say STORAGE_ERROR when the store fails; the others say INTERNAL_ERROR."""


class Dispatcher:
    """Hands actions to their handlers, one after another for each socket."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        sessions: Sessions,
        turns: Turns,
        hosting: Hosting,
        clock: Clock,
        observer: Observer,
        limiter: RateLimiter,
    ) -> None:
        self._limiter = limiter
        self._observer = observer
        self._handlers = dict(handlers)
        self._sessions = sessions
        self._turns = turns
        self._hosting = hosting
        self._clock = clock

    async def text(self, text: str, peer: Peer) -> None:
        """Answer one text frame (REQ-SRV-02)."""
        frame: Action = {}
        try:
            frame = parse_frame(text)
            await self._limit(peer)
            action = check(frame)
            if debugs():
                log.debug("action", action=action["action"], size=len(text))
            await self._handler(action["action"])(action, peer)
        except RefusalError as refusal:
            await self._refuse(frame, peer, refusal)
        except StoreError as fault:
            log.error("store failed", action=frame.get("action"), **where(fault))
            history = frame.get("action") in HISTORY
            code = Code.STORAGE_ERROR if history else Code.INTERNAL_ERROR
            await self._refuse(frame, peer, RefusalError(code, "the store failed"))
        except Exception as fault:
            log.error("action failed", action=frame.get("action"), **where(fault))
            broken = RefusalError(Code.INTERNAL_ERROR, "the action failed inside the server")
            await self._refuse(frame, peer, broken)

    async def _limit(self, peer: Peer) -> None:
        """Refuse what comes too often: by person, and by socket where nobody is known."""
        if not self._limiter.limits:
            return
        who = peer.principal
        caller = f"{who.org}/{who.identity}" if who.is_authenticated else peer.socket_id
        wait_s = await self._limiter.wait_s(caller, is_known=who.is_authenticated)
        if wait_s:
            raise RefusalError(
                Code.RATE_LIMITED, "too many actions", retry_after_ms=ceil(wait_s * 1000)
            )

    def _handler(self, name: str) -> Handler:
        handler = self._handlers.get(name)
        if handler is None:
            raise RefusalError(Code.UNSUPPORTED_ACTION, "this server does not answer the action")
        return handler

    async def binary(self, peer: Peer) -> None:
        """Answer one binary frame: the protocol has none."""
        refusal = RefusalError(Code.VALIDATION_ERROR, "frames are text, this one is binary")
        await self._refuse({}, peer, refusal)

    async def _refuse(self, frame: Action, peer: Peer, refusal: RefusalError) -> None:
        self._observer.figures.refusals.labels(refusal.code).inc()
        request_id = frame.get("requestId")
        if not isinstance(request_id, str):
            request_id = None
        session = await self._session_of(frame, peer)
        fault = frames.error(
            request_id,
            self._clock.epoch_ms(),
            refusal.code,
            refusal.message,
            terminal=await self._terminal(frame, request_id, session),
            retry_after_ms=refusal.retry_after_ms,
            details=refusal.details,
        )
        if _word(frame) in VERBS and request_id is not None:
            await self._hosting.say(session, fault, peer)
        else:
            await peer.send(fault)

    async def _terminal(
        self, frame: Action, request_id: str | None, session: SessionRecord | None
    ) -> bool | None:
        """Say whether the error ends what it names; None toward a client of version 1.0."""
        if session is None or not is_extended(session):
            return None
        if _word(frame) in VERBS or request_id is None:
            return _word(frame) not in VERBS
        return not await self._turns.is_running(session, request_id)

    async def _session_of(self, frame: Action, peer: Peer) -> SessionRecord | None:
        """Return the session that a frame names, when it is one of the peer's principal."""
        session_id = frame.get("sessionId")
        if not isinstance(session_id, str):
            return None
        try:
            return await self._sessions.find(session_id, peer)
        except StoreError:
            return None


def _word(frame: Action) -> str | None:
    """Return what a frame that was refused wants; it may hold anything."""
    word = frame.get("action")
    return word if isinstance(word, str) else None
