"""Serve the demonstration and chat with it in this terminal: `make demo`.

The server runs on 127.0.0.1 with its offline model; its port is 8787, or a free one when that is
taken. Without a terminal nobody is there to talk: SCRIPT is said then, and that is printed first.
The server ends with the chat.

    python3 tools/demo.py
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import setup_python
from workshop import ROOT, STATE, SetupError

USUAL_PORT = 8787
READY_S = 20.0
END_S = 5.0
SCRIPT = (
    "How long is your return window?",
    "delete record 42",
    "no",
    "Thank you, and how much is shipping?",
    "",
)
"""What a person would type, line by line: two questions, and a no to a tool that deletes."""


def free_port(wanted: int) -> int:
    """Return ``wanted``, or a port that the system chooses when somebody listens there."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SetupError("no free port on 127.0.0.1")


def wait_until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when ``server`` accepts connections.

    Raises: SetupError: it ended, or took longer than READY_S; its last words are in the text.
    """
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SetupError(f"the server is not ready; its last words:\n{log.read_text()[-1000:]}")


def talk(chat: list[str]) -> int:
    """Run the chat with the terminal, or with the script where there is none."""
    if sys.stdin is not None and sys.stdin.isatty():
        return subprocess.run(chat, check=False).returncode
    print("no terminal: a script speaks for the person (make demo's own, in tools/demo.py)")
    own = " ".join(["smooth-operator", *chat[1:]])
    print(f"to say lines of your own: {own} < lines", flush=True)
    said = "".join(f"{line}\n" for line in SCRIPT)
    return subprocess.run(chat, input=said, text=True, check=False).returncode


def serve_and_chat() -> int:
    """Start the server, run the chat against it, end the server; returns the chat's status."""
    setup_python.set_up_alone()
    bin_ = setup_python.VENV / "bin"
    port, log = free_port(USUAL_PORT), STATE / "demo.log"
    command = [os.fspath(bin_ / "smooth-operator-server"), "--demo", "--port", str(port)]
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_until_ready(server, port, log)
        url = f"ws://127.0.0.1:{port}/ws"
        print(f"smooth-operator-server --demo on {url}", flush=True)
        if (ROOT / "python/server/playground/dist/index.html").is_file():
            print(f"the same in a browser, with its wire: http://127.0.0.1:{port}/", flush=True)
        return talk([os.fspath(bin_ / "smooth-operator"), "chat", url])
    except KeyboardInterrupt:
        return 130
    finally:
        server.terminate()
        try:
            server.wait(END_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def main() -> int:
    """Command line entry; returns the exit status."""
    try:
        return serve_and_chat()
    except SetupError as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
