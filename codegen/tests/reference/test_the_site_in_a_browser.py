"""The documentation of this repository in a browser: guides with tabs, errors with advice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import guides
import pytest

from wiregen.api import load_spec
from wiregen.reference.site import build_site

from .browser import PROGRAM, Page, browser
from .test_in_a_browser import ASKED

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium on PATH: not run")

ROOT = Path(__file__).parents[3]
LABEL = "[...document.querySelectorAll('.tabbed-labels label')].find(one => one.innerText === '{}')"
SHOWN = "[...document.querySelectorAll('.tabbed-block')].filter(one => one.offsetHeight > 0)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` builds."""
    root = tmp_path_factory.mktemp("docs")
    guides.write(root / "guide")
    build_site(load_spec(ROOT / "spec"), root / "site", [], sorted((root / "guide").glob("*.md")))
    return root / "site"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("name", ["guide/programs", "guide/python", "guide/packages", "errors"])
def test_a_page_is_read_on_a_phone_in_the_dark(site: Path, page: Page, name: str) -> None:
    page.show((site / f"{name}.html").as_uri(), width=360, scheme="dark")
    assert page.ask(f"{ASKED}.faint()") == []
    assert page.ask(f"{ASKED}.sideways()") <= 0


def test_a_language_that_is_chosen_once_is_chosen_for_all_programs(site: Path, page: Page) -> None:
    page.show((site / "guide/programs.html").as_uri())
    page.until(f"Boolean({LABEL.format('Rust')})")
    page.ask(f"{LABEL.format('Rust')}.click()")
    page.until(f"{SHOWN}.filter(one => one.innerText.includes('use smooth_operator')).length >= 3")


def test_what_to_do_about_an_error_stands_beside_its_class(site: Path, page: Page) -> None:
    page.show((site / "errors.html").as_uri() + "#turn_in_progress")
    row = page.ask("document.getElementById('turn_in_progress').closest('tr').innerText")
    assert "TurnInProgress" in row
    assert "Wait for its result, or cancel it." in row
