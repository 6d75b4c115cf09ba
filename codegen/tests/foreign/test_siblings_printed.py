"""What is printed of names that a language, or a printed file, has a meaning of its own for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wiregen.build import build
from wiregen.reserved import MESSAGE_MEMBERS, RECORD_MEMBERS

from ..printing import printed
from .documents import Input, Json

STRING = {"type": "string"}


def written(folder: Path, lang: str, events: Json, **more: Json) -> dict[str, str]:
    """Print a document of some events in one language."""
    line = {"events": events, **more}
    spec = build(Input("one", "", "right", line).write(folder))
    return {Path(name).name: text for name, text in printed(spec, (lang,)).items()}


def test_no_typescript_table_has_a_key_that_sets_what_it_inherits(tmp_path: Path) -> None:
    files = written(tmp_path, "typescript", {"__proto__": {"__proto__": STRING}})
    plain = re.compile(r'^\s*"?__proto__"?: (?!\w+;)', re.MULTILINE)
    assert {name for name, text in files.items() if plain.search(text)} == set()
    assert '["__proto__"]: ' in files["codec.ts"]


@pytest.mark.parametrize("name", ["__proto__", "constructor", "toString"])
def test_a_typescript_view_shows_no_inherited_member(tmp_path: Path, name: str) -> None:
    views = written(tmp_path, "typescript", {"ev": {name: STRING}})["views.ts"]
    read = re.findall(rf"return (.*this\.#frame\.{name}\b.*);", views)
    assert len(read) == 1
    assert read[0].startswith("(Object.hasOwn(")


@pytest.mark.parametrize("name", sorted(RECORD_MEMBERS | MESSAGE_MEMBERS))
def test_no_csharp_type_is_called_as_a_member_of_records(tmp_path: Path, name: str) -> None:
    used = {"a": {"$ref": f"#/components/schemas/{name}"}}
    held = {name: {"type": "object", "properties": {"x": STRING}}}
    files = written(tmp_path, "csharp", {"ev": used}, schemas=held)
    declared = re.compile(rf"\brecord {name}\b")
    assert {file for file, text in files.items() if declared.search(text)} == set()


@pytest.mark.parametrize(("members", "named"), [({}, False), ({"n": STRING}, True)])
def test_rust_shapes_import_the_kinds_that_they_name(
    tmp_path: Path, members: Json, named: bool
) -> None:
    union = {"oneOf": [STRING, {"type": "integer"}]}
    files = written(tmp_path, "rust", {"ev": members}, actions={"ask": {"u": union}})
    assert bool(re.search(r"\bKind, ", files["shapes.rs"])) == named


@pytest.mark.parametrize(("name", "said"), [("grun", False), ("grün", True)])
def test_rust_says_where_look_alikes_are_allowed(tmp_path: Path, name: str, said: bool) -> None:
    files = written(tmp_path, "rust", {"ev": {name: STRING}})
    assert ("confusable_idents" in files["mod.rs"]) == said


@pytest.mark.parametrize(
    ("name", "rust", "others"),
    [
        ("\uffa0", "u1160", "u1160"),  # not drawn, after NFKC
        ("b\U000e0100", "bue0100", "bue0100"),
        ("\U00010330", "u10330", "\U00010330"),  # an archaic script
        ("\u0180", "u0180", "\u0180"),  # of special use
        ("Ɥ", "ua78_d", "ɥ"),  # its small form is of special use
        ("名前", "名前", "名前"),
    ],
)
def test_letters_that_nobody_sees_or_that_rust_warns_of_are_spelled(
    tmp_path: Path, name: str, rust: str, others: str
) -> None:
    files = written(tmp_path / "rust", "rust", {"ev": {name: STRING}})
    assert re.search(rf"\bfn {rust}\(", files["events.rs"])
    files = written(tmp_path / "python", "python", {"ev": {name: STRING}})
    assert re.search(rf"\b{others}: ", files["events.py"])


@pytest.mark.parametrize("lang", ["csharp", "go", "rust"])
def test_a_member_without_a_name_is_no_id_where_no_id_is_said(tmp_path: Path, lang: str) -> None:
    line = {"events": {"ev": {"a": STRING}}, "actions": {"ask": {"": STRING}}}
    files = written(tmp_path, lang, **line)
    found = {
        "csharp": ("ActionsCodec.g.cs", "string? CorrelationId => null;"),
        "go": ("wire_actions.gen.go", "Empty"),
        "rust": ("actions.rs", "let _ = id;"),
    }[lang]
    assert found[1] in files[found[0]]
