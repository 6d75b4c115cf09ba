"""Puts what the program reads, and the reader of specifications it is built on, into a wheel.

A wheel proves a client from an empty folder. An editable installation reads the repository's own
files: a copy beside them would be read instead, and be old after the next change. A source
distribution has them under `packed/`, so that a wheel can be built from it alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSIDE = {
    "../codegen/src/wiregen": "wiregen",
    "../spec": "conform/data/spec",
    "cases": "conform/data/cases",
    "coverage.yaml": "conform/data/coverage.yaml",
    "faults.yaml": "conform/data/faults.yaml",
    "mutants": "conform/data/mutants",
    "schema": "conform/data/schema",
    "scripts": "conform/data/scripts",
    "PROTOCOL.md": "conform/data/PROTOCOL.md",
}


class WholeWheelHook(BuildHookInterface):
    """Adds the files of other folders."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        for place, inside in INSIDE.items():
            here, packed = Path(self.root, place), Path(self.root, "packed", inside)
            if self.target_name == "sdist":  # what lies outside its folder goes along
                build_data["force_include"][str(here)] = f"packed/{inside}"
            else:
                build_data["force_include"][str(packed if packed.exists() else here)] = inside
