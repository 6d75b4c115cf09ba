"""Remembering, finding again, forgetting: facts and conversations in short, per person and agent.

Nothing is remembered without the person: each fact is approved by them, and conversations are
summed up only from their agreement on. What is not needed fades, and what is forgotten is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log1p

from ..agents import AgentSpec
from ..agents.memory import MemorySpec
from ..engine import Said, Untold
from ..knowledge import Embedder, EmbeddingError
from ..knowledge.passages import stem, words
from ..store import ConversationStore, Direction, SessionRecord
from ..store.memories import MemoryRecord, NewMemory, Person
from ..store.ports import MemoryStore
from ..telemetry import log, where

DAY_MS = 86_400_000
FACT, EPISODE = "fact", "episode"
LEAST_MESSAGES = 4
"""A shorter conversation is not worth a summary."""

TOLD = 60
"""Messages of a conversation that are summed up, the newest ones."""

UNASKED = 0.2
"""What a memory counts that shares nothing with the message: who somebody is matters always."""


class Memories:
    """The memories of one server. ``one_person``: whether all without a name are one person."""

    def __init__(
        self,
        store: MemoryStore,
        conversations: ConversationStore,
        embedder: Embedder | None,
        now_ms: Callable[[], int],
        new_id: Callable[[], str],
        *,
        one_person: bool,
    ) -> None:
        self._store = store
        self._conversations = conversations
        self._embedder = embedder
        self._now_ms = now_ms
        self._new_id = new_id
        self._one_person = one_person

    def of(self, session: SessionRecord, agent: AgentSpec) -> Recollection | None:
        """Return what an agent remembers of the person of a session; None when it does not.

        Without an owner there is one person only where nobody but this machine can talk to the
        server.
        """
        if agent.memory is None or (session.owner is None and not self._one_person):
            return None
        person = Person(session.org, session.owner, agent.id)
        return Recollection(self, person, agent.memory, session.conversation_id)

    async def vector(self, text: str) -> tuple[bytes | None, str]:
        """Return the vector of a text and what made it; none when it cannot be had."""
        if self._embedder is None:
            return None, ""
        try:
            (vector,) = await self._embedder.embed([text])
        except EmbeddingError as fault:
            log.warning("a memory has no vector", why=str(fault), **where(fault))
            return None, ""
        return vector, self._embedder.name

    @property
    def store(self) -> MemoryStore:
        return self._store

    @property
    def conversations(self) -> ConversationStore:
        return self._conversations

    def now_ms(self) -> int:
        """Epoch ms."""
        return self._now_ms()

    def new_id(self) -> str:
        return self._new_id()


class Recollection:
    """One person as one agent remembers them, in a conversation; the ``Past`` of its turns."""

    def __init__(
        self, memories: Memories, person: Person, spec: MemorySpec, conversation_id: str
    ) -> None:
        self._memories = memories
        self._store = memories.store
        self._person = person
        self._current = conversation_id
        self.spec = spec

    async def remember(self, text: str) -> bool:
        """Remember a fact that the person approved; False when it is known already."""
        known = {_plain(one.text): one for one in await self._store.all(self._person)}
        same = known.get(_plain(text))
        if same is not None:
            await self._store.use([same.memory_id], self._memories.now_ms())
            return False
        await self._add(FACT, text, None)
        return True

    async def recall(self, question: str, most: int | None = None) -> tuple[MemoryRecord, ...]:
        """Return what fits a question best, and count it as needed."""
        records = await self._store.all(self._person)
        if not records:
            return ()
        vector, embedder = await self._memories.vector(question)
        now = self._memories.now_ms()
        asked = words(question)
        scores = {
            one.memory_id: _fits(one, asked, vector if one.embedder == embedder else None)
            * faded(one, now, self.spec.half_life_days)
            for one in records
        }
        best = sorted(records, key=lambda one: (-scores[one.memory_id], -one.created_ms))
        found = tuple(best[: most or self.spec.most])
        needed = [one.memory_id for one in found if _shares(one, asked)]
        if needed:
            await self._store.use(needed, now)
        return found

    async def forget(self, about: str) -> int:
        """Forget what holds all words of a text; return how much that was."""
        asked = {stem(word) for word in words(about)}
        gone = [
            one.memory_id
            for one in await self._store.all(self._person)
            if asked and asked <= {stem(word) for word in words(one.text)}
        ]
        return await self._store.forget(self._person, gone) if gone else 0

    async def forget_everything(self) -> int:
        """Forget all there is of the person here, and their agreement."""
        key = self._person.key
        return await self._store.forget_all(key["org"], key["person"], key["agent"])

    async def agree(self) -> None:
        """Take note that conversations may be summed up from now on."""
        await self._store.agree(self._person, self._memories.now_ms())

    async def untold(self) -> Untold | None:
        """Return the newest conversation that is to be summed up.

        Only what began after the person agreed, was long enough, and is not summed up yet.
        """
        since = await self._store.agreed_ms(self._person) if self.spec.episodes else None
        if since is None:
            return None
        found = await self._store.untold(self._person, self._current, LEAST_MESSAGES, since)
        if found is None:
            return None
        page = await self._memories.conversations.messages(found, TOLD, None)
        said = (Said(item.direction is Direction.OUTBOUND, item.text) for item in page.items[::-1])
        return Untold(found, tuple(said))

    async def keep(self, conversation_id: str, text: str) -> None:
        """Remember a conversation in short."""
        await self._add(EPISODE, text, conversation_id)

    async def _add(self, kind: str, text: str, conversation_id: str | None) -> None:
        memories = self._memories
        vector, embedder = await memories.vector(text)
        await self._store.add(
            self._person,
            NewMemory(
                memories.new_id(), kind, text, vector, embedder, conversation_id, memories.now_ms()
            ),
        )


def faded(record: MemoryRecord, now: int, half_life_days: float) -> float:
    """Return how much a memory still counts: less with time, more the oftener it was needed."""
    days = max(0, now - record.used_ms) / DAY_MS
    return float(0.5 ** (days / half_life_days) * (1 + log1p(record.uses) / 4))


def _fits(record: MemoryRecord, asked: Sequence[str], vector: bytes | None) -> float:
    likeness = _cosine(record.vector, vector)
    return UNASKED + max(likeness, _shares(record, asked))


def _shares(record: MemoryRecord, asked: Sequence[str]) -> float:
    """Return the share of the words of a question that a memory holds."""
    held = {stem(word) for word in words(record.text)}
    stems = {stem(word) for word in asked}
    return len(stems & held) / len(stems) if stems else 0.0


def _cosine(one: bytes | None, other: bytes | None) -> float:
    if one is None or other is None or len(one) != len(other):
        return 0.0
    from array import array  # a few hundred products: not worth what takes long to import

    return max(0.0, sum(a * b for a, b in zip(array("f", one), array("f", other), strict=True)))


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(".")
