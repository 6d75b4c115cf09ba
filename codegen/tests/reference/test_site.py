"""The reference: every message is there, examples validate, links lead somewhere, no network."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from wiregen.api import load_spec, strict_schema
from wiregen.emit.base import clean
from wiregen.reference.pages import navigation, pages
from wiregen.reference.site import build_site
from wiregen.reference.tables import prose

ROOT = Path(__file__).parents[3]
SPEC = load_spec(ROOT / "spec")
PAGES = pages(SPEC, [ROOT / "spec" / "behaviour.md"])


@pytest.mark.parametrize("message", [*SPEC.actions, *SPEC.events], ids=lambda it: it.wire)
def test_every_message_has_a_page_whose_example_validates(message: object) -> None:
    page = PAGES[f"{message.role}s/{message.wire}.md"]  # type: ignore[attr-defined]
    example = json.loads(re.findall(r"```json\n(.*?)```", page, re.DOTALL)[0])
    wire = message.wire  # type: ignore[attr-defined]
    jsonschema.Draft202012Validator(strict_schema(SPEC, wire)).validate(example)


@pytest.mark.parametrize("action", SPEC.actions, ids=lambda it: it.wire)
def test_every_action_is_shown_in_five_languages(action: object) -> None:
    page = PAGES[f"actions/{action.wire}.md"]  # type: ignore[attr-defined]
    assert re.findall(r'=== "(.+)"', page) == ["Python", "TypeScript", "Go", "C#", "Rust"]


def test_every_state_code_and_rule_is_there() -> None:
    assert SPEC.machines is not None
    assert SPEC.errors is not None
    assert all(f"## {machine.name}\n" in PAGES["states.md"] for machine in SPEC.machines.machines)
    assert all(f'<a id="{row.code.lower()}">' in PAGES["errors.md"] for row in SPEC.errors.codes)
    rules = re.findall(r"\*\*(REQ-[A-Z]+-\d+)\*\*", (ROOT / "spec/behaviour.md").read_text())
    assert all(f'<a id="{rule}">' in PAGES["rules/behaviour.md"] for rule in rules)
    assert PAGES["turns.md"].count("<svg") == 5


def test_descriptions_cannot_break_a_page() -> None:
    assert prose("a | b <script> [x](y) `c|d`") == r"a \| b \<script\> \[x\](y) `c&#124;d`"
    assert prose("one ` tick") == r"one \` tick"
    assert clean("a\nb") == "a b"


def test_the_site_is_built_whole_without_a_word_from_elsewhere(tmp_path: Path) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (out / "old.html").write_text("old")
    count = build_site(SPEC, out, [ROOT / "spec" / "behaviour.md"])
    assert count == len(PAGES)
    assert not (out / "old.html").exists()
    names = {path.relative_to(out).as_posix() for path in out.rglob("*.html")}
    assert {"index.html", "actions/send_message/index.html", "turns/index.html"} <= names
    for page in out.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', text)
        assert not loaded, (page, loaded)
        for target, fragment in re.findall(r'<a href="([^":#]*/?)#([\w-]+)"', text):
            linked = (page.parent / target / "index.html") if target else page
            if linked.is_file():
                assert f'id="{fragment}"' in linked.read_text(encoding="utf-8"), (page, fragment)


def test_the_navigation_names_every_page_once() -> None:
    found: list[str] = []
    for entry in navigation(PAGES):
        found += [entry] if isinstance(entry, str) else next(iter(entry.values()))
    assert sorted(found) == sorted(PAGES)
