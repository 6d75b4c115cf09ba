"""What can be wrong with a specification, and how it is told: file, JSON Pointer, one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


def escape_pointer(segment: str) -> str:
    """Escape one segment of a JSON Pointer (RFC 6901)."""
    return segment.replace("~", "~0").replace("/", "~1")


def unescape_pointer(segment: str) -> str:
    """Undo :func:`escape_pointer`."""
    return segment.replace("~1", "/").replace("~0", "~")


def pointer_path(pointer: str) -> tuple[str, ...]:
    """Split a JSON Pointer into its segments; the empty pointer has none."""
    return tuple(unescape_pointer(part) for part in pointer.split("/")[1:])


def join_pointer(pointer: str, *segments: str | int) -> str:
    """Append segments to a JSON Pointer."""
    return pointer + "".join("/" + escape_pointer(str(segment)) for segment in segments)


FOUND = 1
"""How a verb that judges ends when it finds something: `lint`, `check`, `diff`, coverage."""
REFUSED = 2
"""How every verb ends that cannot do what is asked: wrong usage, input that is malformed."""


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One finding about a specification: where it is, its stable id and what to do."""

    file: str
    pointer: str
    rule: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        where = f"{self.file}#{self.pointer}" if self.file else "<spec>"
        return f"{where}: {self.severity} [{self.rule}]: {self.message}"


class SpecError(Exception):
    """The specification cannot be used. ``diagnostics`` says where and why; never empty."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(str(diagnostic) for diagnostic in diagnostics))
        self.diagnostics = diagnostics


def refuse(file: str, pointer: str, rule: str, message: str) -> SpecError:
    """Build the error for a single fault."""
    return SpecError(Diagnostic(file, pointer, rule, message))
