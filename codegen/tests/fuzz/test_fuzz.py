"""Random documents: no traceback, the same text twice, and code that five compilers take.

`make fuzz-wiregen N=100000` tries more of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wiregen.ir import Spec
from wiregen.naming import LANGS
from wiregen.reserved import Lang
from wiregen.vectors import vector_files

from .. import driving
from ..test_protocols import frames, plain, wanted
from .trial import right

SEED = int(os.environ.get("FUZZ_SEED", "1"))
COMPILED = int(os.environ.get("FUZZ_COMPILED", "25"))


def test_random_documents_are_printed_or_refused_and_alike_twice() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--n", "80", "--seed", str(SEED)]
    folder = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Spec]:
    """The first documents of the seed that are right, by the package that each becomes."""
    found: dict[str, Spec] = {}
    number = 0
    while len(found) < COMPILED:
        spec = right(SEED, number, tmp_path_factory.mktemp("fuzz"))
        if spec is not None:
            found[f"f_{number}"] = spec
        number += 1
    return found


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("lang", LANGS)
def test_random_documents_compile_and_their_vectors_hold(
    lang: Lang, documents: dict[str, Spec], tmp_path: Path
) -> None:
    driver = driving.build(lang, tmp_path, documents, "fuzz")
    rows = [row for name, spec in documents.items() for row in frames(name, vector_files(spec))]
    shown = driver.replay(line for _, _, line in rows)
    wrong = [
        (line.protocol, place, line.text[:200], found, wanted(row))
        for (place, row, line), found in zip(rows, shown, strict=True)
        if plain(found, driver) != plain(wanted(row), driver)
    ]
    assert wrong[:8] == []
