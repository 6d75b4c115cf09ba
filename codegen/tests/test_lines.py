"""How long the wire rooms of our own protocol are, against what they were; printed in README.md."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "codegen" / "README.md"
# Lines of the rooms before rare types were read by tables (5fa61d2): all, and without the machines.
WHOLE = {"python": 5745, "typescript": 5023, "go": 9520, "csharp": 11732, "rust": 9065}
BEFORE = {"python": 4755, "typescript": 4533, "go": 9331, "csharp": 11241, "rust": 7774}
ROOMS = {
    "python": "python/client/src/smooth_operator/wire/*.py",
    "typescript": "typescript/src/wire/*.ts",
    "go": "go/protocol/*.gen.go",
    "csharp": "dotnet/src/SmooAI.SmoothOperator/Wire/*.g.cs",
    "rust": "rust/src/wire/*.rs",
}
# The machines of today, and what came since: options, codes, bounds of arguments, learned frames.
LATER = {
    "python": ("codes.py", "options.py", "steps.py", "learned.py"),
    "typescript": ("codes.ts", "options.ts", "steps.ts", "learned.ts", "facts.ts"),
    "go": ("wire_codes", "wire_options", "wire_steps", "wire_learned", "wire_arguments"),
    "csharp": (
        *("Codes", "OptionTable", "Steps", "States"),
        *("LearnedFrame", "FrameReader", "StreamTable", "ArgumentTable"),
    ),
    "rust": ("codes.rs", "options.rs", "steps.rs", "learned.rs", "arguments.rs"),
}
THIRD = ("go", "csharp")
ROW = re.compile(r"^\| `(\w+)` \|" + r" ([\d,]+) \|" * 4 + "$", re.MULTILINE)


def _lines(lang: str) -> tuple[int, int]:
    """Return the lines of a room, and of those files of it that were there before."""
    files = {
        path.name: path.read_text(encoding="utf-8").count("\n") for path in ROOT.glob(ROOMS[lang])
    }
    assert files
    whole = sum(files.values())
    return whole, whole - sum(n for name, n in files.items() if name.startswith(LATER[lang]))


def test_the_readme_says_how_long_the_rooms_are() -> None:
    text = README.read_text(encoding="utf-8")
    now = {lang: _lines(lang) for lang in ROOMS}
    rows = "\n".join(
        f"| `{lang}` | {BEFORE[lang]:,} | {same:,} | {WHOLE[lang]:,} | {whole:,} |"
        for lang, (whole, same) in now.items()
    )
    if os.environ.get("UPDATE_README"):
        block = "\n".join(match.group() for match in ROW.finditer(text))
        text = text.replace(block, rows)
        README.write_text(text, encoding="utf-8")
    shown = {
        lang: tuple(int(n.replace(",", "")) for n in told) for lang, *told in ROW.findall(text)
    }
    for lang, (whole, same) in now.items():
        found = (BEFORE[lang], same, WHOLE[lang], whole)
        # A new member is a line here and there; `UPDATE_README=1` prints the table anew.
        for said, counted in zip(shown[lang], found, strict=True):
            assert abs(said - counted) <= counted // 20, lang


def test_what_was_there_before_is_a_third_shorter() -> None:
    for lang in THIRD:
        assert _lines(lang)[1] <= BEFORE[lang] * 2 / 3, lang
