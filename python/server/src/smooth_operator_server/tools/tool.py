"""What a tool is. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..agents.spec import AgentSpec
from ..knowledge import Hit
from ..store import SessionRecord


class AuthLevel(StrEnum):
    """Proof that a tool asks of the person."""

    END_USER = "end_user"
    """A one-time code, given in this session."""

    ADMIN = "admin"
    """More than a visitor can prove; always refused."""


class ToolError(Exception):
    """A tool could not do its work; the model is told why, and the turn goes on."""


@dataclass(slots=True)
class ToolContext:
    """What a running tool may see and leave behind."""

    session: SessionRecord
    found: list[Hit] = field(default_factory=list)
    """Passages that the answer may cite."""

    sets: frozenset[str] | None = None
    """Document sets that the agent searches; None for all."""

    agent: AgentSpec | None = None
    """Whose model has called."""


Run = Callable[[dict[str, Any], ToolContext], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool. ``run`` returns any JSON value or raises ``ToolError``."""

    name: str
    description: str
    parameters: dict[str, Any]
    run: Run
    confirm: bool = False
    auth: AuthLevel | None = None
    idempotent: bool = False
    """Whether it may run again when nobody knows if it ran: a server ended in the middle."""

    interaction: str | None = None
    """Kind of interaction that the tool raises; its ``run`` is then not used to ask."""
