"""The endpoints of the admin REST: which there are, for whom, what goes in and out."""

from __future__ import annotations

from typing import Any

from ..auth import Role
from . import schemas
from .endpoint import Endpoint, Json
from .routes import Admin

_LIMIT: Json = {"type": "integer", "minimum": 1, "default": 50}
_PAGE: dict[str, Json] = {"limit": _LIMIT, "cursor": schemas.TEXT}

_CONVERSATION = "/admin/conversations/{id}"
_AGENT = "/admin/agents/{id}"
_DOCUMENT = "/admin/documents/{id}"
_CONNECTOR = "/admin/connectors/{id}"


class _For:
    """Writes endpoints for one role down, a line each."""

    def __init__(self, role: Role | None) -> None:
        self._role = role

    def get(self, path: str, name: str, summary: str, handler: Any, **more: Any) -> Endpoint:
        return Endpoint("GET", path, name, summary, self._role, handler, **more)

    def post(self, path: str, name: str, summary: str, handler: Any, **more: Any) -> Endpoint:
        return Endpoint("POST", path, name, summary, self._role, handler, **more)

    def put(self, path: str, name: str, summary: str, handler: Any, **more: Any) -> Endpoint:
        return Endpoint("PUT", path, name, summary, self._role, handler, **more)

    def delete(self, path: str, name: str, summary: str, handler: Any, **more: Any) -> Endpoint:
        gone: dict[str, Any] = {"status": 204, "can_miss": True} | more
        return Endpoint("DELETE", path, name, summary, self._role, handler, **gone)


def endpoints(admin: Admin) -> list[Endpoint]:
    """Return all endpoints."""
    return [
        *_of_everybody(admin),
        *_of_people(admin),
        *_of_agents(admin),
        *_of_documents(admin),
        *_of_connectors(admin),
        *_of_the_server(admin),
    ]


def _of_everybody(admin: Admin) -> list[Endpoint]:
    open_to_all, basic = _For(None), _For(Role.BASIC)
    own = "Conversations: one's own, for curators all of the organisation"
    found: dict[str, Any] = {"answer": schemas.CONVERSATIONS, "query": _PAGE}
    said: dict[str, Any] = {"answer": schemas.MESSAGES, "query": _PAGE, "can_miss": True}
    messages, costs = f"{_CONVERSATION}/messages", "/admin/model-costs"
    return [
        open_to_all.get(
            "/admin/health", "get_health", "Whether it lives", admin.health, answer=schemas.STATUS
        ),
        open_to_all.get(
            costs, "get_model_costs", "Prices", admin.model_costs, answer=schemas.COSTS
        ),
        basic.get("/admin/me", "get_me", "Who the token speaks of", admin.me, answer=schemas.ME),
        basic.get("/admin/conversations", "list_conversations", own, admin.conversations, **found),
        basic.get(messages, "list_messages", "Newest first", admin.messages, **said),
    ]


def _of_people(admin: Admin) -> list[Endpoint]:
    curator, people, one = _For(Role.CURATOR), admin.people, _CONVERSATION
    shown: dict[str, Any] = {"answer": schemas.CONVERSATION, "can_miss": True}
    may_differ = shown | {"can_conflict": True}
    who: dict[str, Any] = {"answer": schemas.PARTICIPANTS, "can_miss": True}
    written: dict[str, Any] = {"answer": schemas.WRITTEN, "body": schemas.NEW_MESSAGE}
    written |= {"status": 201, "can_miss": True}
    stop, back = "Take the word: the agent pauses", "Hand the word back to the agent"
    say = "Write into a conversation, and join it"
    return [
        curator.get(one, "get_conversation", "A conversation", people.conversation, **shown),
        curator.get(
            f"{one}/participants", "list_participants", "Who is there", people.participants, **who
        ),
        curator.post(f"{one}/messages", "write_message", say, people.write, **written),
        curator.post(
            f"{one}/join", "join_conversation", "Join a conversation", people.join, **shown
        ),
        curator.post(
            f"{one}/leave",
            "leave_conversation",
            "Leave a conversation",
            people.leave,
            **may_differ,
        ),
        curator.post(
            f"{one}/take-over", "take_over_conversation", stop, people.take_over, **may_differ
        ),
        curator.post(
            f"{one}/hand-back", "hand_back_conversation", back, people.hand_back, **may_differ
        ),
    ]


