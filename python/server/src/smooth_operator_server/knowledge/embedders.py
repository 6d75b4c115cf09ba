"""Turning texts into vectors: by an endpoint, or by hashing, which knows no meaning."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Protocol

import httpx2
import numpy as np
from openai import AsyncOpenAI, OpenAIError

_WORD = re.compile(r"\w+")
BATCH = 64
"""Texts that an endpoint is sent at once."""


class EmbeddingError(Exception):
    """No vectors can be had; the text says why and holds nothing of what was to be embedded."""


class Embedder(Protocol):
    """Makes vectors. Those of two names are never compared."""

    name: str
    floor: float
    """Likeness below which a passage has nothing to do with the question."""

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Return a vector of length 1 for each text, as 32-bit floats.

        Raises:
            EmbeddingError: there are none to be had.
        """
        ...

    async def aclose(self) -> None:
        """Close what is held open."""
        ...


class HashingEmbedder:
    """Counts the three-letter pieces of words in buckets: finds misspelt, bent and joined words.

    Deterministic, offline, the same on every machine.
    """

    floor = 0.12

    def __init__(self, dimensions: int = 1024) -> None:
        self.name = f"hashing-{dimensions}"
        self._dimensions = dimensions

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        return [self._vector(text) for text in texts]

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _vector(self, text: str) -> bytes:
        counts = np.zeros(self._dimensions, dtype=np.float32)
        for word in _WORD.findall(text.lower()):
            marked = f"<{word}>"
            pieces = [marked[at : at + 3] for at in range(len(marked) - 2)]
            for piece in pieces:
                digest = hashlib.blake2b(piece.encode(), digest_size=8).digest()
                bucket = int.from_bytes(digest, "big")
                # A sign of its own makes pieces that share a bucket cancel out on average.
                counts[bucket % self._dimensions] += 1.0 if bucket >> 63 else -1.0
        # What is there often counts, but not as often as it is there.
        return unit(np.sign(counts) * np.sqrt(np.abs(counts)))


class EndpointEmbedder:
    """Asks an endpoint that speaks OpenAI's embeddings."""

    floor = 0.2

    def __init__(self, url: str, key: str, model: str) -> None:
        self.name = f"endpoint-{model}"
        self._model = model
        limit = httpx2.Timeout(30.0, connect=10.0)
        self._client = AsyncOpenAI(base_url=url, api_key=key, max_retries=2, timeout=limit)

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        found: list[bytes] = []
        for at in range(0, len(texts), BATCH):
            batch = list(texts[at : at + BATCH])
            try:
                answer = await self._client.embeddings.create(
                    model=self._model, input=batch, encoding_format="float"
                )
            except OpenAIError as fault:
                raise EmbeddingError(_why(fault)) from None
            vectors = [item.embedding for item in sorted(answer.data, key=lambda one: one.index)]
            if len(vectors) != len(batch) or not all(vectors):
                raise EmbeddingError("the endpoint of embeddings gave too few vectors")
            found.extend(unit(np.array(vector, dtype=np.float32)) for vector in vectors)
        return found

    async def aclose(self) -> None:
        await self._client.close()


def unit(vector: np.ndarray) -> bytes:
    """Return a vector of length 1, or zeros."""
    length = float(np.linalg.norm(vector))
    return (vector / length if length else vector).astype(np.float32).tobytes()


def _why(fault: OpenAIError) -> str:
    status = getattr(fault, "status_code", None)
    said = f"answered with status {status}" if status else "cannot be reached"
    return f"the endpoint of embeddings {said}"
