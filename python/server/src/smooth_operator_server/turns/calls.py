"""One tool call of a turn: its gates, its questions, its two chunks (REQ-SRV-04)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..agents import AgentSpec
from ..engine import ToolCall, ToolResult
from ..memory import Memories
from ..people import People
from ..protocol import frames
from ..protocol.capabilities import OTP_PARK
from ..questions import Kind, OpenQuestions, OtpDesk, SpecError, capability_of
from ..questions.acknowledging import acknowledgement, shown_by, words_of
from ..questions.conversational import ask_in_words
from ..questions.forms import form_spec
from ..skills import Skills
from ..store import ConversationStore, QuestionRecord
from ..telemetry import log, where
from ..tools import (
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
from .checkpoint import Progress
from .ledger import Ledger
from .turn import Turn

_DENIED = "the person did not approve this call"
_UNPROVEN = "the person did not give the one-time code that this tool needs"
_CODE_FOLLOWS = (
    "this tool needs a one-time code; the person is asked for it after your answer and sends the"
    " message again afterwards"
)
_NO_RESPONSE = {"status": "no_response", "message": "The person did not answer in time."}
_UNKNOWN = "outcome unknown: the server ended while the tool ran"


@dataclass(frozen=True, slots=True)
class Services:
    """What tool calls need of the server."""

    tools: ToolRegistry
    questions: OpenQuestions
    otp: OtpDesk
    store: ConversationStore
    people: People
    skills: Skills
    confirm_words: Sequence[str]
    memories: Memories


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A call that runs before its turn to be told of has come."""

    task: asyncio.Future[Any]
    context: ToolContext


