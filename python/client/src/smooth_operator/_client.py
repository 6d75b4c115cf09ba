"""The public front of the package: wires the rooms and offers the protocol's verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypedDict, Unpack

from . import _turn_verbs as turn_verbs
from . import wire
from ._arguments import make, printed
from ._calls import Calls
from ._connection import Connection
from ._connection_state import ConnectionState, StateChange
from ._conversation import Conversation
from ._counters import Counters
from ._errors import UnsupportedError
from ._handlers import Handlers, check_handlers, merged
from ._listeners import FrameInfo, Listeners, check_listener
from ._observer import Watch
from ._options import Options, OptionWords
from ._outbox import Outgoing
from ._questions import Answer, OtpCheck, SubmitResult
from ._recovery import TELLS, Recovery, recover
from ._router import Router
from ._sender import Sender
from ._turn import Turn
from ._turn_alone import LoneAnswers
from ._turn_driver import TurnDriver
from ._turn_inquiry import displace, fate_of
from ._turn_line import TurnLine
from ._turn_verbs import VerbCall


class SessionOptions(TypedDict, total=False):
    """What may be said of a new session beside its agent."""

    user_name: str | None
    user_email: str | None
    browser_fingerprint: str | None
    supports: Sequence[str]
    metadata: Mapping[str, Any] | None
    auth_context: Any


class SmoothAgentClient(Calls):
    """A client of one server. Takes the fields of :class:`Options` as keywords.

    Making one does no I/O. Use it as ``async with``, or call :meth:`connect` and :meth:`close`.

    Raises:
        ValueError, TypeError: an option is malformed (REQ-CONN-01).
    """

    def __init__(self, url: str, **options: Unpack[OptionWords]) -> None:
        settings = Options(url=url, **options)
        _ = wire.learned  # the models are loaded now, and not while a link waits to be read
        self._listeners = Listeners(settings.logger)
        router = Router(settings, self._listeners)
        watch = Watch(settings.observer, settings.logger)
        self._connection = Connection(settings, self._listeners, router, router.failures, watch)
        super().__init__(settings, router, Sender(settings, router, self._connection, watch))
        self._line = TurnLine(settings)
        self._lone = LoneAnswers(self._sender, settings, self._new_turn)

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

    @property
    def counters(self) -> Counters:
        """What the client has counted since it was made (REQ-LOG-03)."""
        return self._connection.tally.counters(self._router.open_turns())

    async def connect(self) -> None:
        """Open the link; does nothing when it is open (REQ-CONN-03).

        While the link is sought again this ends the wait before the next attempt and waits for
        that one; the seeking goes on when it fails (REQ-CONN-35). With ``retry_initial_connect``
        it waits for the link or for the end of the attempts (REQ-CONN-04).

        Raises:
            ConnectFailedError, AuthenticationError: the attempt failed; a client that never had
                a link is idle again.
            ReconnectExhaustedError: it was the last one of ``max_reconnect_attempts``.
            TypeError, ValueError: the token provider gave no token (REQ-CONN-28).
            ClientClosedError: the client was closed meanwhile.
        """
        await self._connection.connect()

    def wake(self) -> None:
        """Say that the machine slept, or that there is a network again.

        An open link is asked for a sign of life, which has to come within five seconds; a wait
        before an attempt ends at once (REQ-CONN-35, REQ-CONN-39). Does nothing without a link.
        """
        self._connection.wake()

    async def close(self) -> None:
        """Close the link and settle everything in flight; never raises (REQ-CONN-05)."""
        await self._connection.close()

    def on_state(self, listener: Callable[[StateChange], object]) -> Callable[[], None]:
        """Call ``listener`` at each change of the link, and at each wait for another attempt.

        Return a function that stops it.
        """
        return self._listeners.add("state", listener)

    def on_event(self, listener: Callable[[wire.Event], object]) -> Callable[[], None]:
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
        self,
        *,
        agent_id: str,
        handlers: Handlers | None = None,
        **optional: Unpack[SessionOptions],
    ) -> Conversation:
        """Open a session on a new conversation.

        ``handlers`` answer the questions of its turns and come before the client's (REQ-ASK-01).
        ``optional`` takes the fields of ``create_conversation_session``.
        """
        own = _speaking(optional, handlers)
        session = await self.create_conversation_session(agent_id=agent_id, **optional)
        return self._conversation(session, own)

    async def resume_conversation(
        self,
        *,
        session_id: str | None = None,
        conversation_id: str | None = None,
        agent_id: str | None = None,
        handlers: Handlers | None = None,
        **optional: Unpack[SessionOptions],
    ) -> Conversation:
        """Go on with a conversation, or with a session that is still known (REQ-CALL-08).

        Give either ``session_id`` alone, or ``conversation_id`` and ``agent_id``. A server that
        does not know the conversation starts a fresh one: compare ``conversation_id``.
        ``handlers`` as for :meth:`start_conversation`.
        """
        if session_id is not None and conversation_id is None and agent_id is None and not optional:
            own = check_handlers(handlers)
            return self._conversation(await self.get_session(session_id=session_id), own)
        if session_id is not None or conversation_id is None or agent_id is None:
            raise ValueError("give session_id alone, or conversation_id and agent_id")
        own = _speaking(optional, handlers)
        session = await self.create_conversation_session(
            agent_id=agent_id, conversation_id=conversation_id, **optional
        )
        return self._conversation(session, own)

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
        handlers: Handlers | None = None,
    ) -> Turn:
        """Say something; return the turn at once, its frame queued (REQ-TURN-01).

        ``handlers`` answer the questions of this turn and come before the client's (REQ-ASK-01).

        Raises:
            ValueError, TypeError: an argument is wrong; nothing was sent. Everything else
                settles the turn.
        """
        own = check_handlers(handlers)
        action = make(
            wire.actions.SendMessageAction,
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

        def outgoing(request_id: str) -> Outgoing:
            text = printed(action.model_copy(update={"request_id": request_id}))
            return Outgoing(action.action, request_id, text, session_id)

        turn = self._new_turn(outgoing(request_id), session_id, own, outgoing)
        self._router.add(request_id, turn._driver)
        self._line.enter(turn._driver)
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
        ids = {"session_id": session_id, "request_id": request_id}
        action = make(
            wire.actions.ConfirmToolActionAction,
            **ids,
            approved=approved,
            confirmation_id=confirmation_id,
        )
        return self._lone.send(VerbCall("confirm", action))

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
        ids = {"session_id": session_id, "request_id": request_id}
        if code is None:
            return self._lone.send(turn_verbs.decline_otp(ids))
        return self._lone.send(turn_verbs.verify_otp(ids, code))

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
            wire.actions.SubmitInteractionAction,
            session_id=session_id,
            request_id=request_id,
            interaction_id=interaction_id,
            kind=kind,
            values=values,
            declined=declined,
        )
        return self._lone.send(VerbCall("decline" if declined else "submit", action))

    def cancel(self, *, request_id: str, session_id: str | None = None) -> Answer[None]:
        """Stop the turn of that id; without a live one only the frame is sent (REQ-VERB-08)."""
        turn = self._live_turn(request_id)
        if turn is not None:
            return turn.cancel()
        action = make(wire.actions.CancelAction, request_id=request_id, session_id=session_id)
        answer: Answer[None] = Answer.make(self._options.logger)
        outgoing = Outgoing("cancel", request_id, printed(action), session_id)
        refusal = self._connection.submit(outgoing)
        if refusal is None:
            answer.resolve(None)
        else:
            answer.fail(self._router.failures.of_link(refusal, None, **outgoing.ids()))
        return answer

    def turn(self, request_id: str) -> Turn | None:
        """Return the turn that is live under ``request_id`` (REQ-VERB-14)."""
        return self._live_turn(request_id)

    # wiring ---------------------------------------------------------------------------

    def _new_turn(
        self,
        outgoing: Outgoing,
        session_id: str,
        handlers: Handlers | None = None,
        again: Callable[[str], Outgoing] | None = None,
    ) -> Turn:
        return Turn(
            self._sender,
            self._options,
            outgoing,
            session_id,
            park=self._parks_otp(session_id),
            replays=self._replays(session_id),
            history=self._recover,
            handlers=merged(check_handlers(self._options.handlers), check_handlers(handlers)),
            line=self._line,
            again=again,
        )

    def _open_turn(self, session_id: str, request_id: str, handlers: Handlers) -> Turn | None:
        """Return the turn that a conversation runs (REQ-RESUME-11)."""
        if not self._replays(session_id):
            return None
        turn = self._live_turn(request_id)
        if turn is None or turn.settled:
            sent = Outgoing("send_message", request_id, "", session_id, state="written")
            turn = self._new_turn(sent, session_id, handlers)
            displace(self._router.owner(request_id))
            turn._driver.take_up()
        return turn

    async def _recover(self, turn: Turn) -> Recovery:
        if self._replays(turn.session_id):
            fate = await fate_of(turn._driver, self._sender, self._options)
            if fate != "over":
                return Recovery("not_delivered" if fate == "never" else "unknown")

        async def fetch(cursor: str | None) -> wire.MessagePage:
            return await self.get_conversation_messages(session_id=turn.session_id, cursor=cursor)

        tells = TELLS in self._capabilities.get(turn.session_id, ())
        return await recover(fetch, turn.request_id, tells=tells)

    def _live_turn(self, request_id: str) -> Turn | None:
        owner = self._router.owner(request_id)
        return owner.handle if isinstance(owner, TurnDriver) else None

    def _conversation(
        self,
        session: wire.CreateConversationSessionResult | wire.GetSessionResult,
        handlers: Handlers,
    ) -> Conversation:
        return Conversation(
            self,
            session_id=session.session_id,
            conversation_id=session.conversation_id,
            agent_name=session.agent_name,
            capabilities=self._capabilities.get(session.session_id, ()),
            handlers=handlers,
            open_turn=session.open_turn.request_id if session.open_turn is not None else None,
        )


def _speaking(optional: SessionOptions, handlers: Handlers | None) -> Handlers:
    """Return the handlers of a conversation; its session lists their words (REQ-CALL-07)."""
    own = check_handlers(handlers)
    if own.words():
        optional["supports"] = [*optional.get("supports", ()), *sorted(own.words())]
    return own
