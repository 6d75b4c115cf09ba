"""Puts what lies beside the package into what is built: the specification and the playground.

The repository keeps one specification and the sources of one page; a wheel is used without the
repository, and a source distribution is built into a wheel without it. An editable installation
reads the repository's own files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "smooth_operator_server"
PAGE = Path("playground", "dist")
LEFT_OUT = "SMOOTH_OPERATOR_PLAYGROUND"
"""A variable that, set to ``off``, leaves the playground out."""


class FilesHook(BuildHookInterface):
    """Adds the schema folders of ``spec/`` and the files of the playground, which it builds."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        here = Path(self.root)
        spec = here.parents[1] / "spec"
        if not (spec / "actions").is_dir():
            return  # a source distribution: its own copies lie in the package already
        target = f"src/{PACKAGE}" if self.target_name == "sdist" else PACKAGE
        included = build_data["force_include"]
        for schema in sorted(spec.glob("*/*.schema.json")):
            included[str(schema)] = f"{target}/spec/{schema.relative_to(spec).as_posix()}"
        for file in page_files(here):
            inside = file.relative_to(here / PAGE).as_posix()
            included[str(file)] = f"{target}/playground_files/{inside}"


def page_files(here: Path) -> Iterator[Path]:
    """Build the playground, and yield its files.

    Raises:
        RuntimeError: it cannot be built, and was not built before.
    """
    if os.environ.get(LEFT_OUT) == "off":
        return
    npm = shutil.which("npm")
    if npm:
        build_page(npm, here)
    elif not (here / PAGE / "index.html").is_file():
        raise RuntimeError(
            f"the playground needs Node 20 to be built; {LEFT_OUT}=off leaves it out"
        )
    yield from sorted(file for file in (here / PAGE).rglob("*") if file.is_file())


def build_page(npm: str, here: Path) -> None:
    repository = here.parents[1]
    if not (repository / "node_modules" / "vite").is_dir():
        subprocess.run([npm, "ci"], cwd=repository, check=True)
    subprocess.run([npm, "run", "--silent", "build"], cwd=here / PAGE.parent, check=True)
