"""The loop of one turn: engine, tools, engine again, until the answer is stored and sent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from ..agents import AgentSpec
from ..engine import (
    Engine,
    EngineTurn,
    Failure,
    Found,
    Outcome,
    Preamble,
    Reached,
    Reasoning,
    Said,
    Text,
    ToolCall,
    ToolResult,
    TurnInput,
    Usage,
)
from ..knowledge import Hit, Knowledge, citations
from ..protocol import frames
from ..protocol.json_text import write_json
from ..questions import Kind
from ..sessions import reading_of
from ..store import Direction, MessageRecord, NewMessage, Sender, TurnState
from ..store.people_records import AI_AGENT, HUMAN_AGENT
from .asking import CodeRequest, ask_code
from .calls import Services, ToolCalls
from .checkpoint import Progress
from .ledger import Ledger
from .starts import Starts
from .turn import Turn

HISTORY = 200
"""Messages of the conversation that an engine is given, the newest ones."""

CONTEXT = 3
"""Passages that are looked up with the message itself, before the engine starts."""

BREATH = 16
"""Events of an engine that never waits, after which other sockets have their turn."""


class EngineError(Exception):
    """The engine gave up; the text reaches the client."""


class Loop:
    """One turn at work."""

    def __init__(
        self,
        turn: Turn,
        agent: AgentSpec,
        message_id: str,
        progress: Progress,
        services: Services,
        knowledge: Knowledge,
        ledger: Ledger,
        starts: Starts,
    ) -> None:
        self._starts = starts
        self._turn = turn
        self._agent = agent
        self._message_id = message_id
        self._progress = progress
        self._services = services
        self._knowledge = knowledge
        self._ledger = ledger
        self._calls = ToolCalls(turn, agent, services, ledger, progress)
        self._recollection = services.memories.of(turn.session, agent)

    async def run(self, engine: Engine, done: int, steps: int) -> None:
        """Go on after ``done`` steps, at most up to ``steps``.

        Raises:
            EngineError: the engine gave up, or wants more steps.
        """
        progress = self._progress
        async with aclosing(engine.begin(self._input(), progress.engine)) as engine_turn:
            results = await self._calls.resume_all(progress.wanted, done)
            for step in range(done + 1, steps + 1):
                progress.wanted = await self._listen(engine_turn, results, step - 1)
                if not progress.wanted:
                    await self._finish()
                    return
                await self._save(engine_turn, step)
                results = await self._calls.run_all(progress.wanted, step)
        raise EngineError(f"the agent took more than {steps} steps")

    async def _save(self, engine_turn: EngineTurn, step: int) -> None:
        self._progress.engine = engine_turn.save()
        await self._ledger.save(self._turn, step, self._progress.saved())

    async def _listen(
        self, engine_turn: EngineTurn, results: Sequence[ToolResult], done: int
    ) -> list[ToolCall]:
        """Pass on what the engine says in the step after ``done``; return the tools it wants."""
        turn, progress = self._turn, self._progress
        wanted: list[ToolCall] = []
        told = 0
        # Closing the stream ends the engine's own work when the turn is cancelled in here.
        async with aclosing(engine_turn.step(results)) as events:
            async for event in events:
                match event:
                    case Text(piece):
                        progress.text.append(piece)
                        if turn.wants_tokens:
                            await turn.emit_piece("stream_token", piece)
                    case Reasoning(piece):
                        await turn.emit_piece("stream_reasoning", piece)
                    case Preamble(piece):
                        await turn.emit_piece("stream_preamble", piece)
                    case ToolCall():
                        wanted.append(event)
                        continue
                    case Usage():
                        progress.usage.append(event)
                        continue
                    case Outcome(suggestions):
                        progress.suggestions = suggestions
                        continue
                    case Reached():
                        progress.wanted = []  # their results are part of what the engine saves
                        await self._save(engine_turn, done)
                        continue
                    case Failure(message):
                        raise EngineError(message)
                await self._let_others(told)
                told += 1
        return wanted

    async def _let_others(self, told: int) -> None:
        """Let other turns and sockets go on, for an engine that never waits.

        The first frame of a step goes out, everywhere, before anybody makes a second one.
        """
        if told == 0:
            await self._starts.others()
        if told % BREATH == 0:
            await self._starts.breath()

    async def _finish(self) -> None:
        turn, progress = self._turn, self._progress
        if progress.code_request is not None:
            await self._ask_code(progress.code_request)
        found = await self._look_up()
        turn.finishing()
        text = "".join(progress.text)
        answer = self._ledger.answer(turn, text)
        terminal = frames.eventual_response(
            turn.request_id,
            turn.now(),
            message_id=answer.message_id,
            text=text,
            usage=_sum(progress.usage),
            citations=citations([*found, *progress.found]),
            suggestions=progress.suggestions,
        )
        written = write_json(terminal)
        ended_by, people = await self._ledger.end(turn, TurnState.COMPLETED, written, answer)
        turn.settle(ended_by)
        if people:
            await self._let_hear(answer)

    async def _let_hear(self, answer: NewMessage) -> None:
        """Let the people in the conversation hear the answer, but for the link that has it."""
        turn = self._turn
        session = turn.session
        agent = Sender(session.agent_participant_id, AI_AGENT, session.agent_name)
        await self._services.people.hear(answer, agent, turn.channel.peer.socket_id)

    async def _ask_code(self, request: CodeRequest) -> None:
        """Ask for a code that the next turn needs: nothing waits for it here."""
        services, turn = self._services, self._turn
        assert services.otp.service is not None
        await services.questions.open(
            Kind.OTP,
            turn_id=turn.turn_id,
            session_id=turn.session.session_id,
            request_id=turn.request_id,
            attempts=services.otp.service.attempts,
            parked=False,
        )
        await ask_code(turn, services.otp, request, services.questions.lives_s)

    async def _history(self) -> tuple[Said, ...]:
        """Return what was said before the message of the turn, oldest first."""
        conversation_id = self._turn.session.conversation_id
        page = await self._services.store.messages(conversation_id, HISTORY + 1, None)
        earlier = [item for item in reversed(page.items) if item.message_id != self._message_id]
        return tuple(
            Said(item.direction is Direction.OUTBOUND, _as_told(item), item.message_id)
            for item in earlier[-HISTORY:]
        )

    async def _look_up(self) -> tuple[Hit, ...]:
        progress = self._progress
        if progress.looked_up is None:
            progress.looked_up = await self._knowledge.search(
                self._turn.message, CONTEXT, reading_of(self._turn.session, self._agent.knowledge)
            )
        return progress.looked_up

    async def _context(self) -> tuple[Found, ...]:
        return tuple(Found(hit.source, hit.text) for hit in await self._look_up())

    async def _memories(self) -> tuple[str, ...]:
        """Return what is remembered of the person that fits the message."""
        if self._recollection is None:
            return ()
        found = await self._recollection.recall(self._turn.message)
        return tuple(one.text for one in found)

    def _input(self) -> TurnInput:
        asked, session = self._progress.asked, self._turn.session
        return TurnInput(
            self._turn.turn_id,
            self._turn.message,
            session.session_id,
            session.conversation_id,
            history=self._history,
            context=self._context,
            memories=self._memories,
            past=self._recollection,
            tools=self._services.tools.offers(self._agent),
            agent=self._agent,
            model=asked.model or self._agent.model,
            images=asked.images,
            files=asked.files,
            skill=self._services.skills.find(asked.skill, self._agent) if asked.skill else None,
        )


def _as_told(message: MessageRecord) -> str:
    """Return what the engine is told of a message: what a person wrote in its place says so."""
    if message.sender.kind != HUMAN_AGENT:
        return message.text
    return f"[{message.sender.name}, a person who stepped in, wrote:] {message.text}"


def _sum(spent: list[Usage]) -> dict[str, Any] | None:
    """Return what a turn spent, or None when the engine reported nothing."""
    if not spent:
        return None
    total: dict[str, Any] = {
        "promptTokens": sum(usage.prompt_tokens for usage in spent),
        "completionTokens": sum(usage.completion_tokens for usage in spent),
    }
    costs = [usage.cost_usd for usage in spent if usage.cost_usd is not None]
    return total | ({"costUsd": round(sum(costs), 10)} if costs else {})
