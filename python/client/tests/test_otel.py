"""One span for each turn, by the tables of conformance/TELEMETRY.md."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from smooth_operator import Handlers, ServerFaultError
from smooth_operator.otel import TurnSpans
from smooth_operator.testing import AGENT_ID, FakeServer

CONVERSATION = "00000000-0000-4000-8000-000000000001"
SESSION = "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """What was exported."""
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    """A provider of tracers that keeps its spans."""
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(exporter))
    return made


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def common(request: int) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "smooth-operator",
        "gen_ai.agent.id": AGENT_ID,
        "gen_ai.agent.name": "Fake Agent",
        "gen_ai.conversation.id": CONVERSATION,
        "server.address": "fake-server.invalid",
        "server.port": 80,
        "smooth_operator.request.id": f"req-00000000-0000-4000-8000-{request:012d}",
        "smooth_operator.session.id": SESSION,
    }


async def test_a_turn_that_completed(
    fake: FakeServer, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    usage = {"promptTokens": 31, "completionTokens": 4}
    fake.on_message().confirm("x").delay(250).tokens("a").finish(usage=usage)
    handlers = Handlers(confirm=lambda _: True)
    chat = await fake.conversation(observer=TurnSpans(provider), handlers=handlers)
    turn = chat.send("secret words", model="m-1")
    await fake.clock.advance(250)
    result = await turn
    span = only(exporter)
    assert (span.name, span.kind) == ("invoke_agent Fake Agent", SpanKind.CLIENT)
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "smooth-operator"
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == common(2) | {
        "gen_ai.request.model": "m-1",
        "gen_ai.response.id": result.message_id,
        "gen_ai.usage.input_tokens": 31,
        "gen_ai.usage.output_tokens": 4,
        "smooth_operator.time_to_first_token": 0.25,
        "smooth_operator.outcome": "completed",
    }
    assert [(one.name, dict(one.attributes or {})) for one in span.events] == [
        ("smooth_operator.question", {"smooth_operator.question.kind": "confirmation"}),
        ("smooth_operator.first_token", {}),
    ]
    assert "secret" not in span.to_json()


async def test_a_turn_that_failed(
    fake: FakeServer, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    fake.on_message().error("AGENT_ERROR", "secret words")
    chat = await fake.conversation(observer=TurnSpans(provider))
    with pytest.raises(ServerFaultError):
        await chat.ask("x")
    span = only(exporter)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert dict(span.attributes or {}) == common(2) | {
        "error.type": "server_error",
        "smooth_operator.outcome": "failed",
    }
    assert "secret" not in span.to_json()


async def test_a_turn_that_was_cancelled(
    fake: FakeServer, provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    fake.on_message().delay(1_000)
    chat = await fake.conversation(observer=TurnSpans(provider))
    await chat.send("x").cancel()
    span = only(exporter)
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == common(2) | {"smooth_operator.outcome": "cancelled"}


async def test_the_parent_is_what_is_current_at_send_and_the_port_is_told(
    provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    async with FakeServer() as fake:
        fake.on_message().finish("ok")
        await fake.listen()
        chat = await fake.conversation(observer=TurnSpans(provider))
        tracer = provider.get_tracer("test")
        with tracer.start_as_current_span("request") as parent:
            turn = chat.send("x")
        await turn
        port = int(fake.url.split(":")[2].split("/")[0])
    span = next(s for s in exporter.get_finished_spans() if s.name.startswith("invoke_agent"))
    assert span.parent is not None
    assert span.parent.span_id == parent.get_span_context().span_id
    attributes = dict(span.attributes or {})
    assert (attributes["server.address"], attributes["server.port"]) == ("127.0.0.1", port)


async def test_a_message_that_is_sent_again_is_one_span(
    provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    spans = TurnSpans(provider)
    spans.turn_started("r-1", "s")
    spans.turn_renamed("r-1", "r-2")
    spans.turn_settled("r-2", "completed", None)
    assert (only(exporter).attributes or {})["smooth_operator.request.id"] == "r-1"
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_without_the_extra_one_sentence_says_what_to_do() -> None:
    script = "import sys; sys.modules['opentelemetry'] = None; import smooth_operator.otel"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        "ImportError: smooth_operator.otel needs its extra: pip install 'smooth-operator[otel]'"
    )
