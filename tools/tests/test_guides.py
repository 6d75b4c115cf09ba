"""The guides show what tests run: whole programs, in every language that has one."""

from __future__ import annotations

from pathlib import Path

import guides
import pytest
from guides import LANGUAGES, PROGRAMS, Guided
from workshop import ROOT


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_language_has_the_quickstart_of_its_readme(name: str) -> None:
    language = LANGUAGES[name]
    text = guides.program(language, "quickstart")
    readme = (ROOT / language.package / "README.md").read_text(encoding="utf-8")
    examples = [ROOT / language.package / p.format(name="quickstart") for p in language.examples]
    assert text
    assert text in readme or any(
        text == path.read_text(encoding="utf-8").strip() for path in examples if path.is_file()
    )
    page = guides.programs()
    assert all(f"    {line}".rstrip() in page for line in text.splitlines())


def test_a_program_that_is_nowhere_has_no_tab_and_an_example_goes_before_a_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lib"
    (package / "examples").mkdir(parents=True)
    blocks = {"quickstart": "old()", "stop": "stop()"}
    marked = [f"<!-- run: {name} -->\n```py\n{text}\n```\n" for name, text in blocks.items()]
    (package / "README.md").write_text("# Lib\n" + "".join(marked), encoding="utf-8")
    (package / "examples" / "quickstart.py").write_text("new()\n", encoding="utf-8")
    lib = Guided("Lib", "py", "lib", ("examples/{name}.py",))
    monkeypatch.setattr(guides, "ROOT", tmp_path)
    assert [guides.program(lib, name) for name in ("quickstart", "cancel", "forms")] == [
        "new()",
        "stop()",
        "",
    ]
    monkeypatch.setattr(guides, "LANGUAGES", {"lib": lib})
    page = guides.programs()
    assert page.count('=== "Lib"') == 2
    assert "## Forms" not in page


@pytest.mark.parametrize("name", LANGUAGES)
def test_links_of_a_readme_lead_out_of_the_site_and_to_files_that_are_there(name: str) -> None:
    page = guides.guide(LANGUAGES[name])
    assert "<!-- run:" not in page
    for part in page.split("](")[1:]:
        target = part.partition(")")[0]
        if target.startswith(guides.SOURCE):
            path = target.removeprefix(guides.SOURCE + "/").partition("#")[0]
            assert (ROOT / path).exists(), target
        else:
            assert "://" in target or target.startswith("#"), target


def test_pages_are_written_for_all(tmp_path: Path) -> None:
    assert guides.write(tmp_path / "guide") == len(LANGUAGES) + 2
    assert guides.main([]) == 2
    assert len(PROGRAMS) == 8
