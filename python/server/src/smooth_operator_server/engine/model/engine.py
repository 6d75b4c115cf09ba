"""The engine: one call to the model a step, its words passed on as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import httpx2
from openai import AsyncOpenAI
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings as RequestSettings
from pydantic_ai.tools import ToolDefinition

from ...clock import Clock
from ...telemetry import log
from ..port import (
    EngineEvent,
    EngineStream,
    EngineTurn,
    Failure,
    ToolCall,
    ToolResult,
    TurnInput,
    Usage,
)
from .breaker import Breaker
from .faults import fault_of
from .messages import opening, read, returned, saved
from .settings import ModelSettings
from .stream import is_whole, pieces

BACKOFF_S = 0.5
"""Wait before the second try; each further one doubles it."""

LONGEST_WAIT_S = 20.0
"""An endpoint that asks for more patience than this ends the turn."""

CHARACTERS_PER_TOKEN = 4


class ModelEngine:
    """Answers turns with a model. The endpoint is asked for the first time by the first turn."""

    def __init__(self, settings: ModelSettings, clock: Clock, new_id: Callable[[], str]) -> None:
        self.settings = settings
        self.clock = clock
        self.new_id = new_id
        self.breaker = Breaker(clock.monotonic)
        limit = httpx2.Timeout(settings.first_byte_s, connect=10.0)
        # Tries are counted here: the library's own would be hidden from breaker and log.
        self._client = AsyncOpenAI(
            base_url=settings.url, api_key=settings.key, max_retries=0, timeout=limit
        )
        self._provider = OpenAIProvider(openai_client=self._client)

    def unavailable(self) -> str | None:
        left = self.breaker.resting_s()
        return f"the model endpoint fails; it is asked again in {left:.0f} s" if left else None

    def begin(self, turn: TurnInput, saved: bytes | None = None) -> EngineTurn:
        return _ModelTurn(self, turn, None if saved is None else read(saved))

    async def aclose(self) -> None:
        await self._client.close()

    def model(self, name: str | None) -> OpenAIChatModel:
        """Return a model of the endpoint by its name."""
        return OpenAIChatModel(name or self.settings.model, provider=self._provider)


class _ModelTurn:
    """One turn: the messages so far, and what they have cost."""

    def __init__(
        self, engine: ModelEngine, turn: TurnInput, told: list[ModelMessage] | None
    ) -> None:
        self._engine = engine
        self._turn = turn
        self._told = told or []
        self._model = engine.model(turn.model)
        self._asked = ModelRequestParameters(
            function_tools=[
                ToolDefinition(
                    name=tool.name,
                    description=tool.description,
                    parameters_json_schema=tool.parameters,
                )
                for tool in turn.tools
            ]
        )

    async def step(self, results: Sequence[ToolResult] = ()) -> EngineStream:
        if not self._told:
            self._told = opening(self._turn, await self._turn.history(), await self._turn.context())
        elif results:
            answer = self._told[-1]
            assert isinstance(answer, ModelResponse)
            self._told.append(returned(answer, results))
        most = self._most_tokens()
        if most <= 0:
            yield Failure("the agent's budget of tokens for a turn does not allow another call")
            return
        async with aclosing(self._tries(most)) as events:
            async for event in events:
                yield event

    def save(self) -> bytes:
        return saved(self._told)

    async def aclose(self) -> None:
        """Nothing is kept: a call that runs ends with its step."""

    async def _tries(self, most: int) -> AsyncGenerator[EngineEvent, None]:
        """Call the model; once more when it failed before its first word and may be asked again."""
        engine, wait_s = self._engine, BACKOFF_S
        for attempt in range(1, engine.settings.attempts + 1):
            spoke = False
            try:
                async with aclosing(self._call(most)) as events:
                    async for event in events:
                        spoke = True
                        yield event
                engine.breaker.succeeded()
                return
            except Exception as raised:
                fault = fault_of(raised)
            if fault.is_endpoint:
                engine.breaker.failed()
            wait_s = max(wait_s, fault.retry_after_s or 0.0)
            last = attempt == engine.settings.attempts or engine.breaker.resting_s() > 0
            log.warning("model call failed", why=fault.text, attempt=attempt, spoke=spoke)
            if spoke or last or not fault.may_retry or wait_s > LONGEST_WAIT_S:
                yield Failure(fault.text)
                return
            await engine.clock.sleep(wait_s)
            wait_s *= 2

    async def _call(self, most: int) -> AsyncGenerator[EngineEvent, None]:
        engine = self._engine
        async with model_request_stream(
            self._model,
            self._told,
            model_settings=RequestSettings(max_tokens=most),
            model_request_parameters=self._asked,
        ) as answer:
            said = pieces(aiter(answer), engine.clock, engine.settings.coalesce_s)
            async with aclosing(said):
                async for piece in said:
                    yield piece
            whole = answer.get()
        if not is_whole(whole):
            raise ValueError("an answer without words and without tool calls")
        self._told.append(whole)
        yield Usage(whole.usage.input_tokens, whole.usage.output_tokens)
        for call in whole.tool_calls:
            # The ids of a model need not be different from step to step; the engine's own are.
            yield ToolCall(engine.new_id(), call.tool_name, call.args_as_dict())

    def _spent(self) -> int:
        answers = [one for one in self._told if isinstance(one, ModelResponse)]
        return sum(one.usage.input_tokens + one.usage.output_tokens for one in answers)

    def _most_tokens(self) -> int:
        """Return how long the next answer may be; nothing when the agent's budget is spent."""
        most, budget = self._engine.settings.max_tokens, self._turn.agent.budget.tokens
        if budget is None:
            return most
        coming = len(saved(self._told)) // CHARACTERS_PER_TOKEN
        return min(most, budget - self._spent() - coming)
