"""An action that is new in the specification needs no hand-written line in Go, C# and Rust.

The client of today with a wire room printed from `newer_spec`: the action is called on a real
socket, its secrets show in no log and no text, and what belongs to a turn does not compile as a
call.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from newer_spec import write_newer_spec

from .newcomer import as_member, newcomer, run

pytestmark = pytest.mark.timeout(600)
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


def test_a_new_action_is_called_from_go_without_a_hand_written_line(tmp_path: Path) -> None:
    sources = {"go": "go", "codegen/tests/newcomers/new_action.go.txt": f"{GO}/new_action_test.go"}
    with newcomer("go", tmp_path, sources, write_newer_spec) as project:
        passed = project / "passed"
        if passed.is_file():
            return
        test = ("go", "test", "-v", "-run", "TestNewAction", "./protocol")
        code, shown = run("go", project / "go", *test)
        assert code == 0, shown
        assert "--- PASS: TestNewAction" in shown
        for action in ("SendMessage", "VerifyOTP"):
            source = project / GO / "no_call_test.go"
            source.write_text(NO_CALL["go"].replace("ACTION", action), encoding="utf-8")
            code, shown = run("go", project / "go", "go", "vet", "./protocol")
            assert code != 0
            assert f"protocol.{action}{{}} does not match protocol.CallAction[R]" in shown
            source.unlink()
        passed.touch()


def test_a_new_action_is_called_from_csharp_without_a_hand_written_line(tmp_path: Path) -> None:
    sources = {
        "dotnet": "dotnet",
        "codegen/tests/newcomers/NewActionTests.cs.txt": f"{CSHARP}/NewActionTests.cs",
    }
    with newcomer("csharp", tmp_path, sources, write_newer_spec) as project:
        passed = project / "passed"
        if passed.is_file():
            return
        test = ("dotnet", "test", "--nologo", "--filter", "FullyQualifiedName~ANewActionIsCalled")
        _, shown = run("csharp", project / CSHARP, *test)
        assert "Passed:     1" in shown, shown
        again = ("dotnet", "build", "--nologo", "--no-restore", "--no-dependencies")
        for action in ("SendMessageAction", "VerifyOtpAction"):
            source = project / CSHARP / "NoCall.cs"
            source.write_text(NO_CALL["csharp"].replace("ACTION", action), encoding="utf-8")
            _, shown = run("csharp", project / CSHARP, *again)
            assert "NoCall.cs(5,67): error CS0411" in shown, shown
            source.unlink()
        passed.touch()


def test_a_new_action_is_called_from_rust_without_a_hand_written_line(tmp_path: Path) -> None:
    sources = {
        "rust": "rust",
        "rust/Cargo.lock": "Cargo.lock",
        "codegen/tests/newcomers/new_action.rs.txt": "rust/tests/new_action.rs",
        "conformance/testees/rust": "conformance/testees/rust",
        "conformance/kits/rust": "conformance/kits/rust",
    }
    with newcomer("rust", tmp_path, sources, write_newer_spec) as project:
        passed = project / "passed"
        if passed.is_file():
            return
        as_member(project)
        test = ("cargo", "test", "--offline", "--locked", "-p", "smooth-operator-client")
        test += ("--features", "testing", "--test")
        code, shown = run("rust", project, *test, "new_action")
        assert code == 0, shown
        assert "test a_new_action_is_called ... ok" in shown
        for action in ("SendMessage", "VerifyOtp"):
            source = project / "rust" / "tests" / "no_call.rs"
            source.write_text(NO_CALL["rust"].replace("ACTION", action), encoding="utf-8")
            code, shown = run("rust", project, *test, "no_call")
            assert code != 0
            assert f"error[E0277]: the trait bound `{action}: Call` is not satisfied" in shown
            source.unlink()
        passed.touch()
