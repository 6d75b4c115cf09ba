"""One call to a model: tried again when that may help, its words passed on as they come."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.settings import ModelSettings as RequestSettings

from ...accounts import Spent
from ...telemetry import CallWatch, Observer, log
from ..port import Failure
from .breaker import Breaker
from .faults import Fault, fault_of
from .prices import Price
from .stream import Piece, is_whole, pieces

if TYPE_CHECKING:
    from ...clock import Clock
    from .settings import ModelSettings

BACKOFF_S = 0.5
"""Longest wait before the second try; each further one doubles it."""

LONGEST_WAIT_S = 20.0
"""An endpoint that asks for more patience than this ends the turn."""

CHARACTERS_PER_TOKEN = 4


class Caller:
    """Calls the models of one endpoint."""

    def __init__(
        self, settings: ModelSettings, clock: Clock, breaker: Breaker, observer: Observer
    ) -> None:
        self._observer = observer
        self._settings = settings
        self._clock = clock
        self._breaker = breaker

    async def call(self, call: Call) -> AsyncGenerator[Piece | Failure, None]:
        """Call a model; once more when it failed before its first word and may be asked again."""
        wait_s = BACKOFF_S
        for attempt in range(1, self._settings.attempts + 1):
            if not self._breaker.enter():
                yield Failure("the model endpoint fails again and again, and is left alone")
                return
            call.has_spoken = False
            try:
                async with aclosing(self._once(call)) as said:
                    async for piece in said:
                        call.has_spoken = True
                        yield piece
                self._breaker.succeeded()
                return
            except Exception as raised:
                fault = fault_of(raised)
            wait_s = max(wait_s, fault.retry_after_s or 0.0)
            if self._gives_up(fault, call, attempt, wait_s):
                yield Failure(fault.text)
                return
            # Callers that failed together do not come back together.
            await self._clock.sleep(wait_s * (0.5 + random.random() / 2))
            wait_s *= 2

    def _gives_up(self, fault: Fault, call: Call, attempt: int, wait_s: float) -> bool:
        if fault.is_endpoint:
            self._breaker.failed()
        else:
            self._breaker.succeeded()  # it answers, if only to refuse
        log.warning("model call failed", why=fault.text, attempt=attempt, spoke=call.has_spoken)
        last = attempt == self._settings.attempts or self._breaker.resting_s() > 0
        return call.has_spoken or last or not fault.may_retry or wait_s > LONGEST_WAIT_S

    async def _once(self, call: Call) -> AsyncGenerator[Piece, None]:
        watch = self._observer.call(call.model.model_name, call.most_tokens)
        error: str | None = None
        try:
            async with aclosing(self._stream(call)) as said:
                async for piece in said:
                    watch.spoke()
                    yield piece
            answer = call.answer
            assert answer is not None
            watch.answered(answer.provider_response_id, answer.model_name, answer.finish_reason)
        except Exception as raised:
            error = type(raised).__name__
            watch.failed()
            raise
        finally:
            call.settle(watch)
            watch.end(error)

    async def _stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        async with model_request_stream(
            call.model,
            list(call.told),
            model_settings=RequestSettings(max_tokens=call.most_tokens),
            model_request_parameters=call.asked,
        ) as answer:
            said = pieces(aiter(answer), self._clock, self._settings.coalesce_s)
            async with aclosing(said):
                async for piece in said:
                    call.heard += len(piece.piece)
                    yield piece
            whole = answer.get()
        if not is_whole(whole):
            raise ValueError("an answer without words and without tool calls")
        call.answer = whole


class Call:
    """A call to a model, and what became of it. ``charge`` is told once a try what it has cost."""

    def __init__(
        self,
        model: OpenAIChatModel,
        told: Sequence[ModelMessage],
        asked: ModelRequestParameters,
        *,
        coming: int,
        most_tokens: int,
        price: Price | None,
        charge: Callable[[Spent], None],
    ) -> None:
        self.model = model
        self.told = told
        self.asked = asked
        self.coming = coming
        self.most_tokens = most_tokens
        self.answer: ModelResponse | None = None
        self.heard = 0
        self.has_spoken = False
        self.price = price
        self._charge = charge

    def settle(self, watch: CallWatch) -> None:
        """Charge a try: by the endpoint's count, or by what was read of an answer that was cut.

        A try that brought no word costs nothing: endpoints do not charge what they refuse.
        """
        if self.answer is not None and self.answer.usage.has_values():
            usage = self.answer.usage
            spent = self._spent(usage.input_tokens, usage.output_tokens)
        elif self.answer is not None or self.heard:
            spent = self._spent(self.coming, self.heard // CHARACTERS_PER_TOKEN + 1)
        else:
            return
        self.heard = 0
        self._charge(spent)
        watch.spent(spent)

    def at_most(self) -> Spent:
        """Return what one try of the call can cost."""
        return self._spent(self.coming, self.most_tokens)

    def _spent(self, read: int, written: int) -> Spent:
        return Spent(read, written, self.price.of(read, written) if self.price else 0.0)
