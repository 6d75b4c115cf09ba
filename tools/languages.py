"""The table of the five languages: what set-up, test, lint, format and build mean in each.

Only data lives here; tools/work.py and tools/testees.py run it. The commands are what a person
would type in that folder, so that every line can be tried by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

VENV_BIN = "{root}/.venv/bin"


@dataclass(frozen=True)
class Step:
    """One command and the folder it runs in; ``{root}`` stands for the repository's top.

    ``silent`` marks a command that says what is wrong but exits 0: any output is a failure.
    """

    command: tuple[str, ...]
    folder: str = "."
    silent: bool = False


@dataclass(frozen=True)
class Testee:
    """The program that drives one client for the harness, and how it is built.

    ``artefact`` must exist after the build. The files whose path starts with one of ``inputs``
    decide whether the last build is still good.
    """

    __test__ = False

    command: tuple[str, ...]
    folder: str
    artefact: str
    inputs: tuple[str, ...]
    build: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Language:
    """Everything that the workshop does for one language.

    ``counted`` finds the numbers of passed tests in the output of the test steps; a run in which
    it finds none has proven nothing and fails. ``quiet`` matches output lines that nobody reads.
    ``fetched`` is a path that set-up leaves behind; when it is gone, set-up runs again.
    ``kit`` is the fake server of the client's testing kit as a program, in conformance/kits/.
    ``programs`` maps what some tests look for on PATH, and skip themselves without, to its other
    names; each is also the name of the package of the system that has it.
    """

    title: str
    toolchain: str | None
    folders: tuple[str, ...]
    locks: tuple[str, ...]
    setup: tuple[Step, ...]
    test: tuple[Step, ...]
    counted: str
    lint: tuple[Step, ...]
    fmt: tuple[Step, ...]
    testee: Testee
    kit: Testee | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    quiet: str = r"(?!)"
    fetched: str = ""
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


CHROMIUM = {"chromium": ("chromium-browser",)}

# One run for each folder of tests: packages of tests in different folders share their names.
# The server's tests wait for sockets and processes more than they compute.
PYTHON_TESTS = (
    *(
        Step((f"{VENV_BIN}/pytest", "-q", "-n", workers, f"{folder}/tests"))
        for folder, workers in (
            ("tools", "2"),
            ("codegen", "2"),
            ("conformance", "2"),
            ("python/client", "2"),
            ("python/admin-client", "1"),
            ("python/server", "4"),
        )
    ),
    # Without the fast paths.
    Step((f"{VENV_BIN}/pytest", "-q", "-n", "2", "python/client/tests", "--slow-ways")),
    # What touches the event loop, on another one.
    Step(
        (
            f"{VENV_BIN}/pytest",
            "-q",
            "-n",
            "2",
            "--uvloop",
            *(
                f"python/client/tests/test_{name}.py"
                for name in ("connection", "faults", "turns", "stop", "transport_frames")
            ),
        )
    ),
)

PYTHON = Language(
    title="Python",
    toolchain=None,
    folders=("codegen", "conformance", "python/client", "python/admin-client", "python/server"),
    locks=(),
    setup=(),
    test=PYTHON_TESTS,
    programs=CHROMIUM,
    counted=r"(\d+) passed",
    quiet=r"bringing up nodes|[.\s]+(\[ *\d+%\])?$",
    lint=(
        Step((f"{VENV_BIN}/ruff", "check", "--quiet", ".")),
        Step((f"{VENV_BIN}/ruff", "format", "--quiet", "--check", ".")),
        Step((f"{VENV_BIN}/mypy",)),
    ),
    fmt=(
        Step((f"{VENV_BIN}/ruff", "check", "--quiet", "--fix", ".")),
        Step((f"{VENV_BIN}/ruff", "format", "--quiet", ".")),
    ),
    testee=Testee(
        command=(f"{VENV_BIN}/python", "testee.py"),
        folder="conformance/testees/python",
        artefact="conformance/testees/python/testee.py",
        inputs=(),
    ),
    kit=Testee(
        command=(f"{VENV_BIN}/python", "{root}/conformance/kits/python/kit.py"),
        folder="conformance/kits/python",
        artefact="conformance/kits/python/kit.py",
        inputs=(),
    ),
)

PLAYGROUND = "python/server/playground"
"""A page of the server, written in TypeScript over the client's package."""

