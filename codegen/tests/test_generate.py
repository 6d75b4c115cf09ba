"""What is written: goldens, equal bytes from equal input, all or nothing, drift by its reason."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wiregen import generate as writing
from wiregen.build import build
from wiregen.config import load_config
from wiregen.emit import base, languages

from .conftest import Ran, Workspace

Json = Any
GOLDEN = Path(__file__).parent / "golden"
RUN = [sys.executable, "-m", "wiregen.cli"]


def test_the_python_golden_is_what_is_written(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    """`WRITE_GOLDEN=1` writes it anew; review the difference."""
    assert wiregen("generate", "--lang", "python", "--lang", "vectors").code == 0
    for folder in ("python", "vectors"):
        golden = GOLDEN / "thermostat" / folder
        if os.environ.get("WRITE_GOLDEN"):
            shutil.rmtree(golden, ignore_errors=True)
            shutil.copytree(workspace.root / folder, golden)
        assert _tree(workspace.root / folder) == _tree(golden)


def _tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }


def _shuffled(value: Json, rng: random.Random, ordered: bool = False) -> Json:
    """Shuffle the keys of every object but those whose order means something."""
    if isinstance(value, list):
        return [_shuffled(item, rng) for item in value]
    if not isinstance(value, dict):
        return value
    items = list(value.items())
    if not ordered:
        rng.shuffle(items)
    keep = ("properties", "x-mirrors")
    return {key: _shuffled(item, rng, key in keep) for key, item in items}


def _generated(folder: Path, out: Path, **environment: str) -> dict[str, bytes]:
    command = [*RUN, "generate", "--spec", str(folder), "--out", str(out), "--lang", "vectors"]
    for lang in languages():
        if lang != "csharp":  # its formatter takes seconds; the text before it is covered below
            command += ["--lang", lang]
    done = subprocess.run(
        command,
        cwd=out.parent,
        env={**os.environ, "REQUIRE": "", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def test_two_runs_give_equal_bytes_whatever_the_machine(workspace: Workspace) -> None:
    rng = random.Random(7)
    other = workspace.root / "other"
    names = [path.relative_to(workspace.spec) for path in workspace.spec.rglob("*.*")]
    rng.shuffle(names)
    for name in names:
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        text = (workspace.spec / name).read_text(encoding="utf-8")
        if name.suffix == ".json":
            text = json.dumps(_shuffled(json.loads(text), rng))
        (other / name).write_text(text, encoding="utf-8")
    one = _generated(
        workspace.spec, workspace.root / "one", PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C"
    )
    two = _generated(
        other, workspace.root / "two", PYTHONHASHSEED="4242", TZ="Asia/Kathmandu", LC_ALL="C.UTF-8"
    )
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_every_language_prints_the_same_text_twice(workspace: Workspace) -> None:
    config = load_config(workspace.root / "wiregen.toml")
    for lang in languages():
        texts = [writing.raw_files(build(workspace.spec), config, lang) for _ in range(2)]
        assert texts[0] == texts[1]
        assert list(texts[0]) == list(texts[1])


def test_a_failing_write_leaves_everything_as_it_was(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    assert wiregen("generate", "--lang", "go").code == 0
    before = workspace.files()
    (workspace.root / "python").write_text("in the way", encoding="utf-8")
    workspace.replace("asyncapi.yaml", '"2.0"', '"2.1"')
    workspace.edit("types/mode.schema.json", lambda s: s["enum"].append("holiday"))
    ran = wiregen("generate", "--lang", "go", "--lang", "python")
    assert ran.code == 2
    assert "nothing was written" in ran.err
    after = workspace.files()
    after.pop("python")
    assert after == before


def test_a_failing_formatter_writes_nothing(
    workspace: Workspace, wiregen: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wiregen.emit.python.emit", lambda *_: {"x.py": "def ("})
    ran = wiregen("generate", "--lang", "python")
    assert ran.code == 2
    assert "refuses the generated code" in ran.err
    assert set(workspace.files()) == {"wiregen.toml"}


def test_an_emitters_fault_is_told_in_one_line(
    workspace: Workspace, wiregen: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def emit(*_: object) -> dict[str, str]:
        raise KeyError("gap")

    monkeypatch.setattr("wiregen.emit.python.emit", emit)
    ran = wiregen("generate", "--lang", "python")
    assert ran.code == 2
    assert "[emit-failed]" in ran.err
    assert len(ran.err.splitlines()) == 1
    assert set(workspace.files()) == {"wiregen.toml"}


@pytest.fixture
def generated(workspace: Workspace, wiregen: Callable[..., Ran]) -> Workspace:
    assert wiregen("generate", "--lang", "python", "--lang", "go").code == 0
    assert wiregen("check", "--lang", "python", "--lang", "go").code == 0
    return workspace


def _check(wiregen: Callable[..., Ran]) -> list[tuple[str, str]]:
    ran = wiregen("check", "--lang", "python", "--lang", "go", "--json")
    drift = json.loads(ran.out)["drift"]
    assert ran.code == (1 if drift else 0)
    return [(item["path"], item["reason"]) for item in drift]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("{{ nobody_gave_this }}", "UndefinedError: 'nobody_gave_this' is undefined"),
        ("{{ header.nothing.below }}", "UndefinedError"),
        ("{% for %}", "TemplateSyntaxError"),
        ("{% include 'gone.j2' %}", "TemplateNotFound: 'gone.j2'"),
    ],
)
def test_a_broken_template_is_named_in_one_line_and_nothing_is_written(
    workspace: Workspace,
    wiregen: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    broken: str,
    said: str,
) -> None:
    shutil.copytree(base.TEMPLATES, tmp_path / "templates")
    template = tmp_path / "templates" / "go" / "events.go.j2"
    template.write_text(template.read_text(encoding="utf-8") + broken, encoding="utf-8")
    monkeypatch.setattr(base, "TEMPLATES", tmp_path / "templates")
    base.environment.cache_clear()
    try:
        ran = wiregen("generate", "--lang", "python", "--lang", "go")
    finally:
        base.environment.cache_clear()
    assert (ran.code, workspace.files().keys()) == (2, {"wiregen.toml"})
    assert "error [template-broken]: the template go/events.go.j2 cannot be printed" in ran.err
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_check_names_a_hand_edit_and_generate_refuses_it(
    generated: Workspace, wiregen: Callable[..., Ran]
) -> None:
    path = generated.root / "python" / "reading.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("strict first", "strict last"), encoding="utf-8")
    assert _check(wiregen) == [("python/reading.py", "hand edit")]
    ran = wiregen("check", "--lang", "python")
    assert '-"""Text to event and back: strict last' in ran.out
    assert '+"""Text to event and back: strict first' in ran.out
    refused = wiregen("generate", "--lang", "python")
    assert refused.code == 2
    assert "python/reading.py: edited by hand" in refused.err
    assert wiregen("generate", "--lang", "python", "--force").code == 0
    assert path.read_text(encoding="utf-8") == text


