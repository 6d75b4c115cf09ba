"""What an artifact must hold: it is opened and read, and each thing that it lacks is a sentence."""

from __future__ import annotations

import io
import json
import re
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from email.message import Message
from email.parser import Parser
from pathlib import Path
from xml.etree import ElementTree

from workshop import ROOT

Files = Mapping[str, bytes]
LICENSE = (ROOT / "LICENSE").read_bytes()
LINKS = ("Homepage", "Source", "Changelog", "Issues")
STRANGE = re.compile(r"(^|/)(tests?|node_modules|__pycache__|obj|bin|target|\.[a-z_]+)/")
"""Folders that have no place in what people install."""
TYPED = {
    "smooth_operator": "smooth_operator/py.typed",
    "smooth_operator_server": "smooth_operator_server/py.typed",
    "smooth_operator_admin": "smooth_operator_admin/py.typed",
}
QUICKSTART = "<!-- run: quickstart -->"


def files_of(path: Path) -> dict[str, bytes]:
    """Return the files of a zip or a tar, by name; the folder that holds all is left out."""
    if path.suffix in (".whl", ".nupkg", ".snupkg", ".zip"):
        with zipfile.ZipFile(path) as archive:
            return {i.filename: archive.read(i) for i in archive.infolist() if not i.is_dir()}
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                found[member.name.partition("/")[2]] = content.read()
    return found


def faults(path: Path, version: str) -> list[str]:
    """Say what is wrong with an artifact, a sentence each; nothing when it may be published."""
    files = files_of(path)
    for ending, check in CHECKS.items():
        if path.name.endswith(ending):
            told = [*check(files, version), *_everywhere(files)]
            return [f"{path.name}: {fault}" for fault in told]
    return [f"{path.name}: is no kind of artifact that is known here"]


def readme_of(path: Path) -> str:
    """The README in an artifact, as who installs it reads it."""
    files = files_of(path)
    for name, content in files.items():
        if name.endswith(".dist-info/METADATA"):
            return str(_headers(content).get_payload())
    names = sorted((n for n in files if n.rpartition("/")[2] == "README.md"), key=len)
    return files[names[0]].decode("utf-8") if names else ""


def _everywhere(files: Files) -> Iterator[str]:
    here = str(ROOT).encode()
    for name, content in files.items():
        if here in content:
            yield f"{name} names a folder of the machine that built it"


def _headers(content: bytes) -> Message:
    return Parser().parse(io.StringIO(content.decode("utf-8")))


def _license(files: Files, ending: str = "LICENSE") -> Iterator[str]:
    if not any(n.endswith(ending) and content == LICENSE for n, content in files.items()):
        yield "has no LICENSE, or another one than the repository's"


def _python_headers(about: Message, version: str) -> Iterator[str]:
    for name, wanted in (
        ("Version", version),
        ("License-Expression", "MIT"),
        ("Requires-Python", ">=3.11"),
    ):
        if about.get(name) != wanted:
            yield f"{name} is {about.get(name)}, not {wanted}"
    if not about.get("Summary") or not about.get("Keywords"):
        yield "has no summary or no keywords"
    links = {line.partition(",")[0] for line in about.get_all("Project-URL") or []}
    yield from (f"has no link {link}" for link in LINKS if link not in links)
    if "Development Status :: " not in " ".join(about.get_all("Classifier") or []):
        yield "has no classifiers"
    if len(str(about.get_payload())) < 500 or "markdown" not in str(
        about.get("Description-Content-Type")
    ):
        yield "has no README"


def _wheel(files: Files, version: str) -> Iterator[str]:
    (metadata,) = (name for name in files if name.endswith(".dist-info/METADATA"))
    about = _headers(files[metadata])
    yield from _python_headers(about, version)
    yield from _license(files, "licenses/LICENSE")
    if about.get("Name") == "smooth-operator" and QUICKSTART not in str(about.get_payload()):
        yield "its README has no quickstart"
    packages = {name.partition("/")[0] for name in files}
    for package, marker in TYPED.items():
        if package in packages and marker not in files:
            yield f"has no {marker}"
    yield from (f"has {name}" for name in files if STRANGE.search(name) and "/data/" not in name)


