"""Ids of what the stores keep."""

from __future__ import annotations

import os
import time
import uuid

import pytest

from smooth_operator_server.ids import DRAWN, new_uuid


def test_an_id_is_a_uuid_of_its_moment() -> None:
    before = time.time_ns() // 1_000_000
    made = [uuid.UUID(new_uuid()) for _ in range(4 * DRAWN)]
    after = time.time_ns() // 1_000_000
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {uuid.RFC_4122}
    assert all(before <= one.int >> 80 <= after for one in made)


def test_no_two_ids_are_equal_and_all_bits_of_chance_are_used() -> None:
    made = [uuid.UUID(new_uuid()).int for _ in range(20 * DRAWN)]
    assert len(set(made)) == len(made)
    for bit in (*range(62), *range(64, 76)):
        ones = sum(one >> bit & 1 for one in made)
        assert 0.4 < ones / len(made) < 0.6, bit


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_makes_other_ids() -> None:
    new_uuid()
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        os.write(writes, "".join(new_uuid() for _ in range(3)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    its = os.read(reads, 200).decode()
    ours = [new_uuid() for _ in range(3)]
    os.close(reads)
    os.close(writes)
    assert len(its) == 3 * 36
    assert all(one[19:] not in its for one in ours)
