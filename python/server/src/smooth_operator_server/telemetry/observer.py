"""Watches turns, calls to models and tools: figures of each, and a span by the gen_ai conventions.

Spans go where the host of the process sends them; without one they cost next to nothing. They hold
ids, names, counts and costs, never what was said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from ..accounts import Spent
from ..clock import Clock
from .figures import OTHER, Figures
from .logs import log

PROVIDER = "openai"
"""The dialect that the endpoint speaks; who stands behind it is not known."""


class Observer:
    """Watches one server. ``models`` are the names that may become labels."""

    def __init__(self, clock: Clock, models: Collection[str] = ()) -> None:
        self.figures = Figures()
        self._clock = clock
        self._models = frozenset(models)
        self._tracer = trace.get_tracer("smooth-operator-server")

    @contextmanager
    def turn(self, agent_id: str, agent_name: str, conversation_id: str) -> Iterator[TurnWatch]:
        """Watch a turn; the watch is told how it ended, unless it was cancelled."""
        began, watch = self._clock.monotonic(), TurnWatch()
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.id": agent_id,
            "gen_ai.agent.name": agent_name,
            "gen_ai.conversation.id": conversation_id,
        }
        with self._span(f"invoke_agent {agent_name}", attributes) as span:
            try:
                yield watch
            except asyncio.CancelledError:
                watch.outcome = "cancelled"
                raise
            finally:
                seconds = self._clock.monotonic() - began
                self.figures.turns.labels(watch.outcome).inc()
                self.figures.turn_seconds.observe(seconds)
                _end(span, watch.outcome, {"completed", "cancelled"})
                log.info("turn ended", outcome=watch.outcome, seconds=round(seconds, 3))

    @contextmanager
    def tool(self, name: str) -> Iterator[None]:
        """Watch a call of a tool that the server has."""
        began, outcome = self._clock.monotonic(), "failed"
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "gen_ai.tool.type": "function",
        }
        with self._span(f"execute_tool {name}", attributes) as span:
            try:
                yield
                outcome = "completed"
            except asyncio.CancelledError:
                outcome = "cancelled"
                raise
            finally:
                self.figures.tools.labels(name, outcome).inc()
                self.figures.tool_seconds.observe(self._clock.monotonic() - began)
                _end(span, outcome, {"completed", "cancelled"})

    def _span(self, name: str, attributes: dict[str, str]) -> AbstractContextManager[Span]:
        """Open a span; the one that goes nowhere is not even made while nobody collects spans."""
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            return nullcontext(trace.INVALID_SPAN)
        return self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False
        )

    def call(self, model: str, most_tokens: int) -> CallWatch:
        """Watch a call to a model; the watch is told everything, and that it ended."""
        span = self._tracer.start_span(
            f"chat {model}",
            kind=SpanKind.CLIENT,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": PROVIDER,
                "gen_ai.request.model": model,
                "gen_ai.request.max_tokens": most_tokens,
            },
        )
        label = model if model in self._models else OTHER
        return CallWatch(self.figures, span, self._clock, label)


class TurnWatch:
    """What is known of a turn that is watched."""

    def __init__(self) -> None:
        self.outcome = "failed"


class CallWatch:
    """One call to a model."""

    def __init__(self, figures: Figures, span: Span, clock: Clock, label: str) -> None:
        self._figures = figures
        self._span = span
        self._clock = clock
        self._label = label
        self._began = clock.monotonic()
        self._has_spoken = False
        self._outcome = "cancelled"

    def spoke(self) -> None:
        """Note a piece of the answer."""
        if not self._has_spoken:
            self._has_spoken = True
            self._figures.first_word_seconds.observe(self._clock.monotonic() - self._began)

    def answered(self, response_id: str | None, model: str | None, reason: str | None) -> None:
        """Note that the answer is whole."""
        self._outcome = "completed"
        known = {"gen_ai.response.id": response_id, "gen_ai.response.model": model}
        self._span.set_attributes({name: value for name, value in known.items() if value})
        if reason:
            self._span.set_attribute("gen_ai.response.finish_reasons", [reason])

    def failed(self) -> None:
        """Note that there will be no answer."""
        self._outcome = "failed"

    def spent(self, spent: Spent) -> None:
        """Note what the call has cost."""
        figures, label = self._figures, self._label
        figures.tokens.labels(label, "read").inc(spent.prompt_tokens)
        figures.tokens.labels(label, "written").inc(spent.completion_tokens)
        figures.cost.labels(label).inc(spent.cost_usd)
        self._span.set_attributes(
            {
                "gen_ai.usage.input_tokens": spent.prompt_tokens,
                "gen_ai.usage.output_tokens": spent.completion_tokens,
                "operation.cost": spent.cost_usd,
            }
        )

    def end(self, error: str | None = None) -> None:
        """Note that the call is over; ``error`` is the type of what it failed by."""
        self._figures.calls.labels(self._label, self._outcome).inc()
        seconds = self._clock.monotonic() - self._began
        self._figures.call_seconds.labels(self._label).observe(seconds)
        _end(self._span, self._outcome, {"completed", "cancelled"}, error)
        self._span.end()


def _end(span: Span, outcome: str, good: Collection[str], error: Any = None) -> None:
    span.set_attribute("smooth.outcome", outcome)
    if outcome not in good:
        span.set_attribute("error.type", error or outcome)
        span.set_status(Status(StatusCode.ERROR))
