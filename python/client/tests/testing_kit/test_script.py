"""A script of the reference server, played by the fake one."""

from __future__ import annotations

import pytest

from smooth_operator import Handlers, ServerFaultError
from smooth_operator.testing import FakeServer

TOOLS = [
    {"name": "look_up", "result": "found"},
    {"name": "delete_record", "result": "deleted", "confirm": True},
    {"name": "drop_table", "result": "dropped"},
    {"name": "balance", "result": "12 euros", "auth": "end_user"},
    {"name": "settings", "result": "all", "auth": "admin"},
]
OTP = {"code": "4711", "attempts": 2}


def call(name: str, **arguments: object) -> dict[str, object]:
    return {"toolCall": {"name": name, "arguments": arguments}}


async def results(fake: FakeServer, message: str, **handlers: object) -> list[tuple[object, bool]]:
    """Say something; return the results of the tools, and whether each is an error."""
    chat = await fake.conversation(handlers=Handlers(**handlers))  # type: ignore[arg-type]
    turn = chat.send(message)
    found = []
    async for item in turn:
        if item.type == "stream_chunk":
            told = item.raw["data"]["state"]["rawResponse"].get("toolResult")
            if told is not None:
                found.append((told["result"], told["isError"]))
    await turn
    return found


async def test_entries_are_consumed_in_order_over_all_turns(fake: FakeServer) -> None:
    usage = {"promptTokens": 12, "completionTokens": 1}
    fake.script(
        {
            "model": [
                {"preamble": "Let me see."},
                {"reasoning": "a b"},
                {"text": "One two", "usage": usage},
                {"error": "upstream 500"},
                {"text": "Three", "delayMs": 1_000},
            ]
        }
    )
    chat = await fake.conversation()
    turn = chat.send("x")
    words = [(one.type, getattr(one, "token", "")) async for one in turn]
    assert words[2:6] == [
        ("stream_preamble", "see."),
        ("stream_reasoning", "a "),
        ("stream_reasoning", "b"),
        ("stream_token", "One "),
    ]
    result = await turn
    assert result.usage is not None
    assert (result.text, result.usage.prompt_tokens) == ("One two", 12)
    with pytest.raises(ServerFaultError) as fault:
        await chat.ask("y")
    assert "upstream" not in str(fault.value.server_message)
    third = chat.send("z")
    await fake.clock.advance(1_000)
    assert (await third).text == "Three"
    with pytest.raises(ServerFaultError):
        await chat.ask("and now?")


async def test_tools_run_ask_and_are_refused_as_the_script_says(fake: FakeServer) -> None:
    names = ("look_up", "settings", "nothing")
    model = [*map(call, names), {"text": "Done"}]
    fake.script({"model": model, "tools": TOOLS})
    assert await results(fake, "x") == [
        ("found", False),
        ("denied", True),
        ("there is no such tool", True),
    ]


@pytest.mark.parametrize(("approved", "told"), [(True, "deleted"), (False, "denied")])
async def test_a_tool_that_confirms_asks(fake: FakeServer, approved: bool, told: str) -> None:
    model = [call("delete_record"), call("drop_table"), {"text": "Done"}]
    fake.script({"model": model, "tools": TOOLS, "confirmTools": ["drop_"]})
    found = await results(fake, "x", confirm=lambda _: approved)
    assert found[0] == (told, not approved)
    assert found[1][1] is not approved
    assert len(fake.sent("confirm_tool_action")) == 2


async def test_a_tool_with_a_code_asks_once_in_a_session(fake: FakeServer) -> None:
    model = [call("balance"), call("balance"), {"text": "Done"}]
    fake.script({"model": model, "tools": TOOLS, "otp": OTP})
    assert await results(fake, "x", otp=lambda _: "4711") == [("12 euros", False)] * 2
    assert len(fake.sent("verify_otp")) == 1


async def test_a_code_that_is_not_delivered_is_told(fake: FakeServer) -> None:
    otp = {**OTP, "sendFails": True}
    fake.script({"model": [call("balance"), {"text": "Done"}], "tools": TOOLS, "otp": otp})
    turn = (await fake.conversation()).send("x")
    async for item in turn:
        if item.type == "error":
            assert item.code == "OTP_SEND_FAILED"
            await turn.decline("otp")
    assert (await turn).text == "Done"


async def test_a_form_is_asked_where_it_can_be_shown_and_in_words_elsewhere(
    fake: FakeServer,
) -> None:
    form = call("request_identity_intake", fields=["email"], reason="to write to you")
    fake.script({"model": [form, {"text": "Done"}, form, {"text": "Done"}]})
    said = await results(fake, "x", interaction={"identity_intake": lambda _: {"email": "a@b.de"}})
    assert said == [({"status": "submitted", "values": {"email": "a@b.de"}}, False)]
    ((told, failed),) = await results(fake, "x")
    assert isinstance(told, dict)
    assert (told["mode"], failed) == ("conversational", False)
