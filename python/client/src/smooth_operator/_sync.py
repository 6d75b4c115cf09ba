"""The client for callers that block: scripts, notebooks, web frameworks without an event loop.

The same verbs as :class:`SmoothAgentClient`, on a loop in a thread of its own. It may be used from
any thread. Listeners are called on the client's thread; handlers in a thread of a pool, so that
they may block, and ask a person.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, Unpack, overload

from . import wire
from ._calls import Pong
from ._client import SessionOptions, SmoothAgentClient
from ._connection_state import ConnectionState, StateChange
from ._conversation import Conversation, SendOptions
from ._counters import Counters
from ._handlers import Handlers
from ._listeners import FrameInfo
from ._options import OptionWords
from ._questions import OtpCheck, Question, SubmitResult
from ._recovery import Recovery
from ._sync_loop import LoopThread, in_thread
from ._turn import Turn
from ._turn_outcome import TurnResult
from .wire.steps import QuestionKind

T = TypeVar("T")


class SyncTurn:
    """One message and all it causes, for callers that block; see :class:`Turn`.

    Iterate it for its events, call :meth:`result` for what came of it. Ctrl-C in a wait stops the
    turn, and so does leaving its ``with``.
    """

    def __init__(self, loop: LoopThread, turn: Turn) -> None:
        self._loop = loop
        self._turn = turn

    def __repr__(self) -> str:
        return f"<SyncTurn {self.request_id} {self.state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def request_id(self) -> str:
        """Id of the turn; its events and verbs carry it."""
        return self._turn.request_id

    @property
    def session_id(self) -> str:
        """Session that the turn belongs to."""
        return self._turn.session_id

    @property
    def state(self) -> Literal["sent", "running", "suspended", "settled"]:
        """How far the turn is."""
        return self._turn.state

    @property
    def settled(self) -> bool:
        """Whether the turn has its outcome."""
        return self._turn.settled

    @property
    def partial_text(self) -> str:
        """Text that was streamed so far."""
        return self._turn.partial_text

    @property
    def items(self) -> Sequence[wire.Event]:
        """Events seen so far, in wire order."""
        return self._turn.items

    @property
    def text_stream(self) -> Iterator[str]:
        """The streamed text, piece by piece (REQ-TURN-10)."""
        return self._each(lambda: aiter(self._turn.text_stream))

    def __iter__(self) -> Iterator[wire.Event]:
        return self._each(lambda: aiter(self._turn))

    def result(self) -> TurnResult:
        """Wait for the end; raise the error of a failed turn. Ctrl-C stops the turn."""
        return self._loop.run(self._turn.result)

    def recover(self) -> Recovery:
        """Ask what became of the message; no message is sent again (REQ-TURN-30)."""
        return self._loop.run(self._turn.recover)

    def question(self, kind: QuestionKind) -> Question | None:
        """Return the question of ``kind`` that waits for an answer, if there is one."""
        return self._turn.question(kind)

    def handled(self, event: wire.Event) -> bool:
        """Return whether ``event`` asks what a handler of this turn answers (REQ-ASK-09)."""
        return self._turn.handled(event)

    def confirm(self, approved: bool) -> None:
        """Answer the open confirmation; return when the server took the answer."""
        self._loop.run(lambda: self._turn.confirm(approved))

    def verify_otp(self, code: str) -> OtpCheck:
        """Give the one-time code as typed (REQ-OTP-01)."""
        return self._loop.run(lambda: self._turn.verify_otp(code))

    def submit(self, values: dict[str, Any]) -> SubmitResult:
        """Answer the open interaction (REQ-FORM-01)."""
        return self._loop.run(lambda: self._turn.submit(values))

    @overload
    def decline(self, question: Literal["interaction"] = "interaction") -> SubmitResult: ...

    @overload
    def decline(self, question: Literal["otp"]) -> None: ...

    def decline(
        self, question: Literal["interaction", "otp"] = "interaction"
    ) -> SubmitResult | None:
        """Decline the open interaction, or the code that is asked for."""
        if question == "otp":
            return self._loop.run(lambda: self._turn.decline("otp"))
        return self._loop.run(lambda: self._turn.decline(question))

    def cancel(self) -> None:
        """Stop the turn; return when it has settled (REQ-STOP-01)."""
        self._loop.run(self._turn.cancel)

    def detach(self) -> None:
        """Let the turn run on when nobody looks at it any more (REQ-STOP-05)."""
        self._turn.detach()

    def close(self) -> None:
        """Leave the turn: stop it unless somebody else waits for it (REQ-STOP-05)."""
        if self._loop.running:
            self._loop.run(self._turn.aclose)

    def _each(self, begin: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
        """Yield what an iterator of the loop gives; Ctrl-C in a wait stops the turn."""
        source = self._loop.do(begin)
        try:
            yield from _blocking(self._loop, source)
        except KeyboardInterrupt:
            self.cancel()
            raise


class SyncConversation:
    """One session on one conversation, for callers that block; see :class:`Conversation`."""

    def __init__(self, loop: LoopThread, conversation: Conversation) -> None:
        self._loop = loop
        self._conversation = conversation

    def __repr__(self) -> str:
        return f"<SyncConversation {self.conversation_id} session {self.session_id}>"

    @property
    def session_id(self) -> str:
        """Session that every action of this conversation names."""
        return self._conversation.session_id

    @property
    def conversation_id(self) -> str:
        """Conversation; survives the session."""
        return self._conversation.conversation_id

    @property
    def agent_name(self) -> str | None:
        """Display name of the agent, where the server said it."""
        return self._conversation.agent_name

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Capability words of the server; empty where it did not say."""
        return self._conversation.capabilities

    def send(self, message: str, **optional: Unpack[SendOptions]) -> SyncTurn:
        """Say something; return the turn at once (REQ-TURN-01).

        Raises:
            ValueError, TypeError: an argument is wrong; nothing was sent. Everything else
                settles the turn.
        """
        words = _threaded(optional)
        return SyncTurn(
            self._loop, self._loop.do(lambda: self._conversation.send(message, **words))
        )

    def ask(self, message: str, **optional: Unpack[SendOptions]) -> TurnResult:
        """Say something and wait for the whole answer; raises the error of a failed turn.

        Ctrl-C stops the turn.
        """
        words = _threaded(optional)
        return self._loop.run(lambda: self._conversation.ask(message, **words))

    def open_turn(self) -> SyncTurn | None:
        """Return the turn that ran when this conversation was opened (REQ-RESUME-11)."""
        turn = self._loop.do(self._conversation.open_turn)
        return None if turn is None else SyncTurn(self._loop, turn)

    def messages(self, *, limit: int | None = None) -> Iterator[wire.ConversationMessage]:
        """Yield the stored messages, newest first; ``limit`` is a page size (REQ-HIST-01)."""
        return _blocking(self._loop, self._conversation.messages(limit=limit))


