"""Write the pages and let a site generator build them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

from ruamel.yaml import YAML

from wiregen.emit.base import clean
from wiregen.errors import refuse
from wiregen.ir import Spec
from wiregen.reference.pages import navigation, pages
from wiregen.reference.tables import slug

MARK = ".wiregen-site"
_STYLE = "reference.css"
_FROM_DISK = "from-disk.js"
_SHIM = re.compile(r'<script src="https?://[^"]*iframe-worker/shim"[^>]*></script>')
_STYLES = """\
.md-typeset table:not([class]) td code { word-break: normal; overflow-wrap: break-word; }
.md-typeset table:not([class]) td:first-child code { white-space: nowrap; }
.md-typeset table:not([class]) td > a[id]:target { outline: 2px solid var(--md-accent-fg-color); }
.md-typeset table:not([class]) td > a[id] { scroll-margin-top: 4rem; }
.md-typeset h1, .md-typeset p, .md-nav__title, .md-nav__link { overflow-wrap: anywhere; }
.md-header__topic { min-width: 0; }
@media (max-width: 30em) {
  .md-typeset table:not([class]) th, .md-typeset table:not([class]) td {
    min-width: 0; padding: .5em .4em; font-size: .9em; overflow-wrap: break-word;
  }
  .md-typeset table:not([class]) td code { padding: 0; }
}
"""
_PALETTE = [
    {
        "media": f"(prefers-color-scheme: {name})",
        "scheme": scheme,
        "toggle": {"icon": f"lucide/{icon}", "name": f"Switch to {other} colours"},
    }
    for name, scheme, icon, other in (
        ("light", "default", "sun", "dark"),
        ("dark", "slate", "moon", "light"),
    )
]


def settings(spec: Spec, nav: list[object]) -> dict[str, object]:
    """Return the settings of the site generator; nothing is fetched from elsewhere."""
    return {
        "site_name": _name(spec),
        "docs_dir": "docs",
        "site_dir": "site",
        "theme": {
            "name": "material",
            "font": False,
            "features": ["content.tabs.link", "content.code.copy", "navigation.indexes"],
            "palette": _PALETTE,
        },
        "extra_css": [_STYLE],
        "markdown_extensions": [
            "attr_list",
            "tables",
            {"toc": {"permalink": True}},
            "pymdownx.superfences",
            {"pymdownx.tabbed": {"alternate_style": True}},
        ],
        # Pages are files and the words to search are in one of them: both work from a disk.
        "use_directory_urls": False,
        "plugins": ["search", "offline"],
        "nav": nav,
    }


def build_site(spec: Spec, out: Path, extra: list[Path], guides: list[Path] | None = None) -> int:
    """Build the reference into ``out``, whole or not at all; return the number of pages.

    A folder that holds other files than an earlier site is refused.
    """
    if out.exists() and not _ours(out):
        raise refuse("", "", "usage", f"{out} holds other files; name a new or empty folder")
    found = pages(spec, extra, guides)
    titles = {"index.md": _name(spec)} | {
        f"{it.role}s/{slug(it.wire)}.md": escape(clean(it.wire))
        for it in (*spec.actions, *spec.events)
    }
    with tempfile.TemporaryDirectory(prefix="wiregen-docs-") as place:
        root = Path(place)
        for name, text in found.items():
            path = root / "docs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_titled(titles.get(name), text), encoding="utf-8")
        (root / "docs" / _STYLE).write_text(_STYLES, encoding="utf-8")
        with (root / "mkdocs.yml").open("w", encoding="utf-8") as target:
            YAML(typ="safe").dump(settings(spec, navigation(found)), target)
        _run(root)
        _detach(root / "site")
        try:
            if out.exists():
                shutil.rmtree(out)
            shutil.copytree(root / "site", out)
            (out / MARK).write_text("written by wiregen docs, which replaces this folder\n")
        except OSError as err:
            raise refuse(str(out), "", "write-failed", f"cannot be written: {err}") from err
    return len(found)


def _name(spec: Spec) -> str:
    """Return the name of the site; the site generator prints it as it is."""
    return escape(clean(f"{spec.title} {spec.version}"))


def _titled(title: str | None, text: str) -> str:
    """Give a page the title that the site generator prints as it is, where a document chose it."""
    return text if title is None else f"---\ntitle: {json.dumps(title)}\n---\n\n{text}"


def _detach(site: Path) -> None:
    """Give the pages our own way to search from a disk in place of a script from elsewhere."""
    (site / _FROM_DISK).write_text(
        (Path(__file__).parent / _FROM_DISK).read_text(encoding="utf-8"), encoding="utf-8"
    )
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        up = "../" * (len(page.relative_to(site).parts) - 1)
        page.write_text(_SHIM.sub(f'<script src="{up}{_FROM_DISK}"></script>', text), "utf-8")


def _ours(out: Path) -> bool:
    """Whether a folder may be replaced: an empty one, or one that was written here."""
    return out.is_dir() and ((out / MARK).is_file() or not any(out.iterdir()))


def _run(root: Path) -> None:
    command = [sys.executable, "-m", "zensical", "build", "--clean"]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=False, timeout=300
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise refuse("", "", "docs-failed", f"the site generator did not run: {err}") from err
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise refuse("", "", "docs-failed", f"the site generator failed: {''.join(last)}")
