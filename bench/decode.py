"""Decode of a frame in five languages, each against its ecosystem's plain parse.

One run a language, both sides in alternating rounds of the same process, so that only ratios are
told: medians, with the middle half of all rounds as spread. Nothing is asserted.

    python bench/decode.py [--json] [python typescript go csharp rust]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent / "decode"
FRAMES = str(HERE / "frames.json")


@dataclass(frozen=True)
class Language:
    """How to run one bench, what it is measured against, and the ratio to stay under."""

    build: tuple[str, ...]
    run: tuple[str, ...]
    against: str
    target: float
    folder: Path = HERE


LANGUAGES = {
    "python": Language((), (sys.executable, "python_decode.py"), "json.loads", 1.0),
    "typescript": Language((), ("node", "typescript_decode.mjs"), "JSON.parse", 1.1),
    "go": Language(
        ("go", "build", "-o", "decode", "."),
        ("./decode", FRAMES),
        "map[string]any",
        0.7,
        HERE / "go",
    ),
    "csharp": Language(
        ("dotnet", "build", "-c", "Release", "-v", "q", "--nologo"),
        ("dotnet", "bin/Release/net10.0/decode.dll", FRAMES),
        "source-generated type",
        1.2,
        HERE / "dotnet",
    ),
    "rust": Language(
        ("cargo", "build", "--release", "--quiet"),
        ("cargo", "run", "--release", "--quiet", "--", FRAMES),
        "serde_json::Value",
        0.6,
        HERE / "rust",
    ),
}


def measure(language: Language) -> list[dict[str, object]]:
    """Build and run one bench; return a row a frame."""
    if language.build:
        subprocess.run(language.build, cwd=language.folder, check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        language.run, cwd=language.folder, check=True, capture_output=True, text=True
    )
    rows = []
    for line in sorted(done.stdout.splitlines()):
        body = json.loads(line)
        ratios = [two / one for one, two in zip(body["plain"], body["decode"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        rows.append(
            {
                "frame": body["frame"],
                "plain_ns": round(statistics.median(body["plain"])),
                "decode_ns": round(statistics.median(body["decode"])),
                "ratio": round(middle, 2),
                "spread": [round(low, 2), round(high, 2)],
            }
        )
    return rows


def main() -> int:
    """Measure the chosen languages and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("languages", nargs="*", choices=[*LANGUAGES, []], help="all by default")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    os.environ.setdefault("CARGO_TARGET_DIR", str(HERE.parents[1] / "rust" / "target"))
    try:
        found = {name: measure(LANGUAGES[name]) for name in options.languages or LANGUAGES}
    except FileNotFoundError as missing:
        every = "python3 tools/toolchains.py exec all .venv/bin/python bench/decode.py"
        print(
            f"bench: no {missing.filename} on PATH; with all toolchains: {every}", file=sys.stderr
        )
        return 2
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    print(f"{'language':11} {'frame':8} {'plain':>8} {'decode':>8}  ratio  middle half   target")
    for name, rows in found.items():
        language = LANGUAGES[name]
        for row in rows:
            low, high = row["spread"]  # type: ignore[misc]
            aim = f"<= {language.target} x {language.against}" if row["frame"] == "token" else ""
            print(
                f"{name:11} {row['frame']:8} {row['plain_ns']:>5} ns {row['decode_ns']:>5} ns"
                f"  {row['ratio']:5}  {low} to {high}   {aim}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
