"""The reference testee without a process: for mutants and tests."""

from __future__ import annotations

import asyncio

from conform.facts import PROTOCOLS
from conform.reader import Reader
from conform.reference.testee import RefTestee
from conform.spec import Tree
from conform.testee import EventLog, LineChecker, TesteeError


class InProcessTestee:
    """Speaks the protocol by function call; every line is still checked by the schema."""

    def __init__(
        self,
        name: str,
        checker: LineChecker,
        reader: Reader,
        faults: frozenset[str] = frozenset(),
        protocols: tuple[int, ...] = PROTOCOLS,
    ) -> None:
        self.name = name
        self.checker = checker
        self.reader = reader
        self.faults = faults
        self.protocols = protocols
        self.hello: Tree = {}
        self.log = EventLog()
        self._testee: RefTestee | None = None

    @property
    def alive(self) -> bool:
        """Whether it was started."""
        return self._testee is not None

    def _take(self, event: Tree) -> None:
        fault = self.checker.fault(event, self.hello.get("protocol", 2))
        if fault:
            self.log.faults.append(f"line breaks the protocol at {fault}")
        self.log.add(event)

    async def start(self, canary: str | None = None) -> None:
        """Make a fresh testee."""
        self._testee = RefTestee(self._take, self.faults, self.reader)
        body: Tree = {"cmd": "hello", "protocol": list(self.protocols), "nonce": "in-process"}
        reply = await self._testee.handle({**body, **({"canary": canary} if canary else {})})
        self.hello = reply["ok"]

    async def command(self, body: Tree, limit: float) -> Tree:
        """Run one command."""
        if self._testee is None:
            raise TesteeError("not started")
        try:
            return await asyncio.wait_for(self._testee.handle(body), limit)
        except TimeoutError:
            raise TesteeError(f"no reply to {body['cmd']} within {limit:.1f} s") from None

    async def stop(self) -> None:
        """Reset it and forget it."""
        if self._testee:
            await self._testee.handle({"cmd": "reset"})
        self._testee = None

    async def kill(self) -> None:
        """Forget it; its tasks end with their client."""
        await self.stop()
