"""One-time codes in both styles: the turn ends and is sent again, or it is parked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from smooth_operator_server.questions.otp import NOWHERE

from .support import Client, Frame, details, kinds, serving, step, text_of


def script(**otp: Any) -> dict[str, Any]:
    return {
        "model": [{"toolCall": {"name": "balance"}}, {"text": "Answer"}] * 4,
        "tools": [{"name": "balance", "description": "Read it", "result": 5, "auth": "end_user"}],
        "otp": {"code": "012345"} | otp,
    }


async def verify(client: Client, session_id: str, code: str, **members: Any) -> Frame:
    members = {"requestId": "t"} | members
    return await client.call("verify_otp", sessionId=session_id, code=code, **members)


async def park(client: Client, session_id: str) -> Frame:
    """Start a turn up to its parked tool; return the question."""
    await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
    frames = await client.until("stream_chunk")
    assert kinds(frames) == [
        "immediate_response",
        "otp_verification_required",
        "otp_sent",
        "stream_chunk",
    ]
    return frames[1]


async def test_resend_style_ends_the_turn_and_the_second_one_passes(tmp_path: Path) -> None:
    async with serving(tmp_path, script()) as server, server.client() as client:
        session_id = await client.session(userEmail="ada@example.org")
        frames = await client.turn(session_id, requestId="t")
        assert kinds(frames) == [
            "immediate_response",
            "stream_chunk",
            "stream_chunk",
            "stream_token",
            "otp_verification_required",
            "otp_sent",
            "eventual_response",
        ]
        assert step(frames[2])["isError"] is True
        assert details(frames[4]) == {
            "toolId": "balance",
            "actionDescription": "Read it",
            "availableChannels": ["email"],
            "authLevel": "end_user",
        }
        assert details(frames[5]) == {
            "channel": "email",
            "maskedDestination": "a***@example.org",
        }
        assert (await verify(client, session_id, "012345"))["type"] == "otp_verified"
        frames = await client.turn(session_id)
        results = [step(f) for f in frames if f["type"] == "stream_chunk"]
        assert results[1] == {"name": "balance", "isError": False, "result": 5}
        assert "otp_verification_required" not in kinds(frames)


async def test_a_proof_holds_for_its_session_alone(tmp_path: Path) -> None:
    async with serving(tmp_path, script()) as server, server.client() as client:
        data = await client.result("create_conversation_session", agentId="a")
        await client.turn(data["sessionId"])
        await verify(client, data["sessionId"], "012345")
        resumed = await client.session(conversationId=data["conversationId"])
        assert "otp_verification_required" in kinds(await client.turn(resumed))


async def test_wrong_codes_are_counted(tmp_path: Path) -> None:
    async with serving(tmp_path, script(attempts=3)) as server, server.client() as client:
        session_id = await client.session()
        await client.turn(session_id)
        seen = [details(await verify(client, session_id, code)) for code in ("1", "", "12345", "2")]
        assert [(item["error"], item["attemptsRemaining"]) for item in seen] == [
            ("INVALID_CODE", 2),
            ("INVALID_CODE", 1),
            ("MAX_ATTEMPTS", 0),
            ("NOT_FOUND", 0),
        ]
        assert (await verify(client, session_id, "012345"))["type"] == "otp_invalid"


async def test_a_code_expires(tmp_path: Path) -> None:
    async with serving(tmp_path, script()) as server, server.client() as client:
        session_id = await client.session()
        await client.turn(session_id)
        await server.clock.advance(300)
        frame = await verify(client, session_id, "012345")
        assert (details(frame)["error"], details(frame)["attemptsRemaining"]) == ("EXPIRED", 0)
        assert details(await verify(client, session_id, "012345"))["error"] == "EXPIRED"


async def test_a_code_nobody_asked_for_is_not_found(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        frame = await verify(client, await client.session(), "123456")
        assert details(frame)["error"] == "NOT_FOUND"
    async with serving(tmp_path, {"model": []}) as server, server.client() as client:
        frame = await verify(client, await client.session(), "123456")
        assert details(frame)["error"] == "NOT_FOUND"


async def test_a_failed_delivery_does_not_end_the_turn(tmp_path: Path) -> None:
    for extended in (False, True):
        async with (
            serving(tmp_path, script(sendFails=True)) as server,
            server.client(extended=extended) as client,
        ):
            session_id = await client.session()
            await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
            failed = (await client.until("error"))[-1]
            assert failed["error"]["code"] == "OTP_SEND_FAILED"
            assert failed["requestId"] == "t"
            assert failed["error"].get("terminal") is (False if extended else None)
            if extended:
                await client.rx("stream_chunk")
                assert (await verify(client, session_id, "012345"))["type"] == "otp_verified"
            assert (await client.until("eventual_response"))[-1]["status"] == 200


async def test_codes_may_travel_by_sms(tmp_path: Path) -> None:
    async with serving(tmp_path, script(channel="sms")) as server, server.client() as client:
        frames = await client.turn(await client.session())
        assert details(frames[-3])["availableChannels"] == ["sms"]
        assert details(frames[-2]) == {"channel": "sms", "maskedDestination": NOWHERE}


async def test_park_style_goes_on_with_the_same_turn(tmp_path: Path) -> None:
    async with serving(tmp_path, script()) as server, server.client(extended=True) as client:
        session_id = await client.session()
        question = await park(client, session_id)
        assert details(question)["expiresAt"] - question["timestamp"] == 300_000
        wrong = await verify(client, session_id, "111111")
        assert details(wrong)["attemptsRemaining"] == 2
        assert (await verify(client, session_id, "012345"))["type"] == "otp_verified"
        frames = await client.until("eventual_response")
        assert kinds(frames) == ["stream_chunk", "stream_token", "eventual_response"]
        assert step(frames[0])["result"] == 5
        assert {frame["requestId"] for frame in frames} == {"t"}
        frames = await client.turn(session_id)
        assert "otp_verification_required" not in kinds(frames)


async def test_park_style_refuses_when_the_tries_are_used_up(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, script(attempts=1)) as server,
        server.client(extended=True) as client,
    ):
        session_id = await client.session()
        await park(client, session_id)
        frame = await verify(client, session_id, "111111")
        assert details(frame)["error"] == "MAX_ATTEMPTS"
        frames = await client.until("eventual_response")
        assert step(frames[0])["isError"] is True
        assert text_of(frames) == "Answer"


async def test_park_style_can_be_declined(tmp_path: Path) -> None:
    async with serving(tmp_path, script()) as server, server.client(extended=True) as client:
        session_id = await client.session()
        await park(client, session_id)
        members = {"sessionId": session_id, "requestId": "t", "declined": True}
        assert await client.result("verify_otp", **members) == {
            "sessionId": session_id,
            "declined": True,
        }
        frames = await client.until("eventual_response")
        assert step(frames[0])["isError"] is True
        again = await client.call("verify_otp", **members)
        assert details(again)["error"] == "NOT_FOUND"


async def test_req_srv_09_park_style_expires(tmp_path: Path) -> None:
    async with serving(tmp_path, script()) as server, server.client(extended=True) as client:
        session_id = await client.session()
        await park(client, session_id)
        await server.clock.advance(300)
        frames = await client.until("eventual_response")
        chunk = next(frame for frame in frames if frame["type"] == "stream_chunk")
        assert step(chunk)["isError"] is True
        frame = await verify(client, session_id, "012345")
        assert details(frame)["error"] == "EXPIRED"


async def test_a_cancelled_park_takes_no_code(tmp_path: Path) -> None:
    async with serving(tmp_path, script()) as server, server.client(extended=True) as client:
        session_id = await client.session()
        await park(client, session_id)
        await client.tx("cancel", sessionId=session_id, requestId="t")
        await client.rx("cancelled")
        assert details(await verify(client, session_id, "012345"))["error"] == "NOT_FOUND"


async def test_a_tool_that_needs_both_asks_for_the_code_first(tmp_path: Path) -> None:
    both = script() | {"confirmTools": ["balance"]}
    async with serving(tmp_path, both) as server, server.client(extended=True) as client:
        session_id = await client.session()
        await client.tx("send_message", sessionId=session_id, message="m", requestId="t")
        assert kinds(await client.until("otp_sent"))[-2:] == [
            "otp_verification_required",
            "otp_sent",
        ]
        await verify(client, session_id, "012345")
        question = await client.rx("write_confirmation_required")
        assert "toolCall" in str(await client.rx("stream_chunk"))
        members = {"confirmationId": details(question)["confirmationId"], "approved": True}
        await client.tx("confirm_tool_action", sessionId=session_id, requestId="t", **members)
        frames = await client.until("eventual_response")
        assert step(frames[1])["result"] == 5
        # Refused at the first gate, the call is shown all the same.
        second = await client.session()
        await client.tx("send_message", sessionId=second, message="m", requestId="t")
        await client.until("otp_sent")
        await client.tx("verify_otp", sessionId=second, requestId="t", declined=True)
        frames = await client.until("eventual_response")
        assert kinds(frames)[:3] == ["immediate_response", "stream_chunk", "stream_chunk"]


async def test_tools_that_nobody_can_prove_themselves_for_are_refused(tmp_path: Path) -> None:
    admin = script()
    admin["tools"][0]["auth"] = "admin"
    no_service = {key: value for key, value in script().items() if key != "otp"}
    for refused in (admin, no_service):
        async with serving(tmp_path, refused) as server, server.client(extended=True) as client:
            frames = await client.turn(await client.session())
            assert step(frames[2])["isError"] is True
            assert "otp_verification_required" not in kinds(frames)
