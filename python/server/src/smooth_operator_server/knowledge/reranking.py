"""A second look at what was found: the best few, compared with the question one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from .passages import stem, words

if TYPE_CHECKING:
    from .knowledge import Hit

MOST = 24
"""Passages that are looked at again; those after them keep their places."""

NEAR = 12
"""Words within which two words of the question stand together."""

NOVELTY = 0.15
"""How much of its score a passage loses that says what a better one has said already."""

_WORD = re.compile(r"\w+")


class RerankError(Exception):
    """No second look can be had; the text says why and holds nothing of question or passages."""


class Reranker(Protocol):
    """Puts passages into a better order."""

    async def scores(self, question: str, hits: Sequence[Hit]) -> list[float]:
        """Return a score between 0 and 1 for each passage.

        Raises:
            RerankError: there are none to be had.
        """
        ...

    async def aclose(self) -> None:
        """Close what is held open."""
        ...


async def reranked(reranker: Reranker, question: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Return the passages in the order of their new scores; ties keep the order they had.

    Raises:
        RerankError: there are no new scores.
    """
    first, rest = hits[:MOST], hits[MOST:]
    scores = await reranker.scores(question, first)
    scored = [replace(hit, score=round(score, 3)) for hit, score in zip(first, scores, strict=True)]
    return (*sorted(scored, key=lambda hit: -hit.score), *rest)


class LexicalReranker:
    """Looks for the words of the question: all of them, near each other, in the headings.

    Deterministic, offline. A passage that repeats a better one steps back behind others.
    """

    async def scores(self, question: str, hits: Sequence[Hit]) -> list[float]:
        asked = words(question)
        if not asked:
            return [hit.score for hit in hits]
        plain = [_fits(asked, hit) for hit in hits]
        return [max(0.0, score - _repeats(at, hits, plain)) for at, score in enumerate(plain)]

    async def aclose(self) -> None:
        """Nothing is held open."""


def _fits(asked: Sequence[str], hit: Hit) -> float:
    said = [stem(word) for word in _words(hit.text)]
    titles = {stem(word) for word in _words(f"{hit.title} {hit.heading}")}
    stems = [stem(word) for word in asked]
    there = sum(stem in said or stem in titles for stem in stems) / len(stems)
    titled = sum(stem in titles for stem in stems) / len(stems)
    # The order of before decides among passages that hold the same words.
    return 0.55 * there + 0.2 * _nearness(stems, said) + 0.1 * titled + 0.15 * hit.score


def _nearness(stems: Sequence[str], said: Sequence[str]) -> float:
    """Return the largest share of the words that stand within a few words of each other."""
    wanted = set(stems)
    places = [(at, stem) for at, stem in enumerate(said) if stem in wanted]
    best = 0
    for first, (start, _) in enumerate(places):
        best = max(best, len({stem for at, stem in places[first:] if at < start + NEAR}))
    return best / len(wanted)


def _repeats(at: int, hits: Sequence[Hit], scores: Sequence[float]) -> float:
    mine = set(_words(hits[at].text))
    better = [
        set(_words(hit.text))
        for other, hit in enumerate(hits)
        if (scores[other], -other) > (scores[at], -at)
    ]
    likeness = max((len(mine & one) / max(len(mine | one), 1) for one in better), default=0.0)
    return NOVELTY * likeness


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
