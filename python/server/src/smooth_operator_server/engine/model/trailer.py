"""Takes the proposals of next questions off the end of an answer that is being streamed. Pure."""

from __future__ import annotations

import re

OPEN, CLOSE = "<suggestions>", "</suggestions>"
LONGEST = 120
"""Characters of one proposal; longer ones are no question to tap on."""

_BLANKS = re.compile(r"\s+")


def instruction(most: int) -> str:
    """Return what the model is told, so that it ends its answer with proposals."""
    return (
        f"When there are things that the person may want to ask next, end your answer with one"
        f" line of up to {most} short questions in their words: {OPEN}first|second{CLOSE}"
    )


class Trailer:
    """Passes on what is said, but for the proposals; keeps back what may become their mark."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = ""
        self._is_open = False

    def feed(self, piece: str) -> str:
        """Take a piece of the answer; return what can be shown by now."""
        self._held += piece
        if self._is_open:
            return ""
        shown, mark, _ = self._held.partition(OPEN)
        if mark:
            self._is_open = True
            self._held = self._held[len(shown) :]
            return shown.rstrip()
        kept = _beginning_of_mark(self._held)
        shown, self._held = self._held[: len(self._held) - kept], self._held[-kept:] if kept else ""
        return shown

    def end(self) -> tuple[str, tuple[str, ...]]:
        """Return what is left to be shown, and the proposals."""
        held, self._held = self._held, ""
        if not self._is_open:
            return held, ()
        inside, _, after = held.removeprefix(OPEN).partition(CLOSE)
        said = [_BLANKS.sub(" ", one).strip() for one in re.split(r"[|\n]", inside)]
        fitting = dict.fromkeys(one for one in said if one and len(one) <= LONGEST)
        return after.strip(), tuple(fitting)[: self._most]


def _beginning_of_mark(text: str) -> int:
    """Return how many characters at the end may be the beginning of the mark, blanks before it."""
    for length in range(min(len(OPEN) - 1, len(text)), 0, -1):
        if OPEN.startswith(text[-length:]):
            return len(text) - len(text[:-length].rstrip())
    return len(text) - len(text.rstrip())
