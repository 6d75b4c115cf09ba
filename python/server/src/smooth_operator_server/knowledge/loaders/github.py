"""Documents from a repository at GitHub, over its REST interface (version 2022-11-28)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .loader import Loaded, LoadError, Unreadable
from .texts import KIND_OF_ENDING, UnreadableError, text_of

if TYPE_CHECKING:
    import httpx2

API = "https://api.github.com"
SCHEME = "github:"
LARGEST = 10 * 1024 * 1024
TIMEOUT_S = 30.0

_PLACE = re.compile(
    r"github:(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:@(?P<ref>[^\s:]+?))?(?::(?P<folder>[^\s]*))?"
)


@dataclass(frozen=True, slots=True)
class Repository:
    """What is read: a repository, at a branch, tag or commit, maybe one folder of it."""

    owner: str
    name: str
    ref: str = "HEAD"
    folder: str = ""

    @classmethod
    def parse(cls, place: str) -> Repository:
        """Read ``github:OWNER/NAME[@REF][:FOLDER]``.

        Raises:
            LoadError: it is none.
        """
        found = _PLACE.fullmatch(place)
        if found is None:
            raise LoadError(f"{place}: write github:OWNER/NAME, github:OWNER/NAME@REF:FOLDER")
        folder = (found["folder"] or "").strip("/")
        return cls(found["owner"], found["name"], found["ref"] or "HEAD", folder)

    @property
    def path(self) -> str:
        """``OWNER/NAME``, by which documents of several repositories are told apart."""
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    blob: str
    size: int


class GitHubLoader:
    """The readable files of a repository; names that begin with a dot are left out.

    Use ``open``. A document is called by its repository and its path in it.
    """

    def __init__(self, place: Repository, client: httpx2.AsyncClient, files: list[_File]) -> None:
        self._place = place
        self._client = client
        self._files = files

    @classmethod
    async def open(
        cls, place: Repository, token: str | None = None, api: str = API
    ) -> GitHubLoader:
        """Look what files there are.

        Raises:
            LoadError: there is no such repository or folder, the token is refused or may not see
                it, GitHub's limit is reached, or it cannot be reached.
        """
        import httpx2  # takes a while, and only those who load from there need it

        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "smooth",
        } | ({"Authorization": f"Bearer {token}"} if token else {})
        client = httpx2.AsyncClient(base_url=api, headers=headers, timeout=TIMEOUT_S)
        try:
            files = await _listed(client, place)
        except BaseException:
            await client.aclose()
            raise
        return cls(place, client, files)

    @property
    def origin(self) -> str:
        return f"github:{self._place.path}:{self._place.folder}"

    def __len__(self) -> int:
        return len(self._files)

    async def __aiter__(self) -> AsyncIterator[Loaded | Unreadable]:
        try:
            for file in self._files:
                yield await self._load(file)
        finally:
            await self._client.aclose()

    async def _load(self, file: _File) -> Loaded | Unreadable:
        source = f"{self._place.path}/{file.path}"
        if file.size > LARGEST:
            return Unreadable(source, f"is larger than {LARGEST} bytes")
        try:
            answer = await _asked(self._client, f"/repos/{self._place.path}/git/blobs/{file.blob}")
            content = base64.b64decode(answer["content"])
            kind = KIND_OF_ENDING[PurePosixPath(file.path).suffix.lower()]
            text = await asyncio.to_thread(text_of, content, kind)
        except (LoadError, UnreadableError) as fault:
            return Unreadable(source, str(fault))
        except (KeyError, TypeError, binascii.Error):
            return Unreadable(source, "did not come as a file")
        page = f"https://github.com/{self._place.path}/blob/{self._place.ref}/{quote(file.path)}"
        return Loaded(source, text.text, text.title, page)


async def _listed(client: httpx2.AsyncClient, place: Repository) -> list[_File]:
    ref = quote(place.ref, safe="")
    answer = await _asked(client, f"/repos/{place.path}/git/trees/{ref}?recursive=1")
    if answer.get("truncated"):
        raise LoadError(f"{place.path}: has too many files for one list: name a folder of it")
    inside = f"{place.folder}/" if place.folder else ""
    try:
        files = [
            _File(row["path"], row["sha"], int(row.get("size", 0)))
            for row in answer["tree"]
            if row["type"] == "blob" and row["path"].startswith(inside) and _is_read(row["path"])
        ]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LoadError(f"{place.path}: GitHub answered with something else") from None
    if place.folder and not files:
        raise LoadError(f"{place.path}: no folder {place.folder} with documents in it")
    return sorted(files, key=lambda file: file.path)


def _is_read(path: str) -> bool:
    parts = PurePosixPath(path)
    hidden = any(part.startswith(".") for part in parts.parts)
    return not hidden and parts.suffix.lower() in KIND_OF_ENDING


async def _asked(client: httpx2.AsyncClient, target: str) -> dict[str, Any]:
    import httpx2

    try:
        answer = await client.get(target)
        value = answer.json() if answer.status_code == 200 else None
    except (httpx2.HTTPError, httpx2.InvalidURL):
        raise LoadError("GitHub cannot be reached") from None
    except ValueError:
        raise LoadError("GitHub answered with something else") from None
    if answer.status_code in (403, 429) and answer.headers.get("x-ratelimit-remaining") == "0":
        raise LoadError("GitHub's limit is reached: try again later, or with a token")
    if answer.status_code in (401, 403):
        raise LoadError("GitHub refuses the token")
    if answer.status_code in (404, 409, 422):
        raise LoadError("no such repository, branch or file, or the token may not see it")
    if not isinstance(value, dict):
        raise LoadError(f"GitHub answered with status {answer.status_code}")
    return value
