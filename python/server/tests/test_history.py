"""Messages and conversations in pages, titles, and what a restart keeps (REQ-SRV-12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from .support import Client, serving


def lines(count: int) -> dict[str, object]:
    return {"model": [{"text": f"answer {n}"} for n in range(count)]}


async def all_texts(client: Client, session_id: str, limit: int) -> list[str]:
    texts: list[str] = []
    paging: dict[str, object] = {}
    while True:
        page = await client.result(
            "get_conversation_messages", sessionId=session_id, limit=limit, **paging
        )
        assert len(page["messages"]) <= limit
        assert page["hasMore"] == (page["nextCursor"] is not None)
        texts += [item["content"]["text"] for item in page["messages"]]
        if not page["hasMore"]:
            return texts
        paging = {"cursor": page["nextCursor"]}


async def test_req_srv_12_pages_are_newest_first_and_complete(tmp_path: Path) -> None:
    async with serving(tmp_path, lines(4)) as server, server.client() as client:
        session_id = await client.session()
        for number in range(4):
            await client.turn(session_id, f"question {number}")
        expected = [f"{who} {n}" for n in (3, 2, 1, 0) for who in ("answer", "question")]
        for limit in (1, 3, 4, 8, 100):
            assert await all_texts(client, session_id, limit) == expected


async def test_items_of_a_page_have_these_members(tmp_path: Path) -> None:
    async with serving(tmp_path, lines(1)) as server, server.client() as client:
        session_id = await client.session()
        answer = (await client.turn(session_id))[-1]["data"]["data"]
        page = await client.result("get_conversation_messages", sessionId=session_id)
        assert page == {
            "messages": [
                {
                    "id": answer["messageId"],
                    "direction": "outbound",
                    "content": {"text": "answer 0"},
                    "from": page["messages"][0]["from"],
                    "createdAt": "2027-01-15T08:00:00.000Z",
                },
                {
                    "id": page["messages"][1]["id"],
                    "direction": "inbound",
                    "content": {"text": "Hello"},
                    "from": page["messages"][1]["from"],
                    "createdAt": "2027-01-15T08:00:00.000Z",
                },
            ],
            "nextCursor": None,
            "hasMore": False,
        }
        wrote = [(one["from"]["type"], one["from"]["name"]) for one in page["messages"]]
        assert wrote == [("ai-agent", "smooth-agent"), ("user", "Visitor")]


async def test_a_page_of_an_empty_conversation_is_empty(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        page = await client.result("get_conversation_messages", sessionId=await client.session())
        assert page == {"messages": [], "nextCursor": None, "hasMore": False}
        page = await client.result("list_conversations")
        assert page == {"conversations": [], "nextCursor": None, "hasMore": False}


async def test_req_srv_12_an_unknown_cursor_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, lines(2)) as server, server.client() as client:
        session_id, other = await client.session(), await client.session()
        foreign = (await client.turn(other))[-1]["data"]["data"]["messageId"]
        for cursor in ("", "nonsense", foreign):
            code = await client.refusal(
                "get_conversation_messages", sessionId=session_id, cursor=cursor
            )
            assert code == "VALIDATION_ERROR"
        for cursor in ("", "nonsense", "AAAA", "MTIz", "é"):
            assert await client.refusal("list_conversations", cursor=cursor) == "VALIDATION_ERROR"


async def test_conversations_are_listed_newest_first(tmp_path: Path) -> None:
    async with serving(tmp_path, lines(4)) as server, server.client() as client:
        sessions = [await client.session() for _ in range(3)]
        for number, session_id in enumerate([*sessions, sessions[0]]):
            await client.turn(session_id, f'  "message\n {number}" ' + "x" * 70 * number)
            await server.clock.advance(1)
        listed = (await client.result("list_conversations"))["conversations"]
        assert [item["title"] for item in listed] == [
            "message 0",
            f'message 2" {"x" * 49}…',
            f'message 1" {"x" * 49}…',
        ]
        assert [item["messageCount"] for item in listed] == [4, 2, 2]
        assert listed[0]["updatedAt"] == "2027-01-15T08:00:03.000Z"


async def test_req_srv_22_every_client_pages_through_conversations(tmp_path: Path) -> None:
    async with serving(tmp_path, lines(5)) as server:
        async with server.client(extended=True) as new:
            for _ in range(5):
                await new.turn(await new.session())
            seen: list[str] = []
            page = await new.result("list_conversations", limit=2)
            while True:
                seen += [item["conversationId"] for item in page["conversations"]]
                if not page["hasMore"]:
                    assert page["nextCursor"] is None
                    break
                page = await new.result("list_conversations", limit=2, cursor=page["nextCursor"])
            assert len(seen) == len(set(seen)) == 5
        async with server.client() as old:
            await old.session()
            page = await old.result("list_conversations", limit=2)
            assert [item["conversationId"] for item in page["conversations"]] == seen[:2]
            assert page["hasMore"] is True
            page = await old.result("list_conversations", limit=100_000)
            assert [item["conversationId"] for item in page["conversations"]] == seen
            assert (page["hasMore"], page["nextCursor"]) == (False, None)


async def test_a_conversation_can_be_renamed(tmp_path: Path) -> None:
    async with serving(tmp_path, lines(1)) as server, server.client() as client:
        data = await client.result("create_conversation_session", agentId="a")
        identity = data["conversationId"]
        await client.turn(data["sessionId"])
        renamed = await client.result(
            "rename_conversation", conversationId=identity, title='  **"A   new\tname"** '
        )
        assert renamed == {"conversationId": identity, "title": "A new name"}
        listed = (await client.result("list_conversations"))["conversations"]
        assert [item["title"] for item in listed] == ["A new name"]
        code = await client.refusal("rename_conversation", conversationId="nope", title="T")
        assert code == "CONVERSATION_NOT_FOUND"


async def test_a_restart_keeps_sessions_and_messages(tmp_path: Path) -> None:
    database = tmp_path / "kept.db"
    async with serving(tmp_path, lines(1), db=database) as server, server.client() as client:
        data = await client.result("create_conversation_session", agentId="a", userName="Ada")
        await client.turn(data["sessionId"], "Remember me")
    async with serving(tmp_path, lines(1), db=database) as server, server.client() as client:
        shown = await client.result("get_session", sessionId=data["sessionId"])
        assert shown["conversationId"] == data["conversationId"]
        await client.turn(data["sessionId"], "Again")
        texts = await all_texts(client, data["sessionId"], 10)
        assert texts == ["answer 0", "Again", "answer 0", "Remember me"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ÄPFEL", ["Äpfel und Birnen"]),
        ("100%", ["100% sure of it"]),
        ("_", []),
        ("o", ["100% sure of it", "Other"]),
        ("", ["Äpfel und Birnen", "100% sure of it", "Other"]),
    ],
)
async def test_req_srv_22_conversations_are_found_by_their_titles(
    tmp_path: Path, query: str, found: list[str]
) -> None:
    async with serving(tmp_path, lines(3)) as server, server.client() as client:
        for title in ("Other", "100% sure of it", "Äpfel und Birnen"):
            await client.turn(await client.session(), title)
            await server.clock.advance(1)
        page = await client.result("list_conversations", query=query)
        assert [item["title"] for item in page["conversations"]] == found


async def test_req_srv_33_stored_messages_name_their_turns(tmp_path: Path) -> None:
    async with serving(tmp_path, lines(1)) as server:
        async with server.client(replay=True) as client:
            session_id = await client.session()
            picture = {"url": "data:image/png;base64,AAAA"}
            await client.turn(session_id, "", images=[picture], requestId="turn")
            page = await client.result("get_conversation_messages", sessionId=session_id)
            answer, said = page["messages"]
            assert (said["requestId"], said["turn"]) == ("turn", "completed")
            assert said["content"]["items"] == [{"type": "image", **picture}]
            assert answer["requestId"] == "turn"
            assert "turn" not in answer
        async with server.client(extended=True) as old:
            conversation_id = client.seen[0]["data"]["conversationId"]
            session_id = await old.session(conversationId=conversation_id)
            page = await old.result("get_conversation_messages", sessionId=session_id)
            assert len(page["messages"]) == 2
            assert all(set(item) <= set(answer) - {"requestId"} for item in page["messages"])


async def test_req_srv_23_a_message_is_empty_beside_images_or_files_alone(tmp_path: Path) -> None:
    async with serving(tmp_path, lines(1)) as server, server.client() as client:
        session_id = await client.session()
        for nothing in ({}, {"images": []}, {"files": []}):
            assert (
                await client.refusal("send_message", sessionId=session_id, message="", **nothing)
                == "VALIDATION_ERROR"
            )
        note = {"name": "a.txt", "url": "https://example.com/a.txt"}
        await client.turn(session_id, "", files=[note])
