"""The public front of the package: wires the rooms and offers the protocol's verbs."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypedDict, TypeVar, Unpack

from ._arguments import make, printed
from ._connection import Connection
from ._connection_state import ConnectionState, StateChange
from ._conversation import Conversation
from ._errors import NotConnectedError, UnsupportedError
from ._listeners import FrameInfo, Listeners, check_listener
from ._options import Options, OptionWords
from ._outbox import Outgoing
from ._questions import (
    Answer,
    OtpCheck,
    SubmitResult,
    otp_check_of,
    submit_result_of,
    with_turn,
)
from ._router import Router
from ._sender import Sender
from ._turn import Turn
from ._turn_driver import TurnDriver
from ._turn_state import VerbName, answers_to
from .wire import (
    CallModel,
    ConversationPage,
    CreateConversationSessionResult,
    Event,
    GetSessionResult,
    MessagePage,
    RenameConversationResult,
    Reply,
    actions,
    call_id_of,
    read_answer,
    with_call_id,
)

CAPABILITIES = ("otp_park", "spec_1_1")  # REQ-CALL-07
SESSIONS_REMEMBERED = 1024
Value = TypeVar("Value")


class SessionOptions(TypedDict, total=False):
    """What may be said of a new session beside its agent."""

    user_name: str | None
    user_email: str | None
    browser_fingerprint: str | None
    supports: Sequence[str]
    metadata: Mapping[str, Any] | None
    auth_context: Any


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer to a ping (REQ-CALL-06)."""

    server_time: int | None
    """The server's clock, epoch ms; None when the pong did not say."""
    round_trip_ms: float


