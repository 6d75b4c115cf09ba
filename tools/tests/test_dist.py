"""What may not be published is refused: each thing that an artifact can lack is a sentence."""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from dist_build import BUILDERS, GO_MODULE, PYTHON, build_go, version
from dist_read import LICENSE, QUICKSTART, faults, readme_of
from dist_sbom import document, needed_by
from dist_try import ANSWER, TRIALS, Bench
from languages import LANGUAGES
from steps import Ready
from workshop import ROOT

README = f"# A package\n\n{QUICKSTART}\n```python\nprint('127.0.0.1:8787')\n```\n" + "words " * 100
METADATA = """\
Metadata-Version: 2.4
Name: smooth-operator
Version: 1.0
Summary: Told in a line
Keywords: agent
License-Expression: MIT
Requires-Python: >=3.11
Project-URL: Homepage, https://example.com
Project-URL: Source, https://example.com
Project-URL: Changelog, https://example.com
Project-URL: Issues, https://example.com
Classifier: Development Status :: 3 - Alpha
Description-Content-Type: text/markdown

"""
INFO = "smooth_operator-1.0.dist-info"
WHEEL = {
    "smooth_operator/__init__.py": b"",
    "smooth_operator/py.typed": b"",
    f"{INFO}/METADATA": (METADATA + README).encode(),
    f"{INFO}/licenses/LICENSE": LICENSE,
}
MANIFEST: dict[str, Any] = {
    **dict.fromkeys(
        ["description", "license", "repository", "homepage", "bugs", "keywords", "engines"], "x"
    ),
    "version": "1.0",
    "main": "./dist/index.cjs",
    "module": "./dist/index.mjs",
    "types": "./dist/index.d.cts",
    "exports": {".": {"import": {"types": "./dist/index.d.cts", "default": "./dist/index.mjs"}}},
}
TARBALL = {
    "package.json": json.dumps(MANIFEST).encode(),
    "README.md": README.encode(),
    "LICENSE": LICENSE,
    "dist/index.cjs": b"",
    "dist/index.mjs": b"",
    "dist/index.d.cts": b"",
}


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def wheel(folder: Path, **changed: bytes | None) -> list[str]:
    """Faults of a sound wheel, with members changed (``METADATA``) or taken out (None)."""
    files = dict(WHEEL)
    for word, content in changed.items():
        (name,) = [n for n in files if n.rpartition("/")[2].replace(".", "_") == word]
        if content is None:
            del files[name]
        else:
            files[name] = content
    return faults(zipped(folder / "smooth_operator-1.0-py3-none-any.whl", files), "1.0")


def test_a_sound_wheel_has_no_faults(tmp_path: Path) -> None:
    assert wheel(tmp_path) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"LICENSE": None}, "has no LICENSE"),
        ({"LICENSE": b"another"}, "has no LICENSE, or another one"),
        ({"py_typed": None}, "has no smooth_operator/py.typed"),
        ({"__init___py": str(ROOT).encode()}, "names a folder of the machine"),
        ({"METADATA": METADATA.encode()}, "has no README"),
        (
            {"METADATA": (METADATA + README.replace(QUICKSTART, "")).encode()},
            "its README has no quickstart",
        ),
    ],
)
def test_what_a_wheel_lacks_is_told(
    tmp_path: Path, changed: dict[str, bytes | None], told: str
) -> None:
    assert any(told in fault for fault in wheel(tmp_path, **changed))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Version: 1.0", "Version is None, not 1.0"),
        ("License-Expression: MIT", "License-Expression is None"),
        ("Project-URL: Issues, https://example.com", "has no link Issues"),
        ("Keywords: agent", "no keywords"),
        ("Classifier: Development Status :: 3 - Alpha", "has no classifiers"),
    ],
)
def test_metadata_that_is_missing_is_told(tmp_path: Path, line: str, told: str) -> None:
    text = (METADATA + README).replace(f"{line}\n", "")
    assert any(told in fault for fault in wheel(tmp_path, METADATA=text.encode()))


