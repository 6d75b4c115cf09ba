"""An action that is new in the specification needs no hand-written line in the C# client."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from wiregen import generate, writing
from wiregen.build import build
from wiregen.config import load_config

from .driving import BUILT, DRIVERS, PROJECT, environment
from .test_new_action import specification

pytestmark = pytest.mark.timeout(300)
TESTS = "dotnet/tests/SmooAI.SmoothOperator.Tests"
CALL = DRIVERS / "csharp" / "NewActionTests.cs.txt"
NO_CALL = """namespace SmooAI.SmoothOperator.Tests.Calls;

internal static class NoCall
{
    internal static object Of(SmoothAgentClient client) => client.CallAsync(new ACTION());
}
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """The client with the new action, at the same place while its sources stay the same."""
    made = tmp_path / "made"
    sources = shutil.ignore_patterns("bin", "obj", "*Tests.cs")
    shutil.copytree(PROJECT / "dotnet", made / "dotnet", ignore=sources)
    config = load_config(PROJECT / "codegen" / "wiregen.toml")
    spec = build(specification(tmp_path / "spec"))
    writing.write_all(made, generate.raw_files(spec, config, "csharp"))
    shutil.copy(CALL, made / TESTS / "NewActionTests.cs")
    digest = hashlib.sha256(NO_CALL.encode())
    for path in sorted(path for path in made.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(made)).encode() + path.read_bytes())
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / "new-action-csharp.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = BUILT / f"new-action-csharp-{digest.hexdigest()[:16]}"
        if not folder.is_dir():
            for old in BUILT.glob("new-action-csharp-*"):
                shutil.rmtree(old)
            shutil.copytree(made, folder)
        yield folder


def _dotnet(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["dotnet", *command],
        cwd=project / TESTS,
        env=environment("csharp"),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_a_new_action_is_called_from_csharp_without_a_hand_written_line(project: Path) -> None:
    """Called on a real socket; what belongs to a turn does not compile as a call.

    A project that has passed is not compiled again: its folder is named by its sources.
    """
    passed = project / "passed"
    if passed.is_file():
        return
    ran = _dotnet(project, "test", "--nologo", "--filter", "FullyQualifiedName~ANewActionIsCalled")
    assert "Passed:     1" in ran.stdout, ran.stdout + ran.stderr
    for action in ("SendMessageAction", "VerifyOtpAction"):
        source = project / TESTS / "NoCall.cs"
        source.write_text(NO_CALL.replace("ACTION", action), encoding="utf-8")
        refused = _dotnet(project, "build", "--nologo", "--no-restore", "--no-dependencies")
        assert "NoCall.cs(5,67): error CS0411" in refused.stdout, refused.stdout
        source.unlink()
    passed.touch()
