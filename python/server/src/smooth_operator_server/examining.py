"""Whether a server could work with its settings: each part is tried as the server would use it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from .agent import choose_embedder, gateway
from .agents import read_agents
from .auth import KeyFaultError
from .backplane import BackplaneError
from .backplane.opening import open_backplane
from .clock import SystemClock
from .engine.script_file import ScriptError, read_script
from .files import FileFaultError
from .knowledge import EmbeddingError
from .settings import Settings
from .skills import read_skills
from .store import StoreUnavailableError
from .store.keeping import schema_state
from .store.opening import MEMORY, is_postgres
from .tools.mcp_file import read_mcp

MODEL_S = 10.0
"""Seconds that the endpoint of the model has to answer."""

Status = Literal["ok", "off", "wrong"]

FAULTS = (
    BackplaneError,
    EmbeddingError,
    FileFaultError,
    KeyFaultError,
    ScriptError,
    StoreUnavailableError,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said of a part; ``off`` is one that the settings do not ask for."""

    part: str
    status: Status
    text: str


Look = Callable[[Settings], Awaitable[tuple[Status, str]]]


async def examine(settings: Settings) -> list[Finding]:
    """Return a finding for each part; a part that is wrong hides no other one."""
    return [await _found(part, look, settings) for part, look in LOOKS.items()]


async def _found(part: str, look: Look, settings: Settings) -> Finding:
    try:
        return Finding(part, *await look(settings))
    except FAULTS as fault:
        return Finding(part, "wrong", str(fault))


async def _database(settings: Settings) -> tuple[Status, str]:
    where = settings.database
    if where == MEMORY:
        return "ok", "in memory: nothing outlives the server"
    state = await schema_state(where)
    kind = {"sqlite": "SQLite", "postgres": "PostgreSQL"}[state.dialect]
    to_come = f", {len(state.lacking)} migrations to come" if state.lacking else ""
    return "ok", f"{kind}, version {state.version}{to_come}"


async def _backplane(settings: Settings) -> tuple[Status, str]:
    redis_url, database = settings.redis_url, settings.database
    if redis_url is None:
        alone = not is_postgres(database)
        return "off", "one server alone" if alone else "servers tell each other over PostgreSQL"
    opened = await open_backplane(
        redis_url=redis_url.get_secret_value(),
        database_url=None,
        clock=SystemClock(),
        kept_s=settings.replay_secs,
    )
    await opened.aclose()
    return "ok", "Redis answers"


async def _engine(settings: Settings) -> tuple[Status, str]:
    if settings.script is not None:
        return "ok", f"a script of {len(read_script(settings.script).model)} entries answers"
    if settings.demo:
        return "ok", "the demonstration answers"
    if settings.gateway_key is None and settings.gateway_url is None:
        return "off", "nobody answers: set SMOOAI_GATEWAY_URL or SMOOAI_GATEWAY_KEY"
    return await _endpoint(settings)


async def _endpoint(settings: Settings) -> tuple[Status, str]:
    import httpx2

    url, key = gateway(settings)
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with httpx2.AsyncClient(timeout=MODEL_S) as client:
            answer = await client.get(f"{url.rstrip('/')}/models", headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as fault:
        return "wrong", f"the endpoint of the model cannot be reached: {type(fault).__name__}"
    if answer.status_code in (401, 403):
        return "wrong", f"the endpoint of the model refuses the key: HTTP {answer.status_code}"
    if answer.status_code >= 500:
        return "wrong", f"the endpoint of the model fails: HTTP {answer.status_code}"
    # Not every endpoint lists its models: that it answers as itself is all that can be known.
    return "ok", f"the endpoint of the model answers; {settings.model} is asked"


async def _agents(settings: Settings) -> tuple[Status, str]:
    if settings.agents is None:
        return "off", "one agent answers under any id"
    agents = read_agents(settings.agents)
    return "ok", ", ".join(agent.id for agent in agents)


async def _files(settings: Settings) -> tuple[Status, str]:
    read_skills(settings.skills_dir)
    if settings.mcp is not None:
        read_mcp(settings.mcp, os.environ)
    if settings.prices is not None:
        from .engine.model import read_prices

        read_prices(settings.prices)
    given = {"skills": settings.skills_dir, "tools": settings.mcp, "prices": settings.prices}
    named = [name for name, there in given.items() if there]
    return ("ok", f"{', '.join(named)} can be read") if named else ("off", "none are named")


async def _auth(settings: Settings) -> tuple[Status, str]:
    from .app import tokens_for

    if tokens_for(settings) is None:
        return "off", "nobody is asked who they are"
    return "ok", "every socket brings a token"


async def _documents(settings: Settings) -> tuple[Status, str]:
    embedder = choose_embedder(settings)
    if embedder is None:
        return "off", "found by their words alone"
    try:
        await embedder.embed(["ok"])
    finally:
        await embedder.aclose()
    return "ok", f"found by their words and by {embedder.name}"


LOOKS: dict[str, Look] = {
    "database": _database,
    "backplane": _backplane,
    "engine": _engine,
    "documents": _documents,
    "agents": _agents,
    "files": _files,
    "auth": _auth,
}
"""Each part with what looks after it, in the order in which they are told."""