TYPESCRIPT = Language(
    title="TypeScript",
    toolchain="node",
    folders=(
        "typescript",
        "conformance/testees/typescript",
        "conformance/kits/typescript",
        PLAYGROUND,
    ),
    locks=("package-lock.json", "typescript/package.json", f"{PLAYGROUND}/package.json"),
    setup=(Step(("npm", "ci", "--no-audit", "--no-fund")),),
    test=(Step(("npm", "test"), "typescript"), Step(("npm", "test"), PLAYGROUND)),
    programs=CHROMIUM,
    fetched="node_modules",
    counted=r"Tests\s+(\d+) passed",
    lint=(
        Step(("npm", "run", "lint"), "typescript"),
        Step(("npm", "run", "lint"), PLAYGROUND),
    ),
    fmt=(Step(("npm", "run", "fmt"), "typescript"), Step(("npm", "run", "fmt"), PLAYGROUND)),
    testee=Testee(
        command=("node", "dist/main.mjs"),
        folder="conformance/testees/typescript",
        artefact="conformance/testees/typescript/dist/main.mjs",
        inputs=("typescript/", "conformance/testees/typescript/"),
        build=(
            Step(("npm", "run", "--silent", "build"), "typescript"),
            Step(("npm", "run", "--silent", "build"), "conformance/testees/typescript"),
        ),
    ),
    kit=Testee(
        command=("node", "{root}/conformance/kits/typescript/launcher.mjs"),
        folder="conformance/kits/typescript",
        artefact="typescript/dist/testing.mjs",
        inputs=("typescript/", "conformance/kits/typescript/"),
        build=(Step(("npm", "run", "--silent", "build"), "typescript"),),
    ),
)

GO = Language(
    title="Go",
    toolchain="go",
    folders=("go", "conformance/testees/go", "conformance/kits/go"),
    locks=("go/go.sum", "conformance/testees/go/go.sum", "conformance/kits/go/go.sum"),
    setup=(
        Step(("go", "mod", "download"), "go"),
        Step(("go", "mod", "download"), "conformance/testees/go"),
        Step(("go", "mod", "download"), "conformance/kits/go"),
    ),
    test=(
        Step(("go", "vet", "./..."), "go"),
        Step(("go", "test", "-race", "-v", "./..."), "go"),
        Step(("go", "test", "-tags", "fullway", "./..."), "go"),  # without the fast paths
        Step(("go", "vet", "./..."), "conformance/testees/go"),
        Step(("go", "vet", "./..."), "conformance/kits/go"),
    ),
    counted=r"(?m)^\s*--- (PASS)",
    quiet=r"=== |\s*--- PASS|PASS$|\?|\s+testing: warning: no tests",
    lint=(
        Step(("gofmt", "-l", "go", "conformance/testees/go", "conformance/kits/go"), silent=True),
        Step(("go", "vet", "./..."), "go"),
        Step(("go", "vet", "./..."), "conformance/testees/go"),
        Step(("go", "vet", "./..."), "conformance/kits/go"),
    ),
    fmt=(Step(("gofmt", "-w", "go", "conformance/testees/go", "conformance/kits/go")),),
    testee=Testee(
        command=("./bin/testee",),
        folder="conformance/testees/go",
        artefact="conformance/testees/go/bin/testee",
        inputs=("go/", "conformance/testees/go/"),
        build=(Step(("go", "build", "-o", "bin/testee", "."), "conformance/testees/go"),),
    ),
    kit=Testee(
        command=("{root}/conformance/kits/go/bin/kit",),
        folder="conformance/kits/go",
        artefact="conformance/kits/go/bin/kit",
        inputs=("go/", "conformance/kits/go/"),
        build=(Step(("go", "build", "-o", "bin/kit", "."), "conformance/kits/go"),),
    ),
)

