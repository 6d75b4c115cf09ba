"""Lists of words written as text, so that they stay readable."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """Return the words of ``text``, split at white space."""
    return frozenset(text.split())
