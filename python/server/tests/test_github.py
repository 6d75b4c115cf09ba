"""Documents of a repository at GitHub, from a server that answers like it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from smooth_operator_server.knowledge.ingest import Filing, ingest
from smooth_operator_server.knowledge.knowledge import Knowledge
from smooth_operator_server.knowledge.loaders import (
    GitHubLoader,
    Loaded,
    LoadError,
    Repository,
    Unreadable,
)
from smooth_operator_server.store.opening import open_stores

from .support_endpoint import hosted
from .test_tending import run

TOKEN = "token-that-must-not-show"
FILES = {
    "README.md": b"# Lamps\n\nWe make lamps.",
    "docs/returns.md": b"# Returns\n\nWe have a 17-day return window.",
    "docs/deep/care.html": b"<title>Care</title><h1>Care</h1><p>Dust them.",
    "docs/broken.md": b"\xff\xfe\x00",
    "docs/.hidden.md": b"# no",
    ".github/notes.md": b"# no",
    "src/lamp.c": b"int lamp;",
}


class GitHub:
    """One repository, ``lamps/shop``; private when it has a token."""

    def __init__(self, files: dict[str, bytes], token: str | None = None) -> None:
        self.files = dict(files)
        self.token = token
        self.refs: list[str] = []
        self.versions: set[str | None] = set()
        self.answer: Response | None = None
        self.truncated = False

    def _refused(self, request: Request) -> Response | None:
        self.versions.add(request.headers.get("x-github-api-version"))
        if self.answer is not None:
            return self.answer
        given = request.headers.get("authorization")
        if given is not None and given != f"Bearer {self.token}":
            return JSONResponse({"message": "Bad credentials"}, 401)
        if self.token is not None and given is None:
            return JSONResponse({"message": "Not Found"}, 404)
        return None

    async def tree(self, request: Request) -> Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        self.refs.append(request.path_params["ref"])
        assert request.query_params["recursive"] == "1"
        rows: list[dict[str, Any]] = [
            {"path": path, "type": "blob", "sha": path.encode().hex(), "size": len(content)}
            for path, content in self.files.items()
        ]
        folders = [{"path": "docs", "type": "tree", "sha": "0"}]
        return JSONResponse({"tree": [*folders, *rows], "truncated": self.truncated})

    async def blob(self, request: Request) -> Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        content = self.files[bytes.fromhex(request.path_params["sha"]).decode()]
        return JSONResponse({"content": base64.encodebytes(content).decode(), "encoding": "base64"})

    @property
    def app(self) -> Starlette:
        base = "/repos/lamps/shop/git"
        return Starlette(
            routes=[
                Route(base + "/trees/{ref:path}", self.tree),
                Route(base + "/blobs/{sha}", self.blob),
            ]
        )


async def loaded(place: str, api: str, token: str | None = None) -> dict[str, Any]:
    loader = await GitHubLoader.open(Repository.parse(place), token, api)
    found = [one async for one in loader]
    assert len(found) == len(loader)
    return {one.source: one for one in found}


async def test_a_repository_is_read_in_order_with_addresses() -> None:
    github = GitHub(FILES)
    async with hosted(github.app) as api:
        found = await loaded("github:lamps/shop", api)
        await loaded("github:lamps/shop@feature/new lamps".replace(" ", "-"), api)
    assert list(found) == [
        "lamps/shop/README.md",
        "lamps/shop/docs/broken.md",
        "lamps/shop/docs/deep/care.html",
        "lamps/shop/docs/returns.md",
    ]
    returns = found["lamps/shop/docs/returns.md"]
    assert isinstance(returns, Loaded)
    assert (returns.title, returns.url) == (
        "Returns",
        "https://github.com/lamps/shop/blob/HEAD/docs/returns.md",
    )
    assert isinstance(found["lamps/shop/docs/broken.md"], Unreadable)
    assert github.refs == ["HEAD", "feature/new-lamps"]
    assert github.versions == {"2022-11-28"}


async def test_one_folder_can_be_read() -> None:
    async with hosted(GitHub(FILES).app) as api:
        found = await loaded("github:lamps/shop@main:docs/deep", api)
        assert list(found) == ["lamps/shop/docs/deep/care.html"]
        with pytest.raises(LoadError, match="no folder nowhere"):
            await loaded("github:lamps/shop:nowhere", api)


async def test_a_private_repository_wants_its_token() -> None:
    async with hosted(GitHub(FILES, TOKEN).app) as api:
        assert len(await loaded("github:lamps/shop", api, TOKEN)) == 4
        with pytest.raises(LoadError, match="may not see it"):
            await loaded("github:lamps/shop", api)
        with pytest.raises(LoadError, match="refuses the token") as refused:
            await loaded("github:lamps/shop", api, "another")
    assert "another" not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (JSONResponse({}, 403, {"x-ratelimit-remaining": "0"}), "limit is reached"),
        (JSONResponse({}, 500), "status 500"),
        (Response("<html>", 200), "something else"),
        (JSONResponse([1]), "status 200"),
        (JSONResponse({"tree": [{"type": "blob"}]}), "something else"),
        (JSONResponse({"tree": 5}), "something else"),
        (JSONResponse({}), "something else"),
    ],
)
async def test_what_goes_wrong_is_named(answer: Response, why: str) -> None:
    github = GitHub(FILES)
    github.answer = answer
    async with hosted(github.app) as api:
        with pytest.raises(LoadError, match=why):
            await loaded("github:lamps/shop", api)


async def test_a_list_that_is_not_whole_is_not_taken_for_one() -> None:
    github = GitHub(FILES)
    github.truncated = True
    async with hosted(github.app) as api:
        with pytest.raises(LoadError, match="too many files"):
            await loaded("github:lamps/shop", api)


async def test_a_server_that_is_away_is_named() -> None:
    with pytest.raises(LoadError, match="cannot be reached"):
        await loaded("github:lamps/shop", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    "place", ["github:", "github:lamps", "github:a/b/c", "github:a b/c", "github:a/b@", "x:a/b"]
)
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(LoadError, match="write github:OWNER/NAME"):
        Repository.parse(place)


async def test_a_file_that_fails_later_is_unreadable_and_the_rest_is_taken_in() -> None:
    github = GitHub(FILES)
    stores = await open_stores()
    knowledge = Knowledge(stores.knowledge)
    try:
        async with hosted(github.app) as api:
            place = Repository.parse("github:lamps/shop:docs")
            report = await ingest(knowledge, await GitHubLoader.open(place, None, api), Filing())
            assert str(report) == "2 new, 0 changed, 0 unchanged, 0 removed, 1 unreadable"
            del github.files["docs/deep/care.html"]
            github.files["docs/returns.md"] += b" Lamps, too."
            report = await ingest(knowledge, await GitHubLoader.open(place, None, api), Filing())
            assert str(report) == "0 new, 1 changed, 0 unchanged, 1 removed, 1 unreadable"
            loader = await GitHubLoader.open(place, None, api)
            github.answer = JSONResponse({}, 500)
            report = await ingest(knowledge, loader, Filing())
            assert str(report) == "0 new, 0 changed, 0 unchanged, 0 removed, 2 unreadable"
        found = await knowledge.search("How long is the return window?", 1)
        assert found[0].source == "lamps/shop/docs/returns.md"
    finally:
        await stores.close()


async def test_the_command_reads_a_repository_with_the_token_of_the_environment(
    tmp_path: Path,
) -> None:
    files = {name: text for name, text in FILES.items() if name != "docs/broken.md"}
    async with hosted(GitHub(files, TOKEN).app) as api:
        out = await run(
            "ingest", "github:lamps/shop", "--db", "a.db", GITHUB_TOKEN=TOKEN, GITHUB_API_URL=api
        )
    assert out == "github:lamps/shop: 3 new, 0 changed, 0 unchanged, 0 removed, 0 unreadable\n"
    assert TOKEN.encode() not in (tmp_path / "a.db").read_bytes()
