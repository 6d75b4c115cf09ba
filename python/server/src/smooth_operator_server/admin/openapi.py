"""The OpenAPI 3.1 document of the admin REST, from the same endpoints that are served. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from . import schemas
from .endpoint import Endpoint, Json

_PARAMETER = re.compile(r"\{(\w+)\}")
_FAULTS = {
    400: "A parameter or the body is not valid",
    401: "The token is missing or proves nothing",
    403: "The role is not enough",
    404: "There is no such thing, or it is somebody else's",
    409: "Not in this state",
    413: "The body is too large",
    415: "The body is no JSON",
    429: "Too many requests",
    500: "The server failed",
    503: "The store failed",
}


def document(endpoints: Sequence[Endpoint], version: str) -> Json:
    """Return the document. Schemas that have a title are components, named by it."""
    paths: dict[str, Json] = {}
    components: dict[str, Json] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _hoisted(_operation(one), components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "smooth-operator admin", "version": version},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _hoisted(value: Any, components: dict[str, Json]) -> Any:
    """Return a value with references in the place of its schemas that have a title.

    A member of the name ``title`` is a title when it is a text: else it is the schema of one.
    """
    if isinstance(value, list):
        return [_hoisted(item, components) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: _hoisted(member, components) for name, member in value.items()}
    title = found.get("title")
    if not isinstance(title, str):
        return found
    known = components.setdefault(title, found)
    assert known == found, title
    return {"$ref": f"#/components/schemas/{title}"}


def _operation(one: Endpoint) -> Json:
    said: Json = {
        "operationId": one.name,
        "tags": [one.path.split("/")[2]],
        "summary": one.summary,
        "parameters": _parameters(one),
        "responses": _responses(one),
    }
    if one.role is not None:
        said["security"] = [{"token": []}]
    if one.body is not None:
        said["requestBody"] = {"required": True, "content": _json(one.body)}
    return said


def _parameters(one: Endpoint) -> list[Json]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": schemas.TEXT}
        for name in _PARAMETER.findall(one.path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in one.query.items()
    ]
    return [*in_path, *in_query]


def _responses(one: Endpoint) -> Json:
    good: Json = {"description": one.summary}
    if one.answer is not None:
        good["content"] = _json(one.answer)
    faults = {500}
    if one.role is not None:
        faults |= {401, 403, 429, 503}
    if one.body is not None:
        faults |= {400, 413, 415}
    if one.query:
        faults.add(400)
    if one.can_miss:
        faults.add(404)
    if one.can_conflict:
        faults.add(409)
    if one.can_misfit:
        faults.add(400)
    refused = {
        str(status): {
            "description": _FAULTS[status],
            "content": _json(schemas.ERROR),
        }
        for status in sorted(faults)
    }
    return {str(one.status): good} | refused


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
