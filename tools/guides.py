"""Print the guide pages of the documentation: the programs of five languages side by side.

The programs are those that tests run: files of `examples/` folders, and the marked blocks of the
packages' READMEs. `make docs` gives the folder to `wiregen docs --pages`.

    python3 tools/guides.py FOLDER
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workshop import ROOT

SOURCE = "https://github.com/SmooAI/smooth-operator/blob/main"


@dataclass(frozen=True)
class Guided:
    """A language of the guide: what it is called, its fence, its package, where programs lie."""

    title: str
    fence: str
    package: str
    examples: tuple[str, ...]


LANGUAGES = {
    "python": Guided("Python", "python", "python/client", ("examples/{name}.py",)),
    "typescript": Guided("TypeScript", "ts", "typescript", ("examples/{name}.ts",)),
    "go": Guided("Go", "go", "go", ("examples/{name}/main.go", "protocol/example_{name}_test.go")),
    "dotnet": Guided(
        "C#", "csharp", "dotnet", ("examples/{name}.cs", "examples/{name}/Program.cs")
    ),
    "rust": Guided("Rust", "rust", "rust", ("examples/{name}.rs",)),
}
PROGRAMS = {
    "quickstart": ("Quickstart", "Connect, begin a conversation, show the answer as it comes."),
    "stream_text": ("Stream the text", "The text alone, without the events around it."),
    "confirm": ("Confirm in the stream", "The agent wants to act; a person says yes or no."),
    "handlers": ("Handlers, with one-time codes", "Questions are answered in one place."),
    "forms": ("Forms", "The agent asks for values; the server checks them."),
    "cancel": ("Cancel", "Stop a turn and keep what was said so far."),
    "reconnect": ("Reconnect and recover", "The link is lost in mid-turn; the turn is not."),
    "testing": ("Test with the fake server", "An application's test, without a server or a sleep."),
}  # fmt: skip
ALIASES = {
    "confirm": ("questions",),
    "cancel": ("stop",),
    "reconnect": ("lost", "resume", "resuming"),
    "handlers": ("otp",),
}
"""What blocks of READMEs are called that show the same."""


def program(language: Guided, name: str) -> str:
    """Return one program in one language; empty where there is none."""
    for place in language.examples:
        path = ROOT / language.package / place.format(name=name)
        if path.is_file():
            return path.read_text(encoding="utf-8").strip()
    readme = (ROOT / language.package / "README.md").read_text(encoding="utf-8")
    for word in (name, *ALIASES.get(name, ())):
        found = re.search(rf"<!-- run: {word} -->\n```[^\n]*\n(.*?)```", readme, re.DOTALL)
        if found:
            return found[1].rstrip()
    return ""


def programs() -> str:
    """The page of the programs, a tab a language."""
    lines = ["# Eight programs in five languages", ""]
    lines += [
        "Each is run by the tests of its package against the reference server, as printed here.",
        "A server to try them on: `pip install smooth-operator-server`, then",
        "`smooth-operator-server --demo`.",
        "",
    ]
    for name, (title, told) in PROGRAMS.items():
        tabs = {key: program(language, name) for key, language in LANGUAGES.items()}
        if not any(tabs.values()):
            continue
        lines += [f"## {title}", "", told, ""]
        for key, text in tabs.items():
            if text:
                lines += tab(LANGUAGES[key], text)
    return "\n".join(lines)


def tab(language: Guided, text: str) -> list[str]:
    """One tab: its lines are indented, as the site generator reads them."""
    inner = [f"```{language.fence}", *text.splitlines(), "```"]
    shown = [f"    {line}".rstrip() for line in inner]
    return [f'=== "{language.title}"', "", *shown, ""]


def guide(language: Guided) -> str:
    """The README of a package as a page: links lead to the sources, marks are left out."""
    text = (ROOT / language.package / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"<!-- run: \w+ -->\n", "", text)
    text = re.sub(r"(?m)^```(\w+),\w+$", r"```\1", text)  # `rust,no_run` is rustdoc's word

    def led(found: re.Match[str]) -> str:
        target = (ROOT / language.package / found[1]).resolve()
        if "://" in found[1] or found[1].startswith("#") or not target.is_relative_to(ROOT):
            return found[0]
        return f"]({SOURCE}/{target.relative_to(ROOT).as_posix()})"

    return re.sub(r"\]\(([^)\s]+)\)", led, text)


def write(folder: Path) -> int:
    """Write every page; returns how many."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pages = {"programs": programs()}
    pages |= {name: guide(language) for name, language in LANGUAGES.items()}
    pages["packages"] = (ROOT / "tools" / "packages.md").read_text(encoding="utf-8")
    for number, (name, text) in enumerate(pages.items(), 1):
        (folder / f"{number}-{name}.md").write_text(text.rstrip() + "\n", encoding="utf-8")
    return len(pages)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    words = sys.argv[1:] if argv is None else argv
    if len(words) != 1:
        print("usage: guides.py FOLDER", file=sys.stderr)
        return 2
    print(f"guides: {write(Path(words[0]))} pages in {words[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
