"""Nothing of the machine's own settings reaches a test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("SMOOTH_", "SMOOAI_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
