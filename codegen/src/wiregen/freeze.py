"""Released versions: whole copies of a specification, which later versions are compared with."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from wiregen.build import find_document
from wiregen.config import Config
from wiregen.errors import SpecError, refuse
from wiregen.ir import Spec
from wiregen.lint import lint_folder
from wiregen.writing import write_all

VERSION = "VERSION"
_NAME = re.compile(r"\w[\w.+-]*")
BESIDE = ("behaviour.md", "CHANGELOG.md")
"""Files of a specification that its document does not lead to."""


def frozen_files(spec: Spec, config: Config) -> dict[str, str]:
    """Return a released version: every file the document leads to, sentences, vectors, version.

    Names are relative to the folder of the version.
    """
    folder = spec.store.root
    names = [*spec.store.names(), *(name for name in BESIDE if (folder / name).is_file())]
    files = {name: (folder / name).read_text(encoding="utf-8") for name in names}
    vectors = config.home / config.vectors
    for path in sorted(vectors.rglob("*")) if vectors.is_dir() else ():
        if path.is_file():
            name = PurePosixPath("vectors", path.relative_to(vectors).as_posix())
            files[str(name)] = path.read_text(encoding="utf-8")
    return {**files, VERSION: f"{spec.version}\n"}


def freeze(spec: Spec, config: Config, *, force: bool = False) -> PurePosixPath:
    """Write the specification as the released version that it says it is; return its folder.

    Raises:
        SpecError: lint finds an error, or this version was released with another content and
            ``force`` is not given. Nothing is written then.
    """
    found = lint_folder(config.spec_place, config.reading)
    errors = [item for item in found if item.severity == "error"]
    if errors:
        raise SpecError(*errors)
    if not _NAME.fullmatch(spec.version):
        text = f"{spec.version!r} cannot name a folder"
        name = find_document(config.spec_place, config.reading.root)[1]
        raise refuse(name, "/info/version", "freeze-version", text)
    folder = config.released / spec.version
    place = config.root / folder
    files = frozen_files(spec, config)
    there = _present(place)
    changed = sorted(name for name in {*files, *there} if files.get(name) != there.get(name))
    if there and changed and not force:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        text = f"was released with another {changed[0]}{more}; raise the version, or --force"
        raise refuse(str(folder), "", "freeze-differs", text)
    gone = [str(folder / name) for name in there if name not in files]
    write_all(config.root, {str(folder / name): text for name, text in files.items()}, gone)
    return folder


def _present(place: Path) -> dict[str, str]:
    """Return what the folder of a version holds."""
    return {
        path.relative_to(place).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }
