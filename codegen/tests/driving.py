"""Build one project a language from generated code, and replay frames through all of them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import toolchains

from wiregen import generate, writing
from wiregen.config import Config, Target
from wiregen.emit._csharp_tables import operation_name, shape_name
from wiregen.emit._go_types import Named
from wiregen.escape import csharp, go
from wiregen.graph import reach
from wiregen.ir import Operation, Spec
from wiregen.naming import LANGS, pascal, type_name
from wiregen.printed import printed
from wiregen.register import localised
from wiregen.reserved import Lang

Json = Any
DRIVERS = Path(__file__).parent / "drivers"
PROJECT = Path(__file__).parents[2]
TOOLS = {"python": "", "typescript": "node", "go": "go", "csharp": "dotnet", "rust": "rust"}
LIMIT_S = 900.0
# Compiled projects, by a hash of all that goes into them: a warm run replays and compiles nothing.
BUILT = PROJECT / ".toolchains" / "drivers"
REQUIRED = os.environ.get("REQUIRE") == "all"
Compile = Callable[[Iterable[str], Path, Mapping[str, str]], object]
_OUT = {
    "python": "python/{name}",
    "typescript": "typescript/src/{name}",
    "go": "go",
    "csharp": "csharp/{pascal}",
    "rust": "rust/src/{name}",
}
_TSCONFIG = {
    "compilerOptions": {
        "target": "ES2022",
        "lib": ["ES2022"],
        "module": "commonjs",
        "moduleResolution": "bundler",
        "ignoreDeprecations": "6.0",
        "types": ["node"],
        "typeRoots": [str(PROJECT / "node_modules" / "@types")],
        "strict": True,
        "exactOptionalPropertyTypes": True,
        "noUncheckedIndexedAccess": True,
        "noImplicitOverride": True,
        "skipLibCheck": True,
        "outDir": "dist",
        "rootDir": "src",
    },
    "include": ["src"],
}
_CSPROJ = """<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <Nullable>enable</Nullable>
    <ImplicitUsings>enable</ImplicitUsings>
    <AllowUnsafeBlocks>true</AllowUnsafeBlocks>
    <InvariantGlobalization>true</InvariantGlobalization>
    <SatelliteResourceLanguages>en</SatelliteResourceLanguages>
    <NoWarn>$(NoWarn);NETSDK1187</NoWarn>
    <UseAppHost>false</UseAppHost>
    <GenerateDocumentationFile>true</GenerateDocumentationFile>
    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
  </PropertyGroup>
</Project>
"""
_CARGO = """[package]
name = "wiregen-driver"
version = "0.0.0"
edition = "2024"
[dependencies]
serde = { version = "1", features = ["derive"] }
serde_json = { version = "1", features = ["raw_value"] }
[workspace]
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One frame to replay: of an event, the result of an action, or a type by itself."""

    protocol: str
    role: str
    name: str
    text: str

    def __str__(self) -> str:
        members = {"protocol": self.protocol, "role": self.role}
        return json.dumps({**members, "name": self.name, "text": self.text})


@dataclass(frozen=True, slots=True)
class Driver:
    """The program of one language."""

    lang: Lang
    command: tuple[str, ...]
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def replay(self, lines: Iterable[Line]) -> list[Json]:
        """Return the verdict of every line."""
        text = "".join(f"{line}\n" for line in lines)
        shown = run(self.command, self.folder, self.env, text)
        return [json.loads(line) for line in shown.split("\n") if line]


def build(lang: Lang, root: Path, specs: Mapping[str, Spec], kind: str = "protocols") -> Driver:
    """Generate, compile and check one project with all protocols; unless that very one is there.

    Of each ``kind`` the last project is kept. Where the toolchain is missing the test is reported
    as not run; with REQUIRE=all it fails.
    """
    env = environment(lang)
    for name, spec in specs.items():
        generate_into(lang, root, name, spec)
    builders = {
        "python": python,
        "typescript": typescript,
        "go": _go,
        "csharp": _csharp,
        "rust": _rust,
    }
    with _project(lang, root, kind) as (folder, compiled):
        named = {name: localised(spec, lang) for name, spec in specs.items()}
        driver = builders[lang](folder, named, env, _nothing if compiled else run)
        (folder / "compiled").touch()
    return driver


@contextmanager
def _project(lang: Lang, root: Path, kind: str) -> Iterator[tuple[Path, bool]]:
    """Give the folder for the generated code below ``root`` and whether it was compiled before.

    One process at a time; what an earlier version of the code left behind is removed.
    """
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / f"{kind}-{lang}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = BUILT / f"{kind}-{lang}-{_fingerprint(lang, root / lang)}"
        compiled = (folder / "compiled").is_file()
        if not compiled:
            for old in BUILT.glob(f"{kind}-{lang}-*"):
                shutil.rmtree(old)
            shutil.copytree(root / lang, folder)
        yield folder, compiled


def _fingerprint(lang: Lang, folder: Path) -> str:
    """Hash generated code, drivers, this file, locks and the toolchain's place."""
    digest = hashlib.sha256()
    locks = [PROJECT / "rust" / "Cargo.lock", PROJECT / "package-lock.json", Path(__file__)]
    sources = [*folder.rglob("*"), *DRIVERS.rglob("*"), *locks]
    for path in sorted(path for path in sources if path.is_file()):
        digest.update(path.name.encode() + path.read_bytes())
    digest.update(f"{sys.version}{toolchain_place(lang)}".encode())
    return digest.hexdigest()[:16]


