"""Vectors of all documents in memory: exact comparison, a few ms for 50,000 of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

Row = tuple[int, str, bytes]
"""Id of the chunk, id of its document, vector."""


class Vectors:
    """The vectors of one embedder as they were at one version of the documents."""

    def __init__(self, version: int, rows: Sequence[Row]) -> None:
        self.version = version
        lengths = [len(row[2]) for row in rows]
        usual = max(set(lengths), key=lengths.count, default=0)
        rows = [row for row in rows if len(row[2]) == usual]
        self._ids = np.array([row[0] for row in rows], dtype=np.int64)
        names = {name: number for number, name in enumerate({row[1] for row in rows})}
        self._documents = np.array([names[row[1]] for row in rows], dtype=np.int64)
        self._names = names
        joined = b"".join(row[2] for row in rows)
        self._matrix: NDArray[np.float32] = np.frombuffer(joined, dtype=np.float32).reshape(
            len(rows), usual // 4
        )

    def nearest(
        self, vector: bytes, documents: Collection[str], limit: int
    ) -> list[tuple[int, float]]:
        """Return the chunks of these documents that are most like ``vector``, with the cosine."""
        asked = np.frombuffer(vector, dtype=np.float32)
        if asked.shape[0] != self._matrix.shape[1] or not documents:
            return []
        numbers = [self._names[name] for name in documents if name in self._names]
        visible = np.flatnonzero(np.isin(self._documents, numbers))
        if not visible.size:
            return []
        likeness = self._matrix[visible] @ asked
        best = np.argsort(-likeness, kind="stable")[:limit]
        return [(int(self._ids[visible[at]]), float(likeness[at])) for at in best]
