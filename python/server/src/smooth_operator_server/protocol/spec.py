"""Where the specification lies and what the server reads of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

SPEC_VERSION = "1.1"

Schema = dict[str, Any]


class SpecMissingError(RuntimeError):
    """Neither the installed copy of the specification nor the repository's was found."""


@cache
def spec_root() -> Path:
    """Return the folder of the specification.

    A wheel carries a copy inside the package; an editable installation reads the
    repository's own, so that a changed schema takes effect at once.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "spec", package.parents[3] / "spec"):
        if (folder / "actions").is_dir():
            return folder
    raise SpecMissingError(f"no specification beside {package}: install the package again")


@cache
def documents() -> dict[str, Schema]:
    """Return every schema file by its path below the root, such as ``actions/ping``."""
    root = spec_root()
    return {
        path.relative_to(root).as_posix().removesuffix(".schema.json"): json.loads(
            path.read_text(encoding="utf-8")
        )
        for path in sorted(root.glob("*/*.schema.json"))
    }
