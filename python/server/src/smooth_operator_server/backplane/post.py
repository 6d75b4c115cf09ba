"""Questions between servers: each is answered, or given up after a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

from ..clock import Clock, happens_within
from ..telemetry import log, where
from .port import Backplane, BackplaneError, Notice

ASK_S = 5.0
"""Seconds after which a server that does not answer counts as gone."""

Answer = Callable[[Notice], Awaitable[Notice | None]]


class Post:
    """Asks other servers, and answers them. ``on`` names who answers which kind of notice."""

    def __init__(self, backplane: Backplane, clock: Clock) -> None:
        self.backplane = backplane
        self._clock = clock
        self._answers: dict[str, Answer] = {}
        self._asked: dict[str, asyncio.Future[Notice]] = {}
        self._working: set[asyncio.Task[None]] = set()

    @property
    def node(self) -> str:
        """What the other servers know this one by."""
        return self.backplane.node

    def on(self, kind: str, answer: Answer) -> None:
        """Have notices of a kind answered; what it returns is for who asked, None for nobody."""
        self._answers[kind] = answer

    async def start(self) -> None:
        """Listen from now on.

        Raises:
            BackplaneError: what the servers share does not answer.
        """
        await self.backplane.start(self._receive)

    async def ask(self, node: str, kind: str, **members: object) -> Notice | None:
        """Ask a server; None when it is gone, is this one, or does not answer in time."""
        if not self.backplane.is_shared or node == self.node:
            return None
        number = str(uuid4())
        answer: asyncio.Future[Notice] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            heard = await self._tell(node, {"kind": kind, "ask": number, "by": self.node} | members)
            if heard:
                await happens_within(self._clock, answer, ASK_S)
            return answer.result() if answer.done() else None
        finally:
            del self._asked[number]

    async def tell(self, node: str | None, kind: str, **members: object) -> None:
        """Tell a server, or all others (None), something that nobody has to answer."""
        if self.backplane.is_shared and node != self.node:
            await self._tell(node, {"kind": kind, "by": self.node} | members)

    async def _tell(self, node: str | None, notice: Notice) -> bool:
        try:
            return await self.backplane.tell(node, notice)
        except BackplaneError as fault:
            log.error("another server was not told", **where(fault))
            return False

    def tell_later(self, node: str | None, kind: str, **members: object) -> None:
        """Tell without a wait."""
        self._work(self.tell(node, kind, **members))

    def _receive(self, notice: Notice) -> None:
        if notice["kind"] == "answer":
            asked = self._asked.get(notice["ask"])
            if asked is not None and not asked.done():
                asked.set_result(notice)
        elif notice["by"] != self.node:
            self._work(self._answer(notice))

    def _work(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _answer(self, notice: Notice) -> None:
        answer = self._answers.get(notice["kind"])
        if answer is None:  # of a newer server
            return
        try:
            given = await answer(notice)
        except Exception as fault:
            log.error("another server was not answered", asked=notice["kind"], **where(fault))
            return
        if given is not None and "ask" in notice:
            await self._tell(notice["by"], {"kind": "answer", "ask": notice["ask"]} | given)

    async def aclose(self) -> None:
        """Answer no more."""
        for task in list(self._working):
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        await self.backplane.aclose()