def test_check_names_a_missing_a_stale_and_a_changed_file(
    generated: Workspace, wiregen: Callable[..., Ran]
) -> None:
    (generated.root / "python" / "enums.py").unlink()
    assert _check(wiregen) == [("python/enums.py", "missing")]
    assert wiregen("generate", "--lang", "python").code == 0
    generated.edit("types/mode.schema.json", lambda s: s["enum"].append("holiday"))
    found = _check(wiregen)
    assert ("python/enums.py", "specification changed") in found
    assert {reason for _, reason in found} == {"specification changed"}


def test_removing_a_const_or_renaming_a_member_fails_a_named_check(
    generated: Workspace, wiregen: Callable[..., Ran]
) -> None:
    generated.replace("types/reading-body.schema.json", '"sensor"', '"probe"')
    assert _check(wiregen) != []
    generated.replace(
        "events/reading.schema.json", '"const": "reading", ', '"enum": ["reading", "b"], '
    )
    ran = wiregen("check")
    assert ran.code == 2
    assert "[tag-const]" in ran.err


def test_a_file_that_is_no_longer_generated_is_stale_and_then_gone(
    generated: Workspace, wiregen: Callable[..., Ran]
) -> None:
    generated.replace("asyncapi.yaml", "x-state-machines: machine.yaml\n", "")
    assert ("python/steps.py", "stale") in _check(wiregen)
    assert wiregen("generate", "--lang", "python", "--lang", "go").code == 0
    assert not (generated.root / "python" / "steps.py").exists()
    assert _check(wiregen) == []


@pytest.mark.usefixtures("workspace")
def test_a_missing_formatter_is_said_and_refused_when_all_is_required(
    wiregen: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    ran = wiregen("generate", "--lang", "go")
    assert ran.code == 0
    assert "go: gofmt is not there: format not verified" in ran.err
    assert wiregen("check", "--lang", "go").code == 0
    monkeypatch.setenv("REQUIRE", "all")
    ran = wiregen("check", "--lang", "go")
    assert ran.code == 2
    assert "[formatter-missing]" in ran.err


def test_an_enum_of_an_action_is_imported_in_typescript(
    workspace: Workspace, wiregen: Callable[..., Ran]
) -> None:
    """An enum that only an action holds came without its import."""
    assert wiregen("generate", "--lang", "typescript").code == 0
    (path,) = workspace.root.rglob("actions.ts")
    text = path.read_text(encoding="utf-8")
    assert "mode?: Mode" in text
    assert re.search(r"import type \{[^}]*\bMode\b[^}]*\} from './enums'", text)