def test_a_tarball_without_what_it_exports_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.tgz"
    assert faults(tarred(path, TARBALL), "1.0") == []
    unbuilt = {name: content for name, content in TARBALL.items() if "dist/" not in name}
    told = " ".join(faults(tarred(path, unbuilt), "1.0"))
    assert "exports ./dist/index.mjs, which is not in it" in told
    assert "names ./dist/index.cjs, which is not in it" in told
    dependent = {**MANIFEST, "dependencies": {"left-pad": "1"}, "version": "2.0"}
    told = " ".join(
        faults(tarred(path, {**TARBALL, "package.json": json.dumps(dependent).encode()}), "1.0")
    )
    assert "has dependencies" in told
    assert "version is 2.0, not 1.0" in told


def test_a_file_of_no_known_kind_is_told(tmp_path: Path) -> None:
    (fault,) = faults(zipped(tmp_path / "x.zip.whl.zip", {"a": b""}), "1.0")[:1]
    assert "a is not below the module's version" in fault


def test_a_module_has_one_folder_and_everything_in_it(tmp_path: Path) -> None:
    ready = Ready("go", LANGUAGES["go"], {}, "")
    build_go(ready, tmp_path)
    (path,) = tmp_path.rglob("*.zip")
    assert faults(path, version()) == []
    assert QUICKSTART in readme_of(path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert f"{GO_MODULE}@v{version()}/protocol/doc.go" in names
    first = path.read_bytes()
    for each in tmp_path.iterdir():
        each.rename(tmp_path.with_name(f"{tmp_path.name}-before"))
    build_go(ready, tmp_path)
    assert path.read_bytes() == first  # nothing of the day or the machine is in it


def test_the_quickstart_is_the_artifacts_own_at_the_port_that_is_served(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.whl", WHEEL)
    bench = Bench(tmp_path, tmp_path, 4711)
    assert bench.quickstart(bench.only("*.whl")) == "print('127.0.0.1:4711')\n"
    assert readme_of(path).startswith("# A package")
    said = "It has a 17-day return window. (from returns.md)"
    assert ANSWER.search(f"{said}\nfrom returns.md")
    assert not ANSWER.search(said)  # the program has to print the citation itself


def test_every_language_is_built_and_tried() -> None:
    assert list(BUILDERS) == list(TRIALS) == list(LANGUAGES)


def test_one_version_in_every_manifest() -> None:
    def text(path: str) -> str:
        return (ROOT / path).read_text(encoding="utf-8")

    python = {f"{folder}/pyproject.toml" for folder in PYTHON.values()}
    told = {path: tomllib.loads(text(path))["project"]["version"] for path in python}
    told["typescript"] = json.loads(text("typescript/package.json"))["version"]
    told["rust"] = tomllib.loads(text("rust/Cargo.toml"))["package"]["version"]
    found = re.search(r"<Version>(.*?)</Version>", text("dotnet/Directory.Build.props"))
    told["dotnet"] = found[1] if found else ""
    assert set(told.values()) == {version()}, told


@pytest.mark.parametrize(
    "folder", [*PYTHON.values(), "typescript", "go", "dotnet", "rust"], ids=lambda f: str(f)
)
def test_every_package_has_the_repositorys_license(folder: str) -> None:
    assert (ROOT / folder / "LICENSE").read_bytes() == LICENSE


def test_a_bill_names_what_comes_along_and_nothing_else() -> None:
    found = needed_by("smooth-operator")
    assert {"pydantic", "pydantic-core", "websockets", "typing-extensions"} <= set(found)
    assert not {"rich", "cyclopts", "pytest"} & set(found)
    bill = document(("npm", "@a/b", "1.0"), [("pypi", "x", "2"), ("pypi", "x", "2")])
    assert bill["metadata"]["component"]["purl"] == "pkg:npm/%40a/b@1.0"
    assert [each["purl"] for each in bill["components"]] == ["pkg:pypi/x@2"]


WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"


def test_the_release_sends_what_make_dist_has_tried_and_holds_no_secret() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    assert "make dist" in text
    assert "id-token: write" in text
    assert "attest-build-provenance" in text
    assert "secrets." not in text
    for kind in ("pypi-publish", "npm publish", "nuget push", "cargo publish", "git tag"):
        assert kind in text
    assert sys.version_info >= (3, 11)
