"""Fixtures: a fake server, in memory and on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from smooth_operator.testing import FakeServer


@pytest.fixture
async def fake() -> AsyncIterator[FakeServer]:
    """A fake server in memory."""
    async with FakeServer() as server:
        yield server
