"""Reading the files of an operator: YAML or JSON, each checked against a schema of its own."""

from __future__ import annotations

import json
import math
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from .protocol.faults import describe

LARGEST = 1024 * 1024
"""Bytes; nobody writes a larger one by hand."""

DEEPEST = 100


class FileFaultError(Exception):
    """A file cannot be used; the text names it and the line or JSON Pointer, never a value."""


class _Plain(yaml.SafeLoader):
    """YAML without aliases: a few of them can stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="aliases are not taken", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


def checks_of(schema: Traversable) -> jsonschema_rs.Draft202012Validator:
    """Return the checks of a schema that comes with the package."""
    return jsonschema_rs.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))


def read_checked(path: Path, what: str, checks: jsonschema_rs.Draft202012Validator) -> Any:
    """Return the value of a file that fits its schema; ``what`` names its kind.

    Raises:
        FileFaultError: it cannot be read, is not YAML, holds what JSON cannot, or does not fit.
    """
    return checked(read_text(path, what), path, what, checks)


def read_text(path: Path, what: str) -> str:
    """Return the text of a file.

    Raises:
        FileFaultError: it cannot be read, is too large or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise FileFaultError(f"{what} {path} is larger than {LARGEST} bytes")
        return content.decode("utf-8")
    except OSError as fault:
        raise FileFaultError(f"cannot read {what} {path}: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise FileFaultError(f"{what} {path} is not UTF-8") from None


def checked(text: str, path: Path, what: str, checks: jsonschema_rs.Draft202012Validator) -> Any:
    """Return the value of a YAML text that fits a schema.

    Raises:
        FileFaultError: it is not YAML, holds what JSON cannot, or does not fit.
    """
    try:
        value = yaml.load(text, _Plain)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise FileFaultError(f"{what} {path}{where}: {fault.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise FileFaultError(f"{what} {path} is not YAML") from None
    strange = _strange(value, "", 0)
    if strange is not None:
        raise FileFaultError(f"{what} {path}: {strange}")
    wrong = next(checks.iter_errors(value), None)
    if wrong is not None:
        raise FileFaultError(f"{what} {path}: {describe(wrong)}")
    return value


def _strange(value: Any, pointer: str, depth: int) -> str | None:
    """Say where a value is something that JSON does not have."""
    here = pointer or "the whole"
    if depth > DEEPEST:
        return f"more than {DEEPEST} levels deep"
    match value:
        case dict():
            for key, member in value.items():
                if not isinstance(key, str):
                    return f"{here} has a name that is no string; put it in quotes"
                found = _strange(member, f"{pointer}/{key}", depth + 1)
                if found is not None:
                    return found
        case list():
            found_ones = (
                _strange(item, f"{pointer}/{index}", depth + 1) for index, item in enumerate(value)
            )
            return next((found for found in found_ones if found is not None), None)
        case float() if not math.isfinite(value):
            return f"{here} is no finite number"
        case str() | int() | float() | bool() | None:
            return None
        case _:
            return f"{here} is of a type that JSON does not have; put it in quotes"
    return None
