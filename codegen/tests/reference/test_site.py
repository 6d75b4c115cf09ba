"""The reference: every message is there, examples validate, links lead somewhere, no network."""

from __future__ import annotations

import html
import json
import posixpath
import re
import urllib.parse
from pathlib import Path

import jsonschema
import pytest

from wiregen.api import load_spec, strict_schema
from wiregen.emit.base import clean
from wiregen.errors import SpecError
from wiregen.ir import Spec
from wiregen.reference.errors import advice
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
    assert all(f'<a id="{row.code.lower()}" ' in PAGES["errors.md"] for row in SPEC.errors.codes)
    rules = re.findall(r"\*\*(REQ-[A-Z]+-\d+)\*\*", (ROOT / "spec/behaviour.md").read_text())
    assert all(f'<a id="{rule}" ' in PAGES["rules/behaviour.md"] for rule in rules)
    assert PAGES["turns.md"].count("<svg") == 5


def test_pages_of_the_author_come_first_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("2-after.md", "1-before.md", "10-last.md"):
        (tmp_path / name).write_text(f"# {name}\n", encoding="utf-8")
    given = [tmp_path / name for name in ("1-before.md", "2-after.md", "10-last.md")]
    found = pages(SPEC, [], given)
    assert list(found)[:4] == ["index.md", "guide/before.md", "guide/after.md", "guide/last.md"]
    assert navigation(found)[1] == {"Guide": list(found)[1:4]}


def test_an_error_names_its_class_and_what_to_do() -> None:
    assert advice("{host} is gone[ ({request_id})]. Ask {host} again, or wait.") == (
        "Ask the server again, or wait."
    )
    assert advice("It is over[: {reason}].") == ""
    row = next(line for line in PAGES["errors.md"].splitlines() if '"rate_limited"' in line)
    assert "`RateLimited`" in row
    assert "Try again later" in row


def test_descriptions_cannot_break_a_page() -> None:
    assert prose("a | b <script> [x](y) `c|d`") == (r"a \| b &lt;script&gt; \[x\](y) `c&#124;d`")
    assert prose("- a &copy; b") == "&#45; a &amp;copy; b"
    assert prose("one ` tick") == r"one \` tick"
    assert clean("a\nb") == "a b"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    out = tmp_path_factory.mktemp("reference") / "site"
    assert build_site(SPEC, out, [ROOT / "spec" / "behaviour.md"]) == len(PAGES)
    return out


def test_the_site_needs_no_word_from_elsewhere(site: Path) -> None:
    names = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert {"index.html", "actions/send_message.html", "turns.html"} <= names
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', text)
        assert not loaded, (page, loaded)
        assert "prefers-color-scheme: dark" in text


def test_no_link_of_the_site_is_dead(site: Path) -> None:
    anchors = {
        page: set(re.findall(r'\sid="?([^"\s>]+)', page.read_text(encoding="utf-8")))
        for page in site.rglob("*.html")
    }
    checked = 0
    for page in anchors:
        if page.name == "404.html":  # its links are those of the server's root
            continue
        for link in re.findall(r'\shref="([^"]+)"', page.read_text(encoding="utf-8")):
            url = urllib.parse.urlsplit(html.unescape(link))
            if url.scheme:
                continue
            target = (page.parent / urllib.parse.unquote(url.path)).resolve() if url.path else page
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), (page, link)
            if url.fragment and target in anchors:
                assert urllib.parse.unquote(url.fragment) in anchors[target], (page, link)
                checked += 1
    assert checked > 500


def test_every_deep_link_is_there_once(site: Path) -> None:
    for message in (*SPEC.actions, *SPEC.events):
        page = site / f"{message.role}s" / f"{message.wire}.html"
        found = re.findall(r'<a id="([^"]+)" href="#([^"]+)"', page.read_text(encoding="utf-8"))
        assert len(found) == len(set(found)) == len(SPEC.struct(message.name).fields)
        assert all(one == two for one, two in found)


def test_only_an_older_site_is_replaced(site: Path, tmp_path: Path) -> None:
    (site / "old.html").write_text("old")
    build_site(SPEC, site, [ROOT / "spec" / "behaviour.md"])
    assert not (site / "old.html").exists()
    (tmp_path / "mine.txt").write_text("keep me")
    for out in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(SpecError, match="holds other files"):
            build_site(SPEC, out, [])
    assert (tmp_path / "mine.txt").read_text() == "keep me"


@pytest.mark.parametrize("name", ["workbench", "atlas"])
def test_the_pages_of_other_protocols_lead_somewhere(name: str, protocols: dict[str, Spec]) -> None:
    found = pages(protocols[name], [])
    for path, text in found.items():
        assert path.count("/") <= 1, path
        for target in re.findall(r"\]\(([^)#]+\.md)", text):
            assert posixpath.normpath(posixpath.join(posixpath.dirname(path), target)) in found


def test_what_is_not_plain_is_a_variable_of_the_snippet(protocols: dict[str, Spec]) -> None:
    (page,) = (
        text
        for path, text in pages(protocols["workbench"], []).items()
        if path.startswith("actions/task-start-")
    )
    for line in (
        "params=params,",
        "  params: params,",
        "\tParams: params,",
        "    Params = params,",
        'action::TaskStart::new("2.0", "id-1", params)',
    ):
        assert line in page
    assert "Jsonrpc: " not in page  # Go writes a constant itself


def test_the_navigation_names_every_page_once() -> None:
    found: list[str] = []
    for entry in navigation(PAGES):
        found += [entry] if isinstance(entry, str) else next(iter(entry.values()))
    assert sorted(found) == sorted(PAGES)
