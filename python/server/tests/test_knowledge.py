"""Cutting, searching, citing; titles."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from smooth_operator_server.knowledge import (
    Change,
    Document,
    EmbeddingError,
    Hit,
    Knowledge,
    citations,
)
from smooth_operator_server.knowledge.endpoint import EndpointEmbedder
from smooth_operator_server.knowledge.hashing import HashingEmbedder
from smooth_operator_server.knowledge.passages import MAX_PASSAGE, MAX_WORDS, passages, words
from smooth_operator_server.sessions.titles import cleaned, derived
from smooth_operator_server.store.opening import open_stores

from .support_endpoint import hosted

EVALS = Path(__file__).parents[1] / "evals"


def test_a_document_is_cut_at_its_paragraphs_and_knows_where_they_were() -> None:
    content = "# Title\n\nOne\nline.\r\n\r\n## More\nTwo.\n# Other #\n\nThree\n   \n"
    cuts = passages(content)
    assert [(cut.heading, cut.text) for cut in cuts] == [
        ("Title", "One line."),
        ("Title › More", "Two."),
        ("Other", "Three"),
    ]
    for cut in cuts:
        assert " ".join(content[cut.start : cut.end].split()) == cut.text
    assert passages("") == passages("# Nothing but a heading") == ()


def test_what_looks_like_a_heading_in_code_is_none() -> None:
    (cut,) = passages("```sh\n# install\n\nmake\n```\n")
    assert cut.heading == ""
    assert "# install" in cut.text


@pytest.mark.parametrize("unit", ["All work and no play. ", "word ", "x"])
def test_long_paragraphs_are_cut_where_it_hurts_least(unit: str) -> None:
    text = (unit * 2000)[:5000]
    cuts = passages(text)
    assert len(cuts) > 1
    assert all(len(cut.text) <= MAX_PASSAGE for cut in cuts)
    assert "".join(text[cut.start : cut.end] for cut in cuts) == text
    if unit.endswith(". "):
        assert all(cut.text.endswith(".") for cut in cuts[:-1])


def test_words_leave_common_ones_out_unless_there_are_no_others() -> None:
    assert words("How long is your RETURN window, window?") == ("long", "return", "window")
    assert words("who are you?") == ("who", "are", "you")
    assert words('"*(^ …') == ()
    assert len(words(" ".join(map(str, range(1000))))) == MAX_WORDS


async def test_a_search_finds_word_forms_and_leaves_noise_out() -> None:
    store = await open_stores()
    try:
        knowledge = Knowledge(store.knowledge)
        await knowledge.add("a", "Returned parcels are refunded.\n\nParcels travel by train.")
        await knowledge.add("b", "Nothing about that.")
        hits = await knowledge.search("Refunds of returns for my parcel?", 5)
        assert [(hit.source, hit.text, hit.score) for hit in hits] == [
            ("a", "Returned parcels are refunded.", 1.0)
        ]
        assert await knowledge.search("", 5) == ()
        assert await knowledge.search('NEAR( "x" AND * -', 5) == ()
        await knowledge.add("a", "Other words.")
        assert await knowledge.search("refund parcels", 5) == ()
    finally:
        await store.close()


async def test_likeness_finds_what_words_do_not_and_both_are_fused() -> None:
    store = await open_stores()
    try:
        knowledge = Knowledge(store.knowledge, HashingEmbedder())
        await knowledge.add("a", "The warranty of a ceiling lamp is five years.")
        await knowledge.add("b", "Parcels travel by train.")
        (hit,) = await knowledge.search("waranty ceilinglamps", 5)
        assert (hit.source, 0 < hit.score < 1) == ("a", True)
        (both,) = await knowledge.search("warranty of a ceiling lamp", 5)
        assert both.score == 1.0
        assert await knowledge.search("qqq zzz", 5) == ()
        assert await knowledge.search("   ", 5) == ()
    finally:
        await store.close()


async def test_without_vectors_words_decide_and_nothing_is_stored_half() -> None:
    class Failing(HashingEmbedder):
        fails = False

        async def embed(self, texts: Sequence[str]) -> list[bytes]:
            if self.fails:
                raise EmbeddingError("away")
            return await super().embed(texts)

    store = await open_stores()
    try:
        knowledge = Knowledge(store.knowledge, embedder := Failing())
        await knowledge.add("a", "Lamps are made by hand.")
        embedder.fails = True
        assert [hit.source for hit in await knowledge.search("lamps by hand", 5)] == ["a"]
        with pytest.raises(EmbeddingError):
            await knowledge.add("a", "Something else.")
        embedder.fails = False
        assert [hit.source for hit in await knowledge.search("lamps by hand", 5)] == ["a"]
    finally:
        await store.close()


async def test_a_document_is_taken_in_again_only_when_it_has_changed() -> None:
    store = await open_stores()
    try:
        plain = Knowledge(store.knowledge)
        assert await plain.add("a", "One.") is Change.NEW
        assert await plain.add("a", "One.") is Change.SAME
        assert await plain.add("a", "Two.") is Change.CHANGED
        assert await plain.put(Document("a", "Two.", readers=("user:1",))) is Change.CHANGED
        hashed = Knowledge(store.knowledge, HashingEmbedder())
        assert await hashed.put(Document("a", "Two.", readers=("user:1",))) is Change.CHANGED
        assert await hashed.put(Document("a", "Two.", org="acme")) is Change.NEW
    finally:
        await store.close()


async def test_an_endpoint_of_embeddings_is_asked_in_batches_and_its_faults_are_named() -> None:
    asked: list[int] = []

    async def answer(request: Request) -> JSONResponse:
        body = await request.json()
        asked.append(len(body["input"]))
        if "fail" in body["input"]:
            return JSONResponse({"error": {"message": "secret words"}}, 400)
        data = [
            {"index": i, "object": "embedding", "embedding": [3.0, 4.0]} for i in range(asked[-1])
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return JSONResponse({"object": "list", "model": "m", "data": data, "usage": usage})

    app = Starlette(routes=[Route("/v1/embeddings", answer, methods=["POST"])])
    async with hosted(app) as url:
        embedder = EndpointEmbedder(f"{url}/v1", "key", "m")
        vectors = await embedder.embed(["x"] * 70)
        assert asked == [64, 6]
        assert np.frombuffer(vectors[0], dtype=np.float32).tolist() == pytest.approx([0.6, 0.8])
        with pytest.raises(EmbeddingError, match="status 400") as told:
            await embedder.embed(["fail"])
        assert "secret" not in str(told.value)
        await embedder.aclose()


async def test_hybrid_search_is_above_either_half_on_the_committed_questions() -> None:
    sys.path.insert(0, str(EVALS))
    try:
        retrieval = importlib.import_module("retrieval")
        assert retrieval.is_better(await retrieval.run("hashing"))
    finally:
        sys.path.remove(str(EVALS))


def test_a_source_is_cited_once_and_eight_at_most() -> None:
    hits = [Hit(f"s{n // 2}", "t" * 300, 1.0) for n in range(40)]
    cited = citations(hits)
    assert [item["id"] for item in cited] == [f"s{n}" for n in range(8)]
    assert len(cited[0]["snippet"]) == 280
    page = Hit("s", "t", 0.5, title="Title", url="https://lamps.example/s")
    assert citations([page]) == [
        {
            "id": "s",
            "title": "Title",
            "url": "https://lamps.example/s",
            "snippet": "t",
            "score": 0.5,
        }
    ]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("  Hello \n world ", "Hello world"),
        ('**"Quoted"**', "Quoted"),
        ("x" * 61, "x" * 60 + "…"),
        ("x" * 60, "x" * 60),
        ("***", ""),
    ],
)
def test_titles_are_made_of_the_first_message(text: str, title: str) -> None:
    assert derived(text) == title


def test_titles_keep_what_is_inside() -> None:
    assert cleaned("# It's *fine*, isn't it") == "It's *fine*, isn't it"
