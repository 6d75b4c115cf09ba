"""Reading agent files: YAML or JSON, checked against their schema, unknown keys refused."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from ..protocol.faults import describe
from .spec import DEFAULT_NAME, AgentSpec, Budget

ENDINGS = frozenset({".yaml", ".yml", ".json"})


class AgentFileError(Exception):
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
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise AgentFileError(f"cannot read agent {path}: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise AgentFileError(f"agent {path} is not UTF-8") from None
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise AgentFileError(f"agent {path}{where}: {fault.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise AgentFileError(f"agent {path} is not YAML") from None
    wrong = next(_checks().iter_errors(value), None)
    if wrong is not None:
        raise AgentFileError(f"agent {path}: {describe(wrong)}")
    return _agent(value)


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
        budget=Budget(budget.get("steps"), budget.get("tokens"), budget.get("costUsd")),
        knowledge=frozenset(value["knowledge"]) if "knowledge" in value else None,
        origins=tuple(value["origins"]) if "origins" in value else None,
    )


@cache
def _checks() -> jsonschema_rs.Draft202012Validator:
    schema = resources.files(__package__).joinpath("agent.schema.json").read_text(encoding="utf-8")
    return jsonschema_rs.Draft202012Validator(json.loads(schema))
