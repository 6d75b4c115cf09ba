"""Which events of a specification can be read by comparing bytes, and where their parts stand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from wiregen.ir import Accessor, Message, Path, Scalar, Spec


@dataclass(frozen=True, slots=True)
class Learned:
    """An event that streams one piece of text: where its id, its text and its numbers stand."""

    wire: str
    name: str
    ids: tuple[Path, ...]
    id_attribute: str
    texts: tuple[Path, ...]
    text_attribute: str
    numbers: tuple[tuple[str, Path], ...]


def learned_events(
    spec: Spec,
    name: Callable[[str], str],
    accessor_name: Callable[[Accessor], str],
    plain: Callable[[Message], bool],
) -> list[Learned]:
    """Find the events that stream and whose facts are an id, one text and numbers."""
    found = []
    for item in spec.events:
        facts = [fact for fact in item.accessors if fact.name != item.tag]
        ids = [fact for fact in facts if set(fact.places) & set(spec.correlation)]
        kinds = {fact.name: _kind(fact) for fact in facts if fact not in ids}
        texts = [fact for fact in facts if kinds.get(fact.name) == "string"]
        if item.turn != "streams" or len(ids) != 1 or len(texts) != 1 or not plain(item):
            continue
        if set(kinds.values()) - {"string", "integer"}:
            continue
        numbers = tuple(
            (accessor_name(fact), fact.places[0])
            for fact in facts
            if kinds.get(fact.name) == "integer" and not fact.mirrored
        )
        found.append(
            Learned(
                item.wire,
                name(item.name),
                ids[0].places,
                accessor_name(ids[0]),
                texts[0].places,
                accessor_name(texts[0]),
                numbers,
            )
        )
    return found


def tag_first(tag: str) -> str:
    """Return a pattern for a frame whose first member names its type."""
    return rf'\s*\{{\s*{re.escape(json.dumps(tag))}\s*:\s*"([^"\\]+)"'


def _kind(fact: Accessor) -> str | None:
    """Return the kind of a fact that is one value, None for any other."""
    return fact.type.kind if isinstance(fact.type, Scalar) else None
