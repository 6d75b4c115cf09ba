"""Print python/admin-client from the OpenAPI document of the server's admin REST.

    python3 tools/admin_client.py           write openapi.json and src/smooth_operator_admin/rest
    python3 tools/admin_client.py --check   only tell whether they are what would be written

Run it with the Python of .venv, which holds the server and the pinned openapi-python-client.
Exit 0: as it should be; 1: something differs (--check), or the generator failed.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from workshop import ROOT, SetupError, say

PACKAGE = ROOT / "python" / "admin-client"
DOCUMENT = PACKAGE / "openapi.json"
PRINTED = PACKAGE / "src" / "smooth_operator_admin" / "rest"
CONFIG = PACKAGE / "generator.yaml"


class Nothing:
    """Stands for the server's handlers: the document is made of what is said about them."""

    def __getattr__(self, name: str) -> Any:
        return self


def document() -> str:
    """Return the document that a server of this checkout serves."""
    from smooth_operator_server import __version__
    from smooth_operator_server.admin.openapi import document
    from smooth_operator_server.admin.table import endpoints

    handlers: Any = Nothing()
    return json.dumps(document(endpoints(handlers), __version__), indent=2) + "\n"


def print_client(folder: Path, text: str) -> Path:
    """Print the client of a document into a folder; return where it lies.

    Raises: SetupError: the generator failed, or warned of something.
    """
    source, target = folder / "openapi.json", folder / "rest"
    source.write_text(text, encoding="utf-8")
    tools = Path(sys.executable).parent
    words = ["generate", "--path", os.fspath(source), "--output-path", os.fspath(target)]
    words += ["--meta", "none", "--config", os.fspath(CONFIG), "--fail-on-warning"]
    done = subprocess.run(
        [os.fspath(tools / "openapi-python-client"), *words],
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(f"openapi-python-client:\n{done.stdout}{done.stderr}")
    return target


def sources(folder: Path) -> set[str]:
    """Return the files of a printed client."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}


def differing(made: Path, text: str) -> list[str]:
    """Return what of the checkout is not as it would be printed."""
    names = sorted(sources(made) | sources(PRINTED))
    wrong = [
        f"{PRINTED.relative_to(ROOT)}/{name}"
        for name in names
        if not (made / name).is_file()
        or not (PRINTED / name).is_file()
        or not filecmp.cmp(made / name, PRINTED / name, shallow=False)
    ]
    if not DOCUMENT.is_file() or DOCUMENT.read_text(encoding="utf-8") != text:
        wrong.insert(0, os.fspath(DOCUMENT.relative_to(ROOT)))
    return wrong


def main(argv: list[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    parser = argparse.ArgumentParser(description="Print the client of the admin REST.")
    parser.add_argument("--check", action="store_true", help="write nothing, tell what differs")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        try:
            text = document()
            made = print_client(Path(folder), text)
        except (SetupError, ImportError) as problem:
            print(f"admin-client: {problem}", file=sys.stderr)
            return 1
        if args.check:
            wrong = differing(made, text)
            for name in wrong:
                print(f"{name}: not as `make admin-client` prints it")
            return 1 if wrong else 0
        DOCUMENT.write_text(text, encoding="utf-8")
        shutil.rmtree(PRINTED, ignore_errors=True)
        PRINTED.mkdir(parents=True)
        for name in sorted(sources(made)):
            (PRINTED / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made / name, PRINTED / name)
    say("admin-client: printed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
