"""Puts a copy of the specification into what is built.

The repository keeps one specification, beside this package; a wheel is used without the
repository, and a source distribution is built into a wheel without it. An editable
installation reads the repository's own files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSIDE_PACKAGE = "smooth_operator_server/spec"
INSIDE_SOURCE = "src/smooth_operator_server/spec"


class SpecificationHook(BuildHookInterface):
    """Adds the schema folders of ``spec/``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        repository = Path(self.root).parents[1] / "spec"
        if not (repository / "actions").is_dir():
            return  # a source distribution: its own copy lies in the package already
        target = INSIDE_SOURCE if self.target_name == "sdist" else INSIDE_PACKAGE
        for schema in sorted(repository.glob("*/*.schema.json")):
            inside = schema.relative_to(repository).as_posix()
            build_data["force_include"][str(schema)] = f"{target}/{inside}"
