"""A reply: what the agent does with a message, step by step, written by a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from .. import wire
from ..wire import errors as table
from ..wire.model import WireModel, dump
from .forms import checked_spec, first_fault
from .script_errors import ScriptError

FAKE_TOOL = "fake_tool"
Wire = TypeVar("Wire", bound=WireModel)


@dataclass(frozen=True, slots=True)
class Piece:
    """One streamed piece; ``word`` is the type of its event."""

    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """One ``stream_chunk``."""

    node: str
    state: wire.StreamChunkState
    done: bool | None


@dataclass(frozen=True, slots=True)
class Confirm:
    """A confirmation; without ``rejected`` a refusal goes on as an approval does."""

    description: str
    tool_id: str
    rejected: Reply | None


@dataclass(frozen=True, slots=True)
class Otp:
    """A one-time code."""

    code: str
    attempts: int
    channel: wire.OtpChannel
    masked: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """A form."""

    kind: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delay:
    """A pause, in milliseconds of the server's clock."""

    milliseconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    """The error that ends the turn."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The end of the link."""

    code: int


@dataclass(frozen=True, slots=True)
class Malformed:
    """A text that is sent as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer."""

    text: str | None
    citations: tuple[wire.Citation, ...]
    usage: wire.Usage | None
    suggestions: tuple[str, ...]


Step = Piece | Chunk | Confirm | Otp | Interaction | Delay | Fail | Cut | Malformed | Finish


