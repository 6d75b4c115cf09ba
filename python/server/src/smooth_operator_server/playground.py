"""The playground: a page at ``/`` with a chat and, beside it, every frame of the wire.

Its sources are in ``playground/`` beside this package; ``make playground`` and the build of the
wheel make of them the few files that are served here. The page asks nobody but this server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from . import __version__
from .agents.spec import AgentSpec
from .files import FileFaultError
from .settings import Settings
from .telemetry import log

NOT_BUILT = "the playground is not built: run make playground"

DEMO_EXAMPLES = {
    "How long is your return window?": "looks it up, and names its source",
    "Please delete record 42": "asks before it acts",
    "What is my balance?": "asks for a one-time code: 123456",
    "You may contact me": "shows a form",
    "Help me choose a lamp": "offers a choice",
    "Think about shipping first": "shows what it thinks",
    "Tell it slow": "300 words to stop, or to cut the link in",
    "Please fail": "ends in an error",
}
"""What one may say to the demonstration, and what it shows."""

DEMO_PERSON = {"userName": "Ada", "userEmail": "ada@example.com"}
"""Whom the demonstration takes one for: a code has somebody to be sent to."""

_HEADERS = {
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_CHANGES = {"cache-control": "no-cache"}
_STAYS = {"cache-control": "public, max-age=31536000, immutable"}

_INDEX = "index.html"
_FOLDER = "playground"
_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".md": "text/markdown"}
"""Types that the registry of a machine may have wrong."""


@dataclass(frozen=True)
class _File:
    content: bytes
    media_type: str
    headers: Mapping[str, str]


class Playground:
    """The page, with its files in memory: what is asked for is one of them, or is not there."""

    def __init__(self, files: Mapping[str, _File], told: Mapping[str, Any]) -> None:
        self._files = files
        self._told = told

    def routes(self) -> list[Route]:
        return [
            Route("/", self._index),
            Route(f"/{_FOLDER}/config.json", self._config),
            Route(f"/{_FOLDER}/{{name}}", self._file),
        ]

    async def _index(self, _: Request) -> Response:
        return self._answer(_INDEX)

    async def _file(self, request: Request) -> Response:
        return self._answer(f"{_FOLDER}/{request.path_params['name']}")

    async def _config(self, _: Request) -> Response:
        return JSONResponse(self._told, headers=_HEADERS | _CHANGES)

    def _answer(self, name: str) -> Response:
        found = self._files.get(name)
        if found is None:
            return PlainTextResponse("Not Found", 404)
        return Response(found.content, headers=found.headers, media_type=found.media_type)


def open_playground(
    settings: Settings, agents: Iterable[AgentSpec], folder: Path | None = None
) -> Playground | None:
    """Return the page that the settings ask for, or None.

    The demonstration does without where the page was never built.

    Raises:
        FileFaultError: the page is asked for by name, and was not built.
    """
    if not settings.shows_playground:
        return None
    folder = folder or _built()
    if folder is None:
        if settings.playground:
            raise FileFaultError(NOT_BUILT)
        log.warning(NOT_BUILT)
        return None
    return Playground(_read(folder), _told(settings, agents))


def _built() -> Path | None:
    """Return where the files are: in a wheel beside this one, else in the repository."""
    package = Path(__file__).resolve().parent
    for folder in (package / "playground_files", package.parents[1] / "playground" / "dist"):
        if (folder / _INDEX).is_file():
            return folder
    return None


def _read(folder: Path) -> dict[str, _File]:
    paths = [folder / _INDEX, *sorted((folder / _FOLDER).iterdir())]
    return {path.relative_to(folder).as_posix(): _file(path) for path in paths}


def _file(path: Path) -> _File:
    guessed = _TYPES.get(path.suffix) or guess_type(path.name)[0]
    # The build puts the hash of what is in a script or style into its name.
    stays = path.stem.startswith("index-")
    headers = _HEADERS | (_STAYS if stays else _CHANGES)
    return _File(path.read_bytes(), guessed or "application/octet-stream", headers)


def _told(settings: Settings, agents: Iterable[AgentSpec]) -> dict[str, Any]:
    """Say what the page has to know. Whom one may talk to is told where nobody needs a token."""
    needs_token = settings.auth_mode != "none"
    named = [] if needs_token else [{"id": one.id, "name": one.name or one.id} for one in agents]
    examples = DEMO_EXAMPLES if settings.demo else {}
    return {
        "version": __version__,
        "needsToken": needs_token,
        "agents": named,
        "person": DEMO_PERSON if settings.demo else {},
        "examples": [{"message": text, "shows": shows} for text, shows in examples.items()],
    }
