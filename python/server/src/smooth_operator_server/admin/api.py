"""The admin REST as routes: who may, what comes, what goes out, one typed error for the rest."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import jsonschema_rs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..auth import Principal, Role
from ..auth.limits import RateLimiter
from ..protocol.faults import describe
from ..store import StoreError
from ..telemetry import log, where
from . import schemas
from .endpoint import AdminError, Call, Endpoint, Handler, Json, invalid
from .openapi import document
from .routes import Admin

LARGEST_BODY = 64 * 1024
LONGEST_TEXT = 512
"""Characters of a parameter of path or query."""

_ONE = "/admin/connectors/{id}"
_LIMIT: Json = {"type": "integer", "minimum": 1, "default": 50}
_PAGE: dict[str, Json] = {"limit": _LIMIT, "cursor": schemas.TEXT}


def endpoints(admin: Admin) -> list[Endpoint]:
    """Return all endpoints."""
    return [*_of_everybody(admin), *_of_curators(admin), *_of_admins(admin)]


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


def _of_curators(admin: Admin) -> list[Endpoint]:
    def get(path: str, summary: str, handler: Handler, answer: Json, **more: Any) -> Endpoint:
        return Endpoint("GET", path, summary, Role.CURATOR, handler, answer, **more)

    into = "Take the documents of a connector in"
    index = Endpoint("POST", f"{_ONE}/index", into, Role.CURATOR, admin.index, schemas.RUN)
    return [
        get("/admin/agents", "Agents", admin.list_agents, schemas.AGENTS),
        get("/admin/document-sets", "Sets", admin.document_sets, schemas.DOCUMENT_SETS),
        get("/admin/connectors", "Connectors", admin.list_connectors, schemas.CONNECTORS),
        get(_ONE, "A connector", admin.connector, schemas.CONNECTOR, can_miss=True),
        get("/admin/indexing/runs", "Runs, newest first", admin.runs, schemas.RUNS),
        replace(index, can_miss=True),
    ]


def _of_admins(admin: Admin) -> list[Endpoint]:
    def change(method: str, path: str, summary: str, handler: Handler, **more: Any) -> Endpoint:
        return Endpoint(method, path, summary, Role.ADMIN, handler, **more)

    shown: dict[str, Any] = {"answer": schemas.CONNECTOR, "body": schemas.NEW_CONNECTOR}
    sent: dict[str, Any] = {"answer": schemas.DELIVERED, "body": schemas.PUBLISH}
    add, alter = admin.add_connector, admin.change_connector
    return [
        change("POST", "/admin/connectors", "Add a connector", add, status=201, **shown),
        change("PUT", _ONE, "Change a connector", alter, can_miss=True, **shown),
        change(
            "DELETE", _ONE, "Remove a connector", admin.remove_connector, status=204, can_miss=True
        ),
        change("POST", "/admin/publish", "Send an event to sockets", admin.publish, **sent),
    ]


def admin_routes(
    admin: Admin,
    principal: Callable[[Request], Awaitable[Principal]],
    limiter: RateLimiter,
    version: str,
) -> list[Route]:
    """Return the routes of the admin REST and of its OpenAPI document."""
    found = endpoints(admin)
    described = document(found, version)

    async def openapi(_: Request) -> Response:
        return JSONResponse(described)

    by_path: dict[str, dict[str, _Served]] = {}
    for one in found:
        by_path.setdefault(one.path, {})[one.method] = _Served(one, principal, limiter)
    routes = [Route(path, _by_method(served)) for path, served in by_path.items()]
    return [*routes, Route("/admin/{rest:path}", _nothing), Route("/openapi.json", openapi)]


def _by_method(served: dict[str, _Served]) -> Any:
    async def answer(request: Request) -> Response:
        one = served.get("GET" if request.method == "HEAD" else request.method)
        if one is None:
            allowed = ", ".join(sorted(served))
            refusal = AdminError(405, "METHOD_NOT_ALLOWED", f"takes {allowed}")
            return _refused(refusal, {"Allow": allowed})
        return await one.answer(request)

    return _AnyMethod(answer)


class _AnyMethod:
    """An endpoint that Starlette asks for every method, so that the refusal is ours."""

    def __init__(self, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)


async def _nothing(_: Request) -> Response:
    return _refused(AdminError(404, "NOT_FOUND", "there is no such route"))


class _Served:
    """One endpoint at work."""

    def __init__(
        self,
        endpoint: Endpoint,
        principal: Callable[[Request], Awaitable[Principal]],
        limiter: RateLimiter,
    ) -> None:
        self._endpoint = endpoint
        self._principal = principal
        self._limiter = limiter
        checks = jsonschema_rs.Draft202012Validator
        self._body = checks(endpoint.body) if endpoint.body is not None else None
        self._query = {name: checks(schema) for name, schema in endpoint.query.items()}

    async def answer(self, request: Request) -> Response:
        try:
            return await self._answered(request)
        except AdminError as refusal:
            return _refused(refusal)
        except HTTPException as refusal:
            return _refused(AdminError(401, "UNAUTHENTICATED", refusal.detail))
        except StoreError as fault:
            log.error("store failed", route=self._endpoint.path, **where(fault))
            return _refused(AdminError(503, "STORAGE_ERROR", "the store failed"))
        except Exception as fault:
            log.error("admin failed", route=self._endpoint.path, **where(fault))
            return _refused(AdminError(500, "INTERNAL_ERROR", "the request failed in the server"))

    async def _answered(self, request: Request) -> Response:
        endpoint = self._endpoint
        principal = await self._admitted(request)
        query = self._asked(request)
        path = {name: str(value) for name, value in request.path_params.items()}
        if any(len(value) > LONGEST_TEXT for value in path.values()):
            raise AdminError(404, "NOT_FOUND", "there is no such thing")
        body = await self._given(request)
        said = await endpoint.handler(Call(principal, path, query, body))
        if said is None:
            return Response(status_code=endpoint.status)
        return JSONResponse(said, endpoint.status)

    async def _admitted(self, request: Request) -> Principal:
        """Return the caller, when their role is enough."""
        role = self._endpoint.role
        if role is None:
            return Principal(authenticated=False)
        principal = await self._principal(request)
        wait_s = self._limiter.wait_s(f"{principal.org}/{principal.identity}")
        if wait_s:
            raise AdminError(429, "RATE_LIMITED", f"too many requests; again in {wait_s:.0f} s")
        if not principal.role.holds(role):
            raise AdminError(403, "FORBIDDEN", f"the role {role} is needed")
        return principal

    def _asked(self, request: Request) -> dict[str, str]:
        """Return the query, checked; names that are not known are passed over."""
        found: dict[str, str] = {}
        for name, checks in self._query.items():
            given = request.query_params.get(name)
            if given is None:
                continue
            is_count = self._endpoint.query[name]["type"] == "integer"
            value: Any = int(given) if is_count and _is_number(given) else given
            if len(given) > LONGEST_TEXT or not checks.is_valid(value):
                raise invalid(f"the parameter {name} is not valid")
            found[name] = given
        return found

    async def _given(self, request: Request) -> Any:
        """Return the body, checked.

        Raises:
            AdminError: it is too large, no JSON, or does not fit.
        """
        if self._body is None:
            return None
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise AdminError(415, "UNSUPPORTED_MEDIA_TYPE", "the body must be application/json")
        content = bytearray()
        async for piece in request.stream():
            content += piece
            if len(content) > LARGEST_BODY:
                raise AdminError(413, "TOO_LARGE", f"the body has more than {LARGEST_BODY} bytes")
        try:
            value = json.loads(bytes(content), parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise invalid("the body is no JSON") from None
        fault = next(self._body.iter_errors(value), None)
        if fault is not None:
            raise invalid(describe(fault))
        return value


def _refuse_constant(_: str) -> Any:
    raise ValueError


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _refused(refusal: AdminError, headers: dict[str, str] | None = None) -> Response:
    error = {"error": {"code": refusal.code, "message": refusal.message}}
    more = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    return JSONResponse(error, refusal.status, more | (headers or {}))