class ToolCalls:
    """Runs the tool calls of one turn. Those that ask nobody run together, within a step."""

    def __init__(
        self, turn: Turn, agent: AgentSpec, services: Services, ledger: Ledger, progress: Progress
    ) -> None:
        self._turn = turn
        self._agent = agent
        self._services = services
        self._ledger = ledger
        self._progress = progress
        self._asked: tuple[QuestionRecord, ...] = ()
        """Questions of an earlier server; an answer that it was given counts."""
        self._context = ToolContext(turn.session, progress.found, agent.knowledge, agent)
        self._ahead: dict[str, _Ahead] = {}

    async def run_all(self, calls: Sequence[ToolCall], step: int) -> list[ToolResult]:
        """Run the calls of a step; their chunks come in the order of the calls."""
        try:
            if len(calls) > 1:
                await self._run_ahead(calls, step)
            return [await self.run(call, step) for call in calls]
        finally:
            tasks = [ahead.task for ahead in self._ahead.values()]
            self._ahead.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_ahead(self, calls: Sequence[ToolCall], step: int) -> None:
        """Start the calls that nobody has to be asked about, before the first one is told of."""
        await self._refresh()
        for call in calls:
            try:
                tool = self._services.tools.find(call.name, call.arguments, self._agent)
            except ToolError:
                continue
            if tool.interaction is None and not self._gates(tool):
                await self._ledger.start_call(self._turn, call, step)
                context = ToolContext(
                    self._turn.session, sets=self._agent.knowledge, agent=self._agent
                )
                task = asyncio.ensure_future(
                    self._services.tools.run(tool, call.arguments, context)
                )
                self._ahead[call.call_id] = _Ahead(task, context)

    async def run(self, call: ToolCall, step: int) -> ToolResult:
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
        if (ahead := self._ahead.pop(call.call_id, None)) is not None:
            result = await self._execute(call, ahead.task)
            self._context.found.extend(ahead.context.found)
            return result
        await self._refresh()
        # Before it runs: a call that is known to have begun is not run again by chance.
        await self._ledger.start_call(self._turn, call, step)
        return await self._execute(
            call, self._services.tools.run(tool, call.arguments, self._context)
        )

    async def resume_all(self, calls: Sequence[ToolCall], step: int) -> list[ToolResult]:
        """Return what the calls of a step gave that another server began; run what it did not."""
        if not calls:
            return []
        known = await self._ledger.results(self._turn, step)
        self._asked = await self._services.questions.of_turn(self._turn.turn_id)
        return [await self._resume(call, step, known) for call in calls]

    async def _resume(
        self, call: ToolCall, step: int, known: Mapping[str, ToolResult | None]
    ) -> ToolResult:
        """A call that began and never ended is run again only if it may be (``idempotent``)."""
        if call.call_id in known:
            result = known[call.call_id]
            if result is not None:
                return result
            tool = self._services.tools.get(call.name)
            if tool is None or not tool.idempotent:
                return await self._report(call, _UNKNOWN, is_error=True)
        return await self.run(call, step)

    async def _execute(self, call: ToolCall, running: Awaitable[Any]) -> ToolResult:
        try:
            result = await running
        except ToolError as fault:
            return await self._report(call, str(fault), is_error=True)
        except Exception as fault:  # a broken tool is the model's to explain, not the turn's end
            log.error("tool failed", tool=call.name, **where(fault))
            return await self._report(call, "the tool failed", is_error=True)
        return await self._report(call, result)

    async def _refresh(self) -> None:
        """Read the session again: an answer may have changed it since the turn began."""
        session = await self._services.store.session(self._turn.session.session_id)
        if session is not None:
            self._turn.session = self._context.session = session

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
        given = ToolResult(call.call_id, call.name, result, is_error)
        await self._ledger.end_call(turn, given)
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
        return given

    async def _pass_gates(self, call: ToolCall, tool: Tool) -> str | None:
        """Ask what has to be asked and announce the call; return why it may not run, or None.

        The call is announced after its last question, or when it is refused before that.
        """
        gates = self._gates(tool)
        for gate in gates[:-1]:
            refusal = await self._pass(gate, call, tool, announce=False)
            if refusal is not None:
                await self._announce(call)
                return refusal
        if gates:
            return await self._pass(gates[-1], call, tool, announce=True)
        await self._announce(call)
        return None

    def _gates(self, tool: Tool) -> tuple[Gate, ...]:
        return gates_before(
            tool,
            self._turn.session,
            confirm_words=(*self._services.confirm_words, *self._agent.confirm_tools),
            can_send_codes=self._services.otp.service is not None,
        )

    async def _pass(self, gate: Gate, call: ToolCall, tool: Tool, *, announce: bool) -> str | None:
        if isinstance(gate, RefusalGate):
            if announce:
                await self._announce(call)
            return gate.reason
        if isinstance(gate, ConfirmGate):
            return await self._approved(call, tool, announce=announce)
        request = CodeRequest(tool.name, describe_call(call, tool), gate.level)
        if OTP_PARK not in self._turn.session.supports:
            self._progress.code_request = request
            if announce:
                await self._announce(call)
            return _CODE_FOLLOWS
        return await self._proven(call, request, announce=announce)

    async def _approved(self, call: ToolCall, tool: Tool, *, announce: bool) -> str | None:
        async def ask(question: QuestionRecord) -> None:
            await ask_approval(self._turn, question, call, tool, self._services.questions.lives_s)

        question, is_new = await self._question(Kind.CONFIRMATION, call)
        passed = await self._park(question, ask if is_new else None, call if announce else None)
        return None if passed else _DENIED

    async def _proven(self, call: ToolCall, request: CodeRequest, *, announce: bool) -> str | None:
        otp, lives_s = self._services.otp, self._services.questions.lives_s
        assert otp.service is not None

        async def ask(_: QuestionRecord) -> None:
            await ask_code(self._turn, otp, request, lives_s)

        question, is_new = await self._question(Kind.OTP, call, attempts=otp.service.attempts)
        passed = await self._park(question, ask if is_new else None, call if announce else None)
        return None if passed else _UNPROVEN

    async def _park(
        self,
        question: QuestionRecord,
        ask: Callable[[QuestionRecord], Awaitable[None]] | None,
        call: ToolCall | None,
        *,
        lapsed: Any = False,
    ) -> Any:
        """Ask an open question, announce the call behind it, and wait for the answer.

        When the events are lost nobody can be shown the question any more, and nothing is waited
        for: the conversation is free all the sooner.
        """
        channel = self._turn.channel
        with channel.held():
            if ask is not None:
                await ask(question)
            # What another server has asked it has announced too, when what it said is known.
            if call is not None and not (ask is None and channel.continues):
                await self._announce(call)
            if ask is None and channel.continues:
                await self._acknowledge(question)
            await self._ledger.keep(self._turn)
        waits = not channel.is_lost
        return await self._services.questions.answer(question, lapsed, waits=waits)

    async def _acknowledge(self, question: QuestionRecord) -> None:
        """Tell of an answer that another server took, when it ended before it told of it."""
        turn = self._turn
        if question.answer is None:
            return
        told = acknowledgement(question, question.answer, turn.request_id, turn.now())
        if told is not None and not turn.channel.has_said_after(*words_of(question)):
            await turn.emit(told)

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

        async def ask(question: QuestionRecord) -> None:
            await ask_form(turn, question, reason, services.questions.lives_s)

        question, is_new = await self._question(
            Kind.INTERACTION, call, about={"kind": kind, "spec": spec}
        )
        answer = await self._park(question, ask if is_new else None, call, lapsed=_NO_RESPONSE)
        return await self._report(call, answer)

    def _was_seen(self, question: QuestionRecord) -> bool:
        """Tell whether the server that stored a question came to ask it, as far as one can know."""
        channel = self._turn.channel
        return not channel.continues or channel.has_said(shown_by(question))

    async def _question(
        self,
        kind: Kind,
        call: ToolCall,
        *,
        about: Mapping[str, Any] | None = None,
        attempts: int | None = None,
    ) -> tuple[QuestionRecord, bool]:
        """Return the question of a call, and whether it is a new one that has to be asked."""
        for asked in self._asked:
            if asked.kind == kind and asked.subject["call"] == call.call_id:
                return asked, not self._was_seen(asked)
        question = await self._services.questions.open(
            kind,
            turn_id=self._turn.turn_id,
            session_id=self._turn.session.session_id,
            request_id=self._turn.request_id,
            subject={"call": call.call_id, **(about or {})},
            attempts=attempts,
        )
        return question, True