def toolchain_place(lang: Lang) -> str:
    """Return where the compiler of a language lies; another one compiles anew."""
    compiler = {"typescript": "node", "csharp": "dotnet", "rust": "cargo"}.get(lang, lang)
    return shutil.which(compiler, path=environment(lang).get("PATH")) or ""


def _nothing(command: Iterable[str], folder: Path, env: Mapping[str, str]) -> object:
    """Compile nothing: the project was compiled from these very sources."""
    return command, folder, env


def environment(lang: Lang) -> dict[str, str]:
    """Return the environment of a toolchain; where that is missing, the test is not run."""
    tool = TOOLS[lang]
    env = dict(os.environ)
    if not tool:
        return env
    found = toolchains.find(tool, env)
    if isinstance(found, toolchains.Missing):
        not_run(f"{lang}: {found.reason}; {found.mend}")
    assert isinstance(found, toolchains.Toolchain)
    return {**env, **found.env}


def not_run(reason: str) -> None:
    """Say that a test cannot be run here; with REQUIRE=all that is a failure."""
    if REQUIRED:
        pytest.fail(f"not run: {reason}")
    pytest.skip(f"not run: {reason}")


def run(
    command: Iterable[str], folder: Path, env: Mapping[str, str], text: str | None = None
) -> str:
    done = subprocess.run(
        list(command),
        cwd=folder,
        env=dict(env),
        input=text,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, (
        f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    )
    return done.stdout


def generate_into(lang: Lang, root: Path, name: str, spec: Spec) -> None:
    """Write the wire room of one specification into a project of many."""
    out = PurePosixPath(_OUT[lang].format(name=name, pascal=pascal(name)))
    options = {"package": name, "namespace": pascal(name), "module": name}
    where = PurePosixPath("vectors")
    target = Target(lang, out, options)
    config = Config(root, root, where, where, where, {lang: target})
    writing.write_all(root, generate.raw_files(spec, config, lang))


def _calls(spec: Spec) -> list[str]:
    return [item.action for item in spec.operations if item.result is not None]


def _own_types(spec: Spec) -> list[str]:
    """Return the types that no message leads to: they have vectors of their own."""
    spec = printed(spec)
    roots = [item.name for item in (*spec.events, *spec.actions)]
    roots += [item.result.type.name for item in spec.operations if item.result is not None]
    reached = reach({item.name: item for item in spec.types}, roots)
    return [item.name for item in spec.structs if item.name not in reached]


def python(
    folder: Path, specs: Mapping[str, Spec], env: dict[str, str], compile_: Compile
) -> Driver:
    """Check the rooms of these packages, and give the program that replays through them."""
    small = [name for name, spec in specs.items() if len(spec.events) < 100]
    config = "[mypy]\nstrict = True\nplugins = pydantic.mypy\n"
    (folder / "mypy.ini").write_text(config, encoding="utf-8")
    types = {
        name: {word: type_name("python", word, "type") for word in _own_types(spec)}
        for name, spec in specs.items()
    }
    (folder / "types.json").write_text(json.dumps(types), encoding="utf-8")
    compile_([sys.executable, "-m", "mypy", "--config-file", "mypy.ini", *small], folder, env)
    command = (sys.executable, str(DRIVERS / "python" / "driver.py"))
    return Driver("python", command, folder, {**env, "PYTHONPATH": str(folder)})


def typescript(
    folder: Path, specs: Mapping[str, Spec], env: dict[str, str], compile_: Compile
) -> Driver:
    """Compile the rooms of these folders of `src` together with a program."""
    (folder / "tsconfig.json").write_text(json.dumps(_TSCONFIG), encoding="utf-8")
    rooms = (("", ""), *((f"_{room}", f"/{room}") for room in ("json", "repair", "shapes")))
    exports = "".join(
        f"export * as {name}{part} from './{name}{file}';\n"
        for name in specs
        for part, file in rooms
    )
    (folder / "src" / "protocols.ts").write_text(exports, encoding="utf-8")
    driver = (DRIVERS / "typescript" / "driver.ts").read_text(encoding="utf-8")
    (folder / "src" / "driver.ts").write_text(driver, encoding="utf-8")
    compiler = PROJECT / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.is_file():
        not_run("typescript: no compiler; npm ci")
    compile_(["node", str(compiler), "-p", "."], folder, env)
    return Driver("typescript", ("node", "dist/driver.js"), folder, env)


def _go(folder: Path, specs: Mapping[str, Spec], env: dict[str, str], compile_: Compile) -> Driver:
    (folder / "go.mod").write_text("module protocols\n\ngo 1.26\n", encoding="utf-8")
    go_program(folder, specs, "protocols")
    compile_(["go", "vet", "./..."], folder, env)
    compile_(["go", "build", "-o", "driver", "."], folder, env)
    return Driver("go", (str(folder / "driver"),), folder, env)


def go_program(folder: Path, specs: Mapping[str, Spec], module: str) -> None:
    """Write a program that replays through these packages of a module."""
    template = (DRIVERS / "go" / "replay.go.txt").read_text(encoding="utf-8")
    for name, spec in specs.items():
        named = Named(spec)
        calls = "".join(
            f"\tcase {go(word)}:\n\t\treturn replayed("
            f"{named.of(spec.action(word).name)}{{}}.result(event))\n"
            for word in _calls(spec)
        )
        text = template.replace("PACKAGE", name).replace("CALLS", calls)
        (folder / name / "replay.go").write_text(text, encoding="utf-8")
        tables = folder / name / "wire_vectors.gen_test.go"
        if tables.is_file():  # how tests read a type by its name; a program sees no file of tests
            tables.rename(folder / name / "wire_vectors.gen.go")
    main = (DRIVERS / "go" / "main.go.txt").read_text(encoding="utf-8")
    main = main.replace("IMPORTS", "".join(f'\t"{module}/{name}"\n' for name in specs))
    main = main.replace("PROTOCOLS", "".join(f'\t"{name}": {name}.Replay,\n' for name in specs))
    (folder / "main.go").write_text(main, encoding="utf-8")


def _rust(
    folder: Path, specs: Mapping[str, Spec], env: dict[str, str], compile_: Compile
) -> Driver:
    (folder / "Cargo.toml").write_text(_CARGO, encoding="utf-8")
    lock = (PROJECT / "rust" / "Cargo.lock").read_text(encoding="utf-8")
    (folder / "Cargo.lock").write_text(lock, encoding="utf-8")
    rust_program(folder, specs)
    target = folder / "target"
    flags = {"CARGO_INCREMENTAL": "0", "RUSTFLAGS": "-D warnings"}
    env = {**env, "CARGO_TARGET_DIR": str(target), **flags}
    compile_(["cargo", "build", "--quiet"], folder, env)
    return Driver("rust", (str(target / "debug" / "wiregen-driver"),), folder, env)


def rust_program(folder: Path, specs: Mapping[str, Spec]) -> None:
    """Write a program that replays through these modules of a crate."""
    driver = (DRIVERS / "rust" / "src" / "main.rs").read_text(encoding="utf-8")
    (folder / "src" / "main.rs").write_text(driver, encoding="utf-8")
    parts: list[str] = []
    for name, spec in specs.items():
        calls = ", ".join(
            f"{json.dumps(item.action)} => {_action(spec, item)} as {_text_of(spec, item)}"
            for item in spec.operations
            if item.result is not None
        )
        parts.append(f"#[allow(dead_code)]\nmod {name};\n")
        parts.append(f"mod replay_{name} {{ replay!({name}, {name}_type); }}\n")
        named = ((word, type_name("rust", word, "type")) for word in _own_types(spec))
        types = ", ".join(f"{json.dumps(word)} => {type_}" for word, type_ in named)
        parts.append(f"calls!({name} {{ {calls} }});\ntypes!({name}, {name}_type {{ {types} }});\n")
    arms = "".join(f"        {json.dumps(n)} => replay_{n}::replay(line),\n" for n in specs)
    parts.append("fn replay(line: &Line) -> String {\n    match line.protocol.as_str() {\n")
    parts.append(f'{arms}        _ => String::from("{{}}"),\n    }}\n}}\n')
    (folder / "src" / "protocols.rs").write_text("".join(parts), encoding="utf-8")


def _action(spec: Spec, operation: Operation) -> str:
    return type_name("rust", spec.action(operation.action).name, "action")


def _text_of(spec: Spec, operation: Operation) -> str:
    """Return how Rust prints the result of a call; one that is an event knows its text."""
    assert operation.result is not None
    if spec.struct(operation.result.type.name).role == "event":
        return "|it| it.to_json().to_owned()"
    return "|it| serde_json::to_string(&it).unwrap()"


def _csharp(
    folder: Path, specs: Mapping[str, Spec], env: dict[str, str], compile_: Compile
) -> Driver:
    csharp_program(folder, specs, {name: pascal(name) for name in specs})
    (folder / "driver.csproj").write_text(_CSPROJ, encoding="utf-8")
    compile_(["dotnet", "build", "-c", "Release", "-nologo", "-v", "q", "-o", "out"], folder, env)
    return Driver("csharp", ("dotnet", "out/driver.dll"), folder, env)


def csharp_program(folder: Path, specs: Mapping[str, Spec], namespaces: Mapping[str, str]) -> None:
    """Write a program that replays through the rooms of these namespaces."""
    template = (DRIVERS / "csharp" / "Replay.cs.txt").read_text(encoding="utf-8")
    for name, spec in specs.items():
        calls = "".join(
            f"            {csharp(word)} => Result(frame.Event!, "
            f"Operations.{operation_name(spec, spec.action(word))}),\n"
            for word in _calls(spec)
        )
        types = "".join(
            f"            {csharp(word)} => Typed(value, Shapes.{shape_name(word)}, "
            f"{type_name('csharp', word, spec.struct(word).role)}.ReadFrom),\n"
            for word in _own_types(spec)
        )
        text = template.replace("NAMESPACE", namespaces[name])
        text = text.replace("CALLS", calls).replace("TYPES", types)
        (folder / f"{pascal(name)}Replay.cs").write_text(text, encoding="utf-8")
    driver = (DRIVERS / "csharp" / "Driver.cs").read_text(encoding="utf-8")
    arms = "".join(
        f'            "{n}" => {namespaces[n]}.Replaying.Replay(role, name, text),\n' for n in specs
    )
    (folder / "Driver.cs").write_text(driver.replace("PROTOCOLS", arms), encoding="utf-8")


__all__ = ["LANGS", "Driver", "Line", "build", "not_run"]
