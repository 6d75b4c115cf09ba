"""Software bills of materials (CycloneDX 1.6, JSON) of what is published, from the locked versions.

Each names what comes along when the artifact is installed without extras, in the versions that the
repository is tested with. They hold no time and no serial number: the same sources give the same.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from dist_build import GO_MODULE, NUGET, PYTHON, version
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from steps import Ready
from workshop import ROOT, SetupError

Part = tuple[str, str, str]
"""Kind of package URL, name, version."""


def document(part: Part, parts: Iterable[Part]) -> dict[str, Any]:
    """The bill of one artifact."""
    found = sorted(set(parts))
    main = component(part, "library")
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {**main, "licenses": [{"license": {"id": "MIT"}}]},
            "authors": [{"name": "smooth-operator contributors"}],
        },
        "components": [component(each, "library") for each in found],
        "dependencies": [{"ref": main["bom-ref"], "dependsOn": [purl(each) for each in found]}],
    }


def component(part: Part, kind: str) -> dict[str, str]:
    """One package."""
    reference = purl(part)
    return {
        "type": kind,
        "bom-ref": reference,
        "name": part[1],
        "version": part[2],
        "purl": reference,
    }


def purl(part: Part) -> str:
    """The package URL."""
    kind, name, number = part
    return f"pkg:{kind}/{name.replace('@', '%40')}@{number}"


def needed_by(name: str, found: dict[str, str] | None = None) -> dict[str, str]:
    """What a distribution needs without extras, and what those need: name -> version."""
    found = {} if found is None else found
    for text in metadata.requires(name) or []:
        wanted = Requirement(text)
        known = canonicalize_name(wanted.name)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        if known not in found:
            found[known] = metadata.version(known)
            needed_by(known, found)
        for extra in wanted.extras:
            _of_extra(known, extra, found)
    return found


def _of_extra(name: str, extra: str, found: dict[str, str]) -> None:
    for text in metadata.requires(name) or []:
        wanted = Requirement(text)
        known, marker = canonicalize_name(wanted.name), wanted.marker
        if marker is None or known in found or marker.evaluate({"extra": ""}):
            continue
        if marker.evaluate({"extra": extra}):
            found[known] = metadata.version(known)
            needed_by(known, found)


def _python(_: Ready) -> dict[str, tuple[Part, list[Part]]]:
    return {
        name: (
            ("pypi", name, version()),
            [("pypi", each, number) for each, number in needed_by(name).items()],
        )
        for name in PYTHON
    }


def _typescript(_: Ready) -> dict[str, tuple[Part, list[Part]]]:
    about = json.loads((ROOT / "typescript/package.json").read_text(encoding="utf-8"))
    if about.get("dependencies"):
        raise SetupError("typescript/package.json: has dependencies, which no bill names")
    return {"smooth-operator-npm": (("npm", about["name"], version()), [])}


def _go(ready: Ready) -> dict[str, tuple[Part, list[Part]]]:
    shape = "{{with .Module}}{{.Path}} {{.Version}}{{end}}"
    rows = _lines(["go", "list", "-deps", "-f", shape, "./..."], "go", ready)
    parts = [tuple(row.split()) for row in rows if row.split()[1:]]
    return {
        "smooth-operator-go": (
            ("golang", GO_MODULE, f"v{version()}"),
            [("golang", name, number) for name, number in parts],
        )
    }


def _dotnet(_: Ready) -> dict[str, tuple[Part, list[Part]]]:
    core = ("nuget", NUGET[0], version())
    return {
        name: (("nuget", name, version()), [core] if name != NUGET[0] else []) for name in NUGET
    }


def _rust(ready: Ready) -> dict[str, tuple[Part, list[Part]]]:
    name = "smooth-operator-client"
    flags = ["-p", name, "-e", "normal", "--prefix", "none", "-f", "{p}", "--target", "all"]
    rows = _lines(["cargo", "tree", "--locked", *flags], "rust", ready)
    parts = [tuple(row.split()[:2]) for row in rows]
    return {
        name: (
            ("cargo", name, version()),
            [("cargo", each, number.removeprefix("v")) for each, number in parts if each != name],
        )
    }


def _lines(command: list[str], folder: str, ready: Ready) -> list[str]:
    done = subprocess.run(
        command,
        cwd=ROOT / folder,
        env=dict(ready.env),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise SetupError(f"{' '.join(command)}: {done.stderr.strip()}")
    return [line for line in done.stdout.splitlines() if line.strip()]


BILLS: dict[str, Callable[[Ready], dict[str, tuple[Part, list[Part]]]]] = {
    "python": _python,
    "typescript": _typescript,
    "go": _go,
    "dotnet": _dotnet,
    "rust": _rust,
}


def write(ready: Ready, out: Path) -> None:
    """Write the bills of one language to ``sbom/NAME.cdx.json``."""
    folder = out / "sbom"
    folder.mkdir(exist_ok=True)
    for name, (part, parts) in BILLS[ready.name](ready).items():
        text = json.dumps(document(part, parts), indent=2)
        (folder / f"{name}.cdx.json").write_text(text + "\n", encoding="utf-8")
