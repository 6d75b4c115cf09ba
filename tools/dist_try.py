"""Each artifact in an empty project: installed, its README's quickstart typed and run.

The programs are the artifacts' own, as printed in their READMEs; the server is the wheel. Nothing
of the repository is on any path.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from demo import free_port, wait_until_ready
from dist_build import GO_MODULE, NUGET, version
from dist_read import QUICKSTART, readme_of
from setup_python import find_uv, uv_env
from steps import Ready
from workshop import ROOT, SetupError, run

PYRIGHT = "1.1.414"
ANSWER = re.compile(r"17-day return window[\s\S]*from returns\.md[\s\S]*from returns\.md")
"""What the demonstration says of its return window; the document is its word and a citation."""
RUN_S = 600.0


@dataclass(frozen=True)
class Bench:
    """Where an artifact is tried: what was built, an empty folder, the port of the server."""

    built: Path
    scratch: Path
    port: int

    def only(self, pattern: str) -> Path:
        """The one artifact that fits a pattern."""
        (found,) = self.built.rglob(pattern)
        return found

    def quickstart(self, artifact: Path) -> str:
        """The first program of an artifact's README, against the server that runs."""
        _, mark, after = readme_of(artifact).partition(QUICKSTART)
        found = re.search(r"```[^\n]*\n(.*?)```", after, re.DOTALL)
        if not mark or not found:
            raise SetupError(f"{artifact.name}: its README has no quickstart")
        return found[1].replace("127.0.0.1:8787", f"127.0.0.1:{self.port}")


def said(command: list[str], cwd: Path, env: Mapping[str, str]) -> str:
    """Run a program and return what it printed.

    Raises: SetupError: it failed, or took too long.
    """
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=dict(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise SetupError(f"no end after {RUN_S:.0f} s: {' '.join(command)}") from late
    if done.returncode:
        raise SetupError(f"exit status {done.returncode}: {' '.join(command)}\n{done.stdout}")
    return done.stdout


def answered(output: str) -> None:
    """Raise unless the quickstart printed what the demonstration answers."""
    if not ANSWER.search(output):
        raise SetupError(f"the quickstart did not print the answer:\n{output}")


def environment(folder: Path, *packages: str) -> Path:
    """Make an empty Python environment with these packages; returns its interpreter."""
    uv, env = find_uv(), {**uv_env(), "VIRTUAL_ENV": str(folder)}
    run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], env=env)
    python = folder / "bin" / "python"
    run([uv, "pip", "install", "--quiet", "--python", str(python), *packages], env=env)
    return python


@contextlib.contextmanager
def serving(built: Path, scratch: Path) -> Iterator[int]:
    """Install the server's wheel into an empty environment and run its demonstration."""
    (wheel,) = built.glob("smooth_operator_server-*.whl")
    python = environment(scratch / "server", str(wheel))
    port, log = free_port(0), scratch / "server.log"
    command = [str(python.with_name("smooth-operator-server")), "--demo", "--port", str(port)]
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=scratch, stdout=output, stderr=output, env=without_ours(os.environ)
        )
    try:
        wait_until_ready(server, port, log)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def without_ours(env: Mapping[str, str]) -> dict[str, str]:
    """An environment in which nothing of the repository is found."""
    return {k: v for k, v in env.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "NODE_PATH")}


def try_python(ready: Ready, bench: Bench) -> None:
    """The wheel beside mypy and pyright, both strict."""
    wheel = bench.only("smooth_operator-*.whl")
    project = bench.scratch / "python"
    python = environment(project / ".venv", str(wheel))
    program = project / "quickstart.py"
    program.write_text(bench.quickstart(wheel), encoding="utf-8")
    env = without_ours(ready.env)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python)]
    said([*mypy, "--no-error-summary", "quickstart.py"], project, env)
    try_pyright(project, python, env)
    answered(said([str(python), "quickstart.py"], project, env))
    others = [str(bench.only(f"{name}-*.whl")) for name in ("smooth_operator_admin", "wiregen")]
    conform = bench.only("smooth_operator_conform-*.whl")
    python = environment(project / ".venv-tools", *others[:1], str(conform))
    told = said([str(python.with_name("conform")), "list", "turn/*", "--names"], project, env)
    if "turn/keepalive" not in told:
        raise SetupError(f"the wheel of conform lists no cases: {told}")
    said([str(python), "-c", "import smooth_operator_admin"], project, env)
    python = environment(project / ".venv-wiregen", others[1])
    said([str(python.with_name("wiregen")), "--help"], project, env)


