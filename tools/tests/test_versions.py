"""One fact, one place: what the manifests ask for is what set-up looks for."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from setup_python import OLDEST as OLDEST_PYTHON
from setup_python import PACKAGES
from toolchains import OLDEST
from workshop import ROOT


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def spoken(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


@pytest.mark.parametrize(
    "path",
    ["package.json", "typescript/package.json", "python/server/playground/package.json"],
)
def test_node_floor_is_the_engines_of_the_packages(path: str) -> None:
    assert json.loads(text(path))["engines"]["node"] == f">={spoken(OLDEST['node'])}"


@pytest.mark.parametrize("path", ["go/go.mod", "conformance/testees/go/go.mod"])
def test_go_floor_is_the_go_line_of_the_modules(path: str) -> None:
    line = re.search(r"^go (\d+\.\d+)", text(path), re.MULTILINE)
    assert line is not None
    assert line.group(1) == spoken(OLDEST["go"])


def test_rust_floor_is_the_rust_version_of_the_workspace() -> None:
    package = tomllib.loads(text("rust/Cargo.toml"))["workspace"]["package"]
    assert package["rust-version"] == spoken(OLDEST["rust"])


def test_dotnet_floor_is_the_target_framework() -> None:
    props = text("dotnet/Directory.Build.props")
    assert f"<TargetFramework>net{OLDEST['dotnet'][0]}.0</TargetFramework>" in props


@pytest.mark.parametrize("package", PACKAGES)
def test_python_floor_is_what_the_packages_require(package: str) -> None:
    project = tomllib.loads(text(f"{package}/pyproject.toml"))["project"]
    assert project["requires-python"] == f">={spoken(OLDEST_PYTHON)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_dependency_of_a_package_is_locked(package: str) -> None:
    lock = text("requirements/python.lock")
    locked = set(re.findall(r"^([a-z0-9][\w.-]*)==", lock, re.MULTILINE))
    project = tomllib.loads(text(f"{package}/pyproject.toml"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    wanted = [*project["dependencies"], *(one for extra in extras for one in extra)]
    names = {re.sub(r"[_.]", "-", re.split(r"[^\w.-]", one)[0].lower()) for one in wanted}
    ours = {tomllib.loads(text(f"{one}/pyproject.toml"))["project"]["name"] for one in PACKAGES}
    assert names - locked - ours == set()


def test_locks_name_no_host() -> None:
    for lock in ROOT.glob("requirements/*.lock"):
        assert "://" not in lock.read_text(encoding="utf-8"), lock.name
    assert '"resolved": "http' not in text("package-lock.json")
