"""The admin REST: who may, what comes, what goes out, and that nobody sees what is another's."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from smooth_operator_server.admin.table import endpoints
from smooth_operator_server.auth import minted

from .support import Running, serving
from .test_auth import ADA, BOB, EVE, JWT, SECRET, entering

ROOT = ADA | {"role": "admin"}
CURATOR = BOB | {"role": "curator"}
FOREIGN = EVE | {"role": "admin"}
SCRIPT: dict[str, Any] = {"model": [{"text": "Hello"}] * 20}
WEB = {"name": "Terms", "kind": "web", "config": {"url": "http://127.0.0.1:9/terms"}}


@asynccontextmanager
async def caller(
    server: Running, claims: dict[str, Any] | None, **headers: str
) -> AsyncIterator[httpx2.AsyncClient]:
    url = server.url.replace("ws://", "http://").removesuffix("/ws")
    if claims is not None:
        headers["Authorization"] = f"Bearer {minted(SECRET, claims, 60)}"
    async with httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        yield client


def code(answer: httpx2.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert set(answer.json()) == {"error"}
    assert error["message"]
    return answer.status_code, error["code"]


async def test_every_route_asks_for_its_role_and_answers_as_it_says(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.md").write_text("A lamp.")
    settings = JWT | {"connector_files": files}
    async with (
        serving(tmp_path, SCRIPT, **settings) as server,
        entering(server, ADA) as ada,
        caller(server, ROOT) as root,
    ):
        session = await ada.result("create_conversation_session", agentId="a")
        await ada.turn(session["sessionId"])
        made = await root.post("/admin/connectors", json=WEB)
        ids = {"connectors": made.json()["connector"]["id"]}
        ids["conversations"] = session["conversationId"]
        document = {"source": "lamp.md", "text": "A lamp."}
        taken = await root.post("/admin/documents", json=document)
        ids |= {"documents": taken.json()["document"]["id"], "agents": "made"}
        assert (await root.post("/admin/agents", json={"id": "made"})).status_code == 201
        bodies = {
            "/admin/connectors": {"name": "Files", "kind": "file", "config": {"path": "a.md"}},
            "/admin/connectors/{id}": WEB | {"name": "Other"},
            "/admin/agents": {"id": "another"},
            "/admin/agents/{id}": {"id": "made", "name": "Made"},
            "/admin/settings": {"persona": "short"},
            "/admin/documents": document | {"source": "shade.md"},
            "/admin/conversations/{id}/messages": {"text": "Hello"},
            "/admin/publish": {"target": {"type": "org", "id": "acme"}, "event": {"type": "x"}},
        }
        order = {"DELETE": 1}
        every = sorted(endpoints(_NO_ADMIN), key=lambda one: order.get(one.method, 0))
        roles = {"basic": BOB, "curator": CURATOR, "admin": ROOT}
        for one in every:
            path = one.path.replace("{id}", ids.get(one.path.split("/")[2], ""))
            body = bodies.get(one.path) if one.body else None
            async with caller(server, None) as nobody:
                answer = await nobody.request(one.method, path, json=body)
                if one.role is not None:
                    assert code(answer) == (401, "UNAUTHENTICATED"), one
            for role, claims in roles.items():
                async with caller(server, claims) as client:
                    if one.role is not None and not list(roles).index(role) >= list(roles).index(
                        one.role.value
                    ):
                        answer = await client.request(one.method, path, json=body)
                        assert code(answer) == (403, "FORBIDDEN"), one
            answer = await root.request(one.method, path, json=body)
            assert answer.status_code == one.status, (one.path, answer.text)
            if one.answer is not None:
                jsonschema_rs.validate(one.answer, answer.json())


async def test_what_is_another_organisations_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SCRIPT, **JWT) as server,
        entering(server, ADA) as ada,
        caller(server, ROOT) as root,
    ):
        session = await ada.result("create_conversation_session", agentId="a")
        await ada.turn(session["sessionId"])
        connector = (await root.post("/admin/connectors", json=WEB)).json()["connector"]["id"]
        await root.post(f"/admin/connectors/{connector}/index")
        messages = f"/admin/conversations/{session['conversationId']}/messages"
        assert (await root.get(messages)).json()["messages"]
        for claims in (FOREIGN, BOB):
            async with caller(server, claims) as client:
                unknown = await client.get("/admin/conversations/nobodys/messages")
                foreign = await client.get(messages)
                assert (unknown.status_code, unknown.content) == (404, foreign.content)
                listed = (await client.get("/admin/conversations")).json()
                assert listed == {"conversations": [], "nextCursor": None}
        async with caller(server, FOREIGN) as client:
            for method, path in (
                ("GET", f"/admin/connectors/{connector}"),
                ("PUT", f"/admin/connectors/{connector}"),
                ("DELETE", f"/admin/connectors/{connector}"),
                ("POST", f"/admin/connectors/{connector}/index"),
            ):
                body = WEB if method == "PUT" else None
                foreign = await client.request(method, path, json=body)
                unknown = await client.request(
                    method, path.replace(connector, "nobodys"), json=body
                )
                assert (foreign.status_code, foreign.content) == (404, unknown.content)
            assert (await client.get("/admin/connectors")).json() == {"connectors": []}
            assert (await client.get("/admin/indexing/runs")).json() == {"runs": []}
            event = {"target": {"type": "org", "id": "acme"}, "event": {"type": "spam"}}
            assert (await client.post("/admin/publish", json=event)).json() == {"delivered": 0}
        assert (await root.get(f"/admin/connectors/{connector}")).status_code == 200
        assert len((await root.get("/admin/indexing/runs")).json()["runs"]) == 1
        await ada.silence()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 30_000, "no JSON"),
        (b'{"name": NaN}', "no JSON"),
        (b"[]", "must be of type object"),
        (b"{}", "/name is required"),
        ({"name": ""}, "/name breaks|is required"),
        (WEB | {"extra": 1}, "/extra is not known"),
        (WEB | {"kind": "shell"}, "/kind must be one of"),
        (WEB | {"config": {"url": "file:///etc/passwd"}}, "/config/url breaks"),
        (WEB | {"kind": "github"}, "/config/owner is required|/config/repo is required"),
        (
            {"name": "x", "kind": "github", "config": {"owner": "..", "repo": "x"}},
            "/config/owner breaks",
        ),
        (WEB | {"kind": "file"}, "/config/path is required|/config/url is not known"),
        ({"name": "x", "kind": "file", "config": {"path": "../x"}}, "/config/path leads out"),
        ({"name": "x", "kind": "file", "config": {"path": "/etc"}}, "/config/path leads out"),
    ],
)
async def test_a_body_that_does_not_fit_is_answered_by_the_field(
    tmp_path: Path, body: Any, why: str
) -> None:
    settings = JWT | {"connector_files": tmp_path}
    async with serving(tmp_path, SCRIPT, **settings) as server, caller(server, ROOT) as root:
        given = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {"content-type": "application/json"}
        answer = await root.post("/admin/connectors", content=given, headers=kind)
        assert code(answer) == (400, "VALIDATION_ERROR")
        assert any(one in answer.json()["error"]["message"] for one in why.split("|"))
        assert str(tmp_path) not in answer.text
        assert (await root.get("/admin/connectors")).json() == {"connectors": []}


async def test_other_faults_of_a_request_are_typed_too(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT, **JWT) as server, caller(server, ROOT) as root:
        large = json.dumps(WEB | {"name": "x" * 70_000})
        kind = {"content-type": "application/json"}
        answer = await root.post("/admin/connectors", content=large, headers=kind)
        assert code(answer) == (413, "TOO_LARGE")
        answer = await root.post("/admin/connectors", content=b"{}")
        assert code(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")
        answer = await root.patch("/admin/connectors", json={})
        assert code(answer) == (405, "METHOD_NOT_ALLOWED")
        assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}
        assert code(await root.get("/admin/nothing")) == (404, "NOT_FOUND")
        assert code(await root.get(f"/admin/connectors/{'x' * 900}")) == (404, "NOT_FOUND")
        for query in ("limit=0", "limit=-1", "limit=x", "cursor=made-up", f"cursor={'x' * 600}"):
            answer = await root.get(f"/admin/conversations?{query}")
            assert code(answer) == (400, "VALIDATION_ERROR"), query


async def test_without_tokens_the_one_person_is_the_admin_and_no_page_is(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT) as server:
        async with caller(server, None) as here:
            assert (await here.get("/admin/me")).json() == {
                "userId": "local",
                "orgId": "local",
                "role": "admin",
            }
        async with caller(server, None, Origin="https://evil.example") as page:
            assert code(await page.get("/admin/me")) == (401, "UNAUTHENTICATED")
            assert (await page.get("/admin/health")).json() == {"status": "ok"}
    async with serving(tmp_path, SCRIPT, insecure=True) as server, caller(server, None) as anyone:
        assert code(await anyone.get("/admin/connectors")) == (401, "UNAUTHENTICATED")


async def test_an_event_reaches_the_sockets_of_its_target(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SCRIPT, **JWT) as server,
        entering(server, ADA) as ada,
        entering(server, BOB) as bob,
        caller(server, ROOT) as root,
    ):
        for client in (ada, bob):
            await client.silence()
        event = {"type": "notice", "data": {"text": "We close early."}}
        body = {"target": {"type": "user", "id": "2"}, "event": event}
        assert (await root.post("/admin/publish", json=body)).json() == {"delivered": 1}
        assert json.loads(await bob.socket.recv()) == event
        await ada.silence()
        body = {"target": {"type": "org", "id": "acme"}, "event": event}
        assert (await root.post("/admin/publish", json=body)).json() == {"delivered": 2}


async def test_too_many_actions_are_refused_by_person_with_the_time_to_wait(tmp_path: Path) -> None:
    settings = JWT | {"rate_per_minute": 30}
    async with (
        serving(tmp_path, SCRIPT, **settings) as server,
        entering(server, BOB) as bob,
        entering(server, ADA) as ada,
    ):
        for _ in range(30):
            await bob.silence()
        frame = await bob.call("ping")
        assert frame["error"]["code"] == "RATE_LIMITED"
        await ada.silence()
        async with caller(server, BOB) as client:
            assert code(await client.get("/admin/me")) == (429, "RATE_LIMITED")
        await server.clock.advance(2)
        await bob.silence()
        assert (await bob.call("ping"))["error"]["code"] == "RATE_LIMITED"


async def test_the_document_describes_what_is_served(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPT, **JWT) as server, caller(server, None) as nobody:
        described = (await nobody.get("/openapi.json")).json()
    assert described["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(described).validate()
    listed = {
        (method.upper(), path) for path, methods in described["paths"].items() for method in methods
    }
    assert listed == {(one.method, one.path) for one in endpoints(_NO_ADMIN)}
    names = [one["operationId"] for path in described["paths"].values() for one in path.values()]
    assert len(names) == len(set(names))


# On a busy machine it takes longer than any other test; and the limit, when it strikes, strikes the
# server, which lives in this process: the fuzzer would report that as a fault of it.
@pytest.mark.timeout(300)
async def test_a_fuzzer_finds_nothing_that_the_document_does_not_say(tmp_path: Path) -> None:
    # Nothing is asked of GitHub itself, whichever repositories it makes up.
    settings = JWT | {"GITHUB_API_URL": "http://127.0.0.1:9"}
    async with serving(tmp_path, SCRIPT, **settings) as server:
        url = server.url.replace("ws://", "http://").removesuffix("/ws")
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{url}/openapi.json",
            "--header",
            f"Authorization: Bearer {minted(SECRET, ROOT, 600)}",
            "--max-examples=10",
            "--seed=1",
            # Cursors are the server's own, and paths lie within its folder: no schema says which.
            "--exclude-checks=positive_data_acceptance",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()[-4000:]


class _Nothing:
    """Stands for what the endpoints would do."""

    def __getattr__(self, name: str) -> Any:
        return self


_NO_ADMIN: Any = _Nothing()
