"""Counts what sessions spend on models, in memory at once and in the store soon after.

A call that is cancelled has cost what it has cost: the charge may not wait for anything, for
whoever is cancelled may not wait either.
"""

from __future__ import annotations

import asyncio

from .accounts import Spent, Summary
from .store import ModelStore, StoreError
from .telemetry import log, where


class Meter:
    """The accounts of all sessions of a server, as engines see them."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._waiting: dict[str, Spent] = {}
        self._writing: asyncio.Task[None] | None = None
        self._write = asyncio.Lock()

    async def spent(self, session_id: str) -> Spent:
        """Return what a session has spent so far.

        Raises:
            StoreError: the store does not answer.
        """
        async with self._write:  # what is on its way into the store is counted once
            stored = await self._store.spent(session_id)
            return stored + self._waiting.get(session_id, Spent())

    def charge(self, session_id: str, spent: Spent) -> None:
        """Add to what a session has spent."""
        self._waiting[session_id] = self._waiting.get(session_id, Spent()) + spent
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self.flush(), name="spending")

    async def flush(self) -> None:
        """Store what is only in memory; what cannot be stored stays there for the next time."""
        async with self._write:
            while self._waiting:
                session_id, spent = next(iter(self._waiting.items()))
                try:
                    await self._store.spend(session_id, spent)
                except StoreError as fault:
                    log.error("spending was not stored", **where(fault))
                    return
                rest = self._waiting.pop(session_id)
                if rest != spent:  # more was spent while this was written
                    self._waiting[session_id] = Spent(
                        rest.prompt_tokens - spent.prompt_tokens,
                        rest.completion_tokens - spent.completion_tokens,
                        rest.cost_usd - spent.cost_usd,
                    )

    async def summary(self, conversation_id: str) -> Summary | None:
        """Return what a conversation's beginning was summed up to."""
        return await self._store.summary(conversation_id)

    async def keep_summary(self, conversation_id: str, summary: Summary) -> None:
        """Store what a conversation's beginning was summed up to."""
        await self._store.keep_summary(conversation_id, summary)
