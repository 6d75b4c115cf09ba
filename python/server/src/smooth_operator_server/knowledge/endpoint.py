"""Vectors by an endpoint that speaks OpenAI's embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import httpx2
import numpy as np
from openai import AsyncOpenAI, OpenAIError

from .embedders import EmbeddingError
from .hashing import unit

BATCH = 64
"""Texts that an endpoint is sent at once."""


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


def _why(fault: OpenAIError) -> str:
    status = getattr(fault, "status_code", None)
    said = f"answered with status {status}" if status else "cannot be reached"
    return f"the endpoint of embeddings {said}"
