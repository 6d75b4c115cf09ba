"""Released versions: kept whole, never changed silently, compared by schema and by sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wiregen.diff.sentences import read_sentences

from .conftest import Ran, Workspace

SENTENCES = """# Rules
- **REQ-ROOM-01** (MUST, client) A client reads.
- **REQ-ROOM-02** (SHOULD, server) A server answers within a second.
- **REQ-ROOM-03** (MUST, server) A server counts.
"""


@pytest.fixture
def rules(workspace: Workspace) -> Path:
    path = workspace.spec / "behaviour.md"
    path.write_text(SENTENCES, encoding="utf-8")
    return path


@pytest.mark.usefixtures("rules")
def test_a_version_is_kept_whole_with_sentences_and_vectors(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    assert wiregen("generate").code == 0
    assert wiregen("freeze").out == "kept released/2.0\n"
    kept = workspace.root / "released" / "2.0"
    assert (kept / "VERSION").read_text() == "2.0\n"
    read = [path.relative_to(workspace.spec) for path in workspace.spec.rglob("*.*")]
    assert read
    for name in read:
        assert (kept / name).read_bytes() == (workspace.spec / name).read_bytes()
    assert (kept / "vectors" / "frames.json").is_file()
    assert wiregen("diff", "released/2.0").out.endswith("version bump: none\n")


def test_another_content_of_the_same_version_is_refused_without_force(
    workspace: Workspace, wiregen: Callable[..., Ran], rules: Path
) -> None:
    assert wiregen("freeze").code == 0
    assert wiregen("freeze").code == 0
    before = workspace.files()
    rules.write_text(SENTENCES.replace("reads", "reads twice"), encoding="utf-8")
    refused = wiregen("freeze")
    assert refused.code == 2
    assert "released/2.0#: error [freeze-differs]" in refused.err
    assert "behaviour.md" in refused.err
    assert workspace.files() == before
    assert wiregen("freeze", "--force").code == 0
    assert "twice" in (workspace.root / "released/2.0/behaviour.md").read_text()


def test_what_is_no_longer_part_of_the_version_goes_with_force(
    workspace: Workspace, wiregen: Callable[..., Ran], rules: Path
) -> None:
    assert wiregen("freeze").code == 0
    rules.unlink()
    assert wiregen("freeze").code == 2
    assert wiregen("freeze", "--force").code == 0
    assert not (workspace.root / "released/2.0/behaviour.md").exists()


def test_a_specification_with_errors_is_not_kept(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    workspace.replace("errors.yaml", "actions: [", "actions: [nowhere, ")
    refused = wiregen("freeze")
    assert refused.code == 2
    assert "nowhere" in refused.err
    assert not (workspace.root / "released").exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("A client reads.", "A client reads aloud.", "dangerous REQ-ROOM-01: reads otherwise now"),
        ("(SHOULD, server)", "(MUST, server)", "dangerous REQ-ROOM-02: SHOULD became MUST"),
        ("(MUST, client)", "(SHOULD, client)", "dangerous REQ-ROOM-01: MUST became SHOULD"),
        ("(MUST, client)", "(MUST, server)", "dangerous REQ-ROOM-01: reads otherwise now"),
        ("REQ-ROOM-03", "REQ-ROOM-04", "dangerous REQ-ROOM-03: MUST, server: A server counts."),
        ("REQ-ROOM-03", "REQ-ROOM-04", "ok        REQ-ROOM-04: MUST, server: A server counts."),
    ],
)
def test_sentences_are_compared_by_their_ids(
    wiregen: Callable[..., Ran], rules: Path, old: str, new: str, told: str
) -> None:
    assert wiregen("freeze").code == 0
    rules.write_text(SENTENCES.replace(old, new), encoding="utf-8")
    ran = wiregen("diff", "released/2.0")
    assert told in ran.out
    assert ran.code == 0


def test_a_specification_without_sentences_has_none(tmp_path: Path) -> None:
    assert read_sentences(tmp_path) == {}


def test_a_version_that_cannot_name_a_folder_is_refused(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    workspace.replace("asyncapi.yaml", '"2.0"', '"../2.0"')
    refused = wiregen("freeze")
    assert refused.code == 2
    assert "asyncapi.yaml#/info/version: error [freeze-version]" in refused.err
    assert not (workspace.root / "2.0").exists()
