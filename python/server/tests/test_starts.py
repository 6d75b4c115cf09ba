"""In which order turns begin when many come at once."""

from __future__ import annotations

import asyncio

from smooth_operator_server.turns.starts import AT_ONCE, Starts


async def test_turns_begin_a_few_in_each_pass_in_the_order_in_which_they_came() -> None:
    starts, began = Starts(), list[tuple[int, int]]()
    passes = 0

    async def turn(number: int) -> None:
        await starts.mine()
        began.append((number, passes))

    turns = [asyncio.create_task(turn(number)) for number in range(5 * AT_ONCE)]
    while not all(task.done() for task in turns):
        await asyncio.sleep(0)
        passes += 1
    assert [number for number, _ in began] == list(range(5 * AT_ONCE))
    at_once = [sum(when == one for _, when in began) for one in range(passes)]
    assert max(at_once) == AT_ONCE


async def test_what_has_begun_waits_for_those_that_came_and_for_no_later_one() -> None:
    starts, told = Starts(), list[str]()

    async def begin(name: str) -> None:
        await starts.mine()
        told.append(name)

    async def go_on() -> None:
        await starts.others()
        told.append("second word")

    first = [asyncio.create_task(begin(f"first {number}")) for number in range(3 * AT_ONCE)]
    await asyncio.sleep(0)
    going_on = asyncio.create_task(go_on())
    await asyncio.sleep(0)
    later = [asyncio.create_task(begin("later")) for _ in range(20 * AT_ONCE)]
    await asyncio.gather(*first, going_on, *later)
    place = told.index("second word")
    assert set(told[:place]) >= {f"first {number}" for number in range(2 * AT_ONCE)}
    assert told[place:].count("later") > 10 * AT_ONCE


async def test_a_turn_whose_socket_is_lost_while_it_waits_takes_nobodys_place() -> None:
    starts = Starts()
    waiting = [asyncio.create_task(starts.mine()) for _ in range(3 * AT_ONCE)]
    await asyncio.sleep(0)
    for task in waiting[AT_ONCE : 2 * AT_ONCE]:
        task.cancel()
    await asyncio.wait_for(waiting[-1], 5)
    await asyncio.wait_for(starts.others(), 5)


async def test_turns_that_have_much_to_say_go_on_a_few_in_each_pass_in_order() -> None:
    starts, said = Starts(), list[tuple[int, int]]()
    passes = 0

    async def talk(number: int) -> None:
        for _ in range(3):
            await starts.breath()
            said.append((number, passes))

    turns = [asyncio.create_task(talk(number)) for number in range(5 * AT_ONCE)]
    while not all(task.done() for task in turns):
        await asyncio.sleep(0)
        passes += 1
    at_once = [sum(when == one for _, when in said) for one in range(passes)]
    assert max(at_once) == AT_ONCE
    assert [number for number, _ in said] == 3 * list(range(5 * AT_ONCE))


async def test_a_turn_that_is_alone_waits_one_pass_for_a_breath() -> None:
    starts, passed = Starts(), list[str]()
    asyncio.get_running_loop().call_soon(passed.append, "a pass")
    await starts.breath()
    assert passed == ["a pass"]


async def test_a_message_that_comes_while_many_talk_begins_before_they_have_all_gone_on() -> None:
    starts, said = Starts(), list[str]()

    async def talk() -> None:
        for _ in range(3):
            await starts.breath()
            said.append("word")

    async def begin() -> None:
        await starts.mine()
        said.append("first word")

    talking = [asyncio.create_task(talk()) for _ in range(25 * AT_ONCE)]
    await asyncio.sleep(0)
    await asyncio.gather(asyncio.create_task(begin()), *talking)
    assert said.index("first word") <= 2 * AT_ONCE
