"""What every backplane does: notices, the events of turns, and how long they are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from smooth_operator_server.auth.limits import RateLimiter
from smooth_operator_server.backplane import (
    Backplane,
    BackplaneError,
    Batch,
    Buckets,
    Kept,
    Notice,
    Post,
)
from smooth_operator_server.backplane.local import Hub, LocalBackplane
from smooth_operator_server.backplane.opening import open_backplane
from smooth_operator_server.clock import SystemClock

from .support_backplanes import BACKPLANES, KEPT_S, backplanes, redis

__all__ = ["redis"]

WAIT_S = 20


@pytest.fixture(params=BACKPLANES)
async def two(request: pytest.FixtureRequest) -> AsyncIterator[list[Backplane]]:
    async with backplanes(request.param, 2, request) as made:
        yield made


def batch(first: int, *texts: str, oldest: int = 1, ended: bool = False) -> Batch:
    return Batch("turn", first, texts, oldest, ended)


async def heard_by(backplane: Backplane) -> asyncio.Queue[Notice]:
    heard: asyncio.Queue[Notice] = asyncio.Queue()
    await backplane.start(heard.put_nowait)
    return heard


async def next_of(heard: asyncio.Queue[Notice]) -> Notice:
    return await asyncio.wait_for(heard.get(), WAIT_S)


async def test_a_notice_reaches_the_server_that_it_names_or_all(two: list[Backplane]) -> None:
    one, other = two
    mine, theirs = await heard_by(one), await heard_by(other)
    assert one.node != other.node
    assert await one.tell(other.node, {"kind": "a", "text": "ä\n\0"})
    assert await one.tell(None, {"kind": "b"})
    assert await next_of(theirs) == {"kind": "a", "text": "ä\n\0"}
    assert await next_of(theirs) == {"kind": "b"}
    assert await next_of(mine) == {"kind": "b"}
    assert mine.empty()


async def test_a_notice_may_be_long(two: list[Backplane]) -> None:
    one, other = two
    theirs = await heard_by(other)
    await one.tell(other.node, {"text": "ü" * 100_000})
    assert (await next_of(theirs))["text"] == "ü" * 100_000


async def test_a_server_that_is_gone_hears_nothing(two: list[Backplane]) -> None:
    one, other = two
    assert not await one.tell(other.node, {"kind": "a"})  # it does not listen yet
    await heard_by(other)
    assert await one.tell(other.node, {"kind": "a"})
    await other.aclose()
    async with asyncio.timeout(WAIT_S):
        while await one.tell(other.node, {"kind": "a"}):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_events_are_read_by_every_server_in_their_order(two: list[Backplane]) -> None:
    one, other = two
    assert await other.kept("turn") is None
    await one.append([batch(1, "a", "b"), Batch("another", 1, ("x",), 1, False)])
    await one.append([batch(3, "c")])
    assert await other.kept("turn") == Kept(1, 3, ended=False)
    assert await other.read("turn", 0, 2) == [(1, "a"), (2, "b")]
    assert await other.read("turn", 2, 2) == [(3, "c")]
    assert await other.read("turn", 3, 2) == []
    assert await other.read("another", 0, 9) == [(1, "x")]


async def test_what_is_appended_again_stays_as_it_was(two: list[Backplane]) -> None:
    one, other = two
    await one.append([batch(1, "a", "b")])
    await other.append([batch(2, "other", "c")])
    assert await one.read("turn", 0, 9) == [(1, "a"), (2, "b"), (3, "c")]


async def test_old_events_go_when_they_need_not_be_kept(two: list[Backplane]) -> None:
    one, other = two
    await one.append([batch(1, *"abcdef")])
    await one.append([batch(7, "g", oldest=5)])
    assert await other.kept("turn") == Kept(5, 7, ended=False)
    assert await other.read("turn", 0, 9) == [(5, "e"), (6, "f"), (7, "g")]


async def test_the_events_of_a_turn_that_ended_are_kept_for_a_while(two: list[Backplane]) -> None:
    one, other = two
    await one.append([batch(1, "a")])
    await one.append([batch(2, "b", ended=True)])
    assert await other.kept("turn") == Kept(1, 2, ended=True)
    await asyncio.sleep(KEPT_S + 0.2)
    assert await other.kept("turn") is None


async def test_a_turn_is_forgotten_at_once(two: list[Backplane]) -> None:
    one, other = two
    await one.append([batch(1, "a", ended=True)])
    await other.forget("turn")
    assert await one.kept("turn") is None
    assert await one.read("turn", 0, 9) == []


async def test_a_server_is_asked_and_answers(two: list[Backplane]) -> None:
    one, other = (Post(backplane, SystemClock()) for backplane in two)

    async def answer(notice: Notice) -> Notice:
        return {"told": [notice["by"], notice["what"]]}

    async def broken(_: Notice) -> Notice:
        raise RuntimeError

    other.on("what", answer)
    other.on("broken", broken)
    assert await one.ask(other.node, "what", what=1) is None  # nobody listens yet
    for post in (one, other):
        await post.start()
    told = await one.ask(other.node, "what", what=1)
    assert told is not None
    assert told["told"] == [one.node, 1]
    assert await one.ask(one.node, "what", what=1) is None
    asked = asyncio.create_task(one.ask(other.node, "broken"))
    unknown = asyncio.create_task(one.ask(other.node, "of a newer server"))
    for task in (asked, unknown):
        assert not (await asyncio.wait({task}, timeout=0.2))[0]
        task.cancel()
    for post in (one, other):
        await post.aclose()


async def test_a_server_alone_keeps_nothing_and_tells_nobody() -> None:
    alone = LocalBackplane()
    assert not alone.is_shared
    await alone.append([batch(1, "a")])
    assert await alone.kept("turn") is None
    assert not await alone.tell(None, {"kind": "a"})


@pytest.mark.parametrize("kind", ["redis", "postgres"])
async def test_what_cannot_be_reached_is_named_without_its_password(kind: str) -> None:
    urls: dict[str, str | None] = {"redis_url": None, "database_url": None}
    name = "redis_url" if kind == "redis" else "database_url"
    scheme = "redis" if kind == "redis" else "postgresql"
    urls[name] = f"{scheme}://ann:sesame@127.0.0.1:1/0"
    with pytest.raises(BackplaneError) as refused:
        await open_backplane(**urls, clock=SystemClock(), kept_s=1)
    assert "sesame" not in str(refused.value)


async def test_what_a_caller_does_at_one_server_counts_at_the_other(two: list[Backplane]) -> None:
    one, other = two
    assert await one.wait_s("acme/ada", 1) == 0
    for server in (other, one):
        assert 0 < await server.wait_s("acme/ada", 1) <= 60
    assert await other.wait_s("acme/bob", 1) == 0


async def test_callers_who_come_at_once_get_no_more_than_there_is(two: list[Backplane]) -> None:
    waits = await asyncio.gather(*(server.wait_s("acme/ada", 1) for server in two * 6))
    assert waits.count(0) == 1


def test_a_bucket_gives_what_it_holds_and_is_filled_steadily() -> None:
    now = 0.0
    buckets = Buckets(lambda: now)
    assert [buckets.wait_s("ada", 7) for _ in range(7)] == [0] * 7
    assert buckets.wait_s("ada", 7) == pytest.approx(60 / 7)
    now += 60 / 7
    assert buckets.wait_s("ada", 7) == 0
    assert buckets.wait_s("ada", 7) > 0
    now += 600
    assert [buckets.wait_s("ada", 7) for _ in range(8)].count(0) == 7


class Away(LocalBackplane):
    async def wait_s(self, caller: str, per_minute: int) -> float:  # noqa: ARG002
        raise BackplaneError("ConnectionError")


async def test_a_limit_holds_at_each_server_while_what_they_share_is_away() -> None:
    clock = SystemClock()
    limiter = RateLimiter(1, lambda: 0.0, Away(Hub(clock, KEPT_S)))
    assert await limiter.wait_s("acme/ada") == 0
    assert await limiter.wait_s("acme/ada") == 60
