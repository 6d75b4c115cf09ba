"""What an endpoint of the admin REST is: one description for routing, checks and OpenAPI. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..auth import Principal, Role

Json = dict[str, Any]

DEFAULT_PAGE, LARGEST_PAGE = 50, 200


class AdminError(Exception):
    """A request is refused; ``message`` names the field and holds no value."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def not_found() -> AdminError:
    """Return the one answer for what does not exist and for what is somebody else's."""
    return AdminError(404, "NOT_FOUND", "there is no such thing")


def invalid(message: str) -> AdminError:
    """Return the refusal of a body or parameter."""
    return AdminError(400, "VALIDATION_ERROR", message)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed its checks."""

    principal: Principal
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = None


Handler = Callable[[Call], Awaitable[Json | None]]
"""Returns the body of the answer; None with 204."""


def page_size(call: Call) -> int:
    """Return how many things a page may have."""
    return min(int(call.query.get("limit", DEFAULT_PAGE)), LARGEST_PAGE)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. ``role`` None needs no token."""

    method: str
    path: str
    name: str
    """What the OpenAPI document calls it; clients that are printed from that, too."""

    summary: str
    role: Role | None
    handler: Handler
    answer: Json | None = None
    """JSON Schema of the answer."""

    body: Json | None = None
    query: Mapping[str, Json] = field(default_factory=dict)
    status: int = 200
    can_miss: bool = False
    """Whether what the path names may not be there."""

    can_misfit: bool = False
    """Whether it may be refused for what only the work on it finds out."""

    can_conflict: bool = False
    """Whether it may not go with how things stand."""
