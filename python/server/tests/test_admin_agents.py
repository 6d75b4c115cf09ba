"""The admin REST: agents and documents that an organisation makes, and what it has used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .support import details, serving, step
from .support_endpoint import hosted
from .support_stores import fresh_database
from .test_admin import BOB, CURATOR, FOREIGN, ROOT, SCRIPT, caller, code
from .test_auth import ADA, EVE, JWT, entering
from .test_github import FILES, TOKEN, GitHub

AGENT = {"id": "shop", "name": "Shop", "instructions": "Be kind."}
LAMP = {"source": "lamp.md", "title": "Lamp", "text": "# Lamps\n\nA lamp of brass lasts 17 years."}


@pytest.fixture(params=["sqlite", "postgres"])
async def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the settings of a server that has one agent in its files."""
    given: dict[str, Any] = JWT | {"open_agents": False}
    if request.param == "postgres":
        url = await fresh_database(request.getfixturevalue("postgres"))
        given |= {"database_url": url}
    return given


async def test_an_agent_is_made_used_changed_and_forgotten(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "one.json").write_text('{"id": "of-file"}')
    settings |= {"agents": tmp_path / "agents"}
    async with (
        serving(tmp_path, SCRIPT, **settings) as server,
        entering(server, ADA) as ada,
        entering(server, EVE) as eve,
        caller(server, ROOT) as root,
        caller(server, FOREIGN) as foreign,
    ):
        unknown = await ada.refusal("create_conversation_session", agentId="shop")
        assert unknown == "AGENT_NOT_AUTHORIZED"
        assert (await root.post("/admin/agents", json=AGENT)).json() == {"agent": AGENT}
        assert code(await root.post("/admin/agents", json=AGENT)) == (409, "EXISTS")
        opened = await ada.result("create_conversation_session", agentId="shop")
        assert opened["agentName"] == "Shop"
        # What one organisation makes is not there for another.
        assert await eve.refusal("create_conversation_session", agentId="shop") == unknown
        assert code(await foreign.get("/admin/agents/shop")) == (404, "NOT_FOUND")
        assert code(await foreign.delete("/admin/agents/shop")) == (404, "NOT_FOUND")
        listed = (await foreign.get("/admin/agents")).json()["agents"]
        assert [one["id"] for one in listed] == ["of-file"]
        changed = AGENT | {"name": "Store"}
        assert (await root.put("/admin/agents/shop", json=changed)).json() == {"agent": changed}
        opened = await ada.result("create_conversation_session", agentId="shop")
        assert opened["agentName"] == "Store"
        for method, path, body in (
            ("POST", "/admin/agents", {"id": "of-file"}),
            ("PUT", "/admin/agents/of-file", {"id": "of-file"}),
            ("DELETE", "/admin/agents/of-file", None),
        ):
            assert code(await root.request(method, path, json=body)) == (409, "OF_FILE")
        assert (await root.delete("/admin/agents/shop")).status_code == 204
        assert await ada.refusal("create_conversation_session", agentId="shop") == unknown


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "/id is required"),
        ({"id": ""}, "/id breaks"),
        ({"id": "a/b"}, "/id breaks"),
        (AGENT | {"temper": 1}, "/temper is not known"),
        (AGENT | {"budget": {"steps": 0}}, "/budget/steps breaks"),
        (AGENT | {"system": "team"}, "/team is missing"),
        (AGENT | {"tools": "rm"}, "/tools must be of type array"),
    ],
)
async def test_an_agent_that_does_not_fit_is_refused_by_the_field(
    body: dict[str, Any], why: str, tmp_path: Path
) -> None:
    async with serving(tmp_path, SCRIPT, **JWT) as server, caller(server, ROOT) as root:
        answer = await root.post("/admin/agents", json=body)
        assert code(answer) == (400, "VALIDATION_ERROR")
        assert why in answer.json()["error"]["message"]
        assert (await root.get("/admin/agents")).json() == {"agents": []}
        await root.post("/admin/agents", json=AGENT)
        other = await root.put("/admin/agents/shop", json=AGENT | {"id": "other"})
        assert code(other) == (400, "VALIDATION_ERROR")


