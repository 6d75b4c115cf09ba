"""The soak of the server, for a few seconds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))

from server_soak import Talk, compared  # noqa: E402

REST = {"rss": 100 << 20, "tasks": 4, "sockets": 0, "turns": 0, "files": 8}


@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is read from /proc")
def test_a_server_comes_back_after_five_seconds_of_turns_with_questions_cancels_and_cuts() -> None:
    command = (sys.executable, str(TOOLS / "server_soak.py"), "--seconds", "5", "--talks", "20")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "faults 0" in done.stdout


@pytest.mark.parametrize("name", ["tasks", "sockets", "turns", "files"])
def test_what_stays_is_told(name: str) -> None:
    (fault,) = compared(REST, REST | {name: REST[name] + 1}, turns=10)
    assert fault.startswith(f"{name}: ")


def test_memory_that_stays_is_told() -> None:
    (fault,) = compared(REST, REST | {"rss": 140 << 20}, turns=10)
    assert fault == "memory: 140 MiB, and 100 MiB before"


WRONG: dict[str, Callable[[], dict[str, Any]]] = {
    "a frame of another turn": lambda: {"type": "stream_token", "requestId": "talk2-m1"},
    "a word of another turn": lambda: {"requestId": "talk1-m1", "token": "talk2-m1.0 ", "seq": 1},
    "an event twice": lambda: {"type": "stream_token", "requestId": "talk1-m1", "seq": 0},
    "an event too few": lambda: {"type": "stream_token", "requestId": "talk1-m1", "seq": 2},
}


@pytest.mark.parametrize("frame", WRONG.values(), ids=WRONG)
def test_a_talk_tells_what_is_wrong(frame: Callable[[], dict[str, Any]]) -> None:
    talk = Talk(1, "ws://127.0.0.1:1/ws", 1)
    with pytest.raises(Exception, match="talk1-m1: "):
        talk._checked({"type": "stream_token"} | frame(), "talk1-m1", 0)
