"""Build .venv, the one Python environment that holds generator, harness, client and server.

Third parties come from requirements/python.lock, pinned by hash; the five packages of this
repository are then installed editable, without looking for their dependencies again. A warm
run compares one fingerprint and does nothing.

    python3 tools/setup_python.py           build or refresh .venv
    python3 tools/setup_python.py --lock    write requirements/*.lock from their lists again
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import venv
from pathlib import Path

from workshop import ROOT, STATE, SetupError, alone, fingerprint, is_fresh, mark, run, say

VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements"
PACKAGES = ("codegen", "conformance", "python/client", "python/admin-client", "python/server")
OLDEST = (3, 11)


def uv_env() -> dict[str, str]:
    """Return the environment that uv runs in: it fetches no Python and trusts what pip trusts."""
    ours = {"VIRTUAL_ENV": os.fspath(VENV), "UV_PYTHON_DOWNLOADS": "never"}
    return {"UV_SYSTEM_CERTS": "true", **os.environ, **ours}


def find_uv() -> str:
    """Return the pinned uv; fetch it from the package index into .toolchains/uv first."""
    home = STATE / "uv"
    lock = REQUIREMENTS / "uv.lock"
    stamp, wanted = home / "stamp", fingerprint([lock])
    if not is_fresh(stamp, wanted):
        say("uv: installing the pinned version into .toolchains/uv")
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=True)
        pip = [os.fspath(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        run([*pip, "--disable-pip-version-check", "--require-hashes", "-r", os.fspath(lock)])
        mark(stamp, wanted)
    return os.fspath(home / "bin" / "uv")


def lock_all(uv: str) -> None:
    """Write the lock files from their lists: same for every platform, no host names inside."""
    for name in ("uv", "python", "node", "go", "models"):
        compile_ = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
        plain = ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]
        # The weights ask for libraries of gigabytes that their use here does not need.
        plain += ["--no-deps"] if name == "models" else []
        files = [f"requirements/{name}.in", "-o", f"requirements/{name}.lock"]
        run([*compile_, *plain, *files], env=uv_env())


def sync_locked(uv: str) -> None:
    """Make .venv hold the lock's packages, in the lock's versions."""
    lock = REQUIREMENTS / "python.lock"
    stamp, wanted = VENV / "lock.stamp", fingerprint([lock], sys.version)
    if is_fresh(stamp, wanted):
        return
    say("python: installing the locked packages into .venv")
    if not (VENV / "bin" / "python").exists():
        run([uv, "venv", "--quiet", "--python", sys.executable, os.fspath(VENV)], env=uv_env())
    flags = ["--quiet", "--require-hashes"]
    run([uv, "pip", "install", *flags, "-r", os.fspath(lock)], env=uv_env())
    mark(stamp, wanted)


def install_ours(uv: str) -> None:
    """Install our five packages editable: a change of their source needs no set-up."""
    editables = [part for path in PACKAGES for part in ("-e", f"./{path}")]
    flags = ["--quiet", "--no-deps", "--no-build-isolation"]
    run([uv, "pip", "install", *flags, *editables], env=uv_env())


def set_up_alone() -> None:
    """Bring .venv up to date while nobody else does; does nothing when it is.

    Raises: SetupError: this Python is too old, the checkout is not whole, or a step failed.
    """
    if sys.version_info < OLDEST:
        raise SetupError(
            f"Python {sys.version.split()[0]} is too old, 3.11 is the oldest: "
            "make setup PYTHON=python3.11"
        )
    missing = [p for p in PACKAGES if not Path(ROOT, p, "pyproject.toml").is_file()]
    if missing:
        raise SetupError(f"no pyproject.toml in {', '.join(missing)}: not a whole checkout")
    with alone("python"):
        set_up()


def set_up() -> None:
    """Bring .venv up to date; does nothing when it is."""
    files = [REQUIREMENTS / "python.lock", *(ROOT / p / "pyproject.toml" for p in PACKAGES)]
    stamp, wanted = VENV / "stamp", fingerprint(files, sys.version, os.fspath(VENV))
    if is_fresh(stamp, wanted):
        return
    uv = find_uv()
    sync_locked(uv)
    install_ours(uv)
    mark(stamp, wanted)


def main(argv: list[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    parser = argparse.ArgumentParser(description="Build the one Python environment, .venv.")
    parser.add_argument("--lock", action="store_true", help="write the lock files again")
    args = parser.parse_args(argv)
    try:
        if args.lock:
            with alone("python"):
                lock_all(find_uv())
        set_up_alone()
    except SetupError as problem:
        print(f"setup-python: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
