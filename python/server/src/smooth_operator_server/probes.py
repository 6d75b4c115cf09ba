"""What a host asks of a server: whether it lives, whether it can work, and its figures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .auth import Principal, Role
from .telemetry import Observer
from .telemetry.figures import CONTENT_TYPE

PATIENCE_S = 3.0
"""Seconds after which a part that does not answer counts as away."""

Check = Callable[[], Awaitable[str | None]]
"""Says in a few words what is wrong with a part, or None."""


class Probes:
    """``/health``, ``/ready`` and ``/metrics``.

    Without one of the ``vital`` parts nothing works: 503. Without another one some things do not.
    """

    def __init__(
        self,
        vital: Mapping[str, Check],
        others: Callable[[], Mapping[str, Check]],
        observer: Observer,
        principal: Callable[[Request], Awaitable[Principal]],
    ) -> None:
        self._vital = dict(vital)
        self._others = others
        self._observer = observer
        self._principal = principal

    def routes(self) -> list[Route]:
        return [
            Route("/health", self.health),
            Route("/ready", self.ready),
            Route("/metrics", self.metrics),
        ]

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """Say what is away. The texts are the server's own and name no address."""
        others = self._others()
        checks = self._vital | dict(others)
        said = await asyncio.gather(*(_asked(check) for check in checks.values()))
        parts = {name: why or "ok" for name, why in zip(checks, said, strict=True)}
        away = {name for name, why in parts.items() if why != "ok"}
        works = away.isdisjoint(self._vital)
        status = "ready" if not away else "degraded" if works else "away"
        return JSONResponse({"status": status, "parts": parts}, 200 if works else 503)

    async def metrics(self, request: Request) -> Response:
        """Return the figures; where people have tokens, only curators and admins see them."""
        principal = await self._principal(request)
        if principal.is_authenticated and not principal.role.holds(Role.CURATOR):
            return JSONResponse({"error": {"code": "FORBIDDEN", "message": "not for you"}}, 403)
        return Response(self._observer.figures.text(), media_type=CONTENT_TYPE)


async def _asked(check: Check) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await check()
    except Exception:
        return "away"