async def test_settings_hold_for_the_agents_of_one_organisation(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    from smooth_operator_server.agents import AgentRegistry, AgentSpec
    from smooth_operator_server.agents.registry import OrgDefaults

    async with serving(tmp_path, SCRIPT, **settings) as server, caller(server, ROOT) as root:
        before = (await root.get("/admin/settings")).json()["settings"]
        assert (before["orgId"], before["model"], before["updatedAt"]) == ("acme", None, None)
        given = {"model": "small", "systemPrompt": "Be brief.", "defaultTools": ["search"]}
        after = (await root.put("/admin/settings", json=given)).json()["settings"]
        assert after == (await root.get("/admin/settings")).json()["settings"]
        assert after | given == after
        async with caller(server, FOREIGN) as foreign:
            theirs = (await foreign.get("/admin/settings")).json()["settings"]
            assert (theirs["orgId"], theirs["model"]) == ("other", None)
        wrong = await root.put("/admin/settings", json={"model": ""})
        assert code(wrong) == (400, "VALIDATION_ERROR")
    registry = AgentRegistry([AgentSpec("a", instructions="Sell.", model="big")], is_open=True)
    defaults = OrgDefaults("small", "Be brief.", "dry", frozenset({"search"}))
    registry.set_made({}, {"acme": defaults})
    found, unnamed = registry.find("a", "acme"), registry.find("b", "acme")
    assert found is not None
    assert unnamed is not None
    assert (found.model, found.instructions) == ("big", "Be brief.\n\nSell.")
    assert (unnamed.model, unnamed.tools) == ("small", {"search"})
    assert unnamed.persona is not None
    assert unnamed.persona.tone == "dry"
    assert registry.find("a", "other") == AgentSpec("a", instructions="Sell.", model="big")


async def test_a_document_is_taken_in_found_listed_and_forgotten(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    look: dict[str, Any] = {"name": "knowledge_search", "arguments": {"query": "brass lamp"}}
    script = {"model": [{"toolCall": look}, {"text": "Found."}] * 4}
    settings |= {"open_agents": True}
    async with (
        serving(tmp_path, script, **settings) as server,
        entering(server, ADA) as ada,
        caller(server, ROOT) as root,
        caller(server, CURATOR) as curator,
        caller(server, FOREIGN) as foreign,
    ):
        taken = (await root.post("/admin/documents", json=LAMP)).json()
        assert (taken["change"], taken["document"]["readers"]) == ("new", ["org"])
        again = (await root.post("/admin/documents", json=LAMP)).json()
        assert (again["change"], again["document"]["id"]) == ("unchanged", taken["document"]["id"])
        await root.post("/admin/documents", json=LAMP | {"source": "b", "set": "other"})
        page = (await curator.get("/admin/documents?limit=1")).json()
        rest = (await curator.get(f"/admin/documents?cursor={page['nextCursor']}")).json()
        sources = {one["source"] for one in (*page["documents"], *rest["documents"])}
        assert (sources, rest["nextCursor"]) == ({"lamp.md", "b"}, None)
        narrow = (await curator.get("/admin/documents?set=other")).json()["documents"]
        assert [one["source"] for one in narrow] == ["b"]
        assert (await foreign.get("/admin/documents")).json()["documents"] == []
        one = f"/admin/documents/{taken['document']['id']}"
        assert code(await foreign.get(one)) == (404, "NOT_FOUND")
        assert code(await foreign.delete(one)) == (404, "NOT_FOUND")
        session = await ada.result("create_conversation_session", agentId="a")
        frames = await ada.turn(session["sessionId"], "brass lamp?")
        assert "17 years" in str(step(frames[2]))
        assert {c["id"] for c in details(frames[-1])["citations"]} == {"lamp.md", "b"}
        assert (await root.delete(one)).status_code == 204
        assert code(await root.get(one)) == (404, "NOT_FOUND")
        used = (await root.get("/admin/usage")).json()["usage"]
        assert (used["conversations"], used["messages"], used["heldConversations"]) == (1, 2, 0)
        assert used["turns"] == {"running": 0, "completed": 1, "cancelled": 0, "failed": 0}
        nothing = (await foreign.get("/admin/usage")).json()["usage"]
        assert (nothing["conversations"], nothing["turns"]["completed"]) == (0, 0)
        async with caller(server, BOB) as bob:
            assert code(await bob.get("/admin/documents")) == (403, "FORBIDDEN")


async def test_a_connector_takes_in_what_a_repository_shows_to_everybody(tmp_path: Path) -> None:
    place = {"owner": "lamps", "repo": "shop", "folder": "docs"}
    body = {"name": "Shop", "kind": "github", "config": place}
    hub = GitHub({"docs/returns.md": b"# Returns\n\n17 days."})
    async with hosted(hub.app) as address:
        settings = JWT | {"GITHUB_API_URL": address, "GITHUB_TOKEN": "of-the-server"}
        async with serving(tmp_path, SCRIPT, **settings) as server, caller(server, ROOT) as root:
            made = (await root.post("/admin/connectors", json=body)).json()["connector"]
            run = (await root.post(f"/admin/connectors/{made['id']}/index")).json()["run"]
            assert (run["status"], run["documentsIndexed"], run["error"]) == ("succeeded", 1, None)
            (taken,) = (await root.get("/admin/documents")).json()["documents"]
            assert (taken["source"], taken["shared"]) == ("lamps/shop/docs/returns.md", False)


async def test_a_connector_names_the_variable_that_holds_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = "SMOOTH_CONNECTOR_LAMPS"
    config = {"owner": "lamps", "repo": "shop", "auth_ref": named}
    body = {"name": "Shop", "kind": "github", "config": config}
    async with (
        hosted(GitHub(FILES, TOKEN).app) as api,
        serving(tmp_path, {"model": []}, **JWT | {"GITHUB_API_URL": api}) as server,
        caller(server, ROOT) as root,
    ):
        other = body | {"config": config | {"auth_ref": "AUTH_JWT_HS256_SECRET"}}
        assert (await root.post("/admin/connectors", json=other)).status_code == 400
        made = (await root.post("/admin/connectors", json=body)).json()["connector"]
        path = f"/admin/connectors/{made['id']}/index"
        refused = await root.post(path)
        assert code(refused) == (409, "DISABLED")
        assert f"{named} is not set" in refused.text
        monkeypatch.setenv(named, TOKEN)
        run = await root.post(path)
        assert run.json()["run"]["documentsIndexed"] == 3
        told = await root.get("/admin/connectors")
        assert TOKEN not in told.text + run.text


async def test_an_event_reaches_who_uses_a_session_or_an_agent(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, SCRIPT, **JWT) as server,
        entering(server, ADA) as ada,
        entering(server, EVE) as eve,
        caller(server, ROOT) as root,
    ):
        session = await ada.result("create_conversation_session", agentId="a")
        await eve.result("create_conversation_session", agentId="a")
        for target in (
            {"type": "session", "id": session["sessionId"]},
            {"type": "agent", "id": "a"},
        ):
            body = {"target": target, "event": {"type": "notice"}}
            assert (await root.post("/admin/publish", json=body)).json() == {"delivered": 1}
            assert '"notice"' in str(await ada.socket.recv())
        await eve.silence()
