"""Stored documents: found by words and vectors, by those who may read them and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest

from smooth_operator_server.auth import Principal
from smooth_operator_server.store import Stores
from smooth_operator_server.store.knowledge_records import (
    EVERY_ORG,
    EVERYTHING,
    NewChunk,
    NewDocument,
    Reading,
)
from smooth_operator_server.store.opening import open_stores
from smooth_operator_server.store.pgvector import WIDEST_HALF

from .support_stores import (
    KINDS,
    administrators,
    database_without_extensions,
    fresh_database,
    stores_of,
)


@pytest.fixture(params=(*KINDS, "postgres without pgvector"))
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    """Empty stores, once of each kind; likeness is PostgreSQL's own where it can be."""
    if request.param in KINDS:
        async with stores_of(request.param, tmp_path, request) as opened:
            yield opened
        return
    url = await database_without_extensions(request.getfixturevalue("postgres"))
    opened = await open_stores(url)
    try:
        yield opened
    finally:
        await opened.close()


def vector(*values: float) -> bytes:
    return np.array(values, dtype=np.float32).tobytes()


async def put(
    stores: Stores, name: str, *texts: str, readers: tuple[str, ...] = ("org",), **given: Any
) -> None:
    chunks = tuple(
        NewChunk("", text, 0, len(text), vector(*given.get("vector", (1, 0)))) for text in texts
    )
    await stores.knowledge.put_document(
        NewDocument(
            given.get("document_id", name),
            given.get("org", EVERY_ORG),
            given.get("set_name", "default"),
            name,
            name,
            None,
            given.get("origin", ""),
            readers,
            given.get("embedder", "e"),
            "f",
            chunks,
            1,
        )
    )


async def found(stores: Stores, reading: Reading, *words: str) -> set[str]:
    """Return the sources that both searches find; they agree on what may be seen."""
    by_words = await stores.knowledge.by_words(words or ("lamp",), reading, 40)
    by_vector = await stores.knowledge.by_vector(vector(1, 0), "e", reading, 40)
    sources = {one.source for one in by_words}
    assert sources == {one.source for one in by_vector}
    return sources


async def test_passages_are_ranked_by_how_many_words_they_hold(stores: Stores) -> None:
    await put(stores, "a", "Parcels travel by train.", "Returned parcels.")
    await put(stores, "b", "Who are you?", "Nothing of that.")
    hits = await stores.knowledge.by_words(("returns", "parcel"), EVERYTHING, 5)
    assert [(one.text, one.held) for one in hits] == [
        ("Returned parcels.", (0, 1)),
        ("Parcels travel by train.", (1,)),
    ]
    (who,) = await stores.knowledge.by_words(("who",), EVERYTHING, 5)
    assert who.source == "b"
    assert await stores.knowledge.by_words(("absent",), EVERYTHING, 5) == ()
    await put(stores, "a", "Something else.")
    assert await stores.knowledge.by_words(("parcel",), EVERYTHING, 5) == ()


async def test_passages_are_ranked_by_their_vectors(stores: Stores) -> None:
    await put(stores, "near", "x", vector=(0.8, 0.6))
    await put(stores, "far", "x", vector=(0, 1))
    await put(stores, "same", "x", vector=(1, 0))
    await put(stores, "other", "x", vector=(1, 0), embedder="another")
    hits = await stores.knowledge.by_vector(vector(1, 0), "e", EVERYTHING, 5)
    assert [(one.source, round(one.likeness, 3)) for one in hits] == [
        ("same", 1.0),
        ("near", 0.8),
        ("far", 0.0),
    ]
    assert len(await stores.knowledge.by_vector(vector(1, 0), "e", EVERYTHING, 1)) == 1
    assert await stores.knowledge.by_vector(vector(1, 0, 0), "e", EVERYTHING, 5) == ()
    assert await stores.knowledge.by_vector(vector(1, 0), "nobody's", EVERYTHING, 5) == ()
    await put(stores, "same", "x", vector=(0, -1))
    hits = await stores.knowledge.by_vector(vector(1, 0), "e", EVERYTHING, 5)
    assert [one.source for one in hits][:1] == ["near"]


ADA = Principal("acme", "1", "Ada@Acme.example", groups=("makers",))
BOB = Principal("acme", "2")
EVE = Principal("other", "1", "ada@acme.example", groups=("makers",))


@pytest.mark.parametrize(
    ("principal", "sees"),
    [
        (ADA, {"all", "ours", "ada", "mail", "makers", "public"}),
        (BOB, {"all", "ours", "public"}),
        (EVE, {"all", "public"}),
        (Principal(authenticated=False), {"all", "public"}),
    ],
    ids=["ada", "bob", "eve", "local"],
)
async def test_who_may_not_read_finds_nothing(
    stores: Stores, principal: Principal, sees: set[str]
) -> None:
    acme: dict[str, Any] = {"org": "acme"}
    await put(stores, "all", "lamp")
    await put(stores, "ours", "lamp", **acme)
    await put(stores, "ada", "lamp", readers=("user:1",), **acme)
    await put(stores, "mail", "lamp", readers=("user:ada@acme.example",), **acme)
    await put(stores, "makers", "lamp", readers=("group:makers",), **acme)
    await put(stores, "nobody", "lamp", readers=(), **acme)
    await put(stores, "public", "lamp", readers=("public",))
    await put(stores, "theirs", "lamp", org="theirs")
    assert await found(stores, Reading(principal.org, principal.readers)) == sees


