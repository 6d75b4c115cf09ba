"""Reading agent files: YAML or JSON, checked against their schema, unknown keys refused."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs

from ..files import FileFaultError, checks_of, read_checked
from .spec import DEFAULT_NAME, AgentSpec, Budget

ENDINGS = frozenset({".yaml", ".yml", ".json"})


class AgentFileError(FileFaultError):
    """An agent file cannot be used; the text names the file and the line or JSON Pointer."""


def read_agents(place: Path) -> list[AgentSpec]:
    """Return the agents of a file, or of all files in a folder.

    Raises:
        AgentFileError: the place or a file cannot be read, is not YAML, does not fit the schema,
            or two files name one id.
    """
    if not place.exists():
        raise AgentFileError(f"cannot read agents {place}: no such file or folder")
    files = [place]
    if place.is_dir():
        files = sorted(path for path in place.iterdir() if path.suffix.lower() in ENDINGS)
        if not files:
            raise AgentFileError(f"agents {place}: no .yaml, .yml or .json file there")
    found: dict[str, tuple[Path, AgentSpec]] = {}
    for path in files:
        agent = read_agent(path)
        if agent.id in found:
            other = found[agent.id][0]
            raise AgentFileError(f"agent {path}: /id is that of {other.name} already")
        found[agent.id] = (path, agent)
    return [agent for _, agent in found.values()]


def read_agent(path: Path) -> AgentSpec:
    """Return the agent of one file.

    Raises:
        AgentFileError: as above.
    """
    try:
        return _agent(read_checked(path, "agent", _checks()))
    except FileFaultError as fault:
        raise AgentFileError(str(fault)) from None


def _agent(value: dict[str, Any]) -> AgentSpec:
    budget = value.get("budget", {})
    return AgentSpec(
        value["id"],
        name=value.get("name", DEFAULT_NAME),
        instructions=value.get("instructions", ""),
        model=value.get("model"),
        tools=frozenset(value["tools"]) if "tools" in value else None,
        confirm_tools=tuple(value.get("confirmTools", ())),
        auth_tools=dict(value.get("authTools", {})),
        budget=Budget(
            budget.get("steps"),
            budget.get("tokens"),
            budget.get("costUsd"),
            budget.get("sessionTokens"),
            budget.get("sessionCostUsd"),
        ),
        knowledge=frozenset(value["knowledge"]) if "knowledge" in value else None,
        skills=frozenset(value["skills"]) if "skills" in value else None,
        system=value.get("system", "react"),
        suggestions=value.get("suggestions", 0),
        origins=tuple(value["origins"]) if "origins" in value else None,
    )


@cache
def _checks() -> jsonschema_rs.Draft202012Validator:
    return checks_of(resources.files(__package__) / "agent.schema.json")
