"""The demonstration: a port that is free, a server that is awaited and bounded."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import demo
import pytest
from workshop import SetupError


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_usual_port_is_taken_only_when_it_is_free(listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    assert demo.free_port(taken) not in (0, taken)


def started(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code])


def test_ready_means_that_it_accepts_connections(listener: socket.socket, tmp_path: Path) -> None:
    with started("input()") as server:
        demo.wait_until_ready(server, listener.getsockname()[1], tmp_path / "log")
        server.kill()


def test_server_that_ends_at_once_is_said_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("port out of range")
    with started("raise SystemExit(2)") as server:
        server.wait()
        with pytest.raises(SetupError, match="port out of range"):
            demo.wait_until_ready(server, 1, log)


def test_without_a_terminal_the_script_is_said_and_announced(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    echo = [sys.executable, "-c", "import sys; print(sys.stdin.read())"]
    assert demo.talk(echo) == 0
    said = capfd.readouterr().out
    assert said.startswith("no terminal: a script speaks for the person")
    assert said.rstrip().endswith("\n".join(demo.SCRIPT).rstrip())


def test_the_script_says_no_to_what_deletes() -> None:
    asked = demo.SCRIPT.index("delete record 42")
    assert demo.SCRIPT[asked + 1] == "no"
