"""What is known of one agent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

DEFAULT_NAME = "smooth-agent"


@dataclass(frozen=True, slots=True)
class Budget:
    """What one turn may spend; None = the server's own limit, or none."""

    steps: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One agent, as its file or the server's flags say."""

    id: str
    name: str = DEFAULT_NAME
    instructions: str = ""
    model: str | None = None
    tools: frozenset[str] | None = None
    """Names of the tools it may call; None = all of the server."""

    confirm_tools: tuple[str, ...] = ()
    """Substrings of tool names."""

    auth_tools: Mapping[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    knowledge: frozenset[str] | None = None
    origins: tuple[str, ...] | None = None

    def admits(self, origin: str | None) -> bool:
        """Tell whether a page of this origin may use the agent; no page at all counts as none.

        A pattern is ``*``, an origin, or ``scheme://*.suffix``, which takes the bare suffix too.
        """
        if self.origins is None or "*" in self.origins:
            return True
        return origin is not None and any(_fits(pattern, origin) for pattern in self.origins)


def _fits(pattern: str, origin: str) -> bool:
    if pattern == origin:
        return True
    scheme, _, rest = pattern.partition("://")
    if not rest.startswith("*."):
        return False
    asked, suffix = urlsplit(origin), urlsplit(f"{scheme}://{rest[2:]}")
    host, wanted = asked.hostname or "", suffix.hostname or ""
    same = (asked.scheme, asked.port) == (suffix.scheme, suffix.port)
    return same and (host == wanted or host.endswith(f".{wanted}"))
