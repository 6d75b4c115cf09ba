"""What turns texts into vectors. Its makers are modules of their own: their libraries are large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


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
