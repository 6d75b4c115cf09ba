"""Cutting documents into passages under their headings, and questions into words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PASSAGE = 600
"""Characters; a longer paragraph is cut between sentences, and a longer sentence between words."""

MAX_WORDS = 32
"""Different words of a question that are looked up; the rest is left out."""

STEM = 5
"""Letters."""

BETWEEN_HEADINGS = " › "

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"\w+")
_COMMON_TEXT = """
a about all am an and any are as at be but by can could do does for from had has have how
i if in is it its may me my no not of on or our please should so some tell than that the
their them then there these they this to us was we were what when where which who why will
with would you your
"""
_COMMON = frozenset(_COMMON_TEXT.split())


@dataclass(frozen=True, slots=True)
class Cut:
    """A passage: its text on one line, where it lies in the document, the headings above it."""

    heading: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines without a blank one between them, none of them a heading."""

    headings: tuple[str, ...]
    start: int
    end: int


def passages(content: str) -> tuple[Cut, ...]:
    """Return the paragraphs of a text or Markdown document, each with the headings above it."""
    found: list[Cut] = []
    for block in _blocks(content):
        heading = BETWEEN_HEADINGS.join(block.headings)
        for start, end in _pieces(content, block.start, block.end):
            text = " ".join(content[start:end].split())
            if text:
                found.append(Cut(heading, text, start, end))
    return tuple(found)


def _blocks(content: str) -> Iterator[_Block]:
    headings: list[tuple[int, str]] = []
    begun: int | None = None
    at, is_code = 0, False
    for line in content.splitlines(keepends=True):
        is_mark = _FENCE.match(line) is not None
        heading = None if is_code or is_mark else _HEADING.match(line.rstrip())
        is_blank = not line.strip() and not is_code
        if (is_blank or heading) and begun is not None:
            yield _Block(tuple(text for _, text in headings), begun, at)
            begun = None
        if heading:
            level = len(heading[1])
            headings = [one for one in headings if one[0] < level]
            headings.append((level, heading[2]))
        elif not is_blank and begun is None:
            begun = at
        is_code = is_code != is_mark
        at += len(line)
    if begun is not None:
        yield _Block(tuple(text for _, text in headings), begun, at)


def _pieces(content: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a block that is too long: between sentences, and where there are none between words."""
    while end - start > MAX_PASSAGE:
        window = content[start : start + MAX_PASSAGE]
        ends = [found.end() for found in _SENTENCE_END.finditer(window)]
        blank = window.rfind(" ")
        length = ends[-1] if ends else blank + 1 if blank > 0 else MAX_PASSAGE
        yield start, start + length
        start += length
    yield start, end


def stem(word: str) -> str:
    """Return the letters by which forms of one word are taken for it."""
    return word[:STEM]


def words(question: str) -> tuple[str, ...]:
    """Return the different words worth looking up; all of them when every one is common."""
    every = tuple(dict.fromkeys(_WORD.findall(question.lower())))
    telling = tuple(word for word in every if word not in _COMMON)
    return (telling or every)[:MAX_WORDS]
