"""A testee that is a person: ``conform stage CASE`` serves one case and says what to do.

Commands are printed as instructions instead of being sent; what the client shows is not judged,
only what it sends. So an SDK can be driven from a debugger.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from conform.spec import Tree
from conform.story import Expectation
from conform.testee import EventLog

PATIENCE = 600.0


class ByHand:
    """Prints every command and takes it as done."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.name = "you"
        self.hello: Tree = {"features": {}}
        self.log = EventLog()
        self._tell = tell

    @property
    def alive(self) -> bool:
        """A person is."""
        return True

    async def start(self, canary: str | None = None) -> None:
        """Nothing to start."""

    async def command(self, body: Tree, limit: float) -> Tree:  # noqa: ARG002
        """Print the command; a limit does not bind a person."""
        if body["cmd"] in ("reset", "census"):
            return {"ok": {}}
        shown = {k: v for k, v in body.items() if k != "cmd"}
        self._tell(f"do    {body['cmd']} {json.dumps(shown, ensure_ascii=False)}")
        name = body.get("as", "")
        if name.startswith("~"):  # the ping of a fence
            self.log.add({"ev": "returned", "as": name, "n": 0, "value": {}})
        return {"ok": {}}

    async def stop(self) -> None:
        """Nothing to stop."""

    async def kill(self) -> None:
        """Nobody is killed."""


def nothing_shown(expected: Expectation) -> Expectation:
    """The same expectation without observations: a person reports none."""
    return Expectation([], expected.frames, expected.closes)
