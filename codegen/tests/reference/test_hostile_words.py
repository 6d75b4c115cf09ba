"""Words of a document that are markup: in a page they are words."""

from __future__ import annotations

import json
import re
from pathlib import Path

from wiregen.build import build
from wiregen.reference.site import build_site

from ..foreign.documents import document

HOSTILE = (
    "[a](javascript:alert(1))",
    "a``<img src=x onerror=alert(1)>[a](javascript:alert(1))",
    "![x](http://evil.example/x.png) `q`",
    '"><details open ontoggle=alert(1)>',
    "</code></a><script>alert(1)</script>",
    "&lt;b&gt; | &#91; ~~x~~ **y** {: onclick=z }",
    "\n\n# Title\n\n<b>x</b>",
)
TAG = re.compile(
    r"<(script>alert|img src=x|details open|b>x)|href=.javascript|src=.http://evil", re.IGNORECASE
)


def test_a_word_that_is_markup_is_a_word(tmp_path: Path) -> None:
    text = {"type": "string"}
    events = {
        word: {
            "named": {
                "type": "object",
                "title": f"T{index} {word}",
                "properties": {other: {**text, "default": other} for other in HOSTILE},
            },
            "listed": {"enum": [*HOSTILE, str(index)], "title": f"E{index}"},
            "fixed": {"const": word},
            "told": {**text, "description": word, "examples": [word]},
        }
        for index, word in enumerate(HOSTILE)
    }
    found = document(events, {}, extra={"info": {"title": HOSTILE[0], "version": "1"}})
    (tmp_path / "asyncapi.json").write_text(json.dumps(found), encoding="utf-8")
    build_site(build(tmp_path), tmp_path / "site", [])
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(HOSTILE)
    for page in pages:
        said = page.read_text(encoding="utf-8")
        assert not TAG.search(said), (page.name, TAG.search(said))
    shown = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert "javascript:alert" in shown
