"""The calls of the protocol: actions that one event answers."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from . import wire
from ._arguments import make, printed
from ._handlers import check_handlers
from ._options import Options
from ._outbox import Outgoing
from ._router import Router
from ._sender import Sender
from .wire.codes import CAPABILITIES
from .wire.options import SETTLED_IDS
from .wire.steps import VERBS

REPLAY: Final = "replay"
"""Capability word of sessions whose turns outlive their link."""
_HUMP = re.compile(r"(?=[A-Z])")


def implied(options: Options) -> frozenset[str]:
    """Return the capability words that every session of a client lists (REQ-CALL-07)."""
    rows = (it for it in CAPABILITIES if it.pending is None)
    return frozenset(it.word for it in rows if any(_holds(why, options) for why in it.implied_by))


def _holds(why: str, options: Options) -> bool:
    """Tell whether a word is implied: ``always``, or by an option that is on.

    What the kinds of handlers imply is :meth:`Handlers.words`.
    """
    if why.startswith("handler "):
        return False
    name = _HUMP.sub("_", why.removeprefix("option ")).lower()
    if name == "auto_reconnect":
        return options.seeks  # with no attempt at all it is off (REQ-RESUME-01)
    return why == "always" or bool(getattr(options, name))


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer to a ping (REQ-CALL-06)."""

    server_time: int | None
    """The server's clock, epoch ms; None when the pong did not say."""
    round_trip_ms: float


class Calls:
    """What of a client is a call, and what its answers say of sessions."""

    def __init__(self, options: Options, router: Router, sender: Sender) -> None:
        self._options = options
        self._router = router
        self._sender = sender
        self._implied = implied(options)
        self._capabilities: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    async def call(self, action: wire.CallModel[wire.Reply]) -> wire.Reply:
        """Send any action that one event answers; return that answer in its own type.

        The type of the action says what answers it, so an action that is new in the specification
        can be called as soon as the wire room is generated. The action's ``request_id`` is used
        when it has one, else an id is drawn (REQ-CALL-01). The methods below are this one with
        keywords.

        Raises:
            TypeError: the action opens a turn or answers one; nothing was sent.
            ValueError: the id is in flight already; nothing was sent.
            SmoothAgentError: the server refused, the link ended, or nothing came in
                ``request_timeout`` (REQ-CALL-02, REQ-CALL-03). Cancelling only ends the wait.
        """
        _check_call(action)
        action = self._with_capabilities(action)
        given = wire.call_id_of(action)
        request_id = self._router.draw_id() if given is None else self._router.check_id(given)
        action = wire.with_call_id(action, request_id)
        session_id = getattr(action, "session_id", None)
        outgoing = Outgoing(action.CALL.action, request_id, printed(action), session_id)
        answers = frozenset({action.CALL.answer})
        value = await self._sender.call(outgoing, answers, lambda it: wire.read_answer(action, it))
        if isinstance(value, wire.CreateConversationSessionResult | wire.GetSessionResult):
            self._sender.session_known()
            self._remember(value)
            self._sender.watch.session(action, value)
        return value

    async def create_conversation_session(
        self,
        *,
        agent_id: str,
        conversation_id: str | None = None,
        user_name: str | None = None,
        user_email: str | None = None,
        browser_fingerprint: str | None = None,
        supports: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        auth_context: Any = None,
    ) -> wire.CreateConversationSessionResult:
        """Open a session; return its descriptor."""
        action = make(
            wire.actions.CreateConversationSessionAction,
            agent_id=agent_id,
            conversation_id=conversation_id,
            user_name=user_name,
            user_email=user_email,
            browser_fingerprint=browser_fingerprint,
            supports=list(supports),
            metadata=metadata,
            auth_context=auth_context,
        )
        return await self.call(action)

    async def get_session(self, *, session_id: str) -> wire.GetSessionResult:
        """Return the session; SessionNotFoundError when it is unknown."""
        return await self.call(make(wire.actions.GetSessionAction, session_id=session_id))

    async def get_conversation_messages(
        self, *, session_id: str, limit: int | None = None, cursor: str | None = None
    ) -> wire.MessagePage:
        """Return one page of messages, newest first."""
        action = make(
            wire.actions.GetConversationMessagesAction,
            session_id=session_id,
            limit=limit,
            cursor=cursor,
        )
        return await self.call(action)

    async def list_conversations(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> wire.ConversationPage:
        """Return one page of the caller's conversations, newest first."""
        return await self.call(
            make(wire.actions.ListConversationsAction, limit=limit, cursor=cursor)
        )

    async def rename_conversation(
        self, *, conversation_id: str, title: str
    ) -> wire.RenameConversationResult:
        """Give a conversation a title; return it as stored."""
        action = make(
            wire.actions.RenameConversationAction, conversation_id=conversation_id, title=title
        )
        return await self.call(action)

    async def ping(self) -> Pong:
        """Ask for a sign of life; return the server's time and the round trip (REQ-CALL-06)."""
        started = self._options.clock.now()
        event = await self.call(wire.actions.PingAction())
        elapsed = self._options.clock.now() - started
        return Pong(event.timestamp, elapsed * 1000)

    def _with_capabilities(self, action: wire.CallModel[wire.Reply]) -> wire.CallModel[wire.Reply]:
        """Return the action; one that opens a session with all that is supported (REQ-CALL-07)."""
        opens = action if isinstance(action, wire.actions.CreateConversationSessionAction) else None
        if opens is None:
            return action
        handled = check_handlers(self._options.handlers).words()
        given = {*self._options.supports, *(opens.supports or ())}
        words = sorted({*self._implied, *handled, *given})
        return action.model_copy(update={"supports": words})

    def _remember(
        self, session: wire.CreateConversationSessionResult | wire.GetSessionResult
    ) -> None:
        """Keep what the server listed; an answer that lists nothing changes nothing."""
        words = session.capabilities
        known = self._capabilities.pop(session.session_id, ())
        self._capabilities[session.session_id] = known if words is None else tuple(words)
        if len(self._capabilities) > SETTLED_IDS:
            self._capabilities.popitem(last=False)

    def _replays(self, session_id: str) -> bool:
        """Whether a session is a replay session (REQ-RESUME-01)."""
        return REPLAY in self._implied and REPLAY in self._capabilities.get(session_id, ())

    def _parks_otp(self, session_id: str) -> bool:
        return VERBS["decline_otp"].needs in self._capabilities.get(session_id, ())


def _check_call(action: object) -> None:
    if not isinstance(action, wire.CallModel):
        name = getattr(action, "action", type(action).__name__)
        raise TypeError(f"{name!s:.64} is no call: use the method of that name")
