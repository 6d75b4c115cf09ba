"""Figures, spans and probes: what is said of a server from outside, and what never is."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from smooth_operator_server.auth import minted
from smooth_operator_server.store import StoreError

from .support import Running, serving
from .support_endpoint import Reply, calls, words
from .test_auth import ADA, JWT, SECRET
from .test_mcp import servers
from .test_model import advancing, answering


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """Collect the spans of this process: the library takes one provider, once."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    exporter.clear()
    return exporter


async def fetched(server: Running, path: str, **headers: str) -> httpx2.Response:
    url = server.url.replace("ws://", "http://").removesuffix("/ws")
    async with httpx2.AsyncClient(trust_env=False) as client:
        return await client.get(f"{url}{path}", headers=headers)


async def figures(server: Running) -> dict[tuple[str, str], float]:
    """Return the samples by name and label values."""
    answer = await fetched(server, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, ",".join(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_a_turn_is_counted_with_its_tokens_cost_and_tools(tmp_path: Path) -> None:
    wants = Reply(calls(("knowledge_search", {"query": "x"})), usage=(1000, 200))
    replies = wants, Reply(words("Done."), usage=(2000, 100)), Reply(status=401)
    async with answering(tmp_path, *replies) as (_, server, client):
        session_id = await client.session()
        await client.turn(session_id, "Hi")
        await client.turn(session_id, "Hi", model="a-name-that-somebody-made-up")
        await client.refusal("get_session", sessionId="nobody")
        seen = await figures(server)
        model = "claude-haiku-4-5"
        assert seen["smooth_turns_total", "completed"] == 1
        assert seen["smooth_turns_total", "failed"] == 1
        assert seen["smooth_turns_running", ""] == 0
        assert seen["smooth_sockets", ""] == 1
        assert seen["smooth_model_calls_total", f"{model},completed"] == 2
        assert seen["smooth_model_calls_total", "other,failed"] == 1
        assert seen["smooth_model_tokens_total", f"read,{model}"] == 3000
        assert seen["smooth_model_tokens_total", f"written,{model}"] == 300
        assert seen["smooth_model_cost_usd_total", model] == pytest.approx(0.0045)
        assert seen["smooth_tool_calls_total", "completed,knowledge_search"] == 1
        assert seen["smooth_refusals_total", "SESSION_NOT_FOUND"] == 1
        assert seen["smooth_first_word_seconds_count", ""] == 1
        assert not [key for key in seen if "made-up" in key[1]]


async def test_spans_follow_the_conventions_and_hold_no_content(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    wants = Reply(calls(("knowledge_search", {"query": "a secret question"})), usage=(10, 2))
    replies = wants, Reply(words("a secret answer"), usage=(20, 3))
    async with answering(tmp_path, *replies) as (_, _server, client):
        session = await client.result(
            "create_conversation_session", agentId="agent", supports=["spec_1_1", "otp_park"]
        )
        await client.turn(session["sessionId"], "a secret message")
    by_name = {span.name: span for span in spans.get_finished_spans()}
    assert set(by_name) == {
        "chat claude-haiku-4-5",
        "execute_tool knowledge_search",
        "invoke_agent smooth-agent",
    }
    turn, chat = by_name["invoke_agent smooth-agent"], by_name["chat claude-haiku-4-5"]
    tool = by_name["execute_tool knowledge_search"]
    assert turn.context is not None
    for inner in (chat, tool):
        assert inner.parent is not None
        assert inner.parent.span_id == turn.context.span_id
    said = dict(chat.attributes or {})
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.request.model"] == "claude-haiku-4-5"
    assert (said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]) == (20, 3)
    assert said["operation.cost"] == pytest.approx(20e-6 + 15e-6)
    assert said["gen_ai.response.finish_reasons"] == ("stop",)
    assert dict(turn.attributes or {})["gen_ai.conversation.id"] == session["conversationId"]
    everything = json.dumps([span.to_json() for span in spans.get_finished_spans()])
    assert "secret" not in everything


async def test_a_call_that_fails_says_its_kind_and_a_cancelled_one_is_no_error(
    tmp_path: Path, spans: InMemorySpanExporter
) -> None:
    replies = Reply(status=401), Reply(words("Well"), stall=True)
    async with answering(tmp_path, *replies) as (_, server, client):
        session_id = await client.session()
        await client.turn(session_id, "Hi")
        request_id = await client.tx("send_message", sessionId=session_id, message="Hi")
        await advancing(server, client, "stream_token")
        await client.tx("cancel", sessionId=session_id, requestId=request_id)
        await client.rx("cancelled")
    chats = [span for span in spans.get_finished_spans() if span.name.startswith("chat")]
    failed, cancelled = (dict(span.attributes or {}) for span in chats)
    assert failed["error.type"] == "ModelAuthenticationError"
    assert "error.type" not in cancelled
    assert cancelled["smooth.outcome"] == "cancelled"
    assert cancelled["gen_ai.usage.output_tokens"] > 0


async def test_ready_says_what_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mcp = servers(tmp_path, gone={"command": "/no/such/program"})
    async with serving(tmp_path, {"model": []}, mcp=mcp) as server:
        answer = await fetched(server, "/ready")
        assert answer.status_code == 200
        assert answer.json() == {
            "status": "degraded",
            "parts": {"store": "ok", "model": "ok", "tools/gone": "away"},
        }
        stores = server.listener.server._stores

        async def away(*_: Any) -> None:
            raise StoreError("secret words of the database")

        monkeypatch.setattr("smooth_operator_server.store.sqlite.SqliteDatabase.look", away)
        object.__setattr__(stores, "ping", away)
        answer = await fetched(server, "/ready")
        assert answer.status_code == 503
        assert answer.json()["status"] == "away"
        assert answer.json()["parts"]["store"] == "away"
        assert (await fetched(server, "/health")).json() == {"status": "ok"}


async def test_a_server_without_a_model_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path, db=tmp_path / "x.db") as server:
        parts = (await fetched(server, "/ready")).json()["parts"]
        assert parts["store"] == "ok"
        assert parts["model"] != "ok"
        for url in ("/", "/nothing", "/health/x"):
            assert (await fetched(server, url)).status_code == 404


async def test_figures_are_for_curators_where_people_have_tokens(tmp_path: Path) -> None:
    async with serving(tmp_path, {"model": []}, **JWT) as server:
        assert (await fetched(server, "/metrics")).status_code == 401
        for role, status in (("basic", 403), ("curator", 200), ("admin", 200)):
            token = minted(SECRET, ADA | {"role": role}, 60)
            answer = await fetched(server, "/metrics", Authorization=f"Bearer {token}")
            assert answer.status_code == status
        assert (await fetched(server, "/ready")).status_code == 200
        await asyncio.sleep(0)
