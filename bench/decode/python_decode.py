"""Decode of one frame in Python against ``json.loads``, alternating rounds in one process."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from smooth_operator.wire import decode_event

ROUNDS = 201  # short ones, so that what else the machine does falls on both sides
CALLS = 500
FRAMES = json.loads((Path(__file__).parent / "frames.json").read_text())


def nanoseconds(function, text: str, count: int) -> float:
    """Return the time of one call."""
    start = time.perf_counter_ns()
    for _ in range(count):
        function(text)
    return (time.perf_counter_ns() - start) / count


def main() -> None:
    """Print one JSON line a frame: nanoseconds of each round, plain parse and decode."""
    for name, text in FRAMES.items():
        rounds = [
            (nanoseconds(json.loads, text, CALLS), nanoseconds(decode_event, text, CALLS))
            for _ in range(ROUNDS + 20)
        ][20:]
        plain, decode = ([round(it[n], 1) for it in rounds] for n in (0, 1))
        json.dump({"frame": name, "plain": plain, "decode": decode}, sys.stdout)
        print()


if __name__ == "__main__":
    main()
