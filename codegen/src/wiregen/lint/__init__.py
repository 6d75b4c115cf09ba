"""Rules for specifications: each has a stable id, one purpose, and a place to point at."""

from __future__ import annotations

from pathlib import Path

from wiregen import asyncapi
from wiregen.build import build, find_document
from wiregen.errors import Diagnostic
from wiregen.lint.model import Context, Rule, run
from wiregen.lint.rules import RULES


def lint_folder(folder: Path) -> tuple[Diagnostic, ...]:
    """Judge the specification in a folder. Raises SpecError when it cannot even be read."""
    spec = build(folder)
    name = find_document(folder)
    document = asyncapi.Reader(spec.store, name).read()
    return run(Context(spec, document, name), RULES)


__all__ = ["RULES", "Rule", "lint_folder"]
