"""What the server does with frames before anybody looks at their meaning (REQ-SRV-02, -06)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from smooth_operator_server.protocol import frames
from smooth_operator_server.protocol.json_text import write_json

from .support import serving, text_of

BAD_FRAMES = {
    "not json": "{nope",
    "empty": "",
    "nan": '{"action":"ping","requestId":NaN}',
    "byte order mark": '\ufeff{"action":"ping"}',
    "list": "[1]",
    "string": '"ping"',
    "null": "null",
    "deep": '{"action":' + "[" * 5000 + "]" * 5000 + "}",
    "long number": '{"action":"ping","requestId":' + "9" * 5000 + "}",
}


@pytest.mark.parametrize("text", BAD_FRAMES.values(), ids=BAD_FRAMES)
async def test_req_srv_02_a_malformed_frame_is_refused_and_the_link_stays(
    tmp_path: Path, text: str
) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        await client.raw(text)
        frame = await client.rx("error")
        assert frame["error"]["code"] == "VALIDATION_ERROR"
        assert "requestId" not in frame
        assert "requestId" not in frame["data"]
        await client.silence()


async def test_req_srv_02_a_binary_frame_is_refused_and_the_link_stays(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        await client.raw(b'{"action":"ping"}')
        assert (await client.rx("error"))["error"]["code"] == "VALIDATION_ERROR"
        await client.silence()


async def test_req_srv_02_action_missing_unknown_or_of_another_type(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        for frame, code in (
            ({"requestId": "r"}, "VALIDATION_ERROR"),
            ({"requestId": "r", "action": None}, "VALIDATION_ERROR"),
            ({"requestId": "r", "action": 123}, "VALIDATION_ERROR"),
            ({"requestId": "r", "action": ["ping"]}, "VALIDATION_ERROR"),
            ({"requestId": "r", "action": {"ping": 1}}, "VALIDATION_ERROR"),
            ({"requestId": "r", "action": "dance"}, "UNSUPPORTED_ACTION"),
        ):
            await client.raw(json.dumps(frame))
            answer = await client.rx("error")
            assert answer["error"]["code"] == code
            assert answer["requestId"] == answer["data"]["requestId"] == "r"


async def test_req_srv_01_a_request_id_of_another_type_counts_as_absent(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        for request_id in (7, None, {"a": 1}, True):
            await client.raw(json.dumps({"action": "ping", "requestId": request_id}))
            assert "requestId" not in await client.rx("pong")
        await client.raw(json.dumps({"action": "dance", "requestId": 7}))
        assert "requestId" not in await client.rx("error")


async def test_req_srv_06_unknown_fields_of_every_action_are_ignored(tmp_path: Path) -> None:
    extra = {"before": "x", "token": "secret", "somethingNew": {"a": [1]}, "timestamp": 1}
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        data = await client.result(
            "create_conversation_session",
            agentId="not a uuid",
            userEmail="not an address",
            authContext={"userId": "u", "signature": "s", "timestamp": 1, "extra": 1},
            **extra,
        )
        session = {"sessionId": data["sessionId"]}
        assert data["agentId"] == "not a uuid"
        assert (await client.call("ping", **extra))["type"] == "pong"
        await client.result("get_session", **session, **extra)
        await client.result("get_conversation_messages", **session, **extra)
        await client.turn(data["sessionId"], images=[{"url": "u", "alt": "a"}], **extra)
        await client.result("list_conversations", **extra)
        rename = {"conversationId": data["conversationId"], "title": "T"}
        await client.result("rename_conversation", **rename, **extra)
        confirm = await client.refusal("confirm_tool_action", approved=True, **session, **extra)
        assert confirm == "NO_PENDING_CONFIRMATION"
        submit = await client.refusal("submit_interaction", interactionId="i", **session, **extra)
        assert submit == "NO_PENDING_INTERACTION"
        assert (await client.call("verify_otp", code="1", **session, **extra))["type"] == (
            "otp_invalid"
        )
        await client.tx("cancel", **session, **extra)
        await client.silence()


async def test_req_srv_06_null_on_an_optional_field_is_absent(tmp_path: Path) -> None:
    nothing = {"userName": None, "supports": None, "metadata": None, "authContext": None}
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        session_id = await client.session(**nothing, conversationId=None, userEmail=None)
        frames = await client.turn(
            session_id, stream=None, model=None, skill=None, files=None, images=None
        )
        assert frames[-1]["type"] == "eventual_response"
        page = await client.result(
            "get_conversation_messages", sessionId=session_id, limit=None, cursor=None
        )
        assert len(page["messages"]) == 2
        attached = [{"url": "u", "detail": None}]
        assert (await client.turn(session_id, images=attached))[-1]["status"] == 200


BROKEN_BOUNDS = {
    "agentId missing": ("create_conversation_session", {"agentId": None}, "/agentId"),
    "agentId type": ("create_conversation_session", {"agentId": 5}, "/agentId"),
    "agentId blank": ("create_conversation_session", {"agentId": " "}, "/agentId"),
    "supports type": ("create_conversation_session", {"agentId": "a", "supports": "x"}, "/supp"),
    "supports items": ("create_conversation_session", {"agentId": "a", "supports": [1]}, "/sup"),
    "metadata type": ("create_conversation_session", {"agentId": "a", "metadata": 1}, "/metadata"),
    "message missing": ("send_message", {}, "/message"),
    "message empty": ("send_message", {"message": ""}, "/message"),
    "message long": ("send_message", {"message": "x" * 10_001}, "/message"),
    "stream type": ("send_message", {"message": "m", "stream": "yes"}, "/stream"),
    "skill pattern": ("send_message", {"message": "m", "skill": "a b"}, "/skill"),
    "image without url": ("send_message", {"message": "m", "images": [{}]}, "/images/0/url"),
    "image detail": (
        "send_message",
        {"message": "m", "images": [{"url": "u", "detail": "huge"}]},
        "/images/0/detail",
    ),
    "file name": ("send_message", {"message": "m", "files": [{"name": "", "url": "u"}]}, "/files"),
    "limit 0": ("get_conversation_messages", {"limit": 0}, "/limit"),
    "limit 101": ("get_conversation_messages", {"limit": 101}, "/limit"),
    "limit fraction": ("list_conversations", {"limit": 1.5}, "/limit"),
    "limit text": ("list_conversations", {"limit": "5"}, "/limit"),
    "limit bool": ("list_conversations", {"limit": True}, "/limit"),
    "limit huge": ("get_conversation_messages", {"sessionId": "s", "limit": 10**400}, "/limit"),
    "title missing": ("rename_conversation", {"conversationId": "c"}, "/title"),
    "title long": ("rename_conversation", {"conversationId": "c", "title": "x" * 201}, "/title"),
    "title blank": ("rename_conversation", {"conversationId": "c", "title": " * "}, "/title"),
    "approved type": ("confirm_tool_action", {"approved": "yes"}, "/approved"),
    "approved missing": ("confirm_tool_action", {}, "/approved"),
    "code type": ("verify_otp", {"code": 123456}, "/code"),
    "code missing": ("verify_otp", {}, "anyOf"),
    "code null": ("verify_otp", {"code": None}, "anyOf"),
    "declined false": ("verify_otp", {"declined": False}, "anyOf"),
    "interactionId missing": ("submit_interaction", {"values": {}}, "/interactionId"),
    "values type": ("submit_interaction", {"interactionId": "i", "values": []}, "/values"),
}


@pytest.mark.parametrize(("action", "members", "named"), BROKEN_BOUNDS.values(), ids=BROKEN_BOUNDS)
async def test_req_srv_06_bounds_are_enforced(
    tmp_path: Path, action: str, members: dict[str, object], named: str
) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        session_id = await client.session()
        frame = await client.call(action, **{"sessionId": session_id} | members)
        assert frame["error"]["code"] == "VALIDATION_ERROR"
        assert named in frame["error"]["message"]
        assert "xxxx" not in frame["error"]["message"]


@pytest.mark.parametrize(
    ("action", "members"),
    [
        ("get_session", {}),
        ("get_conversation_messages", {}),
        ("send_message", {"message": "m"}),
        ("confirm_tool_action", {"approved": True}),
        ("verify_otp", {"code": "1"}),
        ("submit_interaction", {"interactionId": "i"}),
    ],
)
async def test_req_srv_06_a_session_must_be_named(
    tmp_path: Path, action: str, members: dict[str, object]
) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        assert await client.refusal(action, **members) == "VALIDATION_ERROR"
        assert await client.refusal(action, sessionId=5, **members) == "VALIDATION_ERROR"


@pytest.mark.parametrize("action", ["confirm_tool_action", "verify_otp", "submit_interaction"])
async def test_req_srv_06_an_answer_must_name_its_request(tmp_path: Path, action: str) -> None:
    members = {"approved": True, "code": "1", "interactionId": "i", "values": {}}
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        session_id = await client.session()
        frame = await client.call(action, sessionId=session_id, requestId=None, **members)
        assert frame["error"]["code"] == "VALIDATION_ERROR"
        assert "requestId" not in frame


async def test_calls_without_a_request_id_are_answered_without_one(tmp_path: Path) -> None:
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        session_id = await client.session(requestId=None)
        for action in ("ping", "get_session", "get_conversation_messages", "list_conversations"):
            assert "requestId" not in await client.call(
                action, requestId=None, sessionId=session_id
            )


async def test_ten_thousand_code_points_are_a_message(tmp_path: Path) -> None:
    async with serving(tmp_path, {"model": [{"text": "ok"}]}) as server, server.client() as client:
        frames = await client.turn(await client.session(), "🗑" * 10_000)
        assert frames[-1]["type"] == "eventual_response"


async def test_halves_of_surrogate_pairs_are_replaced(tmp_path: Path) -> None:
    async with serving(tmp_path, {"model": [{"text": "ok"}]}) as server, server.client() as client:
        session_id = await client.session()
        text = f'{{"action":"send_message","requestId":"r\\ud800","sessionId":"{session_id}",'
        await client.raw(text + '"message":"a\\udfffb \\ud83d\\ude00"}')
        frames = await client.until("eventual_response")
        assert frames[-1]["requestId"] == "r�"
        page = await client.result("get_conversation_messages", sessionId=session_id)
        assert page["messages"][1]["content"]["text"] == "a�b 😀"


async def test_nul_is_replaced_whatever_the_store(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, {"model": [{"text": "o\0k"}]}) as server,
        server.client() as client,
    ):
        session_id = await client.session(metadata={"a\0": ["\0"]})
        frames = await client.turn(session_id, "a\0b \\u0000")
        assert text_of(frames) == "o�k"
        page = await client.result("get_conversation_messages", sessionId=session_id)
        texts = [item["content"]["text"] for item in page["messages"]]
        assert texts == ["o�k", "a�b \\u0000"]


async def test_metadata_may_be_nested_deeply(tmp_path: Path) -> None:
    deep: object = 1
    for _ in range(300):
        deep = {"d": deep}
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        await client.session(metadata=deep)


async def test_a_frame_over_the_limit_closes_with_1009(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, demo=True, max_frame_bytes=2048) as server,
        server.client() as client,
    ):
        await client.raw('{"action":"ping","pad":"' + "x" * 1900 + '"}')
        await client.rx("pong")
        await client.raw('{"action":"ping","pad":"' + "x" * 2048 + '"}')
        with pytest.raises(ConnectionClosed) as closed:
            await client.rx()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_no_compression_is_offered_and_a_token_in_the_query_is_no_fault(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, demo=True) as server:
        server.url += "?token=secret&x=1"
        async with server.client() as client:
            await client.silence()
            assert client.socket.response is not None
            assert "Sec-WebSocket-Extensions" not in client.socket.response.headers


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_written_as_the_library_writes_it(value: object) -> None:
    assert write_json(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_pieces_of_text_are_written_as_any_event_is() -> None:
    tokens = frames.Tokens("stream_token", 'a"\u00e9')
    for piece in ("word ", "", 'say "it"\n', "\u2028\U0001f600"):
        event = {
            "type": "stream_token",
            "requestId": 'a"\u00e9',
            "token": piece,
            "data": {"requestId": 'a"\u00e9', "token": piece},
            "timestamp": 17,
        }
        assert tokens.text(17, piece) == write_json(event)


@pytest.mark.parametrize("cut", range(1, 9))
async def test_actions_are_read_however_their_frames_are_cut_and_mixed(
    tmp_path: Path, cut: int
) -> None:
    """Short text frames are cut out of what is read; all others, and pieces, go another way."""

    def framed(head: int, payload: bytes) -> bytes:
        size = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe"
        more = b"" if len(payload) < 126 else len(payload).to_bytes(2, "big")
        return bytes((head,)) + size + more + bytes(4) + payload

    def ping(request_id: str) -> bytes:
        return framed(0x81, json.dumps({"action": "ping", "requestId": request_id}).encode())

    long = "l" * 300
    pieces = (
        ping("a") + framed(0x89, b"hello") + ping(long),
        framed(0x8A, b"") + ping("b")[:cut],
        ping("b")[cut:] + ping("c"),
        framed(0x01, b'{"action":"ping",') + framed(0x80, b'"requestId":"d"}') + ping("e"),
    )
    async with serving(tmp_path, demo=True) as server, server.client() as client:
        for piece in pieces:
            client.socket.transport.write(piece)
            await asyncio.sleep(0.05)  # so that it is read by itself
        answers = [(await client.rx("pong"))["requestId"] for _ in range(6)]
        assert answers == ["a", long, "b", "c", "d", "e"]
