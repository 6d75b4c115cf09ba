"""Write the pages and let a site generator build them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

from wiregen.errors import refuse
from wiregen.ir import Spec
from wiregen.reference.pages import navigation, pages


def settings(spec: Spec, nav: list[object]) -> dict[str, object]:
    """Return the settings of the site generator; nothing is fetched from elsewhere."""
    return {
        "site_name": f"{spec.title} {spec.version}",
        "docs_dir": "docs",
        "site_dir": "site",
        "theme": {"name": "material", "font": False, "features": ["content.tabs.link"]},
        "markdown_extensions": [
            "attr_list",
            "tables",
            {"toc": {"permalink": True}},
            "pymdownx.superfences",
            {"pymdownx.tabbed": {"alternate_style": True}},
        ],
        "nav": nav,
    }


def build_site(spec: Spec, out: Path, extra: list[Path]) -> int:
    """Build the reference into ``out``, whole or not at all; return the number of pages."""
    found = pages(spec, extra)
    with tempfile.TemporaryDirectory(prefix="wiregen-docs-") as place:
        root = Path(place)
        for name, text in found.items():
            path = root / "docs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        with (root / "mkdocs.yml").open("w", encoding="utf-8") as target:
            YAML(typ="safe").dump(settings(spec, navigation(found)), target)
        _run(root)
        if out.exists():
            shutil.rmtree(out)
        shutil.copytree(root / "site", out)
    return len(found)


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
