"""Sessions: opening, resuming, finding them again."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from .support import NEW, Client, serving

SCRIPT = {"model": [{"text": "one"}, {"text": "two"}, {"text": "three"}]}


async def create(client: Client, **members: object) -> dict[str, str]:
    return await client.result("create_conversation_session", agentId="a", **members)


async def test_a_session_has_ids_of_its_own(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        data = await create(client, userName="Ada")
        ids = ("sessionId", "conversationId", "userParticipantId", "agentParticipantId")
        assert set(data) == {*ids, "agentId", "agentName"}
        assert len({str(UUID(data[name])) for name in ids}) == 4
        assert await create(client) != await create(client)


async def test_get_session_shows_the_session(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        data = await create(client)
        shown = await client.result("get_session", sessionId=data["sessionId"])
        assert shown == data | {"threadId": data["conversationId"], "status": "active"}


async def test_an_unknown_session_is_not_found(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        for action, members in (
            ("get_session", {}),
            ("get_conversation_messages", {}),
            ("send_message", {"message": "m"}),
            ("verify_otp", {"code": "1"}),
        ):
            for session_id in ("not a uuid", "6f1c5f5e-0000-4000-8000-000000000000"):
                code = await client.refusal(action, sessionId=session_id, **members)
                assert code == "SESSION_NOT_FOUND"


async def test_a_session_is_known_to_every_socket(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT) as server:
        async with server.client() as first:
            session_id = await first.session()
        async with server.client() as second:
            assert (await second.turn(session_id))[-1]["type"] == "eventual_response"


async def test_resuming_goes_on_with_the_conversation(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT) as server, server.client() as client:
        first = await create(client)
        await client.turn(first["sessionId"])
        second = await create(client, conversationId=first["conversationId"])
        assert second["conversationId"] == first["conversationId"]
        assert second["sessionId"] != first["sessionId"]
        assert second["userParticipantId"] != first["userParticipantId"]
        await client.turn(second["sessionId"])
        page = await client.result("get_conversation_messages", sessionId=first["sessionId"])
        texts = [item["content"]["text"] for item in page["messages"]]
        assert texts == ["two", "Hello", "one", "Hello"]


async def test_resuming_an_unknown_conversation_gives_a_fresh_one(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        for unknown in ("nonsense", "6f1c5f5e-0000-4000-8000-000000000000"):
            data = await create(client, conversationId=unknown)
            assert data["conversationId"] != unknown


CARD = {"toolCall": {"name": "request_choices", "arguments": {"questions": [
    {"question": "Which?", "header": "One", "options": ["a", "b"]}
]}}}  # fmt: skip


async def test_supports_is_inherited_replaced_and_opted_out_of(tmp_path: Path) -> None:
    script = {"model": [CARD, {"text": "ok"}] * 5}
    async with serving(tmp_path, script) as server, server.client() as client:
        first = await create(client, supports=["choice_chips"])
        same = {"conversationId": first["conversationId"]}

        async def parks(data: dict[str, str]) -> bool:
            await client.tx("send_message", sessionId=data["sessionId"], message="m", requestId="t")
            frames = await client.until("interaction_required", "eventual_response")
            if frames[-1]["type"] == "eventual_response":
                return False
            await client.tx("cancel", sessionId=data["sessionId"], requestId="t")
            await client.until("cancelled")
            return True

        assert await parks(await create(client, **same))
        assert not await parks(await create(client, **same, supports=[]))
        assert not await parks(await create(client, **same))
        assert await parks(await create(client, **same, supports=["choice_chips", "x", "x"]))


async def test_req_srv_05_words_about_the_wire_are_not_inherited(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server:
        async with server.client(extended=True) as new:
            first = await create(new, supports=[*NEW, "choice_chips"])
            assert first["capabilities"] == ["otp_park", "replay", "spec_1_1", "spec_1_2"]
        async with server.client() as old:
            data = await create(old, conversationId=first["conversationId"])
            assert "capabilities" not in data
