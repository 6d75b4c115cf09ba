"""Reading which tool servers there are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs

from ..files import FileFaultError, checks_of, read_checked

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class McpSpec:
    """One tool server; ``command`` or ``url`` is given."""

    name: str
    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    tools: frozenset[str] | None = None
    confirm: str = "auto"
    timeout_s: float = 60.0


def read_mcp(path: Path, environment: Mapping[str, str]) -> list[McpSpec]:
    """Return the tool servers of a file.

    Raises:
        FileFaultError: it cannot be read, does not fit its schema, or names a variable that is
            not set.
    """
    value = read_checked(path, "tool servers", _checks())
    return [_spec(path, name, one, environment) for name, one in value["mcpServers"].items()]


def _spec(
    path: Path, name: str, value: Mapping[str, Any], environment: Mapping[str, str]
) -> McpSpec:
    def filled(text: str, pointer: str) -> str:
        def read(found: re.Match[str]) -> str:
            if found[1] not in environment:
                here = f"/mcpServers/{name}/{pointer}"
                raise FileFaultError(f"tool servers {path}: {here}: {found[1]} is not set")
            return environment[found[1]]

        return _VARIABLE.sub(read, text)

    def all_filled(member: str) -> dict[str, str]:
        return {key: filled(text, f"{member}/{key}") for key, text in value.get(member, {}).items()}

    return McpSpec(
        name,
        command=value.get("command"),
        args=tuple(
            filled(text, f"args/{index}") for index, text in enumerate(value.get("args", ()))
        ),
        env=all_filled("env"),
        cwd=value.get("cwd"),
        url=value.get("url"),
        headers=all_filled("headers"),
        tools=frozenset(value["tools"]) if "tools" in value else None,
        confirm=value.get("confirm", "auto"),
        timeout_s=value.get("timeoutSecs", 60.0),
    )


@cache
def _checks() -> jsonschema_rs.Draft202012Validator:
    return checks_of(resources.files(__package__) / "mcp.schema.json")
