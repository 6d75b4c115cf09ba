"""The demonstration: it really looks things up, and its trigger words do what the help says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smooth_operator_server.engine.demo import DEMO_CODE, TRIGGERS
from smooth_operator_server.knowledge import seed_documents

from .support import Client, details, kinds, serving, step, text_of


@pytest.mark.parametrize(
    ("question", "source", "words"),
    [
        ("How long is your return window?", "returns.md", "17-day return window"),
        ("how do I start a return", "returns.md", "print the label"),
        ("What does shipping cost?", "shipping.md", "free for orders over 60 euros"),
        ("How long is the warranty on a lamp's frame?", "warranty.md", "three-year warranty"),
        ("When is the shop open?", "opening-hours.md", "Tuesday to Saturday"),
    ],
)
async def test_answers_are_quoted_from_the_documents(
    tmp_path: Path, question: str, source: str, words: str
) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        frames = await client.turn(await client.session(), question)
        assert kinds(frames) == [
            "immediate_response",
            "stream_chunk",
            "stream_chunk",
            "stream_token",
            "eventual_response",
        ]
        answer = details(frames[-1])
        assert words in text_of(frames)
        assert answer["response"]["responseParts"] == [text_of(frames)]
        assert source in text_of(frames)
        assert answer["citations"][0]["id"] == source
        assert words in answer["citations"][0]["snippet"]
        assert answer["usage"]["promptTokens"] > 0
        assert answer["usage"]["completionTokens"] > 0


async def test_the_same_question_gets_the_same_answer(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        question = "How long is your return window?"
        answers = [
            [(f["type"], f.get("token")) for f in await client.turn(await client.session(), q)]
            for q in (question, question)
        ]
        assert answers[0] == answers[1]


async def test_nothing_found_is_said(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        for message in ("xyzzy plugh", "???", "🗑"):
            frames = await client.turn(await client.session(), message)
            assert "found nothing" in text_of(frames)
            assert "citations" not in details(frames[-1])


async def answer(client: Client, session_id: str, message: str, **answers: Any) -> str:
    """Send a message, answer what is asked, return the streamed text."""
    at = {"sessionId": session_id, "requestId": "t"}
    await client.tx("send_message", message=message, **at)
    text = ""
    while True:
        frame = await client.rx()
        match frame["type"]:
            case "write_confirmation_required":
                await client.tx("confirm_tool_action", **at, **answers)
            case "otp_sent":
                await client.tx("verify_otp", **at, **answers)
            case "interaction_required":
                shown = details(frame)["interactionId"]
                await client.tx("submit_interaction", interactionId=shown, **at, **answers)
            case "stream_token":
                text += frame["token"]
            case "eventual_response":
                return text


async def test_the_trigger_words_show_the_questions(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client(extended=True) as client:
        session_id = await client.session(supports=["identity_form", "choice_chips"])
        for message, answers, words in (
            ("Please DELETE record 7", {"approved": True}, "Record 7 is deleted."),
            ("delete it", {"approved": True}, "Record 42 is deleted."),
            ("delete it", {"approved": False}, "I did not delete anything"),
            ("my balance?", {"code": DEMO_CODE}, "Your balance is 128.40 EUR."),
            (
                "contact me",
                {"values": {"name": "Ada", "email": "ada@example.org"}},
                "Thank you, Ada. We will write to ada@example.org.",
            ),
            ("contact me", {"declined": True}, "we go on without it"),
            (
                "let me choose",
                {"values": {"answers": [{"header": "Shade", "options": ["Paper"]}]}},
                "Noted: Paper.",
            ),
            (
                "let me choose",
                {"values": {"answers": [{"header": "Shade", "other": "Silk"}]}},
                "Noted: Silk.",
            ),
        ):
            assert words in await answer(client, session_id, message, **answers)


async def test_forms_are_asked_in_words_where_none_can_be_shown(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        session_id = await client.session()

        async def said(message: str) -> str:
            return text_of(await client.turn(session_id, message))

        assert "Please tell me your name" in await said("contact me")
        assert "did not fit yet" in await said("Ada, ada@nowhere")
        assert await said("Ada, ada@example.org") == (
            "Thank you, Ada. We will write to ada@example.org."
        )
        assert "Linen, Paper, Glass?" in await said("let me choose")
        assert await said("paper please") == "Noted: Paper."
        await said("let me choose")
        assert "17-day" in await said("How long is your return window?")


async def test_the_other_trigger_words(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        session_id = await client.session()
        frames = await client.turn(session_id, "think about your return window")
        assert "stream_reasoning" in kinds(frames)
        assert "17-day" in text_of(frames)
        frames = await client.turn(session_id, "please fail")
        assert frames[-1]["error"]["code"] == "AGENT_ERROR"
        at = {"sessionId": session_id, "requestId": "t"}
        await client.tx("send_message", message="slow", **at)
        await client.until("stream_token")
        await client.tx("cancel", **at)
        assert (await client.until("cancelled"))[-1]["requestId"] == "t"
        assert set(TRIGGERS) == {
            "delete",
            "balance",
            "contact",
            "choose",
            "think",
            "slow",
            "fail",
        }


async def test_the_resend_style_works_in_the_demonstration(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        session_id = await client.session()
        frames = await client.turn(session_id, "my balance")
        assert kinds(frames)[-3:] == ["otp_verification_required", "otp_sent", "eventual_response"]
        assert step(frames[2])["isError"] is True
        await client.call("verify_otp", sessionId=session_id, code=DEMO_CODE)
        assert "128.40" in text_of(await client.turn(session_id, "my balance"))


async def test_seeds_can_be_had_without_the_demonstration(tmp_path: Path) -> None:
    script = {"model": [{"text": "ok"}]}
    async with serving(tmp_path, script, seed_kb=True) as server, server.client() as client:
        frames = await client.turn(await client.session(), "return window")
        assert details(frames[-1])["citations"][0]["id"] == "returns.md"


def test_the_return_window_is_17_days() -> None:
    assert "17-day return window" in seed_documents()["returns.md"]
