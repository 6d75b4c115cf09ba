"""The reference of a foreign document in a browser: from a disk, on a phone, in the dark."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from wiregen.build import build
from wiregen.reference.site import build_site

from .browser import PROGRAM, Page, browser

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium on PATH: not run")

ASKED = (Path(__file__).parent / "asked.js").read_text(encoding="utf-8")
HOSTILE = (
    "<script>hit=1</script><img src=x onerror='hit=2'>\"*/ --> ]]> {{ 7*7 }} {% raw %} &lt;i&gt;"
    " | [a](javascript:hit) {: onclick='x' } </title></textarea><svg onload=hit=3> `c` === \"t\""
)
NEEDLE = "haystackneedle"
_SCHEMES = {"light": "default", "dark": "slate"}


def _said(members: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "description": HOSTILE, "properties": members, **more}


def _document() -> dict[str, Any]:
    words = {"say": f"say{HOSTILE}", "got": f"got{HOSTILE}"}
    thing = {"$ref": "#/components/schemas/Thing"}
    text = {"type": "string", "description": f"- {HOSTILE}"}
    long = "aMemberWithANameThatGoesOnAndOnAndThatNoPhoneIsWideEnoughFor"
    schemas = {
        "Thing": _said({"x": {**text, "pattern": HOSTILE}, HOSTILE: {**text, "format": HOSTILE}}),
        "say": _said({"type": {"const": words["say"]}, "thing": thing}, required=["type"]),
        "got": _said(
            {
                "type": {"const": words["got"]},
                long: {"type": "array", "items": thing, "description": HOSTILE},
                "kind": {"type": "string", "enum": [HOSTILE, "plain"]},
                "found": {"type": "string", "description": f"Holds {NEEDLE}."},
            },
            required=["type"],
        ),
    }
    messages = {
        key: {"name": word, "payload": {"$ref": f"#/components/schemas/{key}"}}
        for key, word in words.items()
    }
    channel = {"$ref": "#/channels/all"}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": HOSTILE, "version": f"1{HOSTILE}", "description": HOSTILE},
        "channels": {"all": {"address": "/", "x-discriminator": "type", "messages": messages}},
        "operations": {
            key: {
                "action": action,
                "channel": channel,
                "messages": [{"$ref": f"#/channels/all/messages/{key}"}],
            }
            for key, action in {"say": "receive", "got": "send"}.items()
        },
        "components": {"schemas": schemas},
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference of a document whose every text is hostile."""
    root = tmp_path_factory.mktemp("foreign")
    (root / "spec").mkdir()
    (root / "spec/asyncapi.json").write_text(json.dumps(_document()), encoding="utf-8")
    build_site(build(root / "spec"), root / "site", [])
    return root / "site"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A page of a browser that was never here: pages keep the colours of the first visit."""
    with browser(tmp_path / "profile") as opened:
        yield opened


@pytest.fixture
def server(site: Path) -> Iterator[str]:
    """The address of the site on a server."""
    handler = partial(_Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _pages(site: Path) -> list[Path]:
    found = sorted(path for path in site.rglob("*.html") if path.name != "404.html")
    assert len(found) == 4
    return found


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1280, "dark")])
def test_a_hostile_document_is_text_and_fits(
    site: Path, page: Page, width: int, scheme: str
) -> None:
    for path in _pages(site):
        page.show(path.as_uri(), width=width, scheme=scheme)
        assert page.ask("document.body.dataset.mdColorScheme") == _SCHEMES[scheme]
        assert page.ask("typeof hit") == "undefined", path
        assert page.ask("document.querySelector('[onclick], [onload], [onerror]')") is None
        assert page.ask(f"{ASKED}.faint()") == [], path
        assert page.ask(f"{ASKED}.broken()") == [], path
        assert page.ask(f"{ASKED}.sideways()") <= 0, path


def test_a_title_is_shown_as_it_was_written(site: Path, page: Page) -> None:
    page.show((site / "index.html").as_uri())
    assert HOSTILE.replace("`", "") in page.ask("document.querySelector('h1').innerText")
    assert page.ask("document.title").startswith(HOSTILE)


@pytest.mark.parametrize("place", ["disk", "server"])
def test_the_search_finds_a_word_and_leads_to_it(
    site: Path, page: Page, server: str, place: str
) -> None:
    page.show(f"{server}/index.html" if place == "server" else (site / "index.html").as_uri())
    page.ask("document.querySelector('[for=__search]').click()")
    inside = "document.activeElement.shadowRoot"
    page.until(f"{inside}?.activeElement?.tagName === 'INPUT'")
    page.call("Input.insertText", text=NEEDLE)
    found = page.until(f"{inside}.querySelector('ol a, li a')?.href ?? ''")
    assert "/events/got" in found
    page.show(found)
    assert NEEDLE in page.ask("document.body.innerText")
    assert page.ask("typeof hit") == "undefined"


def test_every_link_of_a_page_leads_to_a_file(site: Path, page: Page) -> None:
    for path in _pages(site):
        page.show(path.as_uri())
        links = page.ask("[...document.links].map((it) => it.href.split('#')[0])")
        here = [link for link in links if link.startswith("file:")]
        assert here
        names = {item.as_uri() for item in site.rglob("*.html")}
        assert set(here) <= names, path


def test_a_page_from_the_disk_asks_nobody_for_anything(site: Path, page: Page) -> None:
    for path in _pages(site):
        page.show(path.as_uri())
        loaded = page.ask("performance.getEntriesByType('resource').map((it) => it.name)")
        asked = "[...document.querySelectorAll('[src], link')].map((it) => it.src || it.href)"
        named = page.ask(asked)
        assert named
        assert [it for it in (*loaded, *named) if not it.startswith(("file:", "data:"))] == [], path