DOTNET = Language(
    title=".NET",
    toolchain="dotnet",
    folders=("dotnet", "conformance/testees/dotnet", "conformance/kits/dotnet"),
    locks=("dotnet/Directory.Packages.props", "dotnet/All.slnx"),
    setup=(Step(("dotnet", "restore", "All.slnx"), "dotnet"),),
    test=(Step(("dotnet", "test", "All.slnx", "--no-restore"), "dotnet"),),
    counted=r"Passed!\s+- Failed:\s+0, Passed:\s+(\d+)",
    lint=(
        Step(
            ("dotnet", "format", "whitespace", "All.slnx", "--no-restore", "--verify-no-changes"),
            "dotnet",
        ),
    ),
    fmt=(Step(("dotnet", "format", "whitespace", "All.slnx", "--no-restore"), "dotnet"),),
    testee=Testee(
        command=("dotnet", "bin/Debug/net10.0/testee.dll"),
        folder="conformance/testees/dotnet",
        artefact="conformance/testees/dotnet/bin/Debug/net10.0/testee.dll",
        inputs=("dotnet/src/", "dotnet/Directory", "conformance/testees/dotnet/"),
        build=(
            Step(("dotnet", "build", "--no-restore", "--nologo"), "conformance/testees/dotnet"),
        ),
    ),
    kit=Testee(
        command=("dotnet", "{root}/conformance/kits/dotnet/bin/Debug/net10.0/kit.dll"),
        folder="conformance/kits/dotnet",
        artefact="conformance/kits/dotnet/bin/Debug/net10.0/kit.dll",
        inputs=("dotnet/src/", "dotnet/Directory", "conformance/kits/dotnet/"),
        build=(Step(("dotnet", "build", "--no-restore", "--nologo"), "conformance/kits/dotnet"),),
    ),
)

# The same programs once more, without the fast paths.
RUST_FULL_WAY = (
    *("env", "LEARNED_FRAMES=off", "QUIET_TURNS=off"),
    *("cargo", "test", "--quiet", "--locked", "--workspace", "--all-features"),
    *("--test", "suite"),
)

RUST = Language(
    title="Rust",
    toolchain="rust",
    folders=("rust", "conformance/testees/rust", "conformance/kits/rust"),
    locks=("rust/Cargo.lock",),
    setup=(Step(("cargo", "fetch", "--quiet", "--locked"), "rust"),),
    test=(
        Step(("cargo", "test", "--quiet", "--locked", "--workspace", "--all-features"), "rust"),
        Step(RUST_FULL_WAY, "rust"),
        Step(
            (
                "cargo",
                "clippy",
                "--quiet",
                "--locked",
                "--workspace",
                "--all-features",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ),
            "rust",
        ),
    ),
    counted=r"test result: ok\. (\d+) passed",
    lint=(Step(("cargo", "fmt", "--all", "--check"), "rust"),),
    fmt=(Step(("cargo", "fmt", "--all"), "rust"),),
    env={"CARGO_TARGET_DIR": "{root}/rust/target"},
    testee=Testee(
        command=("{root}/rust/target/debug/testee",),
        folder="conformance/testees/rust",
        artefact="rust/target/debug/testee",
        inputs=("rust/src/", "rust/Cargo", "conformance/testees/rust/"),
        build=(Step(("cargo", "build", "--quiet", "--locked", "-p", "testee"), "rust"),),
    ),
    kit=Testee(
        command=("{root}/rust/target/debug/kit",),
        folder="conformance/kits/rust",
        artefact="rust/target/debug/kit",
        inputs=("rust/src/", "rust/Cargo", "conformance/kits/rust/"),
        build=(Step(("cargo", "build", "--quiet", "--locked", "-p", "kit"), "rust"),),
    ),
)

LANGUAGES: Mapping[str, Language] = {
    "python": PYTHON,
    "typescript": TYPESCRIPT,
    "go": GO,
    "dotnet": DOTNET,
    "rust": RUST,
}
"""The five, in the order in which every table and report lists them."""
