"""Server mode against the reference server, and against the same one behind a proxy that lies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from conform.cli import main
from conform.pair import ServerProcess
from conform.server import Hook, Report, Setup, calls, judge_server, questions, turns
from conform.server.judge import CHECKS, Check, without_query
from conform.spec import Spec

SERVER = [str(Path(sys.executable).with_name("smooth-operator-server"))]
LEVEL_0 = [rule for rule in CHECKS if rule.level == 0]
Frame = dict[str, Any]
Lie = Callable[[Frame], list[Frame]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream() -> AsyncIterator[str]:
    async with ServerProcess([*SERVER, "--demo"], None) as url:
        yield url


def same(frame: Frame) -> list[Frame]:
    return [frame]


@contextlib.asynccontextmanager
async def behind(upstream: str, down: Lie = same, up: Lie = same) -> AsyncIterator[str]:
    """A proxy that passes every frame of the server through ``down``, of the client through ``up``;
    what ``up`` answers with a ``type`` goes back to the client at once."""

    async def handle(client: ServerConnection) -> None:
        async with connect(upstream, proxy=None, compression=None) as server:

            async def relay() -> None:
                with contextlib.suppress(ConnectionClosed):
                    async for text in server:
                        for frame in down(json.loads(text)):
                            await client.send(json.dumps(frame))

            task = asyncio.create_task(relay())
            async for text in client:
                try:
                    frame = json.loads(text)
                except ValueError:
                    frame = None
                for each in up(frame) if isinstance(frame, dict) else [text]:
                    told = each if isinstance(each, str) else json.dumps(each)
                    await (client if "type" in each else server).send(told)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async with serve(handle, "127.0.0.1", 0, compression=None) as proxy:
        yield f"ws://127.0.0.1:{proxy.sockets[0].getsockname()[1]}/ws"


async def judged(
    spec: Spec, url: str, *checks: Check, version: str | None = "1.2", setup: Setup | None = None
) -> Report:
    rows = [rule for rule in CHECKS if (rule.check in checks if checks else rule.level == 0)]
    return await judge_server(spec, url, setup or Setup(patience=2), version, rows)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_reference_server_holds_every_check(spec: Spec, upstream: str) -> None:
    report = await judged(spec, upstream)
    missed = [f for f in report.findings if f.outcome != "held" and f.name != "foreign"]
    assert [(f.title, f.why) for f in missed] == []
    assert (len(report.findings), report.level) == (len(LEVEL_0), 0)


# --- lies of one frame ---------------------------------------------------------------------


def only(type_: str, change: Lie) -> Lie:
    return lambda frame: change(frame) if frame["type"] == type_ else [frame]


def without(*names: str) -> Lie:
    return lambda frame: [{k: v for k, v in frame.items() if k not in names}]


def gone(frame: Frame) -> list[Frame]:
    del frame
    return []


def twice(frame: Frame) -> list[Frame]:
    return [frame, frame]


def with_(**facts: Any) -> Lie:
    return lambda frame: [{**frame, **facts}]


def data(change: Callable[[Any], Any], holds: str) -> Lie:
    """Change the data of every answer that has a member."""

    def lie(frame: Frame) -> list[Frame]:
        body = frame.get("data")
        if not isinstance(body, dict) or holds not in body:
            return [frame]
        return [{**frame, "data": change(body)}]

    return lie


def text(old: str, new: str) -> Lie:
    return lambda frame: [json.loads(json.dumps(frame).replace(old, new))]


def _unasked(frame: Frame) -> list[Frame]:
    if frame["type"] != "error":
        return [frame]
    info = {**frame["error"], "terminal": True}
    return [{**frame, "error": info, "data": {**frame["data"], "error": info}}]


def _chunk(word: str) -> Callable[[Frame], bool]:
    return lambda frame: f'"{word}"' in json.dumps(frame) and frame["type"] == "stream_chunk"


def dropped(where: Callable[[Frame], bool]) -> Lie:
    return lambda frame: [] if where(frame) else [frame]


class Held:
    """A lie with a memory: a frame is held back until another one passed."""

    def __init__(self, first: Callable[[Frame], bool], then: Callable[[Frame], bool]) -> None:
        self.first, self.then = first, then
        self.kept: list[Frame] = []

    def __call__(self, frame: Frame) -> list[Frame]:
        if not self.kept and self.first(frame):
            self.kept = [frame]
            return []
        if self.kept and self.then(frame):
            kept, self.kept = self.kept, []
            return [frame, *kept]
        return [frame]


def _is(*types: str) -> Callable[[Frame], bool]:
    return lambda frame: frame["type"] in types


def _acknowledges(frame: Frame) -> bool:
    return frame["type"] == "immediate_response" and "approved" in frame.get("data", {})


def _no_error(frame: Frame) -> list[Frame]:
    return [json.loads(json.dumps(frame).replace('"isError": true', '"isError": false'))]


def _attempts(frame: Frame) -> list[Frame]:
    if frame["type"] != "otp_invalid":
        return [frame]
    return [json.loads(json.dumps(frame).replace('Remaining": 1', 'Remaining": 2'))]


def _page(**facts: Any) -> Lie:
    return data(lambda body: {**body, **facts}, "messages")


LIES = [
    (only("pong", with_(requestId="req-other")), calls.check_ping, "came back as 'req-other'"),
    (only("pong", without("data", "timestamp")), calls.check_ping, "no pong with a time"),
    (only("error", without("error")), calls.check_malformed, "not repeated at top level"),
    (_unasked, calls.check_malformed, "carries terminal"),
    (text("SESSION_NOT_FOUND", "INTERNAL_ERROR"), calls.check_sessions, "expected SESSION_NOT_"),
    (
        data(
            lambda d: {**d, "conversationId": "00000000-0000-4000-8000-0000000000ff"}, "agentName"
        ),
        calls.check_two_links,
        "are the same",
    ),
    (data(lambda d: {**d, "mood": 1}, "agentName"), calls.check_sessions, "answer to create_conv"),
    (text("VALIDATION_ERROR", "RATE_LIMITED"), calls.check_tolerance, "expected VALIDATION_ERROR"),
    (_page(hasMore=True), calls.check_history, "has a history"),
    (only("pong", twice), calls.check_ids, "came back as"),
    (
        data(lambda d: {**d, "capabilities": d["capabilities"] * 2}, "capabilities"),
        calls.check_words,
        "or one twice",
    ),
    (data(lambda d: {**d, "capabilities": []}, "agentName"), calls.check_negotiation, "not list"),
    (only("eventual_response", twice), turns.check_turn, "after the terminal event"),
    (dropped(lambda f: f.get("status") == 202), turns.check_turn, "before the 202"),
    (only("stream_token", with_(colour="red")), turns.check_turn, "breaks the schema"),
    (Held(_is("stream_token"), _is("stream_token")), turns.check_turn, "tokens joined are not"),
    (
        Held(_chunk("toolCall"), _chunk("toolResult")),
        turns.check_tool_chunks,
        "before its toolCall",
    ),
    (
        only("stream_chunk", lambda f: [f, _token(f)]),
        turns.check_unstreamed,
        "tokens joined are not",
    ),
    (
        data(lambda d: {**d, "messages": d["messages"][::-1]}, "messages"),
        turns.check_pages,
        "newest message",
    ),
    (data(lambda d: {**d, "messages": d["messages"][:1]}, "messages"), turns.check_pages, "left 1"),
    (_page(hasMore=False), turns.check_pages, "contradict"),
    (only("cancelled", gone), turns.check_cancel, "nothing came within 2 s"),
    (text("TURN_IN_PROGRESS", "RATE_LIMITED"), turns.check_one_at_a_time, "expected TURN_IN"),
    (
        data(lambda d: {**d, "title": "Another"}, "title"),
        turns.check_conversations,
        "tells another title",
    ),
    (
        data(lambda d: {**d, "conversations": d["conversations"][::-1]}, "conversations"),
        turns.check_conversations,
        "newest conversation",
    ),
    (Held(_acknowledges, _chunk("toolResult")), questions.check_confirmation, "before the acknow"),
    (
        Held(_is("write_confirmation_required"), _chunk("toolCall")),
        questions.check_confirmation,
        "no chunk of its tool|after the question came",
    ),
    (_no_error, questions.check_confirmation, "no error"),
    (
        text('"confirmationId"', '"x"'),
        questions.check_stale_confirmation,
        "breaks the schema",
    ),
    (text("INTERACTION_MISMATCH", "INTERNAL_ERROR"), questions.check_form, "INTERACTION_MISMATCH"),
    (_attempts, questions.check_codes, "do not fall to 0"),
]


def _token(frame: Frame) -> Frame:
    body = {"requestId": frame["requestId"], "token": "x"}
    return {"type": "stream_token", "requestId": frame["requestId"], "token": "x", "data": body}


def _up(action: str, change: Lie) -> Lie:
    return lambda frame: change(frame) if frame.get("action") == action else [frame]


DEAF = [  # what the server does not take in
    (_up("verify_otp", without("declined")), questions.check_declined_code, "otp_invalid answers"),
    (
        _up("submit_interaction", lambda f: [{"values": {}, **f}]),
        questions.check_empty_form,
        "got interaction_invalid",
    ),
    (
        _up("create_conversation_session", without("conversationId")),
        turns.check_resume,
        "another conversation",
    ),
    (_up("cancel", without("requestId")), turns.check_cancel_of_another, "another turn"),
    (_up("send_message", without("stream")), turns.check_unstreamed, "asked for no stream"),
    (_up("cancel", gone), turns.check_cancel, "ended with eventual_response"),
]


def unsupported(frame: Frame) -> list[Frame]:
    """What a server says that does not know the action."""
    info = {"code": "UNSUPPORTED_ACTION", "message": "no"}
    request = frame.get("requestId", "")
    return [{"type": "error", "requestId": request, "error": info, "data": {"error": info}}]


def named(rows: list[tuple[Lie, Check, str]]) -> list[str]:
    return [f"{number}-{row[1].__name__}" for number, row in enumerate(rows)]


@pytest.mark.parametrize(("lie", "check", "why"), LIES, ids=named(LIES))
@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_that_lies_is_seen(
    spec: Spec, upstream: str, lie: Lie, check: Check, why: str
) -> None:
    async with behind(upstream, down=lie) as url:
        (finding,) = (await judged(spec, url, check)).findings
    assert any(part in finding.fault for part in why.split("|")), finding
    assert finding.frames


@pytest.mark.parametrize(("lie", "check", "why"), DEAF, ids=named(DEAF))
@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_that_ignores_what_it_is_told_is_seen(
    spec: Spec, upstream: str, lie: Lie, check: Check, why: str
) -> None:
    async with behind(upstream, up=lie) as url:
        (finding,) = (await judged(spec, url, check)).findings
    assert why in finding.fault, finding


ACTIONS = {
    "get_session": calls.check_sessions,
    "get_conversation_messages": turns.check_pages,
    "list_conversations": turns.check_conversations,
    "rename_conversation": turns.check_conversations,
    "send_message": turns.check_turn,
    "create_conversation_session": calls.check_sessions,
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_action_that_is_not_supported_is_never_green(
    spec: Spec, upstream: str, action: str
) -> None:
    async with behind(upstream, up=_up(action, unsupported)) as url:
        (finding,) = (await judged(spec, url, ACTIONS[action])).findings
    assert "UNSUPPORTED_ACTION" in finding.fault


# --- versions ------------------------------------------------------------------------------


def _is_code(frame: Frame) -> bool:
    return frame.get("action") == "verify_otp"


def _as_1_0(frame: Frame) -> list[Frame]:
    if frame.get("action") in ("list_conversations", "rename_conversation"):
        return unsupported(frame)
    words = [w for w in frame.get("supports", []) if w not in ("spec_1_1", "otp_park")]
    later = {"supports", "conversationId"} | ({"declined"} if _is_code(frame) else set())
    kept = {k: v for k, v in frame.items() if k not in later}
    return [{**kept, "supports": words} if "supports" in frame else kept]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_of_1_0_is_judged_by_the_rules_of_1_0(spec: Spec, upstream: str) -> None:
    async with behind(upstream, up=_as_1_0) as url:
        report = await judged(spec, url, version=None)
        later = await judged(spec, url, calls.check_negotiation, version="1.1")
    assert report.version == "1.0"
    missed = [f for f in report.findings if f.outcome != "held" and f.name != "foreign"]
    assert [(f.title, f.why) for f in missed] == []
    assert report.later == len([rule for rule in LEVEL_0 if rule.since != "1.0"])
    assert later.count("failed") == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_says_its_version_by_its_capabilities(spec: Spec, upstream: str) -> None:
    report = await judged(spec, upstream, calls.check_ping, calls.check_ids, version=None)
    assert (report.version, report.later) == ("1.2", 0)


# --- what could not be seen ----------------------------------------------------------------


@pytest.mark.asyncio(loop_scope="module")
async def test_a_question_that_nobody_asks_is_open_unless_it_was_promised(
    spec: Spec, upstream: str
) -> None:
    asks = {"delete record 42": "When are you open?"}
    lie = _up("send_message", lambda f: [{**f, "message": asks.get(f["message"], "Hours?")}])
    async with behind(upstream, up=lie) as url:
        (seen,) = (await judged(spec, url, questions.check_confirmation)).findings
        promised = Setup(asks={"confirmation": "delete record 42"}, patience=2)
        (failed,) = (await judged(spec, url, questions.check_confirmation, setup=promised)).findings
    assert (seen.outcome, failed.outcome) == ("open", "failed")
    assert "--ask confirmation=MESSAGE" in seen.why
    assert "led to no write_confirmation_required" in failed.why


async def test_a_server_without_a_model_proves_nothing_of_turns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ServerProcess([*SERVER, "--db", str(tmp_path / "chat.db")], None) as url:
        assert await asyncio.to_thread(main, ["server", url, "--json"]) == 3
        told = capsys.readouterr()
        assert await asyncio.to_thread(main, ["server", url, "--require", "all"]) == 1
    rows = json.loads(told.out)["checks"]
    assert {row["outcome"] for row in rows} == {"held", "open"}
    assert any("LLM_UNAVAILABLE" in row["why"] for row in rows if row["outcome"] == "open")
    assert "no turn was seen" in told.err


def test_nobody_there_is_3_and_no_token_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["server", "ws://ada:pw@127.0.0.1:9/ws?token=hidden"]) == 3
    told = capsys.readouterr().err
    assert "nothing was proven: ws://127.0.0.1:9/ws: " in told
    assert "hidden" not in told
    assert "pw" not in without_query("ws://ada:pw@host/x")


def test_an_empty_specification_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        assert main(["server", "ws://127.0.0.1:9/ws", "--spec", str(folder)]) == 2
        assert f"{folder}: no specification" in capsys.readouterr().err


def test_a_word_that_nothing_is_asked_by_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    for given in ("colour=red", "otp", "otp="):
        assert main(["server", "ws://127.0.0.1:9/ws", "--ask", given]) == 2
        assert f"--ask {given}: must be WORD=MESSAGE" in capsys.readouterr().err


# --- levels 1 and 2 ------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripted() -> AsyncIterator[tuple[str, Hook]]:
    async with ServerProcess(SERVER, {"model": []}) as url:
        yield url, Hook(urls=[url.replace("ws://", "http://").removesuffix("/ws") + "/script"])


@pytest.mark.asyncio(loop_scope="module")
async def test_the_reference_server_holds_the_scripted_and_the_hostile_checks(
    spec: Spec, scripted: tuple[str, Hook]
) -> None:
    url, hook = scripted
    slow = ("slow_reader", "giant", "expired", "cut")  # in `make levels`
    rules = [rule for rule in CHECKS if rule.level and rule.name not in slow]
    report = await judge_server(spec, url, Setup(patience=5), None, rules, hook)
    assert [(f.title, f.why) for f in report.findings if f.outcome != "held"] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_hook_that_fails_leaves_its_checks_open(spec: Spec, upstream: str) -> None:
    rules = [rule for rule in CHECKS if rule.name in ("stream", "ping")]
    for hook, why in (
        (Hook(commands=["false"]), "ended with status 1"),
        (Hook(commands=["/nowhere/at-all"]), "--script-cmd: "),
        (Hook(urls=[upstream.replace("ws://", "http://").replace("/ws", "/script")]), "404"),
        (Hook(urls=["http://127.0.0.1:9/script"]), "--script-url: "),
    ):
        ping, stream = (await judge_server(spec, upstream, None, None, rules, hook)).findings
        assert (ping.outcome, stream.outcome) == ("held", "open")
        assert why in stream.why


async def test_a_command_is_given_the_script(tmp_path: Path) -> None:
    await Hook(commands=[f"tee {tmp_path}/script.json"]).put({"model": [{"text": "é"}]})
    assert json.loads((tmp_path / "script.json").read_text()) == {"model": [{"text": "é"}]}


def test_a_level_without_a_hook_is_2_and_no_check_that_fits_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["server", "ws://127.0.0.1:9/ws", "--level", "1"]) == 2
    assert "needs --script-cmd or --script-url" in capsys.readouterr().err
    assert main(["server", "ws://127.0.0.1:9/ws", "--only", "nothing-like-it"]) == 2
    assert "no check fits nothing-like-it" in capsys.readouterr().err


def test_every_check_is_of_a_rule_that_is_written_and_says_what_it_does(spec: Spec) -> None:
    for rule in CHECKS:
        assert rule.rule in spec.rules or rule.rule.startswith("RFC-6455-"), rule
        assert rule.title, rule
        assert rule.level == 0 or rule.script is not None, rule
    assert len({rule.name for rule in CHECKS}) == len(CHECKS)
