"""Time of ``wiregen generate`` in memory, without formatters: medians of one run, in seconds."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from wiregen.build import build
from wiregen.config import find, load_config
from wiregen.generate import raw_files
from wiregen.naming import LANGS

ROUNDS = 5


def main() -> None:
    """Print one JSON line: seconds to read the specification, of every language, and of all."""
    config = load_config(find(Path(__file__).parents[1] / "codegen"))
    rounds: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        start = time.perf_counter()
        spec = build(config.spec_folder)
        rounds.setdefault("read", []).append(time.perf_counter() - start)
        for lang in LANGS:
            begun = time.perf_counter()
            raw_files(spec, config, lang)
            rounds.setdefault(lang, []).append(time.perf_counter() - begun)
        rounds.setdefault("all", []).append(time.perf_counter() - start)
    json.dump({name: round(statistics.median(it), 3) for name, it in rounds.items()}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
