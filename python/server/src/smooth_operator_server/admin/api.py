"""The admin REST as routes: who may, what comes, what goes out, one typed error for the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import jsonschema_rs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..auth import Principal
from ..auth.limits import RateLimiter
from ..protocol.faults import describe
from ..protocol.json_text import read_json
from ..store import StoreError
from ..telemetry import log, where
from .endpoint import AdminError, Call, Endpoint, invalid
from .openapi import document
from .routes import Admin
from .table import endpoints

LARGEST_BODY = 64 * 1024
LONGEST_TEXT = 512
"""Characters of a parameter of path or query."""


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
        wait_s = await self._limiter.wait_s(f"{principal.org}/{principal.identity}")
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
            value = read_json(content.decode())
        except (ValueError, RecursionError):
            raise invalid("the body is no JSON") from None
        fault = next(self._body.iter_errors(value), None)
        if fault is not None:
            raise invalid(describe(fault))
        return value


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _refused(refusal: AdminError, headers: dict[str, str] | None = None) -> Response:
    error = {"error": {"code": refusal.code, "message": refusal.message}}
    more = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    return JSONResponse(error, refusal.status, more | (headers or {}))
