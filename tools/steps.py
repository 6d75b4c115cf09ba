"""Run the steps of tools/languages.py: with the right environment, bounded, output kept."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import setup_python
import toolchains
from languages import LANGUAGES, Language, Step
from toolchains import Missing
from workshop import ROOT, STATE, SetupError, alone, fingerprint, is_fresh, mark, say

STEP_S = 1200.0
"""Seconds after which a step is ended: no run may hang for ever."""


@dataclass(frozen=True)
class Ready:
    """A language that can be worked with: its table row and the environment of its commands."""

    name: str
    language: Language
    env: Mapping[str, str]
    version: str


class StepError(SetupError):
    """A step failed; ``output`` is what it printed before."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


def filled(text: str) -> str:
    """Replace ``{root}`` by the repository's top folder."""
    return text.replace("{root}", os.fspath(ROOT))


def surroundings() -> dict[str, str]:
    """Return the environment of every step: the caller's, but REQUIRE, which is for us alone."""
    return {key: value for key, value in os.environ.items() if key != "REQUIRE"}


def set_up(name: str, beside: Iterable[str] = ()) -> Ready | Missing:
    """Bring the language ``name`` to where its commands can run; a warm call does nothing.

    ``beside`` names the languages that are worked on as well: the Python tests, which look at all
    five, get their toolchains too. Returns Missing when the language's own toolchain cannot be
    had. Raises: SetupError: the toolchain is there, but a step of the set-up failed, or the
    language's folder is not in this checkout.
    """
    language = LANGUAGES[name]
    absent = [folder for folder in language.folders if not (ROOT / folder).is_dir()]
    if absent:
        raise SetupError(f"{name}: no folder {', '.join(absent)}: not a whole checkout")
    setup_python.set_up_alone()  # every language tests its README against the server of .venv
    if language.toolchain is None:
        lent = [kind for other in beside if (kind := LANGUAGES[other].toolchain)]
        return Ready(name, language, toolchains.together(lent, surroundings()), "")
    toolchain = toolchains.find(language.toolchain)
    if isinstance(toolchain, Missing):
        return toolchain
    own = {key: filled(value) for key, value in language.env.items()}
    ready = Ready(name, language, {**surroundings(), **own, **toolchain.env}, toolchain.version)
    fetch(ready, toolchain.source)
    return ready


def fetch(ready: Ready, source: str) -> None:
    """Fetch the packages that the language's lock names, once per lock and toolchain."""
    language = ready.language
    stamp = STATE / "stamps" / f"setup-{ready.name}"
    files = [ROOT / lock for lock in language.locks]
    wanted = fingerprint(files, ready.version, source, *(str(step) for step in language.setup))
    done = (ROOT / language.fetched).exists() if language.fetched else True
    with alone(f"setup-{ready.name}"):
        if done and is_fresh(stamp, wanted):
            return
        say(f"{ready.name}: fetching packages")
        for step in language.setup:
            run_step(step, ready)
        mark(stamp, wanted)


def run_step(step: Step, ready: Ready) -> str:
    """Run one step to its end, show its output as it comes, and return that output.

    Raises: StepError: it cannot start, fails, takes too long, or speaks where it must not.
    """
    shown = f"{shlex.join(step.command)} (in {step.folder})".replace("{root}/", "")
    try:
        process = started(step, ready)
    except OSError as trouble:
        raise StepError(f"cannot start {shown}: {trouble.strerror}") from trouble
    late = threading.Event()

    def end() -> None:
        late.set()
        end_group(process)

    watchdog = threading.Timer(STEP_S, end)
    watchdog.start()
    try:
        with process:
            output = echoed(process.stdout or (), ready.language.quiet)
    finally:
        watchdog.cancel()
        end_group(process)
    if late.is_set():
        raise StepError(f"no end after {STEP_S:.0f} s: {shown}", output)
    if process.returncode != 0:
        raise StepError(f"exit status {process.returncode}: {shown}", output)
    if step.silent and output.strip():
        raise StepError(f"not in the house format: {shown}", output)
    return output


def started(step: Step, ready: Ready) -> subprocess.Popen[str]:
    """Start the command of ``step`` in a process group of its own.

    Raises: OSError: there is no such program, or no such folder.
    """
    folder = ROOT / step.folder
    first, *rest = (filled(word) for word in step.command)
    program = os.fspath(folder / first) if first.startswith(".") else first
    return subprocess.Popen(
        [shutil.which(program, path=ready.env.get("PATH")) or program, *rest],
        cwd=folder,
        env=dict(ready.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def end_group(process: subprocess.Popen[str]) -> None:
    """End ``process`` with everything that it started; what has ended already is left alone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def echoed(lines: Iterable[str], quiet: str) -> str:
    """Print each line that does not match ``quiet`` as it comes; return all of them."""
    kept: list[str] = []
    hidden = re.compile(quiet)
    for line in lines:
        kept.append(line)
        if not hidden.match(line):
            print(line, end="", flush=True)
    return "".join(kept)
