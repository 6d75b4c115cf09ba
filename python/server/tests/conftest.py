"""Nothing of the machine's own settings reaches a test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from smooth_operator_server.store import Stores

from .support_stores import KINDS, postgres, stores_of

__all__ = ["postgres"]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("SMOOTH_", "SMOOAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    # A command that ran within this process sent the logs to a stream that is closed by now.
    structlog.reset_defaults()


@pytest.fixture(params=KINDS)
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    """Empty stores, once of each kind."""
    async with stores_of(request.param, tmp_path, request) as opened:
        yield opened
