"""Reading agent files: YAML or JSON, checked against their schema, unknown keys refused."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs

from ..files import FileFaultError, checks_of, read_checked
from ..protocol.faults import describe
from .memory import MemorySpec
from .persona import Persona
from .spec import DEFAULT_NAME, AgentSpec, Budget
from .team import Member, Team
from .workflow import Edge, Node, Workflow

KINDS = frozenset({"ask", "tool", "person", "say"})
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
        value = read_checked(path, "agent", _checks())
    except FileFaultError as fault:
        raise AgentFileError(str(fault)) from None
    try:
        return _sound(value)
    except AgentFileError as fault:
        raise AgentFileError(f"agent {path}: {fault}") from None


def agent_of(value: Any) -> AgentSpec:
    """Return the agent that a value says which could stand in a file.

    Raises:
        AgentFileError: it does not fit; the text names the place by its JSON Pointer.
    """
    wrong = next(_checks().iter_errors(value), None)
    if wrong is not None:
        raise AgentFileError(describe(wrong))
    return _sound(value)


def _sound(value: dict[str, Any]) -> AgentSpec:
    contradiction = _contradiction(value)
    if contradiction is not None:
        raise AgentFileError(contradiction)
    agent = _agent(value)
    if agent.workflow is not None and (wrong := agent.workflow.fault()):
        raise AgentFileError(f"/workflow{wrong}")
    return agent


def _contradiction(value: dict[str, Any]) -> str | None:
    """Say what of a file does not go together with the rest of it."""
    for word in ("team", "workflow"):
        if value.get("system") == word and word not in value:
            return f"/{word} is missing, and /system is {word}"
        if word in value and value.get("system") != word:
            return f"/{word} is there, and /system is not {word}"
    names: dict[str, int] = {}
    for index, member in enumerate(value.get("team", {}).get("members", ())):
        other = names.setdefault(member["name"], index)
        if other != index:
            return f"/team/members/{index}/name is that of /team/members/{other} already"
    return None


def _agent(value: dict[str, Any]) -> AgentSpec:
    budget = value.get("budget", {})
    return AgentSpec(
        value["id"],
        name=value.get("name", DEFAULT_NAME),
        instructions=value.get("instructions", ""),
        persona=_persona(value["persona"]) if "persona" in value else None,
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
        team=_team(value["team"]) if "team" in value else None,
        workflow=_workflow(value["workflow"]) if "workflow" in value else None,
        memory=_memory(value["memory"]) if "memory" in value else None,
        suggestions=value.get("suggestions", 0),
        origins=tuple(value["origins"]) if "origins" in value else None,
    )


def _persona(value: dict[str, Any]) -> Persona:
    return Persona(
        value.get("role", ""),
        value.get("tone", ""),
        value.get("language", ""),
        tuple(value.get("always", ())),
        tuple(value.get("never", ())),
    )


def _memory(value: dict[str, Any]) -> MemorySpec:
    plain = MemorySpec()
    return MemorySpec(
        value.get("halfLifeDays", plain.half_life_days),
        value.get("most", plain.most),
        value.get("episodes", plain.episodes),
    )


def _team(value: dict[str, Any]) -> Team:
    members = [Member(m["name"], m["instructions"], m.get("model")) for m in value["members"]]
    return Team(value["pattern"], tuple(members))


def _workflow(value: dict[str, Any]) -> Workflow:
    edges = [Edge(edge["from"], edge["to"], edge.get("when", {})) for edge in value["edges"]]
    nodes = {name: _node(name, node) for name, node in value["nodes"].items()}
    return Workflow(value["start"], nodes, tuple(edges))


def _node(name: str, value: dict[str, Any]) -> Node:
    (kind,) = KINDS & value.keys()
    return Node(
        name,
        kind,
        value[kind],
        tuple(value.get("choices", ())),
        value.get("schema"),
        value.get("arguments", {}),
    )


@cache
def _checks() -> jsonschema_rs.Draft202012Validator:
    return checks_of(resources.files(__package__) / "agent.schema.json")
