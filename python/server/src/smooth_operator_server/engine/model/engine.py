"""The engine of a real model: one endpoint, its models, and what they may spend."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
from openai import AsyncOpenAI
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from ...clock import Clock
from ...telemetry import Observer
from ..port import Accounts, EngineTurn, TurnInput
from .breaker import Breaker
from .calling import Caller
from .planned import PlannedTurn
from .prices import Prices
from .settings import ModelSettings
from .together import TeamTurn
from .turn import ModelTurn
from .workflow import WorkflowTurn


class ModelEngine:
    """Answers turns with a model. The endpoint is asked for the first time by the first turn."""

    def __init__(
        self,
        settings: ModelSettings,
        clock: Clock,
        new_id: Callable[[], str],
        accounts: Accounts,
        prices: Prices | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.settings = settings
        self.new_id = new_id
        self.accounts = accounts
        self.prices = prices or Prices()
        self.breaker = Breaker(clock.monotonic)
        self.observer = observer or Observer(clock, [settings.model])
        self.caller = Caller(settings, clock, self.breaker, self.observer)
        limit = httpx2.Timeout(settings.silence_s, connect=10.0)
        # Tries are counted by the caller: the library's own would be hidden from breaker and log.
        self._client = AsyncOpenAI(
            base_url=settings.url, api_key=settings.key, max_retries=0, timeout=limit
        )
        self._provider = OpenAIProvider(openai_client=self._client)

    def unavailable(self) -> str | None:
        left = self.breaker.resting_s()
        return f"the model endpoint fails; it is asked again in {left:.0f} s" if left else None

    def begin(self, turn: TurnInput, saved: bytes | None = None) -> EngineTurn:
        match turn.agent.system:
            case "plan":
                return PlannedTurn(self, turn, saved)
            case "team":
                return TeamTurn(self, turn, saved)
            case "workflow":
                return WorkflowTurn(self, turn, saved)
            case _:
                return ModelTurn(self, turn, saved)

    async def aclose(self) -> None:
        await self._client.close()

    def model(self, name: str) -> OpenAIChatModel:
        """Return a model of the endpoint by its name."""
        return OpenAIChatModel(name, provider=self._provider)