class Reply:
    """Steps that run in order for each message that it serves. Every verb returns the reply.

    Made by :meth:`FakeServer.on_message`; one of its own serves as ``rejected`` of a confirmation.
    """

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._end: str | None = None
        self._once = False

    def __repr__(self) -> str:
        return f"<Reply of {len(self._steps)} steps>"

    def tokens(self, *words: str) -> Self:
        """Stream pieces of the answer, one ``stream_token`` each."""
        return self._pieces("tokens()", "stream_token", words)

    def reasoning(self, *words: str) -> Self:
        """Think aloud, one ``stream_reasoning`` each; never part of the answer."""
        return self._pieces("reasoning()", "stream_reasoning", words)

    def preamble(self, text: str) -> Self:
        """Say something before the work begins: one ``stream_preamble``."""
        return self._pieces("preamble()", "stream_preamble", (text,))

    def chunk(
        self,
        node: str,
        *,
        tool_call: wire.ToolCall | Mapping[str, Any] | None = None,
        tool_result: wire.ToolResult | Mapping[str, Any] | None = None,
        done: bool | None = None,
    ) -> Self:
        """Report a step of the agent: one ``stream_chunk`` of ``node``.

        Raises:
            ScriptError: ``tool_call`` or ``tool_result`` is not what the wire has under that name.
        """
        raw: dict[str, Any] = {}
        if tool_call is not None:
            call = typed(wire.types.ToolCall, tool_call, "chunk(): tool_call")
            raw["toolCall"] = call.to_wire()
        if tool_result is not None:
            result = typed(wire.types.ToolResult, tool_result, "chunk(): tool_result")
            raw["toolResult"] = result.to_wire()
        state = wire.types.StreamChunkState(raw_response=raw)
        return self._add(Chunk(_text(node, "chunk()"), state, done))

    def confirm(
        self,
        description: str,
        tool_id: str | None = None,
        rejected: Reply | Callable[[Reply], object] | None = None,
    ) -> Self:
        """Ask whether a tool may run, and wait for the answer.

        Approved: the next step. Rejected, or not answered in time: the next step as well, or the
        steps of ``rejected`` instead, a reply or a function that writes on one.
        """
        branch = rejected
        if branch is not None and not isinstance(branch, Reply):
            if not callable(branch):
                raise ScriptError("confirm(): rejected is a reply or a function that writes on one")
            write, branch = branch, Reply()
            write(branch)
        description = _text(description, "confirm()")
        return self._add(Confirm(description, tool_id or FAKE_TOOL, branch))

    def otp(
        self,
        code: str = "123456",
        attempts: int = 3,
        channel: str = "email",
        masked: str = "a***@example.com",
    ) -> Self:
        """Ask for a one-time code, tell where it was sent, and wait for the right one.

        A wrong code leaves one try less. Without any left, and when the code is declined or not
        given in time, the turn ends with AGENT_ERROR.

        Raises:
            ScriptError: less than one attempt, or a channel that the protocol does not have.
        """
        if attempts < 1:
            raise ScriptError(f"otp(): {attempts} attempts leave none; expected at least 1")
        if channel not in [str(one.value) for one in wire.OtpChannel]:
            raise ScriptError(f"otp(): {channel!r} is no channel; expected 'email' or 'sms'")
        return self._add(Otp(_text(code, "otp()"), attempts, wire.OtpChannel(channel), masked))

    def interaction(self, kind: str, **spec: Any) -> Self:
        """Ask with a form, and wait for values that it takes, or for a refusal.

        ``spec`` is that of the kind: ``fields`` of ``identity_intake``, ``questions`` of
        ``choices``. Values that it does not take are answered by ``interaction_invalid``.

        Raises:
            ScriptError: the protocol does not have the kind, or the spec is not that kind's.
        """
        return self._add(Interaction(kind, checked_spec(kind, spec)))

    def delay(self, ms: float) -> Self:
        """Do nothing until the server's clock has moved by ``ms`` milliseconds."""
        if not ms >= 0:
            raise ScriptError(f"delay(): {ms:g} ms lie in the past; expected at least 0")
        return self._add(Delay(ms))

    def error(self, code: str, message: str = "The agent failed.") -> Self:
        """End the turn with an ``error`` event.

        Raises:
            ScriptError: the protocol does not have the code, or it ends no turn.
        """
        row = table.CODES.get(code)
        if row is None:
            raise ScriptError(f"error(): {code!r} is no code of the protocol")
        if row.terminal == "never":
            raise ScriptError(f"error(): {code} ends no turn")
        return self._add(Fail(code, message), "error()")

    def cut(self, code: int = 1006) -> Self:
        """End the client's link here; 1006 without a close frame.

        On a replay session the turn goes on behind it and can be resumed; on any other it is lost.
        Directly behind a question it comes while that is open, and the answer over the next link.

        Raises:
            ScriptError: no peer may send the code.
        """
        return self._add(Cut(checked_code(code, "cut()")))

    def malformed(self, text: str = "{") -> Self:
        """Send ``text`` as a frame, as it is."""
        return self._add(Malformed(text))

    def finish(
        self,
        text: str | None = None,
        citations: Sequence[wire.Citation | Mapping[str, Any]] = (),
        usage: wire.Usage | Mapping[str, Any] | None = None,
        suggestions: Sequence[str] = (),
    ) -> Self:
        """End the turn with its answer; without ``text`` it is that of the tokens.

        Raises:
            ScriptError: a citation or the usage is not what the wire has under that name.
        """
        cited = tuple(typed(wire.types.Citation, one, "finish(): citations") for one in citations)
        spent = None if usage is None else typed(wire.types.Usage, usage, "finish(): usage")
        return self._add(Finish(text, cited, spent, tuple(suggestions)), "finish()")

    def once(self) -> Self:
        """Serve a single message, and no further one."""
        self._once = True
        return self

    def _pieces(self, verb: str, word: str, words: tuple[str, ...]) -> Self:
        for text in words:
            self._add(Piece(word, _text(text, verb)))
        return self

    def _add(self, step: Step, end: str | None = None) -> Self:
        if self._end is not None:
            raise ScriptError(f"a reply has ended with {self._end}: no step can follow")
        self._steps.append(step)
        self._end = end
        return self


def checked_code(code: int, verb: str) -> int:
    """Return a close code that a peer may send, or 1006 for none."""
    if code == 1006 or 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999:
        return code
    raise ScriptError(f"{verb}: no peer may send the close code {code}")


def typed(model: type[Wire], value: Wire | Mapping[str, Any], what: str) -> Wire:
    """Return a value in the type that the wire has for it."""
    if isinstance(value, model):
        return value
    try:
        return model.model_validate_json(dump(value), by_alias=True, by_name=False)
    except (TypeError, ValueError, ValidationError) as fault:
        raise ScriptError(f"{what}: {first_fault(fault)}") from None


def _text(value: object, verb: str) -> str:
    if not isinstance(value, str):
        raise ScriptError(f"{verb}: takes text, not {type(value).__name__}")
    return value
