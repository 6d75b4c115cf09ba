"""What the commands say when they cannot do as told: one line on stderr, and a status."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .settings import Settings, variable_of

NAME = "smooth-operator-server"
FAILED = 1
USAGE_ERROR = 2


def settings_of(db: Path | None) -> Settings:
    """Return the settings of a command that takes no flag but that of the database.

    Raises:
        ValidationError: one of them is wrong.
    """
    given: dict[str, Any] = {"db": db} if db else {}
    return Settings(**given)


def fail(message: str, status: int) -> int:
    """Say what is wrong on stderr; return the status that the command ends with."""
    print(f"{NAME}: {message}", file=sys.stderr)
    return status


def first_fault(fault: ValidationError) -> str:
    """Name the setting by its variable, which a flag may have overruled, and what is wrong."""
    first: Any = fault.errors(include_url=False, include_context=False, include_input=False)[0]
    name = first["loc"][0] if first["loc"] else None
    message = first["msg"].removeprefix("Value error, ")
    if name is None:
        return str(message)
    known = variable_of(name) if name in Settings.model_fields else name
    return f"{known}: {message}"
