"""Handlers of questions, as far as frames cannot show it: tasks, causes, types, the log."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import pytest

from smooth_operator import (
    ConfirmAsk,
    HandlerError,
    Handlers,
    InteractionAsk,
    OtpAsk,
    SmoothAgentClient,
)
from smooth_operator.testing import VirtualClock

from .conftest import Maker
from .peer import Peer, S, until
from .test_turns import begin


async def opened(server: Peer, make: Maker, **options: Any) -> SmoothAgentClient:
    """A client with handlers that is connected."""
    client = make(auto_reconnect=False, ping_interval=0, **options)
    await client.connect()
    await server.link()
    return client


async def confirm(server: Peer, request_id: str) -> None:
    """Ask for a confirmation."""
    await server.ask(
        "write_confirmation_required", request_id, toolId="pay", actionDescription="Pay 5"
    )


def lines(caplog: pytest.LogCaptureFixture, begin: str) -> list[str]:
    """What was logged of one thing."""
    return [it.getMessage() for it in caplog.records if it.getMessage().startswith(begin)]


def tasks() -> list[asyncio.Task[Any]]:
    """The tasks of handlers that run."""
    return [it for it in asyncio.all_tasks() if it.get_name() == "smooth-operator handler"]


@pytest.mark.parametrize("given", [None, "yes", 1, 0, [True]])
async def test_only_true_approves(server: Peer, make: Maker, given: Any) -> None:
    """REQ-ASK-07"""
    client = await opened(server, make, handlers=Handlers(confirm=lambda _: given))
    turn, request_id = await begin(server, client)
    await confirm(server, request_id)
    assert (await server.expect("confirm_tool_action"))["approved"] is False
    await server.expect("cancel")
    with pytest.raises(HandlerError) as raised:
        await turn
    assert isinstance(raised.value.__cause__, TypeError)
    assert raised.value.question == "confirmation"


async def test_the_cause_is_what_the_handler_raised_and_no_text_tells_it(
    server: Peer, make: Maker
) -> None:
    """REQ-ASK-07, REQ-ERR-04, REQ-ERR-08"""

    def raises(_: ConfirmAsk) -> bool:
        raise LookupError("ada@example.com")

    client = await opened(server, make, handlers=Handlers(confirm=raises))
    turn, request_id = await begin(server, client)
    await confirm(server, request_id)
    with pytest.raises(HandlerError) as raised:
        await turn
    assert isinstance(raised.value.__cause__, LookupError)
    assert "ada" not in str(raised.value)
    assert raised.value.request_id == request_id


async def test_a_handler_that_is_cancelled_from_within_fails(server: Peer, make: Maker) -> None:
    """REQ-ASK-07"""

    async def gives_up(_: ConfirmAsk) -> bool:
        raise asyncio.CancelledError

    client = await opened(server, make, handlers=Handlers(confirm=gives_up))
    turn, request_id = await begin(server, client)
    await confirm(server, request_id)
    assert (await server.expect("confirm_tool_action"))["approved"] is False
    with pytest.raises(HandlerError):
        await turn


async def test_a_handler_may_be_async_or_not(server: Peer, make: Maker) -> None:
    """REQ-ASK-01"""

    class Approves:
        async def __call__(self, ask: ConfirmAsk) -> bool:
            await asyncio.sleep(0)
            return ask.tool_id == "pay"

    handlers: list[Callable[[ConfirmAsk], Any]] = [lambda _: True, Approves()]
    client = await opened(server, make)
    for handler in handlers:
        turn = client.send_message(session_id=S, message="pay", handlers=Handlers(confirm=handler))
        request_id = (await server.expect("send_message"))["requestId"]
        await confirm(server, request_id)
        assert (await server.expect("confirm_tool_action"))["approved"] is True
        await server.finish(request_id, "ok")
        await turn


async def test_what_a_handler_is_asked(server: Peer, make: Maker) -> None:
    """REQ-ASK-02, REQ-ASK-03"""
    asked: list[Any] = []

    def form(ask: InteractionAsk) -> dict[str, str]:
        asked.append(ask)
        return {"email": "no"}

    def code(ask: OtpAsk) -> str:
        asked.append(ask)
        return "1"

    handlers = Handlers(otp=code, interaction={"identity_intake": form})
    client = await opened(server, make, handlers=handlers)
    turn, request_id = await begin(server, client)
    await server.ask(
        "interaction_required",
        request_id,
        interactionId="i-1",
        kind="identity_intake",
        spec={"fields": []},
        reason="to mail it",
    )
    await server.expect("submit_interaction")
    await server.ask(
        "interaction_invalid",
        request_id,
        interactionId="i-1",
        kind="identity_intake",
        errors=[{"field": "email", "message": "is none"}],
        message="Once more.",
    )
    await server.expect("submit_interaction")
    assert (asked[0].reason, asked[0].errors) == ("to mail it", ())
    assert (asked[1].errors[0].field, asked[1].message) == ("email", "Once more.")
    await server.ask("otp_sent", request_id, channel="email", maskedDestination="a•••")
    await server.expect("verify_otp")
    assert (asked[2].masked_destination, asked[2].prompt) == ("a•••", "a•••")
    assert "request_id" in repr(asked[2])
    await turn.aclose()


async def test_close_ends_a_handler_and_waits_for_it(server: Peer, make: Maker) -> None:
    """REQ-ASK-06, REQ-CONN-05"""
    ended: list[str] = []

    async def hangs(_: ConfirmAsk) -> bool:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            ended.append("cleaned up")
        return True

    client = await opened(server, make, handlers=Handlers(confirm=hangs))
    turn, request_id = await begin(server, client)
    await confirm(server, request_id)
    await until(tasks)
    await client.close()
    assert ended == ["cleaned up"]
    assert not tasks()
    with pytest.raises(Exception, match="closed"):
        await turn


async def test_a_handler_that_will_not_end_is_not_listened_to(server: Peer, make: Maker) -> None:
    """REQ-ASK-06"""
    let_go = asyncio.Event()

    async def stubborn(_: ConfirmAsk) -> bool:
        while not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()
        return True

    client = await opened(server, make, handlers=Handlers(confirm=stubborn))
    turn, request_id = await begin(server, client)
    await confirm(server, request_id)
    await until(tasks)
    verb = turn.confirm(False)
    assert (await server.expect("confirm_tool_action"))["approved"] is False
    await server.respond(request_id, {})
    await verb
    let_go.set()
    await until(lambda: not tasks())
    await server.quiet(client)
    await server.finish(request_id, "ok")
    assert (await turn).text == "ok"


async def test_a_handler_may_close_its_client(server: Peer, make: Maker) -> None:
    """REQ-CONN-05"""
    client = await opened(server, make)
    over = asyncio.Event()

    async def closes(_: ConfirmAsk) -> bool:
        with contextlib.suppress(asyncio.CancelledError):
            await client.close()
        over.set()
        return True

    turn = client.send_message(session_id=S, message="x", handlers=Handlers(confirm=closes))
    await confirm(server, (await server.expect("send_message"))["requestId"])
    await asyncio.wait_for(over.wait(), 20)
    with pytest.raises(Exception, match="closed"):
        await turn


async def test_a_question_that_nobody_looks_at_is_logged(
    server: Peer, make: Maker, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """REQ-ASK-10"""
    client = await opened(server, make)
    turn, request_id = await begin(server, client)
    await confirm(server, request_id)
    await until(lambda: turn.question("confirmation"))
    with caplog.at_level(logging.WARNING):
        await clock.advance(4_999)
        assert not lines(caplog, "a question")
        await clock.advance(20_000)
    told = f"a question (confirmation) of {request_id} waits: "
    assert lines(caplog, "a question") == [told + "it has no handler, and nobody iterates its turn"]


async def test_a_failure_after_the_turn_is_logged_without_its_text(
    server: Peer, make: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    """REQ-ASK-07, REQ-OTP-06"""
    asked = asyncio.Event()

    async def late(_: OtpAsk) -> str:
        await asked.wait()
        raise LookupError("012345")

    client = await opened(server, make, handlers=Handlers(otp=late), resend_after_otp=False)
    turn, request_id = await begin(server, client)
    await server.ask("otp_sent", request_id, channel="email", maskedDestination="a•••")
    await server.finish(request_id, "a code, please")
    assert (await turn).text == "a code, please"
    with caplog.at_level(logging.WARNING):
        asked.set()
        await until(lambda: lines(caplog, "a handler of"))
    assert lines(caplog, "a handler of") == [f"a handler of {request_id} failed: LookupError"]


async def test_a_turn_that_waits_for_its_code_runs(server: Peer, make: Maker) -> None:
    """REQ-ASK-11"""
    ask: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def code(_: OtpAsk) -> str:
        return await ask

    client = await opened(server, make, handlers=Handlers(otp=code))
    turn, first = await begin(server, client)
    await server.ask("otp_sent", first, channel="email", maskedDestination="a•••")
    await server.finish(first, "a code, please")
    await until(lambda: turn.items[-1:] and turn.items[-1].type == "eventual_response")
    assert (turn.state, turn.settled, client.counters.open_turns) == ("running", False, 1)
    ask.set_result("012345")
    await server.expect("verify_otp")
    await server.ask("otp_verified", first, message="thanks")
    second = (await server.expect("send_message"))["requestId"]
    assert turn.request_id == second != first
    assert client.turn(second) is turn
    assert client.turn(first) is None
    await server.finish(second, "order 7")
    assert (await turn).text == "order 7"


@pytest.mark.parametrize(
    "make_handlers",
    [
        lambda: Handlers(confirm="yes"),  # type: ignore[arg-type]
        lambda: Handlers(otp=7),  # type: ignore[arg-type]
        lambda: Handlers(interaction={"choices": None}),  # type: ignore[dict-item]
        lambda: Handlers(interaction=[]),  # type: ignore[arg-type]
        lambda: SmoothAgentClient("ws://h", handlers={"confirm": print}),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_handler_is_refused(make_handlers: Callable[[], object]) -> None:
    """REQ-CONN-01"""
    with pytest.raises(TypeError):
        make_handlers()
