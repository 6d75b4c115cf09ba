"""The waits between attempts, as the formula of the specification has them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smooth_operator._connection_backoff import ENDLESS, Backoff
from smooth_operator._options import milliseconds

draws = st.floats(0, 1, exclude_max=True)
times = st.integers(1, 100_000)


@pytest.mark.parametrize(
    ("draw", "waits"),
    [
        (0.0, [0, 500, 500, 500, 500, 500, 500]),
        (0.5, [250, 1000, 1500, 2500, 4500, 8500, 10_500]),
        (0.999, [499, 1499, 2498, 4496, 8492, 16_484, 20_000]),
    ],
)
def test_req_conn_31_the_waits_of_the_defaults(draw: float, waits: list[int]) -> None:
    backoff = Backoff(500, 20_000)
    assert [backoff.delay(draw) for _ in waits] == waits


@given(draws, times, times, st.integers(0, 100))
def test_req_conn_31_the_formula(draw: float, base: int, longest: int, begun: int) -> None:
    backoff = Backoff(base, longest)
    for _ in range(begun):
        backoff.delay(0.5)
    grown = min(longest, base * 2 ** min(begun, 31))
    wait = base + math.floor(draw * grown) if begun else math.floor(draw * base)
    assert backoff.delay(draw) == min(longest, wait)


@given(draws, st.integers(0, 5))
def test_req_conn_31_a_row_counts_from_its_own_number_on(draw: float, begun: int) -> None:
    backoff, plain = Backoff(500, 20_000), Backoff(500, 20_000)
    for _ in range(begun):
        backoff.delay(0.5)
    for _ in range(max(begun, 2)):
        plain.delay(0.5)
    assert backoff.delay(draw, backoff_from=2) == plain.delay(draw)
    assert backoff.delay(draw) == plain.delay(draw)


@given(draws, st.integers(0, 10**9))
def test_req_conn_33_a_hint_takes_the_place_of_the_wait_and_is_bounded(
    draw: float, hint: int
) -> None:
    backoff = Backoff(500, 20_000)
    told = min(hint, 120_000)
    wait = backoff.delay(draw, backoff_from=2, hint=hint)
    assert wait == told + math.floor(draw * max(500, told / 4))
    assert backoff.delay(0.5) == 2_500  # it was counted like any other: n is 3


def test_req_conn_32_the_count_begins_anew() -> None:
    backoff = Backoff(500, 20_000)
    for _ in range(5):
        backoff.delay(0.5)
        backoff.attempts += 1
    backoff.reset()
    assert (backoff.attempts, backoff.delay(0.5), backoff.delay(0.5)) == (0, 250, 1000)


def test_req_conn_36_what_is_left_of_a_limit() -> None:
    backoff = Backoff(500, 20_000)
    assert (backoff.remaining(None), backoff.remaining(2), backoff.remaining(0)) == (ENDLESS, 2, 0)
    backoff.attempts = 3
    assert (backoff.remaining(None), backoff.remaining(2)) == (ENDLESS, 0)


@given(st.integers(0, 10**7))
def test_seconds_are_the_milliseconds_that_were_meant(ms: int) -> None:
    assert milliseconds(ms / 1000) == ms
