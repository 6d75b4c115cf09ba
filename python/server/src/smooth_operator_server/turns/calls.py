"""One tool call of a turn: its gates, its questions, its two chunks (REQ-SRV-04)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..agents import AgentSpec
from ..clock import Clock
from ..engine import ToolCall, ToolResult
from ..protocol import frames
from ..protocol.capabilities import OTP_PARK
from ..questions import Kind, OpenQuestions, OtpDesk, Question, SpecError, capability_of
from ..questions.conversational import ask_in_words
from ..questions.forms import form_spec
from ..store import ConversationStore
from ..telemetry import log, where
from ..tools import (
    AuthGate,
    ConfirmGate,
    Gate,
    RefusalGate,
    Tool,
    ToolContext,
    ToolError,
    ToolRegistry,
    gates_before,
)
from .asking import CodeRequest, ask_approval, ask_code, ask_form, describe_call
from .turn import Turn

_DENIED = "the person did not approve this call"
_UNPROVEN = "the person did not give the one-time code that this tool needs"
_CODE_FOLLOWS = (
    "this tool needs a one-time code; the person is asked for it after your answer and sends the"
    " message again afterwards"
)
_NO_RESPONSE = {"status": "no_response", "message": "The person did not answer in time."}


@dataclass(frozen=True, slots=True)
class Services:
    """What tool calls need of the server. ``question_s`` is how long a question lives."""

    tools: ToolRegistry
    questions: OpenQuestions
    otp: OtpDesk
    store: ConversationStore
    clock: Clock
    new_id: Callable[[], str]
    confirm_words: Sequence[str]
    question_s: float


class ToolCalls:
    """Runs the tool calls of one turn, one after another."""

    def __init__(self, turn: Turn, agent: AgentSpec, services: Services) -> None:
        self._turn = turn
        self._agent = agent
        self._services = services
        self.context = ToolContext(turn.session)
        self.code_request: CodeRequest | None = None
        """A code to be asked for when the stream is over (resend style, REQ-OTP-03)."""

    async def run(self, call: ToolCall) -> ToolResult:
        """Run a call to its end: both chunks are out, and the result is for the model."""
        await self._refresh()
        try:
            tool = self._services.tools.find(call.name, call.arguments, self._agent)
        except ToolError as fault:
            await self._announce(call)
            return await self._report(call, str(fault), is_error=True)
        if tool.interaction is not None:
            return await self._interact(call, tool.interaction)
        refusal = await self._pass_gates(call, tool)
        if refusal is not None:
            return await self._report(call, refusal, is_error=True)
        await self._refresh()
        return await self._execute(call, tool)

    async def _execute(self, call: ToolCall, tool: Tool) -> ToolResult:
        try:
            result = await tool.run(call.arguments, self.context)
        except ToolError as fault:
            return await self._report(call, str(fault), is_error=True)
        except Exception as fault:  # a broken tool is the model's to explain, not the turn's end
            log.error("tool failed", tool=tool.name, **where(fault))
            return await self._report(call, "the tool failed", is_error=True)
        return await self._report(call, result)

    async def _refresh(self) -> None:
        """Read the session again: an answer may have changed it since the turn began."""
        session = await self._services.store.session(self._turn.session.session_id)
        if session is not None:
            self._turn.session = self.context.session = session

    async def _announce(self, call: ToolCall) -> None:
        turn = self._turn
        call_id = call.call_id if turn.extended else None
        await turn.emit(
            frames.tool_call(
                turn.request_id, turn.now(), call.name, call.arguments, call_id=call_id
            )
        )

    async def _report(self, call: ToolCall, result: Any, *, is_error: bool = False) -> ToolResult:
        turn = self._turn
        call_id = call.call_id if turn.extended else None
        await turn.emit(
            frames.tool_result(
                turn.request_id,
                turn.now(),
                call.name,
                result,
                is_error=is_error,
                call_id=call_id,
            )
        )
        return ToolResult(call.call_id, call.name, result, is_error)

    async def _pass_gates(self, call: ToolCall, tool: Tool) -> str | None:
        """Ask what has to be asked and announce the call; return why it may not run, or None.

        The call is announced after its last question, or when it is refused before that.
        """
        gates = gates_before(
            tool,
            self._turn.session,
            confirm_words=(*self._services.confirm_words, *self._agent.confirm_tools),
            can_send_codes=self._services.otp.service is not None,
        )
        for gate in gates[:-1]:
            refusal = await self._pass(gate, call, tool, announce=False)
            if refusal is not None:
                await self._announce(call)
                return refusal
        if gates:
            return await self._pass(gates[-1], call, tool, announce=True)
        await self._announce(call)
        return None

    async def _pass(self, gate: Gate, call: ToolCall, tool: Tool, *, announce: bool) -> str | None:
        lives_s = self._services.question_s
        parks = OTP_PARK in self._turn.session.supports
        if isinstance(gate, RefusalGate) or (isinstance(gate, AuthGate) and not parks):
            if isinstance(gate, AuthGate):
                self.code_request = CodeRequest(tool.name, describe_call(call, tool), gate.level)
            if announce:
                await self._announce(call)
            return _CODE_FOLLOWS if isinstance(gate, AuthGate) else gate.reason
        if isinstance(gate, ConfirmGate):
            question = self._question(Kind.CONFIRMATION, lapsed=False)
            ask = ask_approval(self._turn, question, call, tool, lives_s)
        else:
            question = self._question(Kind.OTP, lapsed=False)
            request = CodeRequest(tool.name, describe_call(call, tool), gate.level)
            ask = ask_code(self._turn, self._services.otp, request, question, lives_s)
        passed = await self._park(question, ask, call if announce else None)
        if passed:
            return None
        return _DENIED if isinstance(gate, ConfirmGate) else _UNPROVEN

    async def _park(self, question: Question, ask: Awaitable[None], call: ToolCall | None) -> Any:
        """Open a question, ask it, announce the call behind it, and wait for the answer."""
        services = self._services
        services.questions.open(question)
        try:
            await ask
            if call is not None:
                await self._announce(call)
            return await question.answer(services.clock, services.question_s)
        except BaseException:
            services.otp.forget(question)
            raise
        finally:
            services.questions.close(question)

    async def _interact(self, call: ToolCall, kind: str) -> ToolResult:
        """Ask by a form when the client can show it, else have the model ask in words."""
        turn, services = self._turn, self._services
        reason = call.arguments.get("reason", "")
        try:
            spec = form_spec(kind, call.arguments)
        except SpecError as fault:
            await self._announce(call)
            return await self._report(call, f"the form does not fit: {fault}", is_error=True)
        if capability_of(kind) not in turn.session.supports:
            await self._announce(call)
            told = await ask_in_words(services.store, turn.session, kind, spec, reason)
            return await self._report(call, told)
        question = self._question(Kind.INTERACTION, lapsed=_NO_RESPONSE, subject=(kind, spec))
        ask = ask_form(turn, question, kind, spec, reason, services.question_s)
        return await self._report(call, await self._park(question, ask, call))

    def _question(self, kind: Kind, *, lapsed: Any, subject: Any = None) -> Question:
        return Question(
            kind,
            session_id=self._turn.session.session_id,
            request_id=self._turn.request_id,
            question_id=self._services.new_id(),
            lapsed=lapsed,
            subject=subject,
        )