class SmoothAgentClient:
    """A client of one server. Takes the fields of :class:`Options` as keywords.

    Making one does no I/O. Use it as ``async with``, or call :meth:`connect` and :meth:`close`.

    Raises:
        ValueError, TypeError: an option is malformed (REQ-CONN-01).
    """

    def __init__(self, url: str, **options: Unpack[OptionWords]) -> None:
        self._options = Options(url=url, **options)
        self._listeners = Listeners(self._options.logger)
        self._router = Router(self._options, self._listeners)
        self._connection = Connection(
            self._options, self._listeners, self._router, self._router.failures
        )
        self._sender = Sender(self._options, self._router, self._connection)
        self._capabilities: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<SmoothAgentClient {self._router.failures.host} {self.state}>"

    async def __aenter__(self) -> SmoothAgentClient:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()

    # the link -------------------------------------------------------------------------

    @property
    def state(self) -> ConnectionState:
        """State of the link (REQ-CONN-02)."""
        return self._connection.state

    async def connect(self) -> None:
        """Open the link; does nothing when it is open (REQ-CONN-03).

        Raises:
            ConnectFailedError, AuthenticationError: the attempt failed; the client is idle again.
            ClientClosedError: the client was closed meanwhile.
        """
        await self._connection.connect()

    async def close(self) -> None:
        """Close the link and settle everything in flight; never raises (REQ-CONN-05)."""
        await self._connection.close()

    def on_state(self, listener: Callable[[StateChange], object]) -> Callable[[], None]:
        """Call ``listener`` at each change of the link; return a function that stops it."""
        return self._listeners.add("state", listener)

    def on_event(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Call ``listener`` with events that no turn and no call owns (REQ-WIRE-12)."""
        return self._listeners.add("event", listener)

    def on_frame(
        self, listener: Callable[[FrameInfo], object], *, text: bool = False
    ) -> Callable[[], None]:
        """Call ``listener`` with every frame; with ``text`` its text too (REQ-LOG-02)."""
        check_listener(listener)
        if text:
            return self._listeners.add("frame", listener)
        return self._listeners.add("frame", lambda info: listener(info.without_text()))

    # conversations --------------------------------------------------------------------

    async def start_conversation(
        self, *, agent_id: str, **optional: Unpack[SessionOptions]
    ) -> Conversation:
        """Open a session on a new conversation.

        ``optional`` takes the fields of ``create_conversation_session``.
        """
        return self._conversation(
            await self.create_conversation_session(agent_id=agent_id, **optional)
        )

    async def resume_conversation(
        self,
        *,
        session_id: str | None = None,
        conversation_id: str | None = None,
        agent_id: str | None = None,
        **optional: Unpack[SessionOptions],
    ) -> Conversation:
        """Go on with a conversation, or with a session that is still known (REQ-CALL-08).

        Give either ``session_id`` alone, or ``conversation_id`` and ``agent_id``. A server that
        does not know the conversation starts a fresh one: compare ``conversation_id``.
        """
        if session_id is not None and conversation_id is None and agent_id is None and not optional:
            return self._conversation(await self.get_session(session_id=session_id))
        if session_id is not None or conversation_id is None or agent_id is None:
            raise ValueError("give session_id alone, or conversation_id and agent_id")
        return self._conversation(
            await self.create_conversation_session(
                agent_id=agent_id, conversation_id=conversation_id, **optional
            )
        )

    # calls ----------------------------------------------------------------------------

    async def call(self, action: CallModel[Reply]) -> Reply:
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
        given = call_id_of(action)
        request_id = self._router.draw_id() if given is None else self._router.check_id(given)
        action = with_call_id(action, request_id)
        session_id = getattr(action, "session_id", None)
        outgoing = Outgoing(action.CALL.action, request_id, printed(action), session_id)
        answers = frozenset({action.CALL.answer})
        value = await self._sender.call(outgoing, answers, lambda it: read_answer(action, it))
        if isinstance(value, CreateConversationSessionResult):
            self._remember(value)
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
    ) -> CreateConversationSessionResult:
        """Open a session; return its descriptor."""
        action = make(
            actions.CreateConversationSessionAction,
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

    async def get_session(self, *, session_id: str) -> GetSessionResult:
        """Return the session; SessionNotFoundError when it is unknown."""
        return await self.call(make(actions.GetSessionAction, session_id=session_id))

    async def get_conversation_messages(
        self, *, session_id: str, limit: int | None = None, cursor: str | None = None
    ) -> MessagePage:
        """Return one page of messages, newest first."""
        action = make(
            actions.GetConversationMessagesAction, session_id=session_id, limit=limit, cursor=cursor
        )
        return await self.call(action)

    async def list_conversations(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> ConversationPage:
        """Return one page of the caller's conversations, newest first."""
        return await self.call(make(actions.ListConversationsAction, limit=limit, cursor=cursor))

    async def rename_conversation(
        self, *, conversation_id: str, title: str
    ) -> RenameConversationResult:
        """Give a conversation a title; return it as stored."""
        action = make(
            actions.RenameConversationAction, conversation_id=conversation_id, title=title
        )
        return await self.call(action)

    async def ping(self) -> Pong:
        """Ask for a sign of life; return the server's time and the round trip (REQ-CALL-06)."""
        started = self._options.clock.now()
        event = await self.call(actions.PingAction())
        elapsed = self._options.clock.now() - started
        return Pong(event.timestamp, elapsed * 1000)

    # turns and verbs ------------------------------------------------------------------

    def send_message(
        self,
        *,
        session_id: str,
        message: str,
        stream: bool | None = None,
        model: str | None = None,
        skill: str | None = None,
        images: Sequence[Any] | None = None,
        files: Sequence[Any] | None = None,
        request_id: str | None = None,
    ) -> Turn:
        """Say something; return the turn at once, its frame queued (REQ-TURN-01).

        Raises:
            ValueError, TypeError: an argument is wrong; nothing was sent. Everything else
                settles the turn.
        """
        action = make(
            actions.SendMessageAction,
            session_id=session_id,
            message=message,
            stream=stream,
            model=model,
            skill=skill,
            images=images,
            files=files,
        )
        if request_id is None:
            request_id = self._router.draw_id()
        else:
            self._router.check_id(request_id)
        text = printed(action.model_copy(update={"request_id": request_id}))
        turn = Turn(
            self._sender,
            self._options,
            Outgoing(action.action, request_id, text, session_id),
            session_id=session_id,
            otp_park=self._parks_otp(session_id),
        )
        self._router.next_send(session_id)
        self._router.add(request_id, turn.driver)
        turn.driver.start()
        return turn

    def confirm_tool_action(
        self,
        *,
        session_id: str,
        request_id: str,
        approved: bool,
        confirmation_id: str | None = None,
    ) -> Answer[None]:
        """Answer a confirmation by ids, as :meth:`Turn.confirm` (REQ-VERB-08)."""
        turn = self._live_turn(request_id)
        if turn is not None:
            return turn.confirm(approved)
        action = make(
            actions.ConfirmToolActionAction,
            session_id=session_id,
            request_id=request_id,
            approved=approved,
            confirmation_id=confirmation_id,
        )
        return self._plain_verb("confirm", action, lambda _: None, becomes_turn=True)

    def verify_otp(
        self,
        *,
        session_id: str,
        request_id: str,
        code: str | None = None,
        declined: bool | None = None,
    ) -> Answer[OtpCheck | None]:
        """Give or decline a one-time code by ids, as :meth:`Turn.verify_otp` (REQ-VERB-08).

        Resolves to None when the code was declined.
        """
        if (code is None) == (not declined):
            raise ValueError("give either code or declined=True")
        turn = self._live_turn(request_id)
        if turn is not None:
            live: Answer[Any] = turn.decline("otp") if code is None else turn.verify_otp(code)
            return live
        if declined and not self._parks_otp(session_id):
            answer: Answer[OtpCheck | None] = Answer.make(self._options.logger)
            made = self._router.failures
            error = made.make(UnsupportedError, request_id=request_id, session_id=session_id)
            answer.fail(error)
            return answer
        action = make(
            actions.VerifyOtpAction,
            session_id=session_id,
            request_id=request_id,
            code=code,
            declined=declined,
        )
        verb: VerbName = "decline_otp" if declined else "verify_otp"
        return self._plain_verb(verb, action, otp_check_of)

    def submit_interaction(
        self,
        *,
        session_id: str,
        request_id: str,
        interaction_id: str,
        kind: str | None = None,
        values: Mapping[str, Any] | None = None,
        declined: bool | None = None,
    ) -> Answer[SubmitResult]:
        """Answer or decline an interaction by ids, as :meth:`Turn.submit` (REQ-VERB-08)."""
        turn = self._live_turn(request_id)
        if turn is not None:
            return turn.decline() if declined else turn.submit(dict(values or {}))
        action = make(
            actions.SubmitInteractionAction,
            session_id=session_id,
            request_id=request_id,
            interaction_id=interaction_id,
            kind=kind,
            values=values,
            declined=declined,
        )
        verb: VerbName = "decline" if declined else "submit"
        return self._plain_verb(verb, action, submit_result_of, becomes_turn=True)

    def cancel(self, *, request_id: str, session_id: str | None = None) -> Answer[None]:
        """Stop the turn of that id; without a live one only the frame is sent (REQ-VERB-08)."""
        turn = self._live_turn(request_id)
        if turn is not None:
            return turn.cancel()
        action = make(actions.CancelAction, request_id=request_id, session_id=session_id)
        answer: Answer[None] = Answer.make(self._options.logger)
        outgoing = Outgoing("cancel", request_id, printed(action), session_id)
        if self._connection.submit(outgoing):
            answer.resolve(None)
        else:
            answer.fail(self._router.failures.make(NotConnectedError, **outgoing.ids()))
        return answer

    # wiring ---------------------------------------------------------------------------

    def _with_capabilities(self, action: CallModel[Reply]) -> CallModel[Reply]:
        """Return the action; one that opens a session with all that is supported (REQ-CALL-07)."""
        opens = action if isinstance(action, actions.CreateConversationSessionAction) else None
        if opens is None:
            return action
        words = sorted({*CAPABILITIES, *self._options.supports, *(opens.supports or ())})
        return action.model_copy(update={"supports": words})

    def _remember(self, session: CreateConversationSessionResult) -> None:
        self._capabilities[session.session_id] = tuple(session.capabilities or ())
        if len(self._capabilities) > SESSIONS_REMEMBERED:
            self._capabilities.popitem(last=False)

    def _plain_verb(
        self,
        verb: VerbName,
        action: Any,
        value_of: Callable[[Event], Value],
        *,
        becomes_turn: bool = False,
    ) -> Answer[Value]:
        answer: Answer[Value] = Answer.make(self._options.logger)
        self._router.check_id(action.request_id)
        text = printed(action)
        outgoing = Outgoing(action.action, action.request_id, text, action.session_id)

        def begin(event: Event) -> None:
            park = self._parks_otp(action.session_id)
            answer.turn = Turn(
                self._sender,
                self._options,
                outgoing,
                session_id=action.session_id,
                otp_park=park,
            )
            answer.turn.driver.begin(event)

        waiting = self._sender.call(
            outgoing,
            answers_to(verb),
            value_of,
            shared=True,
            becomes_turn=begin if becomes_turn else None,
        )

        def done(future: asyncio.Future[Value]) -> None:
            error = None if future.cancelled() else future.exception()
            if isinstance(error, Exception):
                answer.fail(error)
            elif not future.cancelled():
                answer.resolve(with_turn(future.result(), answer.turn))

        waiting.add_done_callback(done)
        return answer

    def turn(self, request_id: str) -> Turn | None:
        """Return the turn that is live under ``request_id`` (REQ-VERB-14)."""
        return self._live_turn(request_id)

    def _live_turn(self, request_id: str) -> Turn | None:
        owner = self._router.owner(request_id)
        return owner.handle if isinstance(owner, TurnDriver) else None

    def _parks_otp(self, session_id: str) -> bool:
        return "otp_park" in self._capabilities.get(session_id, ())

    def _conversation(
        self, session: CreateConversationSessionResult | GetSessionResult
    ) -> Conversation:
        return Conversation(
            self,
            session_id=session.session_id,
            conversation_id=session.conversation_id,
            agent_name=session.agent_name,
            capabilities=self._capabilities.get(session.session_id, ()),
        )


def _check_call(action: object) -> None:
    if not isinstance(action, CallModel):
        name = getattr(action, "action", type(action).__name__)
        raise TypeError(f"{name!s:.64} is no call: use the method of that name")
