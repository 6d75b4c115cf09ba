"""Vectors and code of a large foreign protocol: this generator against an earlier one, in one run.

The earlier one is taken from this repository's history. Both read the same document and must print
the same frames. What is told: milliseconds a vector for the earlier and for this one, milliseconds
that one more event costs (five languages and vectors, without formatters), and their ratios.
So are the seconds of 5,000 vectors of that document. Nothing is asserted.

    python bench/foreign.py [--against COMMIT] [--types 300] [--json]
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from foreign_document import document

ROOT = Path(__file__).resolve().parents[1]
SOURCES = "codegen/src"
BEFORE = "37f50fb"
EVENTS = 20, 80
MANY = 5000
"""Vectors of a large public protocol: what its maintainer waits for."""


def measure(folder: Path, types: int) -> dict[str, Any]:
    """Return the figures of the generator that is imported here."""
    from wiregen.build import build
    from wiregen.config import default_config
    from wiregen.generate import raw_files
    from wiregen.naming import LANGS
    from wiregen.vectors.files import vector_files

    config = default_config(folder)
    config.spec_folder.mkdir()
    place = config.spec_folder / "asyncapi.json"

    def whole(events: int) -> float:
        place.write_text(json.dumps(document(10, events)), encoding="utf-8")
        begun = time.perf_counter()
        spec = build(config.spec_folder)
        for lang in (*LANGS, "vectors"):
            raw_files(spec, config, lang)
        return time.perf_counter() - begun

    whole(1)  # what is read once a process: templates, names
    few, many = (whole(events) for events in EVENTS)
    place.write_text(json.dumps(document(types)), encoding="utf-8")
    spec = build(config.spec_folder)
    begun = time.perf_counter()
    files = vector_files(spec)
    seconds = time.perf_counter() - begun
    texts = [
        row["text"]
        for name, text in files.items()
        if name.endswith(".json")
        for row in json.loads(text)["vectors"]
    ]
    return {
        "vectors": len(texts),
        "frames": hash_of(texts),
        "ms_a_vector": 1000 * seconds / len(texts),
        "ms_a_further_event": 1000 * (many - few) / (EVENTS[1] - EVENTS[0]),
    }


def hash_of(texts: list[str]) -> str:
    """Return what tells whether two runs made the same frames."""
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def figures(sources: Path, types: int) -> dict[str, Any]:
    """Measure the generator in a folder, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, __file__, "--measure", folder, "--types", str(types)],
            env={**os.environ, "PYTHONPATH": str(sources)},
            check=True,
            stdout=subprocess.PIPE,
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def unpack(commit: str, folder: Path) -> Path:
    """Write the generator of a commit into a folder."""
    packed = subprocess.run(
        ["git", "archive", commit, SOURCES], cwd=ROOT, check=True, stdout=subprocess.PIPE
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder / SOURCES


def compare(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return both figures and their ratios; other frames are no comparison."""
    if before["frames"] != now["frames"]:
        sys.exit("bench: the two generators make other frames, which cannot be compared")
    for one in (before, now):
        one[f"s_for_{MANY}_vectors"] = one["ms_a_vector"] * MANY / 1000
    keys = ("ms_a_vector", f"s_for_{MANY}_vectors", "ms_a_further_event")
    return {
        "vectors": now["vectors"],
        **{
            key: {
                "before": round(before[key], 3),
                "now": round(now[key], 3),
                "ratio": round(now[key] / before[key], 3),
            }
            for key in keys
        },
    }


def main() -> None:
    """Measure both and print a table, or one of them for the process that asks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", default=BEFORE, help="a commit of this repository")
    parser.add_argument("--types", type=int, default=300, help="types of the document")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        json.dump(measure(options.measure, options.types), sys.stdout)
        return
    with tempfile.TemporaryDirectory() as folder:
        before = figures(unpack(options.against, Path(folder)), options.types)
    found = compare(before, figures(ROOT / SOURCES, options.types))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found.pop('vectors')} vectors of {options.types} types")
    for name, row in found.items():
        said = name.replace("_", " ")
        print(f"{said:20} {row['before']:9} -> {row['now']:9}   ratio {row['ratio']}")


if __name__ == "__main__":
    main()