def _of_agents(admin: Admin) -> list[Endpoint]:
    curator, only_admin, agents = _For(Role.CURATOR), _For(Role.ADMIN), admin.agents
    may_differ: dict[str, Any] = {"can_conflict": True, "can_misfit": True}
    agent = may_differ | {"answer": schemas.AGENT, "body": schemas.NEW_AGENT}
    found: dict[str, Any] = {"answer": schemas.AGENT, "can_miss": True, "can_conflict": True}
    set_up: dict[str, Any] = {"answer": schemas.SETTINGS, "body": schemas.NEW_SETTINGS}
    every, settings = "/admin/agents", "/admin/settings"
    say, change = "What holds for all agents", "Change what holds for all agents"
    made = "An agent that was made here"
    return [
        curator.get(every, "list_agents", "Agents", agents.list_all, answer=schemas.AGENTS),
        curator.get(_AGENT, "get_agent", made, agents.find, **found),
        only_admin.post(every, "add_agent", "Make an agent", agents.add, status=201, **agent),
        only_admin.put(
            _AGENT, "change_agent", "Change an agent", agents.change, can_miss=True, **agent
        ),
        only_admin.delete(
            _AGENT, "remove_agent", "Forget an agent", agents.remove, can_conflict=True
        ),
        curator.get(settings, "get_settings", say, agents.settings, answer=schemas.SETTINGS),
        only_admin.put(settings, "change_settings", change, agents.change_settings, **set_up),
    ]


def _of_documents(admin: Admin) -> list[Endpoint]:
    curator, only_admin, documents = _For(Role.CURATOR), _For(Role.ADMIN), admin.documents
    page: dict[str, Any] = {"answer": schemas.DOCUMENTS, "query": _PAGE | {"set": schemas.TEXT}}
    found: dict[str, Any] = {"answer": schemas.DOCUMENT, "can_miss": True}
    taken: dict[str, Any] = {"answer": schemas.TAKEN_IN, "body": schemas.NEW_DOCUMENT}
    every, sets, take = "/admin/documents", "/admin/document-sets", "Take a document in"
    return [
        curator.get(every, "list_documents", "Documents", documents.list_all, **page),
        curator.get(_DOCUMENT, "get_document", "A document", documents.find, **found),
        only_admin.post(every, "add_document", take, documents.add, status=201, **taken),
        only_admin.delete(
            _DOCUMENT, "remove_document", "Forget a document", documents.remove, can_conflict=True
        ),
        curator.get(
            sets, "list_document_sets", "Sets", admin.document_sets, answer=schemas.DOCUMENT_SETS
        ),
    ]


def _of_connectors(admin: Admin) -> list[Endpoint]:
    curator, only_admin = _For(Role.CURATOR), _For(Role.ADMIN)
    every, runs, index = "/admin/connectors", "/admin/indexing/runs", f"{_CONNECTOR}/index"
    shown: dict[str, Any] = {"answer": schemas.CONNECTOR, "body": schemas.NEW_CONNECTOR}
    shown |= {"can_conflict": True, "can_misfit": True}
    found: dict[str, Any] = {"answer": schemas.CONNECTOR, "can_miss": True}
    run: dict[str, Any] = {"answer": schemas.RUN, "can_miss": True}
    run |= {"can_conflict": True, "can_misfit": True}
    lists, add, change = admin.list_connectors, admin.add_connector, admin.change_connector
    into, past = "Take the documents of a connector in", "Runs, newest first"
    return [
        curator.get(every, "list_connectors", "Connectors", lists, answer=schemas.CONNECTORS),
        curator.get(_CONNECTOR, "get_connector", "A connector", admin.connector, **found),
        only_admin.post(every, "add_connector", "Add a connector", add, status=201, **shown),
        only_admin.put(
            _CONNECTOR, "change_connector", "Change a connector", change, can_miss=True, **shown
        ),
        only_admin.delete(
            _CONNECTOR, "remove_connector", "Remove a connector", admin.remove_connector
        ),
        curator.post(index, "index_connector", into, admin.index, **run),
        curator.get(runs, "list_indexing_runs", past, admin.runs, answer=schemas.RUNS),
    ]


def _of_the_server(admin: Admin) -> list[Endpoint]:
    used, send = "What was used so far", "Send an event to sockets"
    sent: dict[str, Any] = {"answer": schemas.DELIVERED, "body": schemas.PUBLISH}
    return [
        _For(Role.CURATOR).get(
            "/admin/usage", "get_usage", used, admin.documents.usage, answer=schemas.USAGE
        ),
        _For(Role.ADMIN).post("/admin/publish", "publish_event", send, admin.publish, **sent),
    ]
