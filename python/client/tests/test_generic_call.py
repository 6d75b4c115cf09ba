"""The generic call: every action with one answer, typed, the ones of tomorrow included."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from newer_spec import write_newer_spec

from smooth_operator import InvalidFrameError, SessionNotFoundError, SmoothAgentClient
from smooth_operator.wire import ACTIONS, CallModel, GetSessionResult, PongEvent, actions
from wiregen import generate
from wiregen.build import build
from wiregen.config import load_config

from .peer import LIMIT, SESSION, Peer, S

ROOT = Path(__file__).parents[3]
VECTORS = ROOT / "spec" / "vectors"
AGENT = "00000000-0000-4000-8000-000000000001"
CALLS = sorted(name for name, info in ACTIONS.items() if issubclass(info.model, CallModel))
NEW = "archive_conversation"


async def test_req_call_03_a_call_gives_its_answer_in_its_own_type(
    server: Peer, client: SmoothAgentClient
) -> None:
    call = asyncio.ensure_future(client.call(actions.GetSessionAction(session_id=S)))
    assert await server.recv() == {"action": "get_session", "requestId": "r-1", "sessionId": S}
    await server.respond("r-1", {"sessionId": S, "conversationId": "c"})
    session = await call
    assert type(session) is GetSessionResult
    assert session.conversation_id == "c"
    ping = asyncio.ensure_future(client.call(actions.PingAction()))
    await server.expect("ping")
    await server.send({"type": "pong", "requestId": "r-2", "timestamp": 7})
    pong = await ping
    assert type(pong) is PongEvent
    assert pong.timestamp == 7


async def test_req_call_03_a_call_fails_as_its_method_does(
    server: Peer, client: SmoothAgentClient
) -> None:
    call = asyncio.ensure_future(client.call(actions.GetSessionAction(session_id=S)))
    await server.expect("get_session")
    await server.fail("r-1", "SESSION_NOT_FOUND")
    with pytest.raises(SessionNotFoundError):
        await call
    call = asyncio.ensure_future(client.call(actions.GetSessionAction(session_id=S)))
    await server.expect("get_session")
    await server.respond("r-2", {"conversationId": S})
    with pytest.raises(InvalidFrameError) as broken:
        await call
    assert broken.value.details["pointer"] == "/data/sessionId"


@pytest.mark.parametrize("name", CALLS)
async def test_req_call_03_every_call_of_the_specification_is_answered(
    server: Peer, client: SmoothAgentClient, name: str
) -> None:
    row = next(row for row in _vectors("actions", name) if row["strict"])
    action = ACTIONS[name].model.model_validate_json(row["text"])
    assert isinstance(action, CallModel)
    action = action.model_copy(update={"request_id": "mine"})
    call = asyncio.ensure_future(client.call(action))
    sent = await server.expect(name)
    answer = ACTIONS[name].model.CALL.answer
    plain = answer != "immediate_response"
    folder, event = ("events", answer) if plain else ("results", name)
    good = next(row for row in _vectors(folder, event) if row["outcome"] == "good")
    await server.send({**json.loads(good["text"]), "requestId": sent["requestId"]})
    given = await call
    assert given.to_wire().items() >= good.get("encoded", {}).items()


def _vectors(folder: str, name: str) -> list[dict[str, Any]]:
    body = json.loads((VECTORS / folder / f"{name}.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = body["vectors"]
    return found


async def test_req_call_01_an_id_of_the_callers_own_is_used_and_none_drawn(
    server: Peer, client: SmoothAgentClient
) -> None:
    own = actions.ListConversationsAction(request_id="mine", limit=2)
    call = asyncio.ensure_future(client.call(own))
    frame = {"action": "list_conversations", "requestId": "mine", "limit": 2}
    assert await server.recv() == frame
    with pytest.raises(ValueError, match="in flight"):
        await client.call(own)
    with pytest.raises(ValueError, match="non-empty"):
        await client.call(actions.PingAction(request_id=""))
    await server.respond("mine", {"conversations": [], "nextCursor": None})
    assert (await call).conversations == []
    assert own.request_id == "mine"
    ping = asyncio.ensure_future(client.ping())
    assert (await server.expect("ping"))["requestId"] == "r-1"
    await server.send({"type": "pong", "requestId": "r-1"})
    await ping


async def test_req_call_07_a_session_that_is_opened_by_call_says_what_is_supported(
    server: Peer,
) -> None:
    async with SmoothAgentClient(server.url, supports=["zz"]) as client:
        action = actions.CreateConversationSessionAction(agent_id=AGENT, supports=["choice_chips"])
        call = asyncio.ensure_future(client.call(action))
        frame = await server.expect("create_conversation_session")
        assert frame["supports"] == [
            "choice_chips",
            "otp_park",
            "replay",
            "spec_1_1",
            "spec_1_2",
            "zz",
        ]
        await server.respond(frame["requestId"], {**SESSION, "capabilities": ["otp_park"]})
        await call
        declined = client.verify_otp(session_id=S, request_id="t", declined=True)
        assert (await server.expect("verify_otp"))["declined"] is True
        await server.respond("t", {})
        assert await declined is None


@pytest.mark.parametrize(
    "action",
    [
        actions.SendMessageAction(session_id=S, message="x"),
        actions.ConfirmToolActionAction(session_id=S, request_id="t", approved=True),
        actions.VerifyOtpAction(session_id=S, request_id="t", code="1"),
        actions.SubmitInteractionAction(session_id=S, request_id="t", interaction_id="i"),
        actions.CancelAction(request_id="t"),
        {"action": "ping"},
    ],
)
async def test_req_err_05_what_belongs_to_a_turn_is_no_call(
    server: Peer, client: SmoothAgentClient, action: Any
) -> None:
    with pytest.raises(TypeError, match="is no call"):
        await client.call(action)
    await server.quiet(client)


TYPES = """
from collections.abc import AsyncIterator
from typing import assert_type
from smooth_operator import Answer, Conversation, OtpCheck, SmoothAgentClient, SubmitResult, Turn
from smooth_operator.wire import (
    ArchiveConversationResult, ConversationMessage, ConversationPage,
    CreateConversationSessionResult, Event, GetSessionResult, MessagePage, PongEvent,
    RenameConversationResult, actions,
)

