"""The runtime: source files of their language, copied with nothing but their package changed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from wiregen.emit.base import HEADER, RUNTIME, TEMPLATES, render
from wiregen.reserved import printed_names, reserved_types

FILES = sorted(path for path in RUNTIME.rglob("*") if path.is_file())
PACKAGES = {
    "go": ("package wire\n", "package mine\n"),
    "csharp": ("namespace Wire;\n", "namespace Mine.Wire;\n"),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_runtime_file_is_no_template_and_is_copied_as_it_is(path: Path) -> None:
    lang, text = path.parent.name, path.read_text(encoding="utf-8")
    ours, theirs = PACKAGES.get(lang, (text, text))
    assert text.count(ours) == 1
    assert not (TEMPLATES / lang / f"{path.name}.j2").exists()
    context = {"package": "mine", "namespace": "Mine.Wire"}
    made = render(lang, f"{path.name}.j2", **context, unions=True)
    assert HEADER in made.splitlines()[0] + made.splitlines()[1]
    assert made.endswith(without_marks(text).replace(ours, theirs))
    bare = render(lang, f"{path.name}.j2", **context, unions=False)
    assert "only with" not in made + bare
    assert (len(bare) < len(made)) == ("only with" in text)


MOST_LINES = 60


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.j2")), ids=lambda path: path.name)
def test_a_template_can_be_read_in_one_sitting(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= MOST_LINES


def test_every_part_of_a_template_is_in_one() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.j2")}
    parts = [path for path in texts if path.name.startswith("_") and path.stem != "__init__.py"]
    for path in parts:
        asked = re.compile(rf'% (include|import|from) "{re.escape(path.name)}"')
        assert any(asked.search(text) for text in texts.values()), path


def without_marks(text: str) -> str:
    """Return a source without the comments around what is for unions alone."""
    return re.sub(r"^ *// (only with unions \{|\})\n", "", text, flags=re.MULTILINE)


def test_runtime_files_of_go_are_formatted() -> None:
    gofmt = shutil.which("gofmt")
    if gofmt is None:
        pytest.skip("no gofmt on PATH: not run")
    done = subprocess.run([gofmt, "-l", RUNTIME / "go"], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_what_the_runtime_declares_no_type_of_a_document_may_be_called() -> None:
    assert {"WireFault", "Optional", "DecodedFrame"} <= reserved_types("csharp")
    assert "WireFault" in printed_names("csharp", "WireFault.cs")
