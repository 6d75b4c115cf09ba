"""Drives one turn: engine, tools, engine again, until the answer is stored and sent."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from ..engine import (
    Engine,
    EngineStream,
    Failure,
    Preamble,
    Reasoning,
    Said,
    Text,
    ToolCall,
    TurnInput,
    Usage,
)
from ..knowledge import Knowledge, citations
from ..protocol import frames
from ..protocol.actions import Action
from ..protocol.refusals import Code
from ..store import Direction, NewMessage, Store
from ..telemetry import log, where
from .asking import ask_code
from .calls import Services, ToolCalls
from .turn import Turn

HISTORY = 50
"""Messages of the conversation that an engine is given, the newest ones."""

CONTEXT = 3
"""Passages that are looked up with the message itself, before the engine starts."""


class EngineError(Exception):
    """The engine gave up; the text reaches the client."""


@dataclass(slots=True)
class _Tally:
    text: list[str] = field(default_factory=list)
    usage: list[Usage] = field(default_factory=list)


class Runner:
    """Runs turns for one engine."""

    def __init__(
        self, engine: Engine, knowledge: Knowledge, services: Services, *, max_iterations: int
    ) -> None:
        self._engine = engine
        self._knowledge = knowledge
        self._services = services
        self._store: Store = services.store
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
        finally:
            await self._engine.cancel(turn.turn_id)

    async def _run(self, turn: Turn, action: Action) -> None:
        calls, tally = ToolCalls(turn, self._services), _Tally()
        history = await self._history(turn.session.conversation_id)
        calls.context.found.extend(await self._knowledge.search(action["message"], CONTEXT))
        await self._remember(turn, Direction.INBOUND, action["message"])
        # Nothing is waited for between the 202 and the engine: whoever cancels on the 202 always
        # finds the engine at work, and a script at the same place.
        await turn.accept()
        stream = self._engine.start(self._input(turn, action, history, calls))
        for _ in range(self._max_iterations):
            wanted = await self._listen(turn, stream, tally)
            if not wanted:
                await self._finish(turn, calls, tally)
                return
            results = [await calls.run(call) for call in wanted]
            stream = self._engine.resume(turn.turn_id, results)
        raise EngineError(f"the agent took more than {self._max_iterations} steps")

    async def _listen(self, turn: Turn, stream: EngineStream, tally: _Tally) -> list[ToolCall]:
        """Pass on what the engine says in one step; return the tools it wants to run."""
        wanted: list[ToolCall] = []
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
                    case Usage():
                        tally.usage.append(event)
                    case Failure(message):
                        raise EngineError(message)
                await asyncio.sleep(0)  # an engine that never waits must not hold other sockets up
        return wanted

    async def _finish(self, turn: Turn, calls: ToolCalls, tally: _Tally) -> None:
        services = self._services
        if calls.code_request is not None:
            await ask_code(turn, services.otp, calls.code_request, None, services.question_s)
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
                citations=citations(calls.context.found),
            )
        )

    def _fail(self, turn: Turn, code: Code, message: str) -> None:
        terminal = True if turn.extended else None
        turn.settle(frames.error(turn.request_id, turn.now(), code, message, terminal=terminal))

    async def _history(self, conversation_id: str) -> tuple[Said, ...]:
        page = await self._store.messages(conversation_id, HISTORY, None)
        return tuple(Said(item.direction, item.text) for item in reversed(page.items))

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

    def _input(
        self, turn: Turn, action: Action, history: tuple[Said, ...], calls: ToolCalls
    ) -> TurnInput:
        return TurnInput(
            turn.turn_id,
            action["message"],
            history=history,
            context=tuple(calls.context.found),
            tools=self._services.tools.offers(),
            model=action.get("model"),
            images=tuple(action.get("images", ())),
            files=tuple(action.get("files", ())),
        )


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
