"""A document from a page of the web."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from ...fetching import Address, FetchError, fetch, is_public
from .loader import Loaded, Unreadable
from .texts import KIND_OF_MEDIA_TYPE, UnreadableError, text_of


class WebLoader:
    """One page. ``admits`` tells which addresses may be asked: by default public ones alone."""

    def __init__(self, url: str, admits: Callable[[Address], bool] = is_public) -> None:
        self._url = url
        self._admits = admits

    @property
    def origin(self) -> str:
        return f"web:{self._url}"

    def __len__(self) -> int:
        return 1

    async def __aiter__(self) -> AsyncIterator[Loaded | Unreadable]:
        yield await self._load()

    async def _load(self) -> Loaded | Unreadable:
        try:
            page = await fetch(self._url, admits=self._admits)
            kind = KIND_OF_MEDIA_TYPE.get(page.media_type)
            if kind is None:
                return Unreadable(self._url, "is of a kind that is not read")
            text = await asyncio.to_thread(text_of, page.content, kind, page.charset)
        except (FetchError, UnreadableError) as fault:
            return Unreadable(self._url, str(fault))
        return Loaded(self._url, text.text, text.title, page.url)
