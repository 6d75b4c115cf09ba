"""The two sides of a comparison: folders, or revisions of a git repository."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from wiregen.build import build
from wiregen.errors import refuse
from wiregen.ir import Spec
from wiregen.reading import AS_WRITTEN, Reading


@contextmanager
def opened(
    source: str, folder: PurePosixPath, root: Path, reading: Reading = AS_WRITTEN
) -> Iterator[Spec]:
    """Read a specification from ``source``: a folder, or `REV` or `REV:folder` of git.

    ``folder`` is the specification's place in a revision that names none. Raises SpecError when
    the source is neither, and for a malformed specification.
    """
    if Path(source).exists():
        inside = reading.root and Path(source).resolve().is_relative_to(reading.root.resolve())
        yield build(Path(source), reading if inside else replace(reading, root=None))
        return
    revision, _, path = source.partition(":")
    around = "" if reading.root is None else os.path.relpath(reading.root, root)
    with tempfile.TemporaryDirectory(prefix="wiregen-diff-") as place:
        found = _extract(revision, path or str(folder), root, Path(place), around)
        yield build(found, replace(reading, root=Path(place) / around if around else None))


def _extract(revision: str, path: str, root: Path, place: Path, around: str) -> Path:
    """Write a path of a revision, and the folder around it, below ``place``."""
    # `--` and the leading character keep a revision from being read as an option.
    if not revision or revision.startswith("-"):
        raise refuse("", "", "usage", f"{revision!r} is no folder and no revision")
    command = ["git", "-C", str(root), "archive", "--format=tar", revision, "--", path]
    command += [around] if around else []
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    except (OSError, ValueError, subprocess.TimeoutExpired) as err:
        text = f"{revision!r} is no folder, and git did not run: {err}"
        raise refuse("", "", "usage", text) from err
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        text = f"{revision}:{path}: no folder, and git says: {''.join(reason)}"
        raise refuse("", "", "usage", text)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(place, filter="data")
    return place / path
