"""The second look at what was found, by words and by an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from smooth_operator_server.agent import choose_reranker
from smooth_operator_server.knowledge import Document, Hit, Knowledge
from smooth_operator_server.knowledge.endpoint_rerank import EndpointReranker
from smooth_operator_server.knowledge.reranking import (
    MOST,
    LexicalReranker,
    RerankError,
    reranked,
)
from smooth_operator_server.settings import Settings
from smooth_operator_server.store import Stores

from .support_endpoint import hosted

QUESTION = "How long is the warranty of a floor lamp?"


def hit(text: str, score: float = 0.5, heading: str = "") -> Hit:
    return Hit(text[:12], text, score, heading=heading)


async def order(question: str, *hits: Hit) -> list[str]:
    return [one.text for one in await reranked(LexicalReranker(), question, hits)]


class TestLexical:
    async def test_words_that_stand_together_go_before_scattered_ones(self) -> None:
        far = "A lamp may stand on the floor. " + "Some words. " * 20 + "The warranty is long."
        near = "Every floor lamp has a warranty: how long, the receipt says."
        assert await order(QUESTION, hit(far, 0.9), hit(near, 0.5)) == [near, far]

    async def test_headings_count(self) -> None:
        plain, titled = hit("It is two years.", 0.5), hit("It is two years!", 0.5, "Warranty")
        assert await order("warranty", plain, titled) == [titled.text, plain.text]

    async def test_what_repeats_a_better_passage_steps_back(self) -> None:
        best = "The warranty of a floor lamp is two years from the day of sale."
        again = "The warranty of a floor lamp is two years from the day of sale, in short."
        other = "A floor lamp has a warranty when its receipt is kept."
        assert await order(QUESTION, hit(best, 0.9), hit(again, 0.8), hit(other, 0.5)) == [
            best,
            other,
            again,
        ]

    async def test_equal_passages_keep_their_order_and_scores_lie_between_0_and_1(self) -> None:
        hits = [hit(f"nothing of it {number}", 0.5) for number in range(3)]
        again = await reranked(LexicalReranker(), QUESTION, hits)
        assert again[0].text == hits[0].text
        for question in (QUESTION, "", "?!", "the"):
            scores = await LexicalReranker().scores(question, hits)
            assert all(0 <= score <= 1 for score in scores)

    async def test_only_the_best_are_looked_at_again(self) -> None:
        rest = [hit(f"lamp {number}", 0.1) for number in range(MOST)]
        late = hit("The warranty of a floor lamp is long.", 0.05)
        assert (await order(QUESTION, *rest, late))[-1] == late.text


class Endpoint:
    """Answers ``/rerank`` as it is told; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.answer: Any = {"results": []}
        self.status = 200

    async def rerank(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.keys.append(request.headers.get("authorization"))
        return JSONResponse(self.answer, self.status)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/rerank", self.rerank, methods=["POST"])])


class TestEndpoint:
    async def test_it_is_asked_once_with_all_passages(self) -> None:
        endpoint = Endpoint()
        endpoint.answer = {
            "results": [
                {"index": 1, "relevance_score": 0.9},
                {"index": 0, "relevance_score": 0.25},
            ]
        }
        async with hosted(endpoint.app) as url:
            reranker = EndpointReranker(f"{url}/v1", "key-1", "judge")
            again = await reranked(reranker, "q", [hit("one", heading="Top"), hit("two")])
            await reranker.aclose()
        assert [(one.text, one.score) for one in again] == [("two", 0.9), ("one", 0.25)]
        assert endpoint.keys == ["Bearer key-1"]
        assert endpoint.asked == [
            {"model": "judge", "query": "q", "documents": ["Top\none", "two"], "top_n": 2}
        ]

    @pytest.mark.parametrize(
        ("status", "answer", "why"),
        [
            (500, {}, "status 500"),
            (200, {}, "no scores"),
            (200, [], "no scores"),
            (200, {"results": [{"index": 7, "relevance_score": 1}]}, "no scores"),
            (200, {"results": [{"index": "0", "relevance_score": 1}]}, "no scores"),
            (200, {"results": [{"index": 0, "relevance_score": "high"}]}, "no scores"),
        ],
    )
    async def test_its_faults_are_named_and_the_order_stays(
        self, stores: Stores, status: int, answer: Any, why: str
    ) -> None:
        endpoint = Endpoint()
        endpoint.status, endpoint.answer = status, answer
        async with hosted(endpoint.app) as url:
            reranker = EndpointReranker(f"{url}/v1", "key-1", "judge")
            with pytest.raises(RerankError, match=why):
                await reranker.scores("secret question", [hit("secret text")])
            knowledge = Knowledge(stores.knowledge, reranker=reranker)
            await knowledge.put(Document("a.md", "The warranty is two years.", readers=("public",)))
            found = await knowledge.search("warranty", 3)
            await knowledge.aclose()
        assert [one.source for one in found] == ["a.md"]

    async def test_one_that_is_away_is_named(self) -> None:
        reranker = EndpointReranker("http://127.0.0.1:1", "k", "m")
        with pytest.raises(RerankError, match="cannot be reached"):
            await reranker.scores("q", [hit("t")])
        await reranker.aclose()


class Backwards:
    """Likes best what was found last."""

    async def scores(self, _question: str, hits: Sequence[Hit]) -> list[float]:
        return [number / len(hits) for number in range(len(hits))]

    async def aclose(self) -> None:
        pass


async def test_a_search_is_looked_at_again(stores: Stores) -> None:
    plain = Knowledge(stores.knowledge)
    for name, text in (("a.md", "warranty of a lamp"), ("b.md", "a lamp")):
        await plain.put(Document(name, text, readers=("public",)))
    assert [one.source for one in await plain.search("lamp warranty", 2)] == ["a.md"]
    found = await plain.search("lamp", 2)
    again = await Knowledge(stores.knowledge, reranker=Backwards()).search("lamp", 2)
    assert [one.source for one in again] == [one.source for one in reversed(found)]


def test_the_settings_choose_what_looks_again() -> None:
    def chosen(word: str) -> object:
        return type(choose_reranker(Settings.model_validate({"rerank": word})))

    assert chosen("off") is type(None)
    assert chosen("lexical") is LexicalReranker
    assert chosen("gateway") is EndpointReranker
