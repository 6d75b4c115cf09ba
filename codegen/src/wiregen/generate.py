"""Run emitters and formatters in memory and write the result: all files or none."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wiregen import fmt
from wiregen.config import Config
from wiregen.emit import emitter
from wiregen.errors import SpecError, refuse
from wiregen.ir import Spec


@dataclass(frozen=True, slots=True)
class Output:
    """Generated files by path below the root, and how each language was formatted."""

    files: Mapping[str, str]
    unformatted: Mapping[str, str]
    langs: Mapping[str, str]
    formatters: Mapping[str, fmt.Outcome]


def raw_files(spec: Spec, config: Config, lang: str) -> dict[str, str]:
    """Return the files of one language by path below the root, before the formatter."""
    target = config.target(lang)
    files: dict[str, str] = {}
    try:
        made = emitter(lang)(spec, target)
    except SpecError:
        raise
    except Exception as err:
        reason = f"{type(err).__name__}: {err}"
        message = f"no {lang} for this specification, a gap of the emitter ({reason})"
        raise refuse("", "", "emit-failed", message) from err
    for name, text in made.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise refuse(name, "", "emit-path", "an emitter's path must stay below its folder")
        files[str(target.out / path)] = text
    return files


def generate(spec: Spec, config: Config, langs: Iterable[str]) -> Output:
    """Return the files of the given languages; nothing is written."""
    files: dict[str, str] = {}
    unformatted: dict[str, str] = {}
    owners: dict[str, str] = {}
    outcomes: dict[str, fmt.Outcome] = {}
    for lang in langs:
        raw = raw_files(spec, config, lang)
        made, outcomes[lang] = fmt.run(lang, raw, config.home)
        for name in made:
            if name in owners:
                message = f"{lang} and {owners[name]} write the same file"
                raise refuse(name, "", "emit-path", message)
            owners[name] = lang
        files |= made
        unformatted |= raw
    return Output(files, unformatted, owners, outcomes)


def write_all(root: Path, files: Mapping[str, str], removed: Iterable[str] = ()) -> None:
    """Write every file or none: each goes to a neighbour first, then all are renamed."""
    staged: list[tuple[Path, Path]] = []
    try:
        for name, text in sorted(files.items()):
            path = root / name
            if path.is_file() and path.read_bytes() == text.encode():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".wiregen-")
            staged.append((Path(temporary), path))
            with os.fdopen(handle, "wb") as stream:
                stream.write(text.encode())
            Path(temporary).chmod(0o644)
    except OSError as err:
        for temporary_path, _ in staged:
            with contextlib.suppress(OSError):
                temporary_path.unlink()
        name = err.filename or ""
        raise refuse(str(name), "", "write-failed", f"nothing was written: {err.strerror}") from err
    for temporary_path, path in staged:
        temporary_path.replace(path)
    for name in removed:
        with contextlib.suppress(FileNotFoundError):
            (root / name).unlink()
