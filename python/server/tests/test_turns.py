"""Turns without questions: what they send, in which order, and how they end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

from .support import Client, details, kinds, serving, step, text_of

HELLO = {"model": [{"text": "Hello there,  my friend 🗑️"}]}


async def test_req_srv_03_a_turn_is_accepted_streamed_and_answered(tmp_path: Path) -> None:
    async with serving(tmp_path, HELLO) as server, server.client() as client:
        session_id = await client.session()
        frames = await client.turn(session_id, requestId="req-1")
        assert kinds(frames) == ["immediate_response", "stream_token", "eventual_response"]
        assert {frame["requestId"] for frame in frames} == {"req-1"}
        assert [f["token"] for f in frames[1:-1]] == ["Hello ", "there,  ", "my ", "friend ", "🗑️"]
        assert text_of(frames) == "Hello there,  my friend 🗑️"
        answer = details(frames[-1])
        assert answer["response"]["responseParts"] == [text_of(frames)]
        assert answer["usage"] == {"promptTokens": 10, "completionTokens": 5}
        assert "citations" not in answer
        UUID(answer["messageId"])
        await client.silence()


async def test_a_turn_without_a_request_id_gets_one(tmp_path: Path) -> None:
    async with serving(tmp_path, HELLO) as server, server.client() as client:
        frames = await client.turn(await client.session(), requestId=None)
        minted = frames[0]["requestId"]
        assert minted
        assert {frame["requestId"] for frame in frames} == {minted}


async def test_req_srv_08_without_stream_no_token_is_sent(tmp_path: Path) -> None:
    script = {
        "model": [{"toolCall": {"name": "look"}}, {"text": "a b c"}],
        "tools": [{"name": "look", "result": 1}],
    }
    async with serving(tmp_path, script) as server, server.client() as client:
        frames = await client.turn(await client.session(), stream=False)
        assert kinds(frames) == [
            "immediate_response",
            "stream_chunk",
            "stream_chunk",
            "eventual_response",
        ]
        assert details(frames[-1])["response"]["responseParts"] == ["a b c"]


async def test_req_srv_04_tool_calls_come_before_their_results(tmp_path: Path) -> None:
    script = {
        "model": [
            {"preamble": "Let me look."},
            {"reasoning": "It is easy."},
            {"toolCall": {"name": "look", "arguments": {"id": 1}}},
            {"toolCall": {"name": "look"}},
            {"text": "Done", "usage": {"promptTokens": 1, "completionTokens": 2, "costUsd": 0.5}},
        ],
        "tools": [{"name": "look", "result": {"found": [1, None]}}],
    }
    async with serving(tmp_path, script) as server, server.client() as client:
        frames = await client.turn(await client.session())
        assert [frame["type"] for frame in frames] == (
            ["immediate_response"]
            + ["stream_preamble"] * 3
            + ["stream_reasoning"] * 3
            + ["stream_chunk"] * 4
            + ["stream_token", "eventual_response"]
        )
        chunks = [frame for frame in frames if frame["type"] == "stream_chunk"]
        result = {"name": "look", "isError": False, "result": {"found": [1, None]}}
        assert [step(chunk) for chunk in chunks] == [
            {"name": "look", "arguments": {"id": 1}},
            result,
            {"name": "look", "arguments": {}},
            result,
        ]
        assert details(frames[-1])["usage"] == {
            "promptTokens": 21,
            "completionTokens": 12,
            "costUsd": 0.5,
        }


async def test_a_tool_that_is_unknown_or_gets_bad_arguments_is_told_so(tmp_path: Path) -> None:
    parameters = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    script = {
        "model": [
            {"toolCall": {"name": "nope"}},
            {"toolCall": {"name": "look", "arguments": {"id": "secret"}}},
            {"text": "Sorry"},
        ],
        "tools": [{"name": "look", "parameters": parameters}],
    }
    async with serving(tmp_path, script) as server, server.client() as client:
        frames = await client.turn(await client.session())
        results = [step(f) for f in frames if f["type"] == "stream_chunk"][1::2]
        assert [(item["isError"], item["result"]) for item in results] == [
            (True, "there is no tool nope"),
            (True, "the arguments do not fit: /id must be of type integer"),
        ]
        assert frames[-1]["type"] == "eventual_response"


async def test_req_srv_10_tokens_joined_are_the_text_of_the_answer(tmp_path: Path) -> None:
    texts = ["one", "  two\n\nthree  ", "\t", "🗑️ ünï\u200dcode", "a" * 5000]
    script = {"model": [{"text": text} for text in texts]}
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id = await client.session()
        for text in texts:
            frames = await client.turn(session_id)
            assert text_of(frames) == text
            assert details(frames[-1])["response"]["responseParts"] == [text]


async def test_an_empty_answer_is_an_answer(tmp_path: Path) -> None:
    async with serving(tmp_path, {"model": [{"text": ""}]}) as server, server.client() as client:
        frames = await client.turn(await client.session())
        assert kinds(frames) == ["immediate_response", "eventual_response"]
        assert details(frames[-1])["response"]["responseParts"] == [""]


async def test_documents_are_cited(tmp_path: Path) -> None:
    returns = "# Returns\n\nYou may return it within our 17-day return window. No questions."
    script = {
        "model": [
            {"text": "17 days"},
            {"toolCall": {"name": "knowledge_search", "arguments": {"query": "shipping"}}},
            {"text": "Free"},
        ],
        "knowledge": [
            {"source": "returns.md", "content": returns},
            {"source": "shipping.md", "content": "Shipping is free."},
        ],
    }
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id = await client.session()
        frames = await client.turn(session_id, "How long is your return window?")
        assert details(frames[-1])["citations"] == [
            {
                "id": "returns.md",
                "title": "returns.md",
                "snippet": "You may return it within our 17-day return window. No questions.",
                "score": 0.667,
            }
        ]
        frames = await client.turn(session_id, "And the return window by post?")
        cited = [item["id"] for item in details(frames[-1])["citations"]]
        assert cited == ["returns.md", "shipping.md"]
        (result,) = [step(f)["result"] for f in frames if "toolResult" in str(f)]
        assert result["passages"][0]["passage"] == "Shipping is free."


async def test_an_engine_failure_ends_the_turn_with_agent_error(tmp_path: Path) -> None:
    script = {"model": [{"error": "upstream 500"}, {"text": "fine"}]}
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id = await client.session()
        frames = await client.turn(session_id, requestId="t")
        assert frames[-1]["error"] == {"code": "AGENT_ERROR", "message": "upstream 500"}
        assert frames[-1]["requestId"] == "t"
        assert (await client.turn(session_id))[-1]["type"] == "eventual_response"


async def test_a_script_that_runs_dry_says_so(tmp_path: Path) -> None:
    for model in ([], [{"reasoning": "hm"}], [{"toolCall": {"name": "x"}}]):
        async with serving(tmp_path, {"model": model}) as server, server.client() as client:
            frames = await client.turn(await client.session())
            assert frames[-1]["error"] == {
                "code": "AGENT_ERROR",
                "message": "the script has no model entry left",
            }


async def test_an_agent_that_never_ends_is_stopped(tmp_path: Path) -> None:
    script = {"model": [{"toolCall": {"name": "x"}}] * 9, "tools": [{"name": "x"}]}
    async with serving(tmp_path, script, max_iterations=3) as server, server.client() as client:
        frames = await client.turn(await client.session())
        assert frames[-1]["error"]["code"] == "AGENT_ERROR"
        assert frames[-1]["error"]["message"] == "the agent took more than 3 steps"


async def test_the_script_is_consumed_in_order_across_turns(tmp_path: Path) -> None:
    script = {"model": [{"text": "one"}, {"text": "two"}, {"text": "three"}]}
    async with serving(tmp_path, script) as server:
        async with server.client() as client:
            session_id = await client.session()
            assert text_of(await client.turn(session_id)) == "one"
            assert text_of(await client.turn(session_id)) == "two"
        async with server.client() as client:
            assert text_of(await client.turn(await client.session())) == "three"


async def test_without_a_model_everything_but_turns_works(tmp_path: Path) -> None:
    async with serving(tmp_path, db=":memory:") as server, server.client() as client:
        session_id = await client.session()
        frame = await client.call("send_message", sessionId=session_id, message="secret")
        assert frame["error"]["code"] == "LLM_UNAVAILABLE"
        assert "SMOOAI_GATEWAY_KEY" in frame["error"]["message"]
        page = await client.result("get_conversation_messages", sessionId=session_id)
        assert page["messages"] == []


async def test_skills_are_not_found(tmp_path: Path) -> None:
    async with serving(tmp_path, HELLO) as server, server.client() as client:
        session_id = await client.session()
        members = {"sessionId": session_id, "message": "m", "skill": "billing"}
        assert await client.refusal("send_message", **members) == "SKILL_NOT_FOUND"
        assert (await client.turn(session_id))[-1]["type"] == "eventual_response"


SLOW = {"model": [{"delayMs": 60_000, "text": "late"}, {"text": "next"}]}


async def start(client: Client, session_id: str, **members: object) -> str:
    request_id = await client.tx("send_message", sessionId=session_id, message="m", **members)
    assert (await client.rx("immediate_response"))["status"] == 202
    return request_id


async def test_req_srv_11_a_session_runs_one_turn_at_a_time(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SLOW) as server,
        server.client() as client,
        server.client() as other,
    ):
        session_id = await client.session()
        await start(client, session_id, requestId="one")
        for peer in (client, other):
            members = {"sessionId": session_id, "message": "m"}
            assert await peer.refusal("send_message", **members) == "TURN_IN_PROGRESS"
        await server.clock.advance(60)
        frames = await client.until("eventual_response")
        assert text_of(frames) == "late"
        assert text_of(await other.turn(session_id)) == "next"


async def test_req_srv_11_a_session_is_free_when_its_terminal_is_out(tmp_path: Path) -> None:
    script = {"model": [{"text": "x"}] * 50}
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id = await client.session()
        for _ in range(50):
            assert (await client.turn(session_id))[-1]["type"] == "eventual_response"


async def test_everything_else_is_answered_during_a_turn(tmp_path: Path) -> None:
    async with serving(tmp_path, SLOW) as server, server.client() as client:
        session_id = await client.session()
        await start(client, session_id)
        await client.silence()
        await client.result("get_session", sessionId=session_id)
        await client.result("list_conversations")
        await client.session()
        assert (await client.call("verify_otp", sessionId=session_id, code="1"))["type"] == (
            "otp_invalid"
        )


async def test_keepalive_is_sent_while_a_turn_is_silent(tmp_path: Path) -> None:
    async with serving(tmp_path, SLOW) as server, server.client() as client:
        session_id = await client.session()
        await start(client, session_id, requestId="t")
        await server.clock.advance(9.9)
        await client.silence()
        await server.clock.advance(0.1)
        frame = await client.rx("keepalive")
        assert frame["requestId"] == frame["data"]["requestId"] == "t"
        await server.clock.advance(49.9)
        assert [(await client.rx())["type"] for _ in range(4)] == ["keepalive"] * 4
        await server.clock.advance(0.1)
        await client.until("eventual_response")
        await server.clock.advance(100)
        await client.silence()


async def test_sessions_do_not_disturb_each_other(tmp_path: Path) -> None:
    words = " ".join(f"w{n}" for n in range(200))
    script = {"model": [{"text": words}] * 20}
    async with serving(tmp_path, script) as server:

        async def one() -> str:
            async with server.client() as client:
                return text_of(await client.turn(await client.session()))

        assert await asyncio.gather(*(one() for _ in range(20))) == [words] * 20


async def test_two_sessions_on_one_socket_run_at_the_same_time(tmp_path: Path) -> None:
    async with serving(tmp_path, SLOW) as server, server.client() as client:
        first, second = await client.session(), await client.session()
        await start(client, first, requestId="one")
        await start(client, second, requestId="two")
        frames = await client.until("eventual_response")
        assert {frame["requestId"] for frame in frames} == {"two"}
        await server.clock.advance(60)
        frames = await client.until("eventual_response")
        assert frames[-1]["requestId"] == "one"