async def calls(client: SmoothAgentClient) -> None:
    opened = await client.call(actions.CreateConversationSessionAction(agent_id="a"))
    assert_type(opened, CreateConversationSessionResult)
    assert_type(await client.call(actions.GetSessionAction(session_id="s")), GetSessionResult)
    page = await client.call(actions.GetConversationMessagesAction(session_id="s"))
    assert_type(page, MessagePage)
    assert_type(await client.call(actions.ListConversationsAction()), ConversationPage)
    assert_type(await client.call(actions.PingAction()), PongEvent)
    archived = await client.call(actions.ArchiveConversationAction(conversation_id="c"))
    assert_type(archived, ArchiveConversationResult)
    message = actions.SendMessageAction(session_id="s", message="x")
    await client.call(message)  # type: ignore[arg-type]
    await client.call(actions.CancelAction(request_id="t"))  # type: ignore[arg-type]
    verb = actions.ConfirmToolActionAction(session_id="s", request_id="t", approved=True)
    await client.call(verb)  # type: ignore[arg-type]

async def methods(client: SmoothAgentClient) -> None:
    opened = await client.create_conversation_session(agent_id="a")
    assert_type(opened, CreateConversationSessionResult)
    assert_type(await client.get_session(session_id="s"), GetSessionResult)
    assert_type(await client.get_conversation_messages(session_id="s"), MessagePage)
    assert_type(await client.list_conversations(), ConversationPage)
    renamed = await client.rename_conversation(conversation_id="c", title="t")
    assert_type(renamed, RenameConversationResult)
    assert_type(await client.verify_otp(session_id="s", request_id="t"), OtpCheck | None)

async def turns(chat: Conversation, turn: Turn) -> None:
    assert_type(chat.messages(), AsyncIterator[ConversationMessage])
    assert_type(turn.verify_otp("1"), Answer[OtpCheck])
    assert_type(turn.decline(), Answer[SubmitResult])
    assert_type(turn.decline("otp"), Answer[None])
    async for event in turn:
        assert_type(event, Event)
        if event.type == "stream_token":
            assert_type(event.token, str)
