"""Interactions: forms that park the turn, and the conversation that stands in for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from .support import Client, Frame, details, kinds, serving, step

IDENTITY = {
    "toolCall": {
        "name": "request_identity_intake",
        "arguments": {
            "fields": ["name", {"key": "email", "required": True, "label": "Mail"}],
            "reason": "To write to you",
        },
    }
}
CHOICES = {
    "toolCall": {
        "name": "request_choices",
        "arguments": {
            "questions": [
                {"question": "Which?", "header": "Colour", "options": ["red", {"label": "blue"}]},
                {
                    "question": "And?",
                    "header": "Sizes",
                    "options": ["S", "M", "L"],
                    "multiSelect": True,
                },
            ],
        },
    }
}
DONE = {"text": "Done"}
WORDS = ["identity_form", "choice_chips"]


async def park(client: Client, session_id: str) -> Frame:
    """Start a turn up to its form; return the question."""
    await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
    frames = await client.until("stream_chunk")
    assert kinds(frames) == ["immediate_response", "interaction_required", "stream_chunk"]
    return frames[1]


async def submit(client: Client, session_id: str, question: Frame, **members: Any) -> Frame:
    asked = details(question)
    members = {"requestId": "t", "interactionId": asked["interactionId"]} | members
    return await client.call("submit_interaction", sessionId=session_id, **members)


async def test_a_form_is_asked_and_its_values_reach_the_agent(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, {"model": [IDENTITY, DONE]}) as server,
        server.client() as client,
    ):
        session_id = await client.session(supports=WORDS)
        question = await park(client, session_id)
        asked = dict(details(question))
        UUID(asked.pop("interactionId"))
        assert asked == {
            "kind": "identity_intake",
            "reason": "To write to you",
            "spec": {
                "fields": [
                    {"key": "name", "required": True},
                    {"key": "email", "required": True, "label": "Mail"},
                ]
            },
        }
        values = {"name": " Ada ", "email": "Ada@EXAMPLE.org", "phone": "(555) 010-0100"}
        frame = await submit(client, session_id, question, values=values, kind="identity_intake")
        assert (frame["type"], frame["status"]) == ("immediate_response", 200)
        frames = await client.until("eventual_response")
        assert kinds(frames) == ["stream_chunk", "stream_token", "eventual_response"]
        assert step(frames[0]) == {
            "name": "request_identity_intake",
            "isError": False,
            "result": {
                "status": "submitted",
                "values": {
                    "name": "Ada",
                    "email": "Ada@example.org",
                    "phone": "+15550100100",
                },
            },
        }


async def test_what_the_person_gave_becomes_the_contact_of_the_session(tmp_path: Path) -> None:
    script = {
        "model": [IDENTITY, DONE, {"toolCall": {"name": "x"}}, DONE],
        "tools": [{"name": "x", "auth": "end_user"}],
        "otp": {"code": "1"},
    }
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id = await client.session(supports=WORDS, userEmail="old@example.org")
        question = await park(client, session_id)
        values = {"name": "Ada", "email": "new@example.org"}
        await submit(client, session_id, question, values=values)
        await client.until("eventual_response")
        frames = await client.turn(session_id)
        assert details(frames[-2])["maskedDestination"] == "n***@example.org"


async def test_choices_are_asked_and_answered(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, {"model": [CHOICES, DONE]}) as server,
        server.client(extended=True) as client,
    ):
        session_id = await client.session(supports=WORDS)
        question = await park(client, session_id)
        asked = details(question)
        assert asked["spec"]["questions"][0]["options"] == [{"label": "red"}, {"label": "blue"}]
        assert asked["expiresAt"] - question["timestamp"] == 300_000
        answers = [
            {"header": "Sizes", "options": [" L ", "S", "L"], "other": " huge "},
            {"header": "Colour", "options": [], "other": "green"},
        ]
        await submit(client, session_id, question, values={"answers": answers})
        frames = await client.until("eventual_response")
        assert step(frames[0])["result"]["values"] == {
            "answers": [
                {"header": "Colour", "other": "green"},
                {"header": "Sizes", "options": ["L", "S"], "other": "huge"},
            ]
        }


async def test_invalid_values_are_told_and_the_form_stays_open(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, {"model": [IDENTITY, DONE]}) as server,
        server.client() as client,
    ):
        session_id = await client.session(supports=WORDS)
        question = await park(client, session_id)
        for _ in range(2):
            values = {"name": " ", "email": "ada@example", "phone": "12"}
            frame = await submit(client, session_id, question, values=values)
            assert frame["type"] == "interaction_invalid"
            assert details(frame) == {
                "interactionId": details(question)["interactionId"],
                "kind": "identity_intake",
                "errors": [
                    {"field": "name", "message": "is required"},
                    {"field": "email", "message": "must be a valid email address"},
                    {"field": "phone", "message": "must be a valid phone number"},
                ],
                "message": "Some fields need attention.",
            }
        frame = await submit(client, session_id, question, declined=True)
        assert frame["data"]["declined"] is True
        frames = await client.until("eventual_response")
        assert step(frames[0])["result"]["status"] == "declined"


async def test_answers_that_do_not_fit_the_open_form_leave_it_open(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, {"model": [IDENTITY, DONE]}) as server,
        server.client() as client,
    ):
        session_id = await client.session(supports=WORDS)
        question = await park(client, session_id)
        values = {"values": {"name": "A", "email": "a@b.cd"}}
        for members, code in (
            ({"interactionId": "stale"}, "INTERACTION_MISMATCH"),
            ({"kind": "choices"}, "INTERACTION_MISMATCH"),
            ({"values": None}, "VALIDATION_ERROR"),
            ({"values": None, "declined": False}, "VALIDATION_ERROR"),
            ({"values": "text"}, "VALIDATION_ERROR"),
            ({"sessionId": "unknown"}, "NO_PENDING_INTERACTION"),
        ):
            members = {"sessionId": session_id, "requestId": "t"} | values | members
            members.setdefault("interactionId", details(question)["interactionId"])
            assert await client.refusal("submit_interaction", **members) == code
        assert (await submit(client, session_id, question, **values))["status"] == 200
        await client.until("eventual_response")
        late = await submit(client, session_id, question, **values)
        assert late["error"]["code"] == "NO_PENDING_INTERACTION"
        named = {"interactionId": details(question)["interactionId"]}
        assert late["data"]["details"] == named  # a client may have answers to several out


async def test_req_srv_09_an_unanswered_form_is_no_response(tmp_path: Path) -> None:
    model = [IDENTITY, CHOICES, DONE]
    async with (
        serving(tmp_path, {"model": model}, question_secs=9) as server,
        server.client() as client,
    ):
        session_id = await client.session(supports=WORDS)
        first = await park(client, session_id)
        await server.clock.advance(9)
        assert step(await client.rx("stream_chunk"))["result"]["status"] == "no_response"
        second = await client.rx("interaction_required")
        await client.rx("stream_chunk")
        # The answer to the first form is not given to the second one.
        late = await submit(client, session_id, first, values={"name": "A", "email": "a@b.c"})
        assert late["error"]["code"] == "INTERACTION_MISMATCH"
        await submit(client, session_id, second, declined=True)
        assert (await client.until("eventual_response"))[-1]["status"] == 200


async def test_a_form_that_cannot_be_shown_is_the_models_fault(tmp_path: Path) -> None:
    bad = [
        ("request_identity_intake", {}),
        ("request_identity_intake", {"fields": []}),
        ("request_identity_intake", {"fields": ["shoe size"]}),
        ("request_identity_intake", {"fields": "name"}),
        ("request_choices", {"questions": []}),
        ("request_choices", {"questions": [1]}),
        ("request_choices", {"questions": [{"question": "q", "header": "h", "options": ["a"]}]}),
        ("request_choices", {"questions": [
            {"question": "q", "header": "h", "options": ["a", "b"]}] * 2}),
        ("request_choices", {"questions": [
            {"question": "q", "header": "h", "options": ["a", "a"]}]}),
        ("request_choices", {"questions": [
            {"question": "q", "header": "longer than 12", "options": ["a", "b"]}]}),
    ]  # fmt: skip
    for name, arguments in bad:
        model = [{"toolCall": {"name": name, "arguments": arguments}}, DONE]
        async with serving(tmp_path, {"model": model}) as server, server.client() as client:
            frames = await client.turn(await client.session(supports=WORDS))
            assert step(frames[2])["isError"] is True, (name, arguments)


def hand_in(**arguments: Any) -> dict[str, Any]:
    return {"toolCall": {"name": "submit_interaction", "arguments": arguments}}


async def test_without_the_capability_the_model_asks_in_words(tmp_path: Path) -> None:
    answer = {"name": "Ada", "email": "ada@example.org"}
    script = {
        "model": [
            hand_in(kind="identity_intake", values=answer),
            IDENTITY,
            {"text": "Who are you?"},
            hand_in(kind="identity_intake", values={"email": "x"}),
            hand_in(kind="identity_intake", values=answer),
            hand_in(kind="identity_intake", values=answer),
            {"toolCall": {"name": "x"}},
            {"text": "Thanks"},
        ],
        "tools": [{"name": "x", "auth": "end_user"}],
        "otp": {"code": "1"},
    }
    async with serving(tmp_path, script) as server, server.client() as client:
        session_id = await client.session(supports=["choice_chips"])
        frames = await client.turn(session_id)
        early, told = (step(f) for f in frames if "toolResult" in str(f))
        assert (early["isError"], early["result"]) == (
            True,
            "no interaction of this kind is asked for",
        )
        assert told["isError"] is False
        assert set(told["result"]) == {"mode", "kind", "spec", "reason", "instructions"}
        assert told["result"]["mode"] == "conversational"
        frames = await client.turn(session_id)
        results = [step(f) for f in frames if "toolResult" in str(f)]
        assert results[0]["result"]["status"] == "invalid"
        assert [error["field"] for error in results[0]["result"]["errors"]] == ["name", "email"]
        assert results[1]["result"] == {"status": "submitted", "values": answer}
        assert results[2]["isError"] is True
        assert details(frames[-2])["maskedDestination"] == "a***@example.org"


async def test_choices_can_be_answered_and_declined_in_words(tmp_path: Path) -> None:
    answers = {"answers": [{"header": "Colour", "options": ["red"]}, {"header": "Sizes",
               "options": ["S"]}]}  # fmt: skip
    model = [
        CHOICES,
        hand_in(kind="choices", values=answers),
        CHOICES,
        hand_in(kind="choices", declined=True),
        DONE,
    ]
    async with serving(tmp_path, {"model": model}) as server, server.client() as client:
        frames = await client.turn(await client.session())
        results = [step(f)["result"] for f in frames if "toolResult" in str(f)]
        assert results[1] == {"status": "submitted", "values": answers}
        assert results[3]["status"] == "declined"
