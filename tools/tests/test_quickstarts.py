"""The quickstarts of the READMEs: one in each, for the one address that is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from languages import LANGUAGES
from quickstarts import PRINTED, QUICKSTARTS, block
from workshop import ROOT, SetupError

READMES = {"python": "python/client/README.md"}


def test_every_language_has_one() -> None:
    assert list(QUICKSTARTS) == list(LANGUAGES)
    for name in QUICKSTARTS:
        code = block(ROOT / READMES.get(name, f"{name}/README.md"), "ws://host/ws")
        assert "ws://host/ws" in code
        assert PRINTED not in code


def test_a_readme_without_one_is_named(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    for text in ("", "<!-- run: quickstart -->\n```go\nws://elsewhere/ws\n```\n"):
        readme.write_text(text)
        with pytest.raises(SetupError, match=r"README\.md"):
            block(readme, "ws://host/ws")
