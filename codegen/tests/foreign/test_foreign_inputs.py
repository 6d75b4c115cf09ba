"""Every document of others is right in five languages, or refused by a rule with a place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wiregen import api
from wiregen.build import build
from wiregen.errors import SpecError
from wiregen.lint import lint_folder
from wiregen.naming import LANGS
from wiregen.vectors import vector_files

from ..printing import printed
from .documents import MORE, SIBLINGS, Input, inputs

README = Path(__file__).parents[2] / "README.md"
ROWS = {
    "G1": "unions that are only written",
    "G6": "text that would be code",
    "G7": "names that the language or the runtime has",
    "G8": "names that begin with a digit, or are letters in a row",
    "G9": "words that fall together",
    "G10": "names that only a person can tell apart; letters of all scripts",
    "G11": "hostile but legal places",
    "G12": "unions of one, null in lists of values",
    "G13": "`allOf`",
    "G14": "recursion",
    "G15": "references",
    "G16": "words beside `$ref`",
    "G17": "tags, nested unions, unknown keywords",
    "G18": "numbers",
    "G19": "depth",
    "G20": "what `lint` must survive",
}


def outcome(given: Input, folder: Path) -> str:
    """Return `right` when everything is printed, else the rule that refuses the document."""
    root = given.write(folder)
    try:
        spec = build(root)
        printed(spec, LANGS)
        vector_files(spec)
    except SpecError as err:
        for found in err.diagnostics:
            assert found.file, found
            assert found.message, found
        return err.diagnostics[0].rule
    lint_folder(root)
    for due, text in given.line.get("frames", ()):
        tree = json.loads(text)
        if due in ("good", "broken"):
            assert (api.check(spec, tree[spec.event_tag], tree) is None) == (due == "good"), text
    return "right"


@pytest.mark.parametrize(
    "given", [*inputs(), *inputs(SIBLINGS), *inputs(MORE)], ids=lambda given: given.name
)
def test_a_document_is_right_or_told(given: Input, tmp_path: Path) -> None:
    assert outcome(given, tmp_path) == given.outcome


@pytest.mark.parametrize("name", ["caseonly", "enumcase", "intervals"])
def test_a_collision_prints_the_line_to_add(name: str, tmp_path: Path) -> None:
    given = next(item for item in inputs() if item.name == name)
    spec = build(given.write(tmp_path))
    with pytest.raises(SpecError) as refused:
        printed(spec, ["python"])
    assert all('add "x-name' in found.message for found in refused.value.diagnostics)


def table() -> str:
    """Return the table of kinds, inputs and outcomes as the README shows it."""
    lines = ["| kind | documents | outcome |", "|---|---|---|"]
    for row, words in ROWS.items():
        here = [item for item in inputs() if item.row == row]
        right = [item.name for item in here if item.outcome == "right"]
        told = [f"`{item.name}`: `{item.outcome}`" for item in here if item.outcome != "right"]
        shown = ["right" if right else "", f"refused: {', '.join(told)}" if told else ""]
        names = ", ".join(f"`{item.name}`" for item in here)
        lines.append(f"| {words} | {names} | {'; '.join(filter(None, shown))} |")
    more = [*inputs(SIBLINGS), *inputs(MORE)]
    right = sum(item.outcome == "right" for item in more)
    lines += ["", f"Of {len(more)} more of these kinds {right} are right, the others refused."]
    return "\n".join(lines)


def test_the_readme_shows_the_table() -> None:
    assert table() in README.read_text(encoding="utf-8")
