"""Documents from a file or folder; nothing outside of it, whatever its links say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from .loader import Loaded, LoadError, Unreadable
from .texts import KIND_OF_ENDING, UnreadableError, text_of

LARGEST = 50 * 1024 * 1024
MOST_FILES = 100_000


class FileLoader:
    """The readable files of a folder and of those in it; names that begin with a dot are left out.

    A file is called by its path within the folder. Links that lead out of it are not followed.
    """

    def __init__(self, place: Path) -> None:
        if not place.exists():
            raise LoadError(f"{place}: no such file or folder")
        self._root = place.resolve()
        self._is_folder = self._root.is_dir()
        if not self._is_folder and self._root.suffix.lower() not in KIND_OF_ENDING:
            raise LoadError(f"{place}: files of this kind are not read")
        self._files = self._found() if self._is_folder else [self._root]

    @property
    def origin(self) -> str:
        return f"file:{self._root}"

    def __len__(self) -> int:
        return len(self._files)

    async def __aiter__(self) -> AsyncIterator[Loaded | Unreadable]:
        for path in self._files:
            yield await asyncio.to_thread(self._load, path)

    def _found(self) -> list[Path]:
        found: list[Path] = []
        for path in sorted(self._root.rglob("*")):
            within = path.relative_to(self._root)
            if any(part.startswith(".") for part in within.parts):
                continue
            if path.suffix.lower() not in KIND_OF_ENDING or not path.is_file():
                continue
            if not path.resolve().is_relative_to(self._root):
                continue
            found.append(path)
            if len(found) > MOST_FILES:
                raise LoadError(f"{self._root}: more than {MOST_FILES} files")
        return found

    def _load(self, path: Path) -> Loaded | Unreadable:
        source = path.relative_to(self._root).as_posix() if self._is_folder else path.name
        try:
            if path.stat().st_size > LARGEST:
                return Unreadable(source, f"is larger than {LARGEST} bytes")
            text = text_of(path.read_bytes(), KIND_OF_ENDING[path.suffix.lower()])
        except OSError as fault:
            return Unreadable(source, (fault.strerror or "cannot be read").lower())
        except UnreadableError as fault:
            return Unreadable(source, str(fault))
        return Loaded(source, text.text, text.title)
