"""``matrix.html``: the report as one static file that needs no network."""

from __future__ import annotations

import json
from pathlib import Path

from conform.spec import Tree

TEMPLATE = Path(__file__).with_name("matrix.html")


def _inside_script(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def write(tree: Tree, rules: dict[str, str], out: Path) -> None:
    """Write ``matrix.html``."""
    page = TEMPLATE.read_text(encoding="utf-8")
    page = page.replace("__RULES__", _inside_script(rules))
    page = page.replace("__REPORT__", _inside_script(tree))
    (out / "matrix.html").write_text(page, encoding="utf-8", errors="replace")
