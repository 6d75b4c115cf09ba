"""Budgets of tokens and costs: a call that would exceed one is not made."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from smooth_operator_server.accounts import Spent
from smooth_operator_server.agents import Budget
from smooth_operator_server.engine.model.budget import SpentError, most_tokens
from smooth_operator_server.engine.model.prices import Price, Prices, read_prices
from smooth_operator_server.files import FileFaultError
from smooth_operator_server.meter import Meter
from smooth_operator_server.store import StoreError, Stores

from .support import details, text_of
from .support_endpoint import Reply, calls, words
from .support_records import opened
from .test_model import advancing, answering

PRICE = Price(0.001, 0.002)
NOTHING = Spent()


def most(budget: Budget, **given: Any) -> int:
    known = {"longest": 1000, "coming": 100, "turn": NOTHING, "session": NOTHING, "price": PRICE}
    return most_tokens(budget, **(known | given))


def test_what_is_left_is_the_longest_answer() -> None:
    assert most(Budget()) == 1000
    assert most(Budget(tokens=500)) == 400
    assert most(Budget(tokens=500), turn=Spent(100, 100)) == 200
    assert most(Budget(session_tokens=500), session=Spent(300, 0)) == 100
    assert most(Budget(cost_usd=0.5)) == 200  # 0.1 for reading, 0.4 for writing
    assert most(Budget(session_cost_usd=1), session=Spent(cost_usd=0.8)) == 50
    assert most(Budget(tokens=10_000, cost_usd=100)) == 1000
    assert most(Budget(cost_usd=0.2), price=Price(0, 0)) == 1000


@pytest.mark.parametrize(
    ("budget", "given", "part"),
    [
        (Budget(tokens=100), {}, "tokens for a turn"),
        (Budget(tokens=110), {}, "tokens for a turn"),
        (Budget(session_tokens=500), {"session": Spent(400, 50)}, "tokens for a session"),
        (Budget(cost_usd=0.1), {}, "costs for a turn"),
        (Budget(cost_usd=0.05), {"price": Price(0.001, 0)}, "costs for a turn"),
        (Budget(session_cost_usd=1), {"session": Spent(cost_usd=2)}, "costs for a session"),
        (Budget(cost_usd=9), {"price": None}, "price of the model is not known"),
    ],
)
def test_a_call_that_is_too_dear_is_not_made(
    budget: Budget, given: dict[str, Any], part: str
) -> None:
    with pytest.raises(SpentError, match=part):
        most(budget, **given)


def test_the_narrower_budget_holds_limit_by_limit() -> None:
    agent, server = Budget(steps=9, tokens=5), Budget(steps=3, cost_usd=1)
    assert agent.within(server) == Budget(steps=3, tokens=5, cost_usd=1)


def test_prices_are_the_operators_before_the_published_ones(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("our-model: {inputCostPerToken: 0.5, outputCostPerToken: 1}\n")
    prices = read_prices(file)
    assert prices.of("our-model") == Price(0.5, 1)
    assert prices.of("claude-haiku-4-5") == Price(0.000001, 0.000005)
    assert prices.of("nobody-knows-it") is None
    assert Prices().of("our-model") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("m: {inputCostPerToken: -1, outputCostPerToken: 1}", "/m/inputCostPerToken breaks"),
        ("m: {inputCostPerToken: 1}", "/m/outputCostPerToken is required"),
        (
            "m: {inputCostPerToken: .nan, outputCostPerToken: 1}",
            "/m/inputCostPerToken is no finite",
        ),
        ("m: 2026-01-01", "/m is of a type that JSON does not have"),
        ("1: {}", "the whole has a name that is no string"),
        ("a: &x [1]\nb: *x", "aliases are not taken"),
        ("a: [", "is not YAML|expected"),
        ("[" * 5000, "is not YAML|levels deep"),
    ],
)
def test_a_table_of_prices_that_cannot_be_used_is_named(
    tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(FileFaultError, match=why) as told:
        read_prices(file)
    assert "prices.yaml" in str(told.value)


async def test_a_session_stops_at_its_budget_before_the_call(tmp_path: Path) -> None:
    replies = Reply(words("One."), usage=(100, 100)), Reply(words("Two."), usage=(500, 400))
    async with answering(tmp_path, *replies, session_tokens=1000) as (scripted, server, client):
        session_id = await client.session()
        await client.turn(session_id, "Hi")
        await client.turn(session_id, "Hi again")
        frames = await client.turn(session_id, "And again")
        assert frames[-1]["error"]["code"] == "AGENT_ERROR"
        assert "tokens for a session" in frames[-1]["error"]["message"]
        assert len(scripted.requests) == 2
        assert scripted.requests[1]["max_completion_tokens"] < 800
        other = await client.session()
        scripted.replies.append(Reply(words("Fresh.")))
        assert text_of(await client.turn(other, "Hi")) == "Fresh."
        del server


async def test_costs_are_counted_shown_and_limited(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(
        json.dumps({"m": {"inputCostPerToken": 0.001, "outputCostPerToken": 0.01}})
    )
    settings = {"prices": tmp_path / "p.json", "model": "m", "turn_cost_usd": 10, "max_tokens": 900}
    wants = Reply(calls(("knowledge_search", {"query": "x"})), usage=(100, 50))
    replies = wants, Reply(words("Done."), usage=(200, 10))
    async with answering(tmp_path, *replies, **settings) as (scripted, _, client):
        answer = details((await client.turn(await client.session(), "Hi"))[-1])
        assert answer["usage"]["costUsd"] == pytest.approx(0.1 + 0.5 + 0.2 + 0.1)
        first, second = (asked["max_completion_tokens"] for asked in scripted.requests)
        assert second < first <= 900


async def test_a_budget_of_costs_needs_a_price(tmp_path: Path) -> None:
    settings = {"model": "nobody-knows-it", "session_cost_usd": 5}
    async with answering(tmp_path, **settings) as (scripted, _, client):
        frames = await client.turn(await client.session(), "Hi")
        assert "price of the model is not known" in frames[-1]["error"]["message"]
        assert scripted.requests == []


async def test_a_call_that_is_cancelled_has_cost_something(tmp_path: Path) -> None:
    stalled = Reply(words("word " * 400), stall=True)
    settings = {"session_tokens": 700, "max_tokens": 300}
    async with answering(tmp_path, stalled, **settings) as (scripted, server, client):
        session_id = await client.session()
        request_id = await client.tx("send_message", sessionId=session_id, message="Hi")
        await advancing(server, client, "stream_token")
        await client.tx("cancel", sessionId=session_id, requestId=request_id)
        await client.rx("cancelled")
        frames = await client.turn(session_id, "Hi")
        assert "tokens for a session" in frames[-1]["error"]["message"]
        assert len(scripted.requests) == 1


async def test_what_the_store_did_not_take_is_not_forgotten(stores: Stores) -> None:
    session_id = (await opened(stores)).session_id

    class Failing:
        fails = True

        async def spend(self, session_id: str, spent: Spent) -> None:
            if self.fails:
                raise StoreError("away")
            await stores.models.spend(session_id, spent)

        def __getattr__(self, name: str) -> Any:
            return getattr(stores.models, name)

    store: Any = Failing()
    meter = Meter(store)
    meter.charge(session_id, Spent(1, 2, 0.5))
    await asyncio.sleep(0.01)
    assert await meter.spent(session_id) == Spent(1, 2, 0.5)
    assert await stores.models.spent(session_id) == NOTHING
    store.fails = False
    meter.charge(session_id, Spent(10, 20, 0.25))
    await meter.flush()
    assert await stores.models.spent(session_id) == Spent(11, 22, 0.75)
    assert await meter.spent(session_id) == Spent(11, 22, 0.75)
