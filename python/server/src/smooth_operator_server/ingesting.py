"""The command ``ingest``: places one after another, with a bar on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from .agent import choose_embedder
from .bars import bar
from .knowledge import Knowledge
from .knowledge.ingest import Filing, Report, ingest
from .knowledge.loaders import (
    FileLoader,
    GitHubLoader,
    Loader,
    LoadError,
    Repository,
    WebLoader,
)
from .knowledge.loaders.github import SCHEME
from .settings import Settings
from .store.opening import open_stores

NOTHING_GIVEN = "name at least one file, folder, address or repository"


async def loader_of(place: str, settings: Settings) -> Loader:
    """Return what loads a place.

    Raises:
        LoadError: there is no such place.
    """
    if place.startswith(SCHEME):
        token = settings.github_token
        secret = token.get_secret_value() if token else None
        return await GitHubLoader.open(Repository.parse(place), secret, settings.github_api)
    if place.startswith(("http://", "https://")):
        return WebLoader(place)
    return FileLoader(Path(place))


async def ingest_places(settings: Settings, places: Sequence[str], filing: Filing) -> int:
    """Take the documents of some places in; return the status of the command.

    Raises:
        EmbeddingError: what makes vectors is not installed.
        LoadError: a place is not there; then nothing is taken in.
        StoreError: the store failed.
    """
    if not places:
        raise LoadError(NOTHING_GIVEN)
    loaders = [await loader_of(place, settings) for place in places]
    stores = await open_stores(settings.database)
    knowledge = Knowledge(stores.knowledge, choose_embedder(settings))
    status = 0
    try:
        with bar(MofNCompleteColumn(), TimeElapsedColumn()) as progress:
            for place, loader in zip(places, loaders, strict=True):
                report = await _one(progress, place, knowledge, loader, filing)
                status = status or int(bool(report.unreadable))
                print(f"{place}: {report}")
                for fault in report.unreadable:
                    print(f"  {fault.source}: {fault.why}", file=sys.stderr)
    finally:
        await knowledge.aclose()
        await stores.close()
    return status


async def _one(
    progress: Progress, place: str, knowledge: Knowledge, loader: Loader, filing: Filing
) -> Report:
    task = progress.add_task(place, total=len(loader))
    return await ingest(knowledge, loader, filing, lambda _: progress.advance(task))
