"""Stored documents: found by words and vectors, by those who may read them and nobody else."""

from __future__ import annotations

from typing import Any

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