class SyncSmoothAgentClient:
    """A client of one server for callers that block. Takes the options of SmoothAgentClient.

    Making one does no I/O and starts no thread. Use it as ``with``, or call :meth:`connect` and
    :meth:`close`. It works where an event loop runs already, as in a notebook. An exception of
    the async client is raised as it is.

    Raises:
        ValueError, TypeError: an option is malformed (REQ-CONN-01).
    """

    def __init__(self, url: str, **options: Unpack[OptionWords]) -> None:
        self._loop = LoopThread()
        self._client = SmoothAgentClient(url, **_threaded(options))

    def __repr__(self) -> str:
        return f"<Sync{repr(self._client)[1:]}"

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    # the link -------------------------------------------------------------------------

    @property
    def state(self) -> ConnectionState:
        """State of the link (REQ-CONN-02)."""
        return self._client.state

    @property
    def counters(self) -> Counters:
        """What the client has counted since it was made (REQ-LOG-03)."""
        return self._client.counters

    def connect(self) -> None:
        """Open the link; does nothing when it is open. Raises as SmoothAgentClient.connect."""
        self._loop.run(self._client.connect)

    def wake(self) -> None:
        """Say that the machine slept, or that there is a network again."""
        self._loop.do(self._client.wake)

    def close(self) -> None:
        """Close the link, settle everything in flight, end the thread; never raises."""
        if self._loop.running:
            self._loop.run(self._client.close)
            self._loop.stop()

    def on_state(self, listener: Callable[[StateChange], object]) -> Callable[[], None]:
        """Call ``listener``, on the client's thread, at each change of the link."""
        return self._client.on_state(listener)

    def on_event(self, listener: Callable[[wire.Event], object]) -> Callable[[], None]:
        """Call ``listener``, on the client's thread, with events that nothing owns."""
        return self._client.on_event(listener)

    def on_frame(
        self, listener: Callable[[FrameInfo], object], *, text: bool = False
    ) -> Callable[[], None]:
        """Call ``listener``, on the client's thread, with every frame; with ``text`` its text."""
        return self._client.on_frame(listener, text=text)

    # conversations --------------------------------------------------------------------

    def start_conversation(
        self,
        *,
        agent_id: str,
        handlers: Handlers | None = None,
        **optional: Unpack[SessionOptions],
    ) -> SyncConversation:
        """Open a session on a new conversation; its ``handlers`` may block."""
        chat = self._loop.run(
            lambda: self._client.start_conversation(
                agent_id=agent_id, handlers=in_threads(handlers), **optional
            )
        )
        return SyncConversation(self._loop, chat)

    def resume_conversation(
        self,
        *,
        session_id: str | None = None,
        conversation_id: str | None = None,
        agent_id: str | None = None,
        handlers: Handlers | None = None,
        **optional: Unpack[SessionOptions],
    ) -> SyncConversation:
        """Go on with a conversation, or with a session that is still known (REQ-CALL-08)."""
        chat = self._loop.run(
            lambda: self._client.resume_conversation(
                session_id=session_id,
                conversation_id=conversation_id,
                agent_id=agent_id,
                handlers=in_threads(handlers),
                **optional,
            )
        )
        return SyncConversation(self._loop, chat)

    # calls ----------------------------------------------------------------------------

    def call(self, action: wire.CallModel[wire.Reply]) -> wire.Reply:
        """Send any action that one event answers; return that answer in its own type."""
        return self._loop.run(lambda: self._client.call(action))

    def create_conversation_session(
        self,
        *,
        agent_id: str,
        conversation_id: str | None = None,
        **optional: Unpack[SessionOptions],
    ) -> wire.CreateConversationSessionResult:
        """Open a session, on a new conversation unless one is named."""
        return self._loop.run(
            lambda: self._client.create_conversation_session(
                agent_id=agent_id, conversation_id=conversation_id, **optional
            )
        )

    def get_session(self, *, session_id: str) -> wire.GetSessionResult:
        """Return a session as it stands."""
        return self._loop.run(lambda: self._client.get_session(session_id=session_id))

    def get_conversation_messages(
        self, *, session_id: str, limit: int | None = None, cursor: str | None = None
    ) -> wire.MessagePage:
        """Return one page of a session's history, newest first."""
        return self._loop.run(
            lambda: self._client.get_conversation_messages(
                session_id=session_id, limit=limit, cursor=cursor
            )
        )

    def list_conversations(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> wire.ConversationPage:
        """Return one page of the caller's conversations, newest first."""
        return self._loop.run(lambda: self._client.list_conversations(limit=limit, cursor=cursor))

    def rename_conversation(
        self, *, conversation_id: str, title: str
    ) -> wire.RenameConversationResult:
        """Give a conversation a title; return it as stored."""
        return self._loop.run(
            lambda: self._client.rename_conversation(conversation_id=conversation_id, title=title)
        )

    def ping(self) -> Pong:
        """Ask for a sign of life; return the server's time and the round trip (REQ-CALL-06)."""
        return self._loop.run(self._client.ping)

    # turns and verbs ------------------------------------------------------------------

    def send_message(
        self, *, session_id: str, message: str, **optional: Unpack[SendOptions]
    ) -> SyncTurn:
        """Say something; return the turn at once (REQ-TURN-01)."""
        words = _threaded(optional)
        turn = self._loop.do(
            lambda: self._client.send_message(session_id=session_id, message=message, **words)
        )
        return SyncTurn(self._loop, turn)

    def confirm_tool_action(
        self,
        *,
        session_id: str,
        request_id: str,
        approved: bool,
        confirmation_id: str | None = None,
    ) -> None:
        """Answer a confirmation by ids, as :meth:`SyncTurn.confirm` (REQ-VERB-08)."""
        self._loop.run(
            lambda: self._client.confirm_tool_action(
                session_id=session_id,
                request_id=request_id,
                approved=approved,
                confirmation_id=confirmation_id,
            )
        )

    def verify_otp(
        self,
        *,
        session_id: str,
        request_id: str,
        code: str | None = None,
        declined: bool | None = None,
    ) -> OtpCheck | None:
        """Give or decline a one-time code by ids (REQ-VERB-08)."""
        return self._loop.run(
            lambda: self._client.verify_otp(
                session_id=session_id, request_id=request_id, code=code, declined=declined
            )
        )

    def submit_interaction(
        self,
        *,
        session_id: str,
        request_id: str,
        interaction_id: str,
        kind: str | None = None,
        values: Mapping[str, Any] | None = None,
        declined: bool | None = None,
    ) -> SubmitResult:
        """Answer or decline an interaction by ids (REQ-VERB-08)."""
        return self._loop.run(
            lambda: self._client.submit_interaction(
                session_id=session_id,
                request_id=request_id,
                interaction_id=interaction_id,
                kind=kind,
                values=values,
                declined=declined,
            )
        )

    def cancel(self, *, request_id: str, session_id: str | None = None) -> None:
        """Stop the turn of that id (REQ-VERB-08)."""
        self._loop.run(lambda: self._client.cancel(request_id=request_id, session_id=session_id))

    def turn(self, request_id: str) -> SyncTurn | None:
        """Return the turn that is live under ``request_id`` (REQ-VERB-14)."""
        turn = self._loop.do(lambda: self._client.turn(request_id))
        return None if turn is None else SyncTurn(self._loop, turn)


_END: Any = object()


def _blocking(loop: LoopThread, source: AsyncIterator[T]) -> Iterator[T]:
    while (item := loop.run(lambda: _next(source))) is not _END:
        yield item


async def _next(source: AsyncIterator[T]) -> T:
    return await anext(source, _END)


Words = TypeVar("Words", OptionWords, SendOptions)


def _threaded(words: Words) -> Words:
    """Return options whose handlers may block."""
    if words.get("handlers") is not None:
        words["handlers"] = in_threads(words["handlers"])
    return words


def in_threads(handlers: Handlers | None) -> Handlers | None:
    """Return handlers that run in threads, so that a function that blocks holds up nothing.

    Async functions stay what they are: they run on the client's loop.
    """
    if not isinstance(handlers, Handlers):
        return handlers
    kinds = handlers.interaction or {}
    return Handlers(
        confirm=_in_thread(handlers.confirm),
        otp=_in_thread(handlers.otp),
        interaction={kind: _in_thread(one) for kind, one in kinds.items()},
    )


def _in_thread(handler: Any) -> Any:
    if handler is None or inspect.iscoroutinefunction(handler):
        return handler

    async def answer(asked: Any) -> Any:
        given = await in_thread(handler, asked)
        return await given if isinstance(given, Awaitable) else given

    return answer
