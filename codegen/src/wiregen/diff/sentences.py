"""Sentences of behaviour.md, compared by their ids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wiregen.load import read_text

NAME = "behaviour.md"
_SENTENCE = re.compile(
    r"^- \*\*(?P<id>[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*-\d+)\*\* "
    r"\((?P<level>MUST|SHOULD|MAY), (?P<party>[\w ]+)\) (?P<text>.+)$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One rule: how strongly it binds (MUST, SHOULD, MAY), whom, and what it says."""

    level: str
    party: str
    text: str


def read_sentences(folder: Path) -> dict[str, Sentence]:
    """Return the sentences of a specification by id; none where it has no behaviour.md."""
    path = folder / NAME
    if not path.is_file():
        return {}
    found = _SENTENCE.finditer(read_text(path, NAME))
    return {it["id"]: Sentence(it["level"], it["party"], it["text"]) for it in found}


def compared(old: Path, new: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (rule, id, words) for every sentence that came, went or reads otherwise."""
    before, after = read_sentences(old), read_sentences(new)
    for id_ in sorted(before.keys() | after.keys()):
        was, is_ = before.get(id_), after.get(id_)
        if was is None or is_ is None:
            came = was is None
            yield f"SENTENCE_{'ADDED' if came else 'REMOVED'}", id_, _said(was or is_)
            continue
        if was.level != is_.level:
            yield "SENTENCE_LEVEL", id_, f"{was.level} became {is_.level}"
        if (was.text, was.party) != (is_.text, is_.party):
            yield "SENTENCE_CHANGED", id_, "reads otherwise now"


def _said(sentence: Sentence | None) -> str:
    assert sentence is not None
    text = sentence.text if len(sentence.text) <= 80 else f"{sentence.text[:79]}…"
    return f"{sentence.level}, {sentence.party}: {text}"