async def test_readers_are_asked_before_anything_is_ranked(stores: Stores) -> None:
    for number in range(60):
        await put(stores, f"secret-{number}", "lamp " * 9, readers=("user:9",), org="acme")
    await put(stores, "open", "a lamp among many other words that are not asked for", org="acme")
    assert await found(stores, Reading("acme", ADA.readers)) == {"open"}


async def test_an_agent_searches_its_sets(stores: Stores) -> None:
    await put(stores, "a", "lamp", set_name="shop")
    await put(stores, "b", "lamp", set_name="workshop")
    await put(stores, "c", "lamp", set_name="it's")
    assert await found(stores, Reading("x", None, frozenset({"shop", "it's"}))) == {"a", "c"}
    assert await found(stores, Reading("x", None, frozenset())) == set()
    assert await stores.knowledge.sets("x") == (("it's", 1), ("shop", 1), ("workshop", 1))


async def test_documents_are_forgotten_with_their_words_and_vectors(stores: Stores) -> None:
    await put(stores, "a", "lamp", origin="here")
    await put(stores, "b", "lamp", origin="here", org="acme")
    await put(stores, "c", "lamp", origin="there")
    assert await stores.knowledge.document_ids(EVERY_ORG, "here") == {"a"}
    assert await found(stores, Reading("acme", None)) == {"a", "b", "c"}
    await stores.knowledge.remove_documents(["a", "nobody's"])
    assert await found(stores, Reading("acme", None)) == {"b", "c"}
    assert await stores.knowledge.fingerprint("a") is None
    assert await stores.knowledge.fingerprint("b") == "f"


async def test_two_organisations_have_documents_of_one_name(stores: Stores) -> None:
    await put(stores, "same", "lamp", org="acme", document_id="1")
    await put(stores, "same", "other words", org="other", document_id="2")
    assert await found(stores, Reading("acme", None)) == {"same"}
    hits = await stores.knowledge.by_words(("lamp",), Reading("other", None), 5)
    assert hits == ()


class TestPgvector:
    async def test_the_index_is_used_and_finds_what_may_be_read(self, postgres: str) -> None:
        url = await fresh_database(postgres)
        stores = await open_stores(url)
        rng = np.random.default_rng(3)
        try:
            for number in range(400):
                raw = rng.normal(size=16)
                given = {"vector": tuple(raw / np.linalg.norm(raw)), "org": "acme"}
                readers = ("org",) if number % 40 == 0 else ("user:9",)
                await put(stores, f"d{number}", "lamp", readers=readers, **given)
            asked = vector(*np.eye(16)[0])
            hits = await stores.knowledge.by_vector(asked, "e", Reading("acme", ("org",)), 10)
            assert len(hits) == 10  # all of them, although 39 of 40 are passed over
            likeness = [one.likeness for one in hits]
            assert likeness == sorted(likeness, reverse=True)
        finally:
            await stores.close()
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("SET enable_seqscan = off")
            plan = await connection.fetch(
                "EXPLAIN SELECT id FROM chunks WHERE vector_dims(embedding) = 16"
                f" ORDER BY embedding::vector(16) <#> '{[0] * 16}'::vector(16) LIMIT 5"
            )
            assert any("chunks_by_likeness_16" in row[0] for row in plan)
        finally:
            await connection.close()

    @pytest.mark.parametrize("width", [3, 2500, WIDEST_HALF + 1])
    async def test_any_width_is_compared(self, postgres: str, width: int) -> None:
        stores = await open_stores(await fresh_database(postgres))
        try:
            near, far = np.zeros(width), np.zeros(width)
            near[0], far[-1] = 1, 1
            await put(stores, "near", "x", vector=tuple(near))
            await put(stores, "far", "x", vector=tuple(far))
            hits = await stores.knowledge.by_vector(vector(*near), "e", EVERYTHING, 5)
            assert [(one.source, round(one.likeness, 3)) for one in hits] == [
                ("near", 1.0),
                ("far", 0.0),
            ]
        finally:
            await stores.close()

    async def test_vectors_of_before_the_extension_are_found_with_it(self, postgres: str) -> None:
        url = await database_without_extensions(postgres)
        stores = await open_stores(url)
        for number in range(3):
            await put(stores, f"d{number}", "x", vector=(1, number))
        before = await stores.knowledge.by_vector(vector(1, 0), "e", EVERYTHING, 5)
        await stores.close()
        admin = await asyncpg.connect(administrators(url, postgres))
        await admin.execute("CREATE EXTENSION vector")
        await admin.close()
        stores = await open_stores(url)
        try:
            after = await stores.knowledge.by_vector(vector(1, 0), "e", EVERYTHING, 5)
            assert {one.source for one in after} == {one.source for one in before}
            assert len(after) == 3
        finally:
            await stores.close()
