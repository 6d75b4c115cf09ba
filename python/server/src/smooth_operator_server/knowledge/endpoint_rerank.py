"""A second look by an endpoint that speaks the usual ``/rerank``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import httpx2

from .reranking import RerankError

if TYPE_CHECKING:
    from .knowledge import Hit

TIMEOUT_S = 10.0


class EndpointReranker:
    """Asks ``POST {url}/rerank`` with the key of the model."""

    def __init__(self, url: str, key: str, model: str) -> None:
        self._url = f"{url.rstrip('/')}/rerank"
        self._model = model
        headers = {"Authorization": f"Bearer {key}"}
        self._client = httpx2.AsyncClient(timeout=TIMEOUT_S, headers=headers)

    async def scores(self, question: str, hits: Sequence[Hit]) -> list[float]:
        documents = [f"{hit.heading}\n{hit.text}" if hit.heading else hit.text for hit in hits]
        body = {"model": self._model, "query": question, "documents": documents}
        try:
            answer = await self._client.post(self._url, json=body | {"top_n": len(documents)})
            answer.raise_for_status()
            return _scores(answer.json(), len(documents))
        except httpx2.HTTPStatusError as fault:
            status = fault.response.status_code
            raise RerankError(f"the endpoint of reranking answered with status {status}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise RerankError("the endpoint of reranking cannot be reached") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise RerankError("the endpoint of reranking gave no scores") from None

    async def aclose(self) -> None:
        await self._client.aclose()


def _scores(answer: Any, number: int) -> list[float]:
    """Return the scores in the order of the documents; one that is left out has none: 0."""
    scores = [0.0] * number
    for row in answer["results"]:
        scores[_place(row["index"], number)] = min(1.0, max(0.0, float(row["relevance_score"])))
    return scores


def _place(index: Any, number: int) -> int:
    if not isinstance(index, int) or not 0 <= index < number:
        raise ValueError("a place that is none")
    return index
