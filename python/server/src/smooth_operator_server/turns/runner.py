"""Drives one turn: engine, tools, engine again, until the answer is stored and sent."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from ..agents import AgentRegistry, AgentSpec
from ..engine import (
    Engine,
    EngineStream,
    EngineTurn,
    Failure,
    Found,
    Preamble,
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
from ..protocol.actions import Action
from ..protocol.refusals import Code
from ..store import ConversationStore, Direction, NewMessage
from ..telemetry import log, where
from .asking import ask_code
from .calls import Services, ToolCalls
from .turn import Turn

HISTORY = 50
"""Messages of the conversation that an engine is given, the newest ones."""

CONTEXT = 3
"""Passages that are looked up with the message itself, before the engine starts."""

BREATH = 16
"""Events of an engine that never waits, after which other sockets have their turn."""


class EngineError(Exception):
    """The engine gave up; the text reaches the client."""


@dataclass(slots=True)
class _Tally:
    text: list[str] = field(default_factory=list)
    usage: list[Usage] = field(default_factory=list)
    found: tuple[Hit, ...] | None = None
    """What was looked up for the message, once somebody wanted to know."""


class Runner:
    """Runs turns for one engine."""

    def __init__(
        self,
        engine: Engine,
        agents: AgentRegistry,
        knowledge: Knowledge,
        services: Services,
        *,
        max_iterations: int,
    ) -> None:
        self._engine = engine
        self._agents = agents
        self._knowledge = knowledge
        self._services = services
        self._store: ConversationStore = services.store
        self._max_iterations = max_iterations

    async def run(self, turn: Turn, action: Action) -> None:
        """Run a turn to its terminal event. Cancellation leaves the settling to the canceller."""
        try:
            await self._run(turn, action)
        except EngineError as fault:
            self._fail(turn, Code.AGENT_ERROR, str(fault))
        except Exception as fault:
            log.error("turn failed", request_id=turn.request_id, **where(fault))
            self._fail(turn, Code.INTERNAL_ERROR, "the turn failed inside the server")

    async def _run(self, turn: Turn, action: Action) -> None:
        # The agent of an old session may be gone from the files: what is left is its name.
        agent = self._agents.find(turn.session.agent_id) or AgentSpec(turn.session.agent_id)
        calls, tally = ToolCalls(turn, agent, self._services), _Tally()
        message_id = await self._remember(turn, Direction.INBOUND, turn.message)
        # Nothing is waited for between the 202 and the engine: whoever cancels on the 202 always
        # finds the engine at work, and a script at the same place.
        await turn.accept()
        engine = self._engine.begin(self._input(turn, agent, action, message_id, tally))
        async with aclosing(engine):
            await self._steps(turn, agent, engine, calls, tally)

    async def _steps(
        self, turn: Turn, agent: AgentSpec, engine: EngineTurn, calls: ToolCalls, tally: _Tally
    ) -> None:
        results: list[ToolResult] = []
        steps = min(agent.budget.steps or self._max_iterations, self._max_iterations)
        for _ in range(steps):
            wanted = await self._listen(turn, engine.step(results), tally)
            if not wanted:
                await self._finish(turn, calls, tally)
                return
            results = [await calls.run(call) for call in wanted]
        raise EngineError(f"the agent took more than {steps} steps")

    async def _listen(self, turn: Turn, stream: EngineStream, tally: _Tally) -> list[ToolCall]:
        """Pass on what the engine says in one step; return the tools it wants to run."""
        wanted: list[ToolCall] = []
        told = 0
        # Closing the stream ends the engine's own work when the turn is cancelled in here.
        async with aclosing(stream) as events:
            async for event in events:
                match event:
                    case Text(piece):
                        tally.text.append(piece)
                        if turn.wants_tokens:
                            frame = frames.stream_token(turn.request_id, turn.now(), piece)
                            await turn.emit(frame)
                    case Reasoning(piece):
                        frame = frames.stream_reasoning(turn.request_id, turn.now(), piece)
                        await turn.emit(frame)
                    case Preamble(piece):
                        frame = frames.stream_preamble(turn.request_id, turn.now(), piece)
                        await turn.emit(frame)
                    case ToolCall():
                        wanted.append(event)
                        continue
                    case Usage():
                        tally.usage.append(event)
                        continue
                    case Failure(message):
                        raise EngineError(message)
                await _let_others(told)
                told += 1
        return wanted

    async def _finish(self, turn: Turn, calls: ToolCalls, tally: _Tally) -> None:
        services = self._services
        if calls.code_request is not None:
            await ask_code(turn, services.otp, calls.code_request, None, services.question_s)
        found = await self._look_up(turn, tally)
        turn.finishing()
        text = "".join(tally.text)
        message_id = await self._remember(turn, Direction.OUTBOUND, text)
        turn.settle(
            frames.eventual_response(
                turn.request_id,
                turn.now(),
                message_id=message_id,
                text=text,
                usage=_sum(tally.usage),
                citations=citations([*found, *calls.context.found]),
            )
        )

    def _fail(self, turn: Turn, code: Code, message: str) -> None:
        terminal = True if turn.extended else None
        turn.settle(frames.error(turn.request_id, turn.now(), code, message, terminal=terminal))

    async def _history(self, conversation_id: str, but: str) -> tuple[Said, ...]:
        """Return what was said before the message ``but``, oldest first."""
        page = await self._store.messages(conversation_id, HISTORY + 1, None)
        earlier = [item for item in reversed(page.items) if item.message_id != but]
        return tuple(
            Said(item.direction is Direction.OUTBOUND, item.text) for item in earlier[-HISTORY:]
        )

    async def _remember(self, turn: Turn, direction: Direction, text: str) -> str:
        session = turn.session
        message_id = self._services.new_id()
        inbound = direction is Direction.INBOUND
        await self._store.add_message(
            NewMessage(
                message_id,
                session.conversation_id,
                session.user_participant_id if inbound else session.agent_participant_id,
                direction,
                text,
                turn.now(),
            )
        )
        return message_id

    async def _look_up(self, turn: Turn, tally: _Tally) -> tuple[Hit, ...]:
        if tally.found is None:
            tally.found = await self._knowledge.search(turn.message, CONTEXT)
        return tally.found

    def _input(
        self, turn: Turn, agent: AgentSpec, action: Action, message_id: str, tally: _Tally
    ) -> TurnInput:
        conversation_id = turn.session.conversation_id

        async def context() -> tuple[Found, ...]:
            found = await self._look_up(turn, tally)
            return tuple(Found(hit.source, hit.text) for hit in found)

        return TurnInput(
            turn.turn_id,
            turn.message,
            history=lambda: self._history(conversation_id, but=message_id),
            context=context,
            tools=self._services.tools.offers(agent),
            agent=agent,
            model=action.get("model") or agent.model,
            images=tuple(action.get("images", ())),
            files=tuple(action.get("files", ())),
        )


async def _let_others(told: int) -> None:
    """Let other turns and sockets go on, for an engine that never waits.

    The first frame of a step goes out, everywhere, before anybody makes a second one: writers are
    woken by the first pause and write before the second ends.
    """
    if told % BREATH == 0:
        await asyncio.sleep(0)
    if told == 0:
        await asyncio.sleep(0)


def _sum(spent: list[Usage]) -> dict[str, Any] | None:
    """Return what a turn spent, or None when the engine reported nothing."""
    if not spent:
        return None
    total: dict[str, Any] = {
        "promptTokens": sum(usage.prompt_tokens for usage in spent),
        "completionTokens": sum(usage.completion_tokens for usage in spent),
    }
    costs = [usage.cost_usd for usage in spent if usage.cost_usd is not None]
    return total | ({"costUsd": sum(costs)} if costs else {})
