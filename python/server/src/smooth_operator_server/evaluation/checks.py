"""What is wrong with a turn, or with a whole conversation. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..tools.scan import without_secrets
from .files import Conversation, Expected
from .heard import Heard


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; ``fault`` is None when it was as it should be."""

    name: str
    fault: str | None = None
    turn: int | None = None
    """Number of the turn, from 1; None = the whole conversation."""


def turn_checks(expected: Expected, turn: Heard, number: int) -> Iterator[Check]:
    """Yield what was looked at in a turn."""
    for name, fault in _found(expected, turn):
        yield Check(name, fault, number)


def conversation_checks(conversation: Conversation, turns: Sequence[Heard]) -> Iterator[Check]:
    """Yield what was looked at in all turns together: no secret came out.

    What looks like a key, token or password is searched in what was said; the words that the file
    names in everything that was sent.
    """
    leaks = [
        number for number, turn in enumerate(turns, 1) if without_secrets(turn.text) != turn.text
    ]
    yield Check("no secret", f"turn {leaks[0]} says one" if leaks else None)
    for place, word in enumerate(conversation.secrets):
        told = _written(word)
        where = [
            number
            for number, turn in enumerate(turns, 1)
            if any(told in _written(frame) for frame in turn.frames) or word in turn.text
        ]
        fault = f"turn {where[0]} holds it" if where else None
        yield Check(f"secrets/{place}", fault)


def _written(value: Any) -> str:
    """Return how a value stands in JSON; of a text without its quotes."""
    text = json.dumps(value, ensure_ascii=False)
    return text[1:-1] if isinstance(value, str) else text


def _found(expected: Expected, turn: Heard) -> Iterator[tuple[str, str | None]]:
    ended = turn.outcome + (f" with {turn.error}" if turn.error else "")
    yield "outcome", None if turn.outcome == expected.outcome else f"the turn {ended}"
    if expected.error is not None:
        yield "error", None if turn.error == expected.error else f"the turn {ended}"
    said = turn.text.casefold()
    for text in expected.contains:
        yield f"contains {text!r}", None if text.casefold() in said else "the answer does not"
    for text in expected.lacks:
        yield f"lacks {text!r}", "the answer has it" if text.casefold() in said else None
    if expected.matches is not None:
        found = re.search(expected.matches, turn.text)
        yield f"matches {expected.matches!r}", None if found else "the answer does not"
    if expected.tools is not None:
        yield from _tools(expected.tools, turn)
    if expected.asks is not None:
        fault = None if expected.asks == turn.asked else f"asked were: {_list(turn.asked)}"
        yield "asks", fault
    if expected.cites is not None:
        yield from _cites(expected.cites, turn)


def _tools(
    wanted: Sequence[tuple[str, Mapping[str, Any]]], turn: Heard
) -> Iterator[tuple[str, str | None]]:
    called = _list([name for name, _ in turn.calls])
    if not wanted:
        yield "tools none", f"called were: {called}" if turn.calls else None
    left = list(turn.calls)
    for name, arguments in wanted:
        match = next((call for call in left if call[0] == name and holds(call[1], arguments)), None)
        if match is not None:
            left.remove(match)
            yield f"tool {name}", None
        elif any(call[0] == name for call in left):
            yield f"tool {name}", "it was called with other arguments"
        else:
            yield f"tool {name}", f"called were: {called}"


def _cites(wanted: Sequence[str], turn: Heard) -> Iterator[tuple[str, str | None]]:
    if not wanted:
        yield "cites none", "sources are cited" if turn.cited else None
    for source in wanted:
        cited = any(source in names for names in turn.cited)
        yield f"cites {source}", None if cited else "it is not cited"


def holds(value: Any, wanted: Any) -> bool:
    """Tell whether a value has what is wanted: of objects the members that are named."""
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and all(
            key in value and holds(value[key], member) for key, member in wanted.items()
        )
    same: bool = json.dumps(value, sort_keys=True) == json.dumps(wanted, sort_keys=True)
    return same


def _list(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"
