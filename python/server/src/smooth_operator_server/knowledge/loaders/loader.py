"""What a loader is. Pure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


class LoadError(Exception):
    """Nothing can be loaded at all; the text says why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document as it was found; headings in ``text`` are written as in Markdown."""

    source: str
    text: str
    title: str = ""
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that looks like a document and cannot be read; ``why`` holds nothing of it."""

    source: str
    why: str


class Loader(Protocol):
    """Finds documents. What came from an ``origin`` and is no longer found there is removed."""

    @property
    def origin(self) -> str:
        """What is looked through, the same for every run over it."""
        ...

    def __len__(self) -> int:
        """How many will come, readable or not."""
        ...

    def __aiter__(self) -> AsyncIterator[Loaded | Unreadable]:
        """Yield what is found, in an order that is always the same.

        Raises:
            LoadError: nothing can be found out.
        """
        ...
