"""Rules for specifications: each has a stable id, one purpose, and a place to point at."""

from __future__ import annotations

from pathlib import Path

from wiregen.asyncapi2 import read_document
from wiregen.build import build, find_document
from wiregen.errors import Diagnostic
from wiregen.lint.model import Context, Rule, run
from wiregen.lint.rules import RULES
from wiregen.reading import AS_WRITTEN, Reading


def lint_folder(folder: Path, reading: Reading = AS_WRITTEN) -> tuple[Diagnostic, ...]:
    """Judge the specification in a folder. Raises SpecError when it cannot even be read."""
    spec = build(folder, reading)
    _, name = find_document(folder, reading.root)
    document = read_document(spec.store, name, reading)
    return run(Context(spec, document, name), RULES)


__all__ = ["RULES", "Rule", "lint_folder"]
