"""Build everything that is published into dist/, read it, and try it in empty projects.

    python3 tools/dist.py [--only NAME,...] [--no-try]

It ends with 1 and a sentence for each artifact that may not be published. What is in dist/ is then
what the release workflow sends; beside it lie the software bills of materials and the checksums.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import dist_sbom
import work
from dist_build import BUILDERS, artifacts, version
from dist_read import faults
from dist_try import TRIALS, Bench, serving
from steps import Ready, set_up
from toolchains import Missing
from workshop import ROOT, SetupError, say

OUT = ROOT / "dist"


def checksums(out: Path) -> None:
    """Write SHA256SUMS of what is published."""
    rows = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out)}\n"
        for path in artifacts(out)
    ]
    (out / "SHA256SUMS").write_text("".join(rows), encoding="utf-8")


def build(readies: Sequence[Ready]) -> list[str]:
    """Build and read the artifacts of these languages; returns what is wrong with them."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    for ready in readies:
        say(f"{ready.name}: building")
        BUILDERS[ready.name](ready, OUT)
        dist_sbom.write(ready, OUT)
    found = [fault for path in artifacts(OUT) for fault in faults(path, version())]
    checksums(OUT)
    return found


def attempt(readies: Sequence[Ready]) -> list[str]:
    """Try the artifacts in empty projects; returns what went wrong."""
    failed = []
    with tempfile.TemporaryDirectory(prefix="dist-") as folder:
        scratch = Path(folder)
        with serving(OUT, scratch) as port:
            for ready in readies:
                began = time.monotonic()
                try:
                    TRIALS[ready.name](ready, Bench(OUT, scratch, port))
                except SetupError as error:
                    failed.append(f"{ready.name}: {error}")
                    print(f"{ready.name:<12} FAILED")
                else:
                    seconds = time.monotonic() - began
                    print(f"{ready.name:<12} installed, typed and run in {seconds:.0f} s")
    return failed


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = work.parser_with_only(__doc__ or "")
    parser.add_argument("--no-try", action="store_true", help="build and read alone")
    args = parser.parse_args(argv)
    names = work.chosen(parser, args.only)
    if "python" not in names:
        names = ["python", *names]  # the server that the others are tried with
    readies, missing = [], []
    try:
        for name in names:
            found = set_up(name, beside=names)
            if isinstance(found, Missing):
                missing.append(f"{name}: {found.reason}; mend: {found.mend}")
            else:
                readies.append(found)
        failed = [*missing, *build(readies)]
        if not args.no_try:
            failed += attempt(readies)
    except SetupError as error:
        failed = [str(error)]
    for path in artifacts(OUT):
        print(f"{path.stat().st_size / 1024:>8.0f} KiB  {path.relative_to(ROOT)}")
    for fault in failed:
        print(f"FAULT  {fault}", file=sys.stderr)
    count = len(artifacts(OUT))
    print(f"dist: {count} artifacts of {len(readies)} languages, {len(failed)} faults")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
