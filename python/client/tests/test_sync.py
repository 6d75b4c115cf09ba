"""The client for callers that block: the same verbs, on a loop in a thread of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from smooth_operator import (
    Handlers,
    NotConnectedError,
    ServerFaultError,
    SyncSmoothAgentClient,
    wire,
)
from smooth_operator._sync_loop import LoopThread
from smooth_operator.testing import AGENT_ID, FakeServer

LIMIT = 30.0  # seconds of real time until a test that waits for the other side fails
FORM = {"fields": [{"key": "name", "required": True}]}


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    """A loop in a thread, for the server."""
    thread = LoopThread()
    yield thread
    thread.stop()


@pytest.fixture
def fake(loop: LoopThread) -> Iterator[FakeServer]:
    """A fake server on loopback, in a thread of its own."""
    server = FakeServer()
    loop.run(server.listen)
    yield server
    loop.run(server.close)


def test_the_example_of_the_design_runs(fake: FakeServer) -> None:
    fake.on_message().finish("Hello")
    with SyncSmoothAgentClient(fake.url) as client:
        assert client.start_conversation(agent_id=AGENT_ID).ask("Hi").text == "Hello"
        assert client.state == "open"
    assert client.state == "closed"


def test_making_one_starts_no_thread_and_close_ends_it(fake: FakeServer) -> None:
    before = threading.active_count()
    client = SyncSmoothAgentClient(fake.url)
    assert threading.active_count() == before
    client.close()  # nothing to close
    client.connect()
    assert threading.active_count() > before
    client.close()
    client.close()
    assert threading.active_count() == before
    client.connect()  # works again, on another loop
    client.close()


def test_a_turn_is_iterated_and_answered(fake: FakeServer) -> None:
    fake.on_message().tokens("12 ").confirm("look").otp("4711").interaction(
        "identity_intake", **FORM
    ).tokens("euros").finish()
    seen = []
    with SyncSmoothAgentClient(fake.url, supports=["identity_form"]) as client:
        chat = client.start_conversation(agent_id=AGENT_ID)
        with chat.send("balance?") as turn:
            for event in turn:
                seen.append(event.type)
                if event.type == "write_confirmation_required":
                    turn.confirm(True)
                elif event.type == "otp_sent":
                    assert not turn.verify_otp("0000").verified
                    assert turn.verify_otp("4711").verified
                elif event.type == "interaction_required":
                    assert not turn.submit({}).accepted
                    assert turn.submit({"name": "Ada"}).accepted
            result = turn.result()
    assert result.text == "12 euros"
    assert list(turn.text_stream) == ["12 ", "euros"]
    assert (seen[0], seen[-1]) == ("stream_token", "eventual_response")


def test_handlers_may_block_and_hold_up_nothing(fake: FakeServer) -> None:
    fake.on_message().confirm("x").finish("yes")
    with SyncSmoothAgentClient(fake.url) as client:

        def confirm(_: object) -> bool:
            return client.ping().server_time is not None  # blocks, and needs the client's loop

        chat = client.start_conversation(agent_id=AGENT_ID, handlers=Handlers(confirm=confirm))
        assert chat.ask("x").text == "yes"


async def agree(_: object) -> bool:
    return True


@pytest.mark.parametrize("confirm", [agree, lambda asked: agree(asked)])
def test_handlers_may_be_async(fake: FakeServer, confirm: object) -> None:
    fake.on_message().confirm("x").finish("yes")
    handlers = Handlers(confirm=confirm)  # type: ignore[arg-type]
    with SyncSmoothAgentClient(fake.url, handlers=handlers) as client:
        assert client.start_conversation(agent_id=AGENT_ID).ask("x").text == "yes"


def test_calls_give_what_the_async_ones_give(fake: FakeServer) -> None:
    fake.on_message().finish("ok")
    with SyncSmoothAgentClient(fake.url) as client:
        chat = client.start_conversation(agent_id=AGENT_ID)
        for text in ("one", "two"):
            chat.ask(text)
        said = [m.content.text for m in chat.messages(limit=1) if m.content is not None]
        assert said == ["ok", "two", "ok", "one"]
        page = client.get_conversation_messages(session_id=chat.session_id, limit=1)
        assert page.has_more
        assert client.list_conversations().conversations[0].title == "one"
        named = client.rename_conversation(conversation_id=chat.conversation_id, title="Numbers")
        assert named.title == "Numbers"
        assert client.get_session(session_id=chat.session_id).agent_name == "Fake Agent"
        again = client.resume_conversation(session_id=chat.session_id)
        assert again.conversation_id == chat.conversation_id
        assert again.open_turn() is None
        session = client.create_conversation_session(agent_id=AGENT_ID)
        turn = client.send_message(session_id=session.session_id, message="three")
        assert turn.result().text == "ok"
        assert client.turn("req-unknown") is None
        assert client.call(wire.actions.PingAction()).timestamp is not None


def test_errors_are_those_of_the_async_client(fake: FakeServer) -> None:
    fake.on_message().error("AGENT_ERROR")
    with pytest.raises(NotConnectedError):
        SyncSmoothAgentClient(fake.url).ping()
    with pytest.raises(TypeError, match="no_such"):
        SyncSmoothAgentClient(fake.url, no_such=True)  # type: ignore[call-arg]
    with SyncSmoothAgentClient(fake.url) as client:
        chat = client.start_conversation(agent_id=AGENT_ID)
        with pytest.raises(ServerFaultError):
            chat.ask("x")
        with pytest.raises(ValueError, match="message"):
            chat.send("")


def test_leaving_a_turn_stops_it(fake: FakeServer) -> None:
    fake.on_message().tokens("a")
    with SyncSmoothAgentClient(fake.url) as client:
        chat = client.start_conversation(agent_id=AGENT_ID)
        with chat.send("x") as turn:
            assert next(iter(turn)).type == "stream_token"
        assert turn.result().outcome == "cancelled"
        second = chat.send("x")
        second.cancel()
        assert second.settled
    assert len(fake.sent("cancel")) == 2


def test_a_blocking_call_in_a_callback_of_the_client_is_refused(fake: FakeServer) -> None:
    told: list[str] = []
    called = threading.Event()
    with SyncSmoothAgentClient(fake.url) as client:

        def listener(_: object) -> None:
            try:
                client.ping()
            except RuntimeError as fault:
                told.append(str(fault))
                called.set()

        client.on_event(listener)
        fake.push({"type": "weather"})
        client.ping()
        assert called.wait(LIMIT)
    assert "inside one of its own callbacks" in told[0]


async def test_it_works_where_a_loop_runs_already(fake: FakeServer) -> None:
    """As in a notebook: the calls block this loop, and are served by another one."""
    fake.on_message().finish("Hello")
    with SyncSmoothAgentClient(fake.url) as client:
        assert client.start_conversation(agent_id=AGENT_ID).ask("Hi").text == "Hello"


SCRIPTS = {
    "ask": "chat.ask('long')",
    "iterate": "for event in chat.send('long'): pass",
    "text": "print(*chat.send('long').text_stream)",
}


@pytest.mark.parametrize("way", SCRIPTS)
def test_ctrl_c_sends_one_cancel(fake: FakeServer, way: str) -> None:
    fake.on_message().tokens("a")
    script = (
        # A program that a shell began in the background has been told to ignore the signal.
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from smooth_operator import SyncSmoothAgentClient\n"
        "with SyncSmoothAgentClient(sys.argv[1]) as client:\n"
        "    chat = client.start_conversation(agent_id='a')\n"
        f"    {SCRIPTS[way]}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, fake.url], stderr=subprocess.PIPE, text=True
    )
    waited = threading.Event()
    for _ in range(int(LIMIT * 100)):
        if fake.sent("send_message") or waited.wait(0.01):
            break
    waited.wait(0.2)  # the program is in its wait now, or about to be: either way it is stopped
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=LIMIT)
    assert "KeyboardInterrupt" in errors
    assert len(fake.sent("cancel")) == 1
