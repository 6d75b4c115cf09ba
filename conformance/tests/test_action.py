"""The composite action: its commands are run here as the hosted runner would run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conform.documents import load_yaml
from conform.home import HOME

ACTION = load_yaml(HOME / "action" / "action.yml")
(PROVE,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "prove"]
REFERENCE = f"ref={sys.executable} -m conform.reference"
BROKEN = f"bad={sys.executable} -m conform.reference --fault approved-inverted"
DENIED = "confirm/write_confirmation_required_denied"


def prove(folder: Path, **inputs: str) -> tuple[int, str, str]:
    """Run the step `prove`; returns exit status, its outputs and what the job's page shows."""
    names = {name: row["default"] for name, row in ACTION["inputs"].items()}
    names |= {name.replace("_", "-"): value for name, value in inputs.items()}
    env = {
        word: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda found: names[found[1]], value)
        for word, value in PROVE["env"].items()
    }
    env |= {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "page")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", PROVE["run"]]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, **env},
        capture_output=True,
        timeout=60,
        check=False,
    )
    page = folder / "page"
    shown = page.read_text(encoding="utf-8") if page.exists() else ""
    return done.returncode, (folder / "output").read_text(encoding="utf-8"), shown


def test_a_conformant_client_makes_a_green_job_with_a_page(tmp_path: Path) -> None:
    # two patterns and an empty line, as people write them
    cases = f"turn/keepalive\n\n{DENIED}\n"
    code, outputs, page = prove(tmp_path, testee=REFERENCE, cases=cases)
    assert (code, outputs) == (0, "exit=0\n")
    assert "1 clients equal on 2/2 cases" in page
    badge = json.loads((tmp_path / "conform-out" / "badge.json").read_text(encoding="utf-8"))
    assert badge["color"] == "brightgreen"


def test_a_client_that_is_not_makes_a_red_one(tmp_path: Path) -> None:
    code, outputs, page = prove(tmp_path, testee=f"{REFERENCE}\n{BROKEN}", cases=DENIED)
    assert (code, outputs) == (1, "exit=1\n")
    assert DENIED in page


def test_a_server_that_is_not_there_proves_nothing(tmp_path: Path) -> None:
    code, outputs, _ = prove(tmp_path, server="ws://127.0.0.1:9/ws")
    assert (code, outputs) == (3, "exit=3\n")


@pytest.mark.parametrize("step", ACTION["runs"]["steps"], ids=lambda step: step.get("name", "uses"))
def test_every_input_that_a_step_names_is_declared(step: Any) -> None:
    named = set(re.findall(r"inputs\.([a-z-]+)", json.dumps(step)))
    assert named <= set(ACTION["inputs"])
    assert "${{" not in step.get("run", ""), "inputs reach scripts through env alone"