def try_pyright(project: Path, python: Path, env: Mapping[str, str]) -> None:
    """Pyright, strict, on the program as it is printed."""
    settings = {"strict": ["quickstart.py"], "venvPath": ".", "venv": ".venv"}
    (project / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    run(["npm", "install", "--silent", "--no-save", f"pyright@{PYRIGHT}"], cwd=project, env=env)
    command = ["node_modules/.bin/pyright", "--pythonpath", str(python), "quickstart.py"]
    said(command, project, env)


def try_typescript(ready: Ready, bench: Bench) -> None:
    """The tarball beside `ws`, under the compiler's strictest settings, as ESM and as CommonJS."""
    tarball = bench.only("*.tgz")
    project, env = bench.scratch / "typescript", without_ours(ready.env)
    project.mkdir()
    manifest = {"name": "empty", "private": True, "type": "module"}
    (project / "package.json").write_text(json.dumps(manifest), encoding="utf-8")
    pinned = json.loads((ROOT / "typescript/package.json").read_text(encoding="utf-8"))
    wanted = [f"{n}@{pinned['devDependencies'][n]}" for n in ("ws", "typescript", "@types/node")]
    run(["npm", "install", "--silent", "--no-audit", str(tarball), *wanted], cwd=project, env=env)
    (project / "quickstart.ts").write_text(bench.quickstart(tarball), encoding="utf-8")
    flags = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node"]
    checks = ["--skipLibCheck", "false", "--exactOptionalPropertyTypes"]
    said(["node_modules/.bin/tsc", *flags, *checks, "quickstart.ts"], project, env)
    answered(said(["node", "quickstart.js"], project, env))
    required = "console.log(typeof require('@smooai/smooth-operator').SmoothAgentClient)"
    (project / "required.cjs").write_text(required, encoding="utf-8")
    if said(["node", "required.cjs"], project, env).strip() != "function":
        raise SetupError("the package cannot be required")


def try_go(ready: Ready, bench: Bench) -> None:
    """The module from a proxy in files, under `go vet`."""
    project, proxy = bench.scratch / "go", bench.built / "goproxy"
    project.mkdir()
    rest = said(["go", "env", "GOPROXY"], project, ready.env).strip()
    env = {
        **without_ours(ready.env),
        "GOPROXY": f"file://{proxy},{rest}",
        "GONOSUMDB": GO_MODULE,
        "GOFLAGS": "-mod=mod",
        "GOMODCACHE": str(bench.scratch / "gomodcache"),
        "GOWORK": "off",
    }
    said(["go", "mod", "init", "example.com/empty"], project, env)
    (project / "main.go").write_text(bench.quickstart(bench.only("v*.zip")), encoding="utf-8")
    said(["go", "get", f"{GO_MODULE}@v{version()}"], project, env)
    said(["go", "vet", "./..."], project, env)
    answered(said(["go", "run", "."], project, env))
    said(["go", "clean", "-modcache"], project, env)  # its files are read-only


DOTNET_PROJECT = """\
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <Nullable>enable</Nullable>
    <ImplicitUsings>enable</ImplicitUsings>
    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
    <IsAotCompatible>true</IsAotCompatible>
    <EnableSingleFileAnalyzer>true</EnableSingleFileAnalyzer>
    <InvariantGlobalization>true</InvariantGlobalization>
    <RestorePackagesPath>packages</RestorePackagesPath>
    <RestoreAdditionalProjectSources>FOLDER</RestoreAdditionalProjectSources>
  </PropertyGroup>
  <ItemGroup>
PACKAGES
  </ItemGroup>
</Project>
"""


def try_dotnet(ready: Ready, bench: Bench) -> None:
    """The packages from the folder, under the analyzers for trimming, single files and AOT."""
    project, env = bench.scratch / "dotnet", without_ours(ready.env)
    project.mkdir()
    rows = [f'    <PackageReference Include="{n}" Version="{version()}" />' for n in NUGET]
    text = DOTNET_PROJECT.replace("PACKAGES", "\n".join(rows))
    text = text.replace("FOLDER", str(bench.built))
    (project / "Empty.csproj").write_text(text, encoding="utf-8")
    program = bench.quickstart(bench.only(f"{NUGET[0]}.{version()}.nupkg"))
    (project / "Program.cs").write_text(program, encoding="utf-8")
    said(["dotnet", "build", "--nologo", "-v", "quiet"], project, env)
    answered(said(["dotnet", "run", "--no-build"], project, env))


RUST_PROJECT = """\
[package]
name = "empty"
version = "0.0.0"
edition = "2024"
publish = false

[dependencies]
smooth-operator-client = { path = "../smooth-operator-client-VERSION" }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }

[workspace]
"""


def try_rust(ready: Ready, bench: Bench) -> None:
    """The crate, unpacked beside an empty one, under `cargo check` without a warning."""
    crate = bench.only("*.crate")
    run(["tar", "-xzf", str(crate), "-C", str(bench.scratch)])
    project = bench.scratch / "rust"
    (project / "src").mkdir(parents=True)
    manifest = RUST_PROJECT.replace("VERSION", version())
    (project / "Cargo.toml").write_text(manifest, encoding="utf-8")
    (project / "src" / "main.rs").write_text(bench.quickstart(crate), encoding="utf-8")
    lock = ROOT / "rust" / "Cargo.lock"
    shutil.copy(lock, project)
    env = {**without_ours(ready.env), "CARGO_TARGET_DIR": str(bench.scratch / "target")}
    env["RUSTFLAGS"] = "-D warnings"
    said(["cargo", "check", "--quiet"], project, env)
    answered(said(["cargo", "run", "--quiet"], project, env))


TRIALS: dict[str, Callable[[Ready, Bench], None]] = {
    "python": try_python,
    "typescript": try_typescript,
    "go": try_go,
    "dotnet": try_dotnet,
    "rust": try_rust,
}
