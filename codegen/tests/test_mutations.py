"""One change of a specification or of its output, one named check that fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import PROTOCOLS, Ran

PAUSE = """  ProgressPause:
    description: A rest.
    type: object
    required: [kind]
    additionalProperties: false
    properties:
      kind: {const: pause, description: Names the branch.}
"""
CONFIG = """
spec = "spec"
vectors = "vectors"
manifest = "manifest.json"
[lang.go]
out = "go"
package = "workbench"
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the workbench protocol in a project of its own, generated."""
    shutil.copytree(PROTOCOLS / "workbench", tmp_path / "spec")
    (tmp_path / "wiregen.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "spec"


def _replace(folder: Path, old: str, new: str) -> None:
    path = folder / "schemas.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_const_of_a_branch_less(spec: Path, wiregen: Callable[..., Ran]) -> None:
    _replace(spec, "kind: {const: report,", "kind: {type: string,")
    assert "[UNION_TAG_LOST]" in wiregen("diff", str(PROTOCOLS / "workbench"), str(spec)).out
    told = wiregen("lint", "--json").out
    assert "opaque-union" in told


def test_the_const_that_names_a_message_less(spec: Path, wiregen: Callable[..., Ran]) -> None:
    """The message's name is its word then, and that is said; of two words it is neither."""
    _replace(spec, "method: {const: task/progress}", "method: {type: string}")
    assert "'method' takes any text" in wiregen("lint").out
    _replace(spec, "method: {type: string}", "method: {enum: [task/progress, task/done]}")
    ran = wiregen("check")
    assert ran.code == 2
    assert "[tag-const]" in ran.err


def test_a_branch_more(spec: Path, wiregen: Callable[..., Ran]) -> None:
    assert wiregen("generate", "--lang", "go").code == 0
    report = "{$ref: '#/$defs/ProgressReport'}, "
    _replace(spec, report, report + "{$ref: '#/$defs/ProgressPause'}, ")
    _replace(spec, "  ProgressEnd:\n", PAUSE + "  ProgressEnd:\n")
    for clients, code in (("open", 0), ("closed", 1)):
        ran = wiregen("diff", str(PROTOCOLS / "workbench"), str(spec), "--clients", clients)
        assert ran.code == code
        assert "[UNION_BRANCH_ADDED]" in ran.out
    checked = wiregen("check", "--lang", "go")
    assert checked.code == 1
    assert "wire_unions.gen.go: specification changed" in checked.out


def test_a_member_by_another_name(spec: Path, wiregen: Callable[..., Ran]) -> None:
    assert wiregen("generate", "--lang", "go").code == 0
    _replace(spec, "steps: {type: integer", "stages: {type: integer")
    ran = wiregen("diff", str(PROTOCOLS / "workbench"), str(spec))
    assert "steps" in ran.out
    checked = wiregen("check", "--lang", "go")
    assert checked.code == 1
    assert "specification changed" in checked.out


def test_a_generated_file_edited(spec: Path, wiregen: Callable[..., Ran]) -> None:
    assert wiregen("generate", "--lang", "go").code == 0
    path = spec.parent / "go" / "workbench" / "wire_unions.gen.go"
    path.write_text(path.read_text(encoding="utf-8") + "\n// mine\n", encoding="utf-8")
    checked = wiregen("check", "--lang", "go")
    assert checked.code == 1
    assert "wire_unions.gen.go: hand edit" in checked.out
