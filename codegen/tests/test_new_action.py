"""An action that is new in the specification needs no hand-written line in Go, C# and Rust.

The client of today with a wire room printed from `newer_spec`: the action is called on a real
socket, its secrets show in no log and no text, and what belongs to a turn does not compile as a
call. A project that has passed is not compiled again: its folder is named by its sources.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from newer_spec import write_newer_spec

from wiregen import generate, writing
from wiregen.build import build
from wiregen.config import load_config
from wiregen.naming import Lang

from .driving import BUILT, PROJECT, environment, toolchain_place

pytestmark = pytest.mark.timeout(600)
NEWCOMERS = Path(__file__).parent / "newcomers"
LEFT = shutil.ignore_patterns("target", "bin", "obj", "*Tests.cs")
GO = "go/protocol"
CSHARP = "dotnet/tests/SmooAI.SmoothOperator.Tests"
NO_CALL = {
    "go": """package protocol_test

import "github.com/SmooAI/smooth-operator/go/protocol"

var _ = func(c *protocol.Client) { _, _ = protocol.Call(nil, c, protocol.ACTION{}) }
""",
    "csharp": """namespace SmooAI.SmoothOperator.Tests.Calls;

internal static class NoCall
{
    internal static object Of(SmoothAgentClient client) => client.CallAsync(new ACTION());
}
""",
    "rust": """use smooth_operator::{SmoothAgentClient, action};

fn of(client: &SmoothAgentClient, action: action::ACTION) {
    drop(client.call(action));
}
""",
}


@contextmanager
def newcomer(lang: Lang, tmp: Path, sources: Mapping[str, str]) -> Iterator[Path]:
    """Give the folder of the client with the new action; `sources` are folders and files to copy.

    One process at a time; what earlier sources left behind is removed.
    """
    made = tmp / "made"
    for source, name in sources.items():
        here = PROJECT / source
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(here, made / name, ignore=LEFT)
        else:
            shutil.copy(here, made / name)
    config = load_config(PROJECT / "codegen" / "wiregen.toml")
    spec = build(write_newer_spec(tmp / "spec"))
    writing.write_all(made, generate.raw_files(spec, config, lang))
    digest = hashlib.sha256(Path(__file__).read_bytes() + toolchain_place(lang).encode())
    for path in sorted(path for path in made.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(made)).encode() + path.read_bytes())
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / f"newer-{lang}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = BUILT / f"newer-{lang}-{digest.hexdigest()[:16]}"
        if not (folder / "passed").is_file():
            for old in BUILT.glob(f"newer-{lang}-*"):
                shutil.rmtree(old)
            shutil.copytree(made, folder)
        yield folder


def _run(lang: Lang, folder: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment(lang), "CARGO_TARGET_DIR": _target()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=580,
        check=False,
    )
    return done.returncode, done.stdout


def _target() -> str:
    """Return where the crates are compiled already that the client depends on."""
    return os.environ.get("CARGO_TARGET_DIR", str(PROJECT / "rust" / "target"))


def test_a_new_action_is_called_from_go_without_a_hand_written_line(tmp_path: Path) -> None:
    sources = {"go": "go", "codegen/tests/newcomers/new_action.go.txt": f"{GO}/new_action_test.go"}
    with newcomer("go", tmp_path, sources) as project:
        passed = project / "passed"
        if passed.is_file():
            return
        test = ("go", "test", "-v", "-run", "TestNewAction", "./protocol")
        code, shown = _run("go", project / "go", *test)
        assert code == 0, shown
        assert "--- PASS: TestNewAction" in shown
        for action in ("SendMessage", "VerifyOTP"):
            source = project / GO / "no_call_test.go"
            source.write_text(NO_CALL["go"].replace("ACTION", action), encoding="utf-8")
            code, shown = _run("go", project / "go", "go", "vet", "./protocol")
            assert code != 0
            assert f"protocol.{action}{{}} does not match protocol.CallAction[R]" in shown
            source.unlink()
        passed.touch()


def test_a_new_action_is_called_from_csharp_without_a_hand_written_line(tmp_path: Path) -> None:
    sources = {
        "dotnet": "dotnet",
        "codegen/tests/newcomers/NewActionTests.cs.txt": f"{CSHARP}/NewActionTests.cs",
    }
    with newcomer("csharp", tmp_path, sources) as project:
        passed = project / "passed"
        if passed.is_file():
            return
        test = ("dotnet", "test", "--nologo", "--filter", "FullyQualifiedName~ANewActionIsCalled")
        _, shown = _run("csharp", project / CSHARP, *test)
        assert "Passed:     1" in shown, shown
        again = ("dotnet", "build", "--nologo", "--no-restore", "--no-dependencies")
        for action in ("SendMessageAction", "VerifyOtpAction"):
            source = project / CSHARP / "NoCall.cs"
            source.write_text(NO_CALL["csharp"].replace("ACTION", action), encoding="utf-8")
            _, shown = _run("csharp", project / CSHARP, *again)
            assert "NoCall.cs(5,67): error CS0411" in shown, shown
            source.unlink()
        passed.touch()


def test_a_new_action_is_called_from_rust_without_a_hand_written_line(tmp_path: Path) -> None:
    sources = {
        "rust": "rust",
        "rust/Cargo.lock": "Cargo.lock",
        "codegen/tests/newcomers/new_action.rs.txt": "rust/tests/new_action.rs",
        "conformance/testees/rust": "conformance/testees/rust",
    }
    with newcomer("rust", tmp_path, sources) as project:
        passed = project / "passed"
        if passed.is_file():
            return
        _as_member(project)
        test = ("cargo", "test", "--offline", "--locked", "-p", "smooth-operator-client")
        test += ("--features", "testing", "--test")
        code, shown = _run("rust", project, *test, "new_action")
        assert code == 0, shown
        assert "test a_new_action_is_called ... ok" in shown
        for action in ("SendMessage", "VerifyOtp"):
            source = project / "rust" / "tests" / "no_call.rs"
            source.write_text(NO_CALL["rust"].replace("ACTION", action), encoding="utf-8")
            code, shown = _run("rust", project, *test, "no_call")
            assert code != 0
            assert f"error[E0277]: the trait bound `{action}: Call` is not satisfied" in shown
            source.unlink()
        passed.touch()


def _as_member(project: Path) -> None:
    """Make the crate a member of a workspace around it.

    Cargo names what it compiles by a crate's place in its workspace: so nothing that was compiled
    from the repository's own crate is written over.
    """
    manifest = project / "rust" / "Cargo.toml"
    text = manifest.read_text(encoding="utf-8")
    workspace, package = text.split("[package]\n")
    package, profile = package.split("[profile.dev]\n")
    members = 'members = ["rust", "conformance/testees/rust"]'
    workspace = workspace.replace('members = [".", "../conformance/testees/rust"]', members)
    (project / "Cargo.toml").write_text(f"{workspace}[profile.dev]\n{profile}", encoding="utf-8")
    manifest.write_text(f"[package]\n{package}", encoding="utf-8")
    testee = project / "conformance" / "testees" / "rust" / "Cargo.toml"
    text = testee.read_text(encoding="utf-8")
    testee.write_text(text.replace('workspace = "../../../rust"\n', ""), encoding="utf-8")