"""

NEWCOMER = """
import asyncio, json, logging, sys
from smooth_operator import InvalidFrameError, SmoothAgentClient
from smooth_operator.wire import actions, tables
from smooth_operator.wire.types import Approval

logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format="%(message)s")
logging.getLogger("asyncio").setLevel(logging.WARNING)

async def main() -> None:
    async with SmoothAgentClient(sys.argv[1], log_payloads=True) as client:
        client.on_event(print)
        client.on_frame(print, text=True)
        approvals = [Approval(by="b", token="s3cret")]
        action = actions.ArchiveConversationAction(
            conversation_id="c", reason="done", pin="s3cret", approvals=approvals
        )
        print(repr(action))
        answer = await client.call(action)
        print(type(answer).__name__, answer.archived_at, answer)
        assert answer.receipt == "s3cret"
        try:
            await client.call(actions.ArchiveConversationAction(conversation_id="d"))
        except InvalidFrameError as fault:
            print(repr(fault), fault, fault.details)
    for wrong in ({"pin": ["s3cret"]}, {"conversation_id": "c", "pin": 7}):
        try:
            actions.ArchiveConversationAction(**wrong)
        except ValueError as fault:
            print("refused", "=7" in str(fault), fault)
    print(json.dumps([tables.ACTION_SECRETS, tables.EVENT_SECRETS]))

asyncio.run(main())
"""


async def test_req_call_03_a_new_action_needs_no_line_in_the_client(
    server: Peer, tmp_path: Path
) -> None:
    """The package of today with a wire room printed from a specification with one more action.

    Nor do its secrets: no log and no text of an object shows them (REQ-LOG-01).
    """
    home = _package_with_a_new_action(tmp_path)
    running = asyncio.create_task(_run(home, "newcomer.py", server.url))
    frame = await server.expect(NEW)
    assert {**frame, "requestId": ""} == {
        "action": NEW,
        "requestId": "",
        "conversationId": "c",
        "reason": "done",
        "pin": "s3cret",
        "approvals": [{"by": "b", "token": "s3cret"}],
    }
    result = {"archivedAt": 5, "receipt": "s3cret"}
    await server.respond(frame["requestId"], result)
    second = await server.expect(NEW)
    answer = {"type": "immediate_response", "requestId": "nobody", "data": result}
    await server.send(answer)
    await server.send({**answer, "status": "broken"})
    await server.send({**answer, "requestId": second["requestId"], "status": "broken"})
    *shown, tables = (await running).splitlines()
    told = "\n".join(shown)
    assert "ArchiveConversationResult 5" in told
    assert "UnknownEvent(wire_type='immediate_response'" in told
    assert told.count("refused False") == 2
    assert told.count('"receipt": "…"') == 4
    assert '"pin": "…"' in told
    assert "s3cret" not in told
    known, events = json.loads(tables)
    assert known[NEW] == [["pin"], ["approvals"]]
    assert events == {"immediate_response": [["data", "receipt"]]}


async def test_req_call_03_answers_are_typed_for_the_checker(tmp_path: Path) -> None:
    """Strict mypy on every call and method; a type that is ignored in vain is a failure too."""
    home = _package_with_a_new_action(tmp_path)
    (home / "mypy.ini").write_text("[mypy]\nstrict = True\nplugins = pydantic.mypy\n")
    checked = await _run(home, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "types_.py")
    assert checked.startswith("Success: ")


def _package_with_a_new_action(folder: Path) -> Path:
    home = folder / "home"
    shutil.copytree(ROOT / "python" / "client" / "src", home)
    config = load_config(ROOT / "codegen" / "wiregen.toml")
    out = config.target("python").out
    spec = build(write_newer_spec(folder / "spec"))
    for name, text in generate.raw_files(spec, config, "python").items():
        path = home / "smooth_operator" / "wire" / Path(name).relative_to(out)
        path.write_text(text, encoding="utf-8")
    (home / "newcomer.py").write_text(NEWCOMER)
    (home / "types_.py").write_text(TYPES)
    return home


async def _run(home: Path, *command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 3 * LIMIT)
    assert process.returncode == 0, output.decode()
    return output.decode()
