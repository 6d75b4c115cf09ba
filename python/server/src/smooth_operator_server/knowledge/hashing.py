"""Vectors by hashing: they know no meaning, need no model, and are the same on every machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

_WORD = re.compile(r"\w+")


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


def unit(vector: np.ndarray) -> bytes:
    """Return a vector of length 1, or zeros."""
    length = float(np.linalg.norm(vector))
    return (vector / length if length else vector).astype(np.float32).tobytes()
