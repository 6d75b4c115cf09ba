"""Cutting, searching, citing; titles."""

from __future__ import annotations

import pytest

from smooth_operator_server.knowledge import Hit, Knowledge, citations
from smooth_operator_server.knowledge.passages import MAX_PASSAGE, MAX_WORDS, passages, words
from smooth_operator_server.sessions.titles import cleaned, derived
from smooth_operator_server.store.opening import open_stores


def test_a_document_is_cut_at_its_paragraphs() -> None:
    content = "# Title\n\nOne\nline.\r\n\r\n## More\nTwo.\n\n\n   \n"
    assert passages(content) == ("One line.", "Two.")
    assert passages("") == ()


def test_long_paragraphs_are_cut_between_sentences() -> None:
    sentence = "All work and no play makes a dull page. "
    parts = passages(sentence * 50)
    assert len(parts) > 1
    assert all(len(part) <= MAX_PASSAGE for part in parts)
    assert " ".join(parts) == (sentence * 50).strip()
    assert passages("x" * 2000) == ("x" * 2000,)


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


def test_a_source_is_cited_once_and_eight_at_most() -> None:
    hits = [Hit(f"s{n // 2}", "t" * 300, 1.0) for n in range(40)]
    cited = citations(hits)
    assert [item["id"] for item in cited] == [f"s{n}" for n in range(8)]
    assert len(cited[0]["snippet"]) == 280


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
