"""The page at ``/``: when it is there, what is sent with it, what it is told."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import httpx2
import pytest
from starlette.applications import Starlette

from smooth_operator_server import playground
from smooth_operator_server.agents.spec import AgentSpec
from smooth_operator_server.app import Server
from smooth_operator_server.engine.demo import DEMO_CODE, TRIGGERS
from smooth_operator_server.files import FileFaultError
from smooth_operator_server.playground import DEMO_EXAMPLES, open_playground
from smooth_operator_server.settings import Settings

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What a build leaves behind, beside something that nobody shall get."""
    folder = tmp_path / "dist"
    (folder / "playground").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Playground</title>")
    (folder / "playground" / "index-abc.js").write_text("0")
    (folder / "playground" / "theme.js").write_text("1")
    (tmp_path / "secret.txt").write_text("not yours")
    return folder


def client(settings: Settings, folder: Path, *agents: AgentSpec) -> httpx2.AsyncClient:
    page = open_playground(settings, agents, folder)
    assert page is not None
    transport = httpx2.ASGITransport(app=Starlette(routes=page.routes()))
    return httpx2.AsyncClient(transport=transport, base_url="http://server")


async def test_the_page_may_ask_this_server_alone_and_be_framed_by_nobody(built: Path) -> None:
    async with client(Settings(demo=True), built) as http:
        answer = await http.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(
        part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
    )
    assert policy.pop("default-src") == "'none'"
    assert set(policy.values()) == {"'self'", "'none'"}
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_what_has_its_hash_in_its_name_is_kept_by_browsers(built: Path) -> None:
    async with client(Settings(playground=True), built) as http:
        script, theme, page = [
            await http.get(path)
            for path in ("/playground/index-abc.js", "/playground/theme.js", "/")
        ]
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in script.headers["cache-control"]
    assert theme.headers["cache-control"] == page.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "secret.txt",
        "../secret.txt",
        "..%2F..%2Fsecret.txt",
        "%2e%2e/%2e%2e/secret.txt",
        "index.html",
    ],
)
async def test_no_other_file_is_given_out(built: Path, path: str) -> None:
    async with client(Settings(demo=True), built) as http:
        answer = await http.get(f"/playground/{path}")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("settings", "is_there"),
    [(Settings(), False), (Settings(demo=True), True), (Settings(playground=True), True)],
)
async def test_it_is_there_with_the_demonstration_or_when_it_is_asked_for(
    settings: Settings, is_there: bool, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playground, "_built", lambda: built)
    server = await Server.build(
        settings.model_copy(update={"database_url": None, "db": built / "x"})
    )
    try:
        transport = httpx2.ASGITransport(app=server.application())
        async with httpx2.AsyncClient(transport=transport, base_url="http://server") as http:
            found = [(await http.get(path)).status_code for path in ("/", "/playground/theme.js")]
    finally:
        await server.aclose()
    assert found == ([200, 200] if is_there else [404, 404])


def test_one_that_was_never_built_is_missed_only_by_who_asks_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(playground, "_built", lambda: None)
    assert open_playground(Settings(demo=True), []) is None
    with pytest.raises(FileFaultError, match="make playground"):
        open_playground(Settings(playground=True), [])


async def test_whom_one_may_talk_to_is_told_where_nobody_needs_a_token(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = AgentSpec("support", name="Sam")
    async with client(Settings(playground=True), built, agent) as http:
        told = (await http.get("/playground/config.json")).json()
    assert (told["needsToken"], told["agents"]) == (False, [{"id": "support", "name": "Sam"}])
    assert told["examples"] == []
    monkeypatch.setenv("AUTH_JWT_HS256_SECRET", SECRET)
    async with client(Settings(playground=True, auth_mode="jwt"), built, agent) as http:
        told = (await http.get("/playground/config.json")).json()
    assert (told["needsToken"], told["agents"]) == (True, [])


def test_the_examples_show_everything_that_the_demonstration_has() -> None:
    said = " ".join(DEMO_EXAMPLES).lower()
    assert [word for word in TRIGGERS if word not in said] == []
    assert any(DEMO_CODE in shows for shows in DEMO_EXAMPLES.values())


@pytest.fixture
def hook() -> ModuleType:
    path = Path(__file__).parents[1] / "hatch_build.py"
    spec = importlib.util.spec_from_file_location("hatch_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestTheWheelWithoutNode:
    """What the build does where there is no npm."""

    @pytest.fixture(autouse=True)
    def _no_npm(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))

    def test_it_takes_what_was_built_before(self, hook: ModuleType, built: Path) -> None:
        built.parent.joinpath("playground").mkdir()
        built.rename(built.parent / "playground" / "dist")
        names = [file.name for file in hook.page_files(built.parent)]
        assert names == ["index.html", "index-abc.js", "theme.js"]

    def test_without_that_it_says_what_it_needs(self, hook: ModuleType, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match="needs Node"):
            list(hook.page_files(tmp_path))

    def test_it_can_be_left_out(
        self, hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(hook.LEFT_OUT, "off")
        assert list(hook.page_files(tmp_path)) == []
