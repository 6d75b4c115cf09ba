"""Cutting documents into passages and questions into words. Pure."""

from __future__ import annotations

import re

MAX_PASSAGE = 600
"""Characters; a longer paragraph is cut between sentences."""

MAX_WORDS = 32
"""Different words of a question that are looked up; the rest is left out."""

_BLANK_LINES = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"\w+")
_COMMON_TEXT = """
a about all am an and any are as at be but by can could do does for from had has have how
i if in is it its may me my no not of on or our please should so some tell than that the
their them then there these they this to us was we were what when where which who why will
with would you your
"""
_COMMON = frozenset(_COMMON_TEXT.split())


def passages(content: str) -> tuple[str, ...]:
    """Return the paragraphs of a text or Markdown document, headings left out."""
    found: list[str] = []
    for block in _BLANK_LINES.split(content.replace("\r\n", "\n")):
        lines = [line.strip() for line in block.splitlines()]
        paragraph = " ".join(line for line in lines if line and not line.startswith("#"))
        if paragraph:
            found.extend(_short(paragraph))
    return tuple(found)


def _short(paragraph: str) -> list[str]:
    if len(paragraph) <= MAX_PASSAGE:
        return [paragraph]
    parts = [""]
    for sentence in _SENTENCE_END.split(paragraph):
        if parts[-1] and len(parts[-1]) + 1 + len(sentence) > MAX_PASSAGE:
            parts.append("")
        parts[-1] = f"{parts[-1]} {sentence}".strip()
    return parts


def words(question: str) -> tuple[str, ...]:
    """Return the different words worth looking up; all of them when every one is common."""
    every = tuple(dict.fromkeys(_WORD.findall(question.lower())))
    telling = tuple(word for word in every if word not in _COMMON)
    return (telling or every)[:MAX_WORDS]
