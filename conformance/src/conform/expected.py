"""The transcript that the oracle expects, as text."""

from __future__ import annotations

from conform.story import Expectation
from conform.transcript import canonical


def expected_lines(expected: Expectation, until: int | None = None, protocol: int = 2) -> list[str]:
    """The oracle's transcript; with ``until``, only what steps up to that one lead to."""
    events = [event for i, event in expected.events if until is None or i <= until]
    return canonical(events, counted=False, protocol=protocol, merging=expected.merging)


def step_of(expected: Expectation, line: str, protocol: int = 2) -> int | None:
    """Step that leads to a line of the oracle's transcript."""
    for index, event in expected.events:
        if line in canonical([event], counted=False, protocol=protocol, merging=expected.merging):
            return index
    return None
