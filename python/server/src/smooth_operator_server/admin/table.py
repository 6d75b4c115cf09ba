"""The endpoints of the admin REST: which there are, for whom, what goes in and out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..auth import Role
from . import schemas
from .endpoint import Endpoint, Handler, Json
from .routes import Admin

_ONE = "/admin/connectors/{id}"
_AGENT = "/admin/agents/{id}"
_DOCUMENT = "/admin/documents/{id}"
_LIMIT: Json = {"type": "integer", "minimum": 1, "default": 50}
_PAGE: dict[str, Json] = {"limit": _LIMIT, "cursor": schemas.TEXT}


def endpoints(admin: Admin) -> list[Endpoint]:
    """Return all endpoints."""
    return [
        *_of_everybody(admin),
        *_of_people(admin),
        *_of_curators(admin),
        *_of_admins(admin),
    ]


def _of_everybody(admin: Admin) -> list[Endpoint]:
    def get(path: str, summary: str, handler: Handler, answer: Json, **more: Any) -> Endpoint:
        return Endpoint("GET", path, summary, more.pop("role", Role.BASIC), handler, answer, **more)

    own = "Conversations: one's own, for curators all of the organisation"
    messages = "/admin/conversations/{id}/messages"
    found, said = schemas.CONVERSATIONS, schemas.MESSAGES
    return [
        get("/admin/health", "Whether it lives", admin.health, schemas.STATUS, role=None),
        get("/admin/model-costs", "Prices", admin.model_costs, schemas.COSTS, role=None),
        get("/admin/me", "Who the token speaks of", admin.me, schemas.ME),
        get("/admin/conversations", own, admin.conversations, found, query=_PAGE),
        get(messages, "Newest first", admin.messages, said, query=_PAGE, can_miss=True),
    ]


def _of_people(admin: Admin) -> list[Endpoint]:
    def post(path: str, summary: str, handler: Handler, **more: Any) -> Endpoint:
        answer = more.pop("answer", schemas.CONVERSATION)
        return Endpoint("POST", path, summary, Role.CURATOR, handler, answer, can_miss=True, **more)

    def get(path: str, summary: str, handler: Handler, answer: Json) -> Endpoint:
        return Endpoint("GET", path, summary, Role.CURATOR, handler, answer, can_miss=True)

    one, people = "/admin/conversations/{id}", admin.people
    written: dict[str, Any] = {"answer": schemas.WRITTEN, "body": schemas.NEW_MESSAGE}
    stop, back = "Take the word: the agent pauses", "Hand the word back to the agent"
    say = "Write into a conversation, and join it"
    return [
        get(one, "A conversation", people.conversation, schemas.CONVERSATION),
        get(f"{one}/participants", "Who is there", people.participants, schemas.PARTICIPANTS),
        post(f"{one}/messages", say, people.write, status=201, **written),
        post(f"{one}/join", "Join a conversation", people.join),
        post(f"{one}/leave", "Leave a conversation", people.leave, can_conflict=True),
        post(f"{one}/take-over", stop, people.take_over, can_conflict=True),
        post(f"{one}/hand-back", back, people.hand_back, can_conflict=True),
    ]


def _of_curators(admin: Admin) -> list[Endpoint]:
    def get(path: str, summary: str, handler: Handler, answer: Json, **more: Any) -> Endpoint:
        return Endpoint("GET", path, summary, Role.CURATOR, handler, answer, **more)

    agents, documents = admin.agents, admin.documents
    wanted = _PAGE | {"set": schemas.TEXT}
    may_differ: dict[str, Any] = {"can_miss": True, "can_conflict": True}
    into = "Take the documents of a connector in"
    index = Endpoint("POST", f"{_ONE}/index", into, Role.CURATOR, admin.index, schemas.RUN)
    return [
        get("/admin/agents", "Agents", agents.list_all, schemas.AGENTS),
        get(_AGENT, "An agent that was made here", agents.find, schemas.AGENT, **may_differ),
        get("/admin/settings", "What holds for all agents", agents.settings, schemas.SETTINGS),
        get("/admin/usage", "What was used so far", documents.usage, schemas.USAGE),
        get("/admin/documents", "Documents", documents.list_all, schemas.DOCUMENTS, query=wanted),
        get(_DOCUMENT, "A document", documents.find, schemas.DOCUMENT, can_miss=True),
        get("/admin/document-sets", "Sets", admin.document_sets, schemas.DOCUMENT_SETS),
        get("/admin/connectors", "Connectors", admin.list_connectors, schemas.CONNECTORS),
        get(_ONE, "A connector", admin.connector, schemas.CONNECTOR, can_miss=True),
        get("/admin/indexing/runs", "Runs, newest first", admin.runs, schemas.RUNS),
        replace(index, can_miss=True, can_conflict=True, can_misfit=True),
    ]


def _of_admins(admin: Admin) -> list[Endpoint]:
    def change(method: str, path: str, summary: str, handler: Handler, **more: Any) -> Endpoint:
        return Endpoint(method, path, summary, Role.ADMIN, handler, **more)

    shown: dict[str, Any] = {"answer": schemas.CONNECTOR, "body": schemas.NEW_CONNECTOR}
    shown["can_conflict"] = True
    sent: dict[str, Any] = {"answer": schemas.DELIVERED, "body": schemas.PUBLISH}
    add, alter = admin.add_connector, admin.change_connector
    return [
        change(
            "POST",
            "/admin/connectors",
            "Add a connector",
            add,
            status=201,
            **shown,
        ),
        change("PUT", _ONE, "Change a connector", alter, can_miss=True, **shown),
        change(
            "DELETE", _ONE, "Remove a connector", admin.remove_connector, status=204, can_miss=True
        ),
        *_of_agents(admin),
        change("POST", "/admin/publish", "Send an event to sockets", admin.publish, **sent),
    ]


def _of_agents(admin: Admin) -> list[Endpoint]:
    def change(method: str, path: str, summary: str, handler: Handler, **more: Any) -> Endpoint:
        more = {"can_conflict": True, "can_misfit": True} | more
        return Endpoint(method, path, summary, Role.ADMIN, handler, **more)

    agents, documents = admin.agents, admin.documents
    agent: dict[str, Any] = {"answer": schemas.AGENT, "body": schemas.NEW_AGENT}
    gone: dict[str, Any] = {"status": 204, "can_miss": True}
    set_up: dict[str, Any] = {"answer": schemas.SETTINGS, "body": schemas.NEW_SETTINGS}
    taken: dict[str, Any] = {"answer": schemas.TAKEN_IN, "body": schemas.NEW_DOCUMENT}
    say = "Change what holds for all agents"
    return [
        change("POST", "/admin/agents", "Make an agent", agents.add, status=201, **agent),
        change("PUT", _AGENT, "Change an agent", agents.change, can_miss=True, **agent),
        change("DELETE", _AGENT, "Forget an agent", agents.remove, **gone),
        change("PUT", "/admin/settings", say, agents.change_settings, **set_up),
        change(
            "POST", "/admin/documents", "Take a document in", documents.add, status=201, **taken
        ),
        change("DELETE", _DOCUMENT, "Forget a document", documents.remove, **gone),
    ]
