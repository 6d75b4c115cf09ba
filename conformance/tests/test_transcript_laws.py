"""Laws of transcripts and patterns, over generated input."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from conform.patterns import mismatch
from conform.transcript import canonical, digest, first_difference

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
LANES = st.sampled_from(["t1", "t2", "s1"])


@st.composite
def events(draw: st.DrawFn) -> list[dict]:
    out = []
    for n, (lane, data) in enumerate(draw(st.lists(st.tuples(LANES, JSON), max_size=8))):
        if lane == "s1":
            out.append({"ev": "returned", "as": lane, "n": n, "value": data})
        else:
            out.append({"ev": "item", "turn": lane, "n": n, "type": "pong", "data": {"d": data}})
    return out


@given(events())
def test_normalising_twice_is_normalising_once(log: list[dict]) -> None:
    once = canonical(log)
    again = canonical([json.loads(line) for line in once], counted=False)
    assert again == once


@given(events(), st.randoms(use_true_random=False))
def test_how_lanes_interleave_does_not_matter(log: list[dict], random) -> None:
    mixed = list(log)
    random.shuffle(mixed)  # `n` still orders each lane
    assert canonical(mixed) == canonical(log)


@given(st.lists(st.integers(1, 99), min_size=1, max_size=6), st.integers(1, 500))
def test_renaming_drawn_ids_changes_nothing(numbers: list[int], shift: int) -> None:
    def log(offset: int) -> list[dict]:
        ids = [f"req-auto-{n + offset}" for n in numbers]
        return [{"ev": "returned", "as": f"s{i}", "n": i, "value": v} for i, v in enumerate(ids)]

    assert canonical(log(0)) == canonical(log(shift))


def test_ids_that_are_equal_stay_equal_and_others_stay_apart() -> None:
    def log(*ids: str) -> list[dict]:
        return [{"ev": "returned", "as": f"s{i}", "n": i, "value": v} for i, v in enumerate(ids)]

    assert canonical(log("req-auto-1", "req-auto-1")) != canonical(log("req-auto-1", "req-auto-2"))
    assert canonical(log("req-a")) != canonical(log("req-b"))  # what the case wrote stays literal


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12), st.integers(0, 12)
)
def test_how_a_text_is_cut_does_not_matter(text: str, at: int) -> None:
    def log(*pieces: str) -> list[dict]:
        base = {"ev": "text", "turn": "t1", "as": "x"}
        return [{**base, "n": n, "piece": piece} for n, piece in enumerate(pieces)]

    assert canonical(log(text[:at], text[at:])) == canonical(log(text))


@given(JSON)
def test_a_literal_matches_itself_and_numbers_count_by_value(value) -> None:
    plain = json.loads(json.dumps(value).replace("$", "S"))
    assert mismatch(plain, json.loads(json.dumps(plain))) is None
    assert mismatch(200, 200.0) is None
    assert mismatch(1, True) is not None


@given(st.dictionaries(st.text("abc", min_size=1), JSON, max_size=3))
def test_matching_is_closed(value: dict) -> None:
    plain = json.loads(json.dumps(value).replace("$", "S"))
    assert mismatch(plain, {**plain, "extra": 1}) is not None
    assert mismatch({**plain, "$partial": True}, {**plain, "extra": 1}) is None
    assert mismatch({**plain, "gone": "$absent"}, plain) is None
    assert mismatch({**plain, "gone": None}, plain) is not None


def test_equal_transcripts_have_one_digest_and_differences_name_both_lines() -> None:
    left = [{"ev": "returned", "as": "a", "n": 1, "value": 1.0}]
    right = [{"ev": "returned", "as": "a", "n": 9, "value": 1}]
    assert digest(canonical(left)) == digest(canonical(right))
    other = canonical([{"ev": "returned", "as": "a", "n": 1, "value": 2}])
    assert first_difference(canonical(left), other) == (
        '{"as":"a","ev":"returned","value":1}',
        '{"as":"a","ev":"returned","value":2}',
    )
    assert first_difference(canonical(left), []) == ('{"as":"a","ev":"returned","value":1}', "")
    assert first_difference([], other, cut=True) is None
