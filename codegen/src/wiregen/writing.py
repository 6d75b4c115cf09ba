"""Write many files: all or none, also when the process is killed half-way.

Every text goes to a neighbour of its file first. A journal in the root says what is under way:
while neighbours are written it lists what to sweep up, from the moment that all are there it lists
what to rename. The next run of `wiregen generate` finishes or undoes what a dead one began.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from wiregen.errors import refuse

_JOURNAL = ".wiregen-journal-"


@dataclass
class _Journal:
    """What one run writes: neighbour -> file, and files that go; all relative to the root."""

    committed: bool = False
    moves: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        part = path.with_name(path.name + ".part")
        part.write_text(json.dumps(asdict(self)), encoding="utf-8")
        part.replace(path)


def write_all(root: Path, files: Mapping[str, str], removed: Iterable[str] = ()) -> None:
    """Write every file or none. Files that hold their text already are not touched.

    Raises:
        SpecError: something cannot be written; the tree is as it was.
    """
    changed = {name: text.encode() for name, text in sorted(files.items())}
    journal = _Journal(removed=sorted(removed))
    path = root / f"{_JOURNAL}{os.getpid()}"
    try:
        recover(root)
        changed = {name: text for name, text in changed.items() if not _holds(root / name, text)}
        for number, name in enumerate(changed):
            neighbour = Path(name).parent / f".wiregen-{os.getpid()}-{number}"
            journal.moves[neighbour.as_posix()] = name
        if not (changed or journal.removed):
            return
        root.mkdir(parents=True, exist_ok=True)
        journal.save(path)
        _stage(root, journal, changed)
        journal.committed = True
        journal.save(path)
    except BaseException as err:
        _sweep(root, journal, path)
        if isinstance(err, OSError):
            raise _failure(err) from err
        raise
    _commit(root, journal, path)


def recover(root: Path) -> None:
    """Finish what a killed run had all texts for, and sweep up after one that had not."""
    for path in sorted(root.glob(f"{_JOURNAL}*")) if root.is_dir() else ():
        number = path.name.removeprefix(_JOURNAL)
        if number.isdigit() and not _alive(int(number)):
            try:
                journal = _Journal(**json.loads(path.read_text(encoding="utf-8")))
            except (ValueError, TypeError) as err:
                raise refuse(path.name, "", "journal-shape", "not a journal; remove it") from err
            if journal.committed:
                _commit(root, journal, path)
            else:
                _sweep(root, journal, path)
        elif path.suffix == ".part":
            path.unlink(missing_ok=True)


def _holds(path: Path, text: bytes) -> bool:
    if path.is_dir():
        raise IsADirectoryError(21, "a folder is in the way", str(path))
    return path.is_file() and path.read_bytes() == text


def _stage(root: Path, journal: _Journal, texts: Mapping[str, bytes]) -> None:
    for neighbour, name in journal.moves.items():
        place = root / neighbour
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(texts[name])
        place.chmod(0o644)


def _commit(root: Path, journal: _Journal, path: Path) -> None:
    undo: list[tuple[Path, bytes | None]] = []
    try:
        for neighbour, name in journal.moves.items():
            target = root / name
            if (root / neighbour).is_file():  # else a run that was killed had come so far
                undo.append((target, target.read_bytes() if target.is_file() else None))
                (root / neighbour).replace(target)
    except OSError as err:
        for target, text in undo:
            with contextlib.suppress(OSError):
                if text is None:
                    target.unlink(missing_ok=True)
                else:
                    target.write_bytes(text)
        _sweep(root, journal, path)
        raise _failure(err) from err
    for name in journal.removed:
        (root / name).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _sweep(root: Path, journal: _Journal, path: Path) -> None:
    for neighbour in journal.moves:
        with contextlib.suppress(OSError):
            (root / neighbour).unlink(missing_ok=True)
    for name in (path, path.with_name(path.name + ".part")):
        with contextlib.suppress(OSError):
            name.unlink(missing_ok=True)


def _alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _failure(err: OSError) -> Exception:
    name = str(err.filename or "")
    return refuse(name, "", "write-failed", f"nothing was written: {err.strerror or err}")
