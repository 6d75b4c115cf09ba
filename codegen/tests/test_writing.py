"""All files or none: also when the disk refuses, and when the process is killed half-way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wiregen.errors import SpecError
from wiregen.writing import recover, write_all

OLD = {"a/one.txt": "old 1", "a/two.txt": "old 2", "gone.txt": "old 3"}
NEW = {"a/one.txt": "new 1", "a/two.txt": "new 2", "b/c/three.txt": "new 3"}
KILLED = """
import os, sys
from pathlib import Path
from wiregen.writing import write_all

method, count = sys.argv[2], int(sys.argv[3])
plain = getattr(Path, method)

def dying(self, *arguments):
    global count
    count -= 1
    if count < 0:
        os._exit(9)
    return plain(self, *arguments)

setattr(Path, method, dying)
new = {"a/one.txt": "new 1", "a/two.txt": "new 2", "b/c/three.txt": "new 3"}
write_all(Path(sys.argv[1]), new, ["gone.txt"])
"""


def tree(root: Path) -> dict[str, str]:
    """Return every file below a folder."""
    return {p.relative_to(root).as_posix(): p.read_text() for p in root.rglob("*") if p.is_file()}


def filled(root: Path) -> Path:
    write_all(root, OLD)
    assert tree(root) == OLD
    return root


def test_files_are_written_removed_and_nothing_is_left_over(tmp_path: Path) -> None:
    root = filled(tmp_path / "new" / "root")
    write_all(root, NEW, ["gone.txt", "never-there.txt"])
    assert tree(root) == NEW
    before = (root / "a/one.txt").stat().st_mtime_ns
    write_all(root, NEW)
    assert (root / "a/one.txt").stat().st_mtime_ns == before


# `replace`: the journal twice (begun, committed), then the files one by one.
@pytest.mark.parametrize(
    ("method", "count", "after"),
    [("write_bytes", n, OLD) for n in range(3)]
    + [("replace", n, OLD) for n in range(2)]
    + [("replace", n, NEW) for n in range(2, 5)],
)
def test_what_a_killed_run_left_is_undone_or_finished(
    method: str, count: int, after: dict[str, str], tmp_path: Path
) -> None:
    root = filled(tmp_path)
    command = [sys.executable, "-c", KILLED, str(root), method, str(count)]
    assert subprocess.run(command, check=False).returncode == 9
    recover(root)
    assert tree(root) == after
    write_all(root, NEW, ["gone.txt"])
    assert tree(root) == NEW


def test_a_folder_in_the_way_leaves_the_tree_as_it_was(tmp_path: Path) -> None:
    root = filled(tmp_path)
    (root / "b/c/three.txt").mkdir(parents=True)
    with pytest.raises(SpecError, match=r"write-failed.*nothing was written"):
        write_all(root, NEW, ["gone.txt"])
    assert tree(root) == OLD


def test_a_rename_that_fails_takes_back_those_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = filled(tmp_path)
    plain = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if Path(target).name == "three.txt":
            raise OSError(28, "No space left on device", str(target))
        return plain(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(SpecError, match="No space left"):
        write_all(root, NEW, ["gone.txt"])
    assert tree(root) == OLD


def test_the_journal_of_a_run_that_lives_is_left_alone(tmp_path: Path) -> None:
    root = filled(tmp_path)
    journal = root / f".wiregen-journal-{os.getppid()}"
    journal.write_text("{}")
    recover(root)
    assert journal.is_file()
