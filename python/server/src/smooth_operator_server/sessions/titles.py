"""Titles of conversations. Pure."""

from __future__ import annotations

DERIVED_LENGTH = 60
"""Characters of the first message that serve as title of a conversation without one."""

_ORNAMENT = " \t\r\n\"'`*_#>“”‘’«»"


def cleaned(title: str) -> str:
    """Collapse blanks and drop quotes and Markdown around the text; may become empty."""
    return " ".join(title.split()).strip(_ORNAMENT)


def derived(first_text: str) -> str:
    """Return a title made of the first thing that was said."""
    text = cleaned(first_text)
    if len(text) <= DERIVED_LENGTH:
        return text
    return f"{text[:DERIVED_LENGTH].rstrip()}…"