def _sdist(files: Files, version: str) -> Iterator[str]:
    yield from _python_headers(_headers(files["PKG-INFO"]), version)
    yield from _license(files)
    yield from (f"has no {name}" for name in ("pyproject.toml", "README.md") if name not in files)


def _npm(files: Files, version: str) -> Iterator[str]:
    about = json.loads(files["package.json"])
    if about["version"] != version:
        yield f"version is {about['version']}, not {version}"
    for name in ("description", "license", "repository", "homepage", "bugs", "keywords", "engines"):
        if not about.get(name):
            yield f"package.json has no {name}"
    if about.get("dependencies"):
        yield "has dependencies"
    yield from _license(files)
    if QUICKSTART not in files.get("README.md", b"").decode("utf-8"):
        yield "its README has no quickstart"
    for target in _targets(about["exports"]):
        if target.removeprefix("./") not in files:
            yield f"exports {target}, which is not in it"
    for target in (about["main"], about["module"], about["types"]):
        if target.removeprefix("./") not in files:
            yield f"names {target}, which is not in it"
    yield from (f"has {name}" for name in files if STRANGE.search(name))


def _targets(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from _targets(value)
    elif isinstance(node, str):
        yield node


def _nuget(files: Files, version: str) -> Iterator[str]:
    (name,) = (name for name in files if name.endswith(".nuspec"))
    root = ElementTree.fromstring(files[name].decode("utf-8-sig"))
    about = {e.tag.partition("}")[2]: e for e in root[0]}
    if about["version"].text != version:
        yield f"version is {about['version'].text}, not {version}"
    for word in ("description", "license", "readme", "projectUrl", "repository", "tags", "authors"):
        if word not in about:
            yield f"its nuspec has no {word}"
    if "repository" in about and not about["repository"].get("commit"):
        yield "does not name the commit that it was built from"
    yield from _license(files)
    if "README.md" not in files or len(files["README.md"]) < 500:
        yield "has no README"
    library = f"lib/net10.0/{name.removesuffix('.nuspec')}"
    for ending in (".dll", ".xml"):
        if library + ending not in files:
            yield f"has no {library}{ending}"


def _symbols(files: Files, _: str) -> Iterator[str]:
    if not any(name.endswith(".pdb") for name in files):
        yield "has no symbols"


def _crate(files: Files, version: str) -> Iterator[str]:
    about = tomllib.loads(files["Cargo.toml"].decode("utf-8"))["package"]
    if about["version"] != version:
        yield f"version is {about['version']}, not {version}"
    for name in ("description", "license", "repository", "homepage", "documentation", "readme"):
        if not about.get(name):
            yield f"Cargo.toml has no {name}"
    if not about.get("keywords") or not about.get("rust-version"):
        yield "Cargo.toml has no keywords or no rust-version"
    yield from _license(files)
    if QUICKSTART not in files.get("README.md", b"").decode("utf-8"):
        yield "its README has no quickstart"
    yield from (f"has {name}" for name in files if name.startswith("tests/"))


def _module(files: Files, version: str) -> Iterator[str]:
    for name in files:
        if f"@v{version}/" not in name:
            yield f"{name} is not below the module's version"
            return
    short = {name.partition(f"@v{version}/")[2] for name in files}
    yield from (f"has no {name}" for name in ("go.mod", "go.sum", "README.md") if name not in short)
    yield from _license(files)
    lower: dict[str, str] = {}
    for name in sorted(short):  # a module proxy refuses two names that differ in case alone
        if lower.setdefault(name.lower(), name) != name:
            yield f"has {lower[name.lower()]} and {name}"


CHECKS: dict[str, Callable[[Files, str], Iterator[str]]] = {
    ".whl": _wheel,
    ".tar.gz": _sdist,
    ".tgz": _npm,
    ".snupkg": _symbols,
    ".nupkg": _nuget,
    ".crate": _crate,
    ".zip": _module,
}
