"""From the bytes of a document to its text, whatever kind of document it is."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

MOST_PAGES = 2_000
LONGEST = 20_000_000
"""Characters of one document's text."""

DEEPEST = 64
_BLANKS = re.compile(r"[ \t\r\f\v\u00a0]+")
_MANY_LINES = re.compile(r"\n\s*\n\s*")


class UnreadableError(Exception):
    """The bytes are no document of their kind; the text holds nothing of them."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a document, and its title if it has one."""

    text: str
    title: str = ""


def text_of(content: bytes, kind: str, charset: str | None = None) -> Text:
    """Return the text of a document; ``kind`` is one of ``KINDS``.

    Raises:
        UnreadableError: it is not of this kind, or too large.
    """
    try:
        found = KINDS[kind](content, charset)
    except RecursionError:
        raise UnreadableError("is nested too deep") from None
    if len(found.text) > LONGEST:
        raise UnreadableError(f"has more than {LONGEST} characters")
    if not found.text.strip():
        raise UnreadableError("has no text in it")
    return found


def _plain(content: bytes, charset: str | None) -> Text:
    text = _decoded(content, charset)
    first = next((line for line in text.splitlines() if line.strip()), "")
    return Text(text, first.lstrip("# ").strip() if first.startswith("#") else "")


def _decoded(content: bytes, charset: str | None) -> str:
    if b"\0" in content[:1024] and charset is None:
        raise UnreadableError("is no text")
    try:
        return content.decode(charset or "utf-8-sig")
    except (UnicodeDecodeError, LookupError):
        raise UnreadableError(f"is not {charset or 'UTF-8'}") from None


class _Page(HTMLParser):
    """Collects what a reader sees of a page, headings marked as in Markdown."""

    BLOCKS = frozenset(
        [
            "p",
            "div",
            "section",
            "article",
            "main",
            "br",
            "tr",
            "li",
            "ul",
            "ol",
            "table",
            "blockquote",
            "pre",
            "dt",
            "dd",
            "figure",
            "hr",
        ]
    )
    HIDDEN = frozenset(
        [
            "script",
            "style",
            "noscript",
            "template",
            "nav",
            "footer",
            "svg",
            "head",
            "form",
            "button",
        ]
    )
    NEVER_CLOSED = frozenset({"br", "hr", "img", "input", "meta", "link"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self.title: list[str] = []
        self._hidden = 0
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        hides = tag in self.HIDDEN or ("hidden" in dict(attrs) and tag not in self.NEVER_CLOSED)
        if self._hidden:
            self._hidden += tag not in self.NEVER_CLOSED
        elif hides:
            self._hidden = 1
        elif tag[:1] == "h" and tag[1:].isdigit():
            self.said.append(f"\n\n{'#' * min(int(tag[1:]), 6)} ")
        elif tag in self.BLOCKS:
            self.said.append("\n\n")
        elif tag in ("td", "th"):
            self.said.append(" ")
        self._in_title = tag == "title"

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        if self._hidden:
            self._hidden -= tag not in self.NEVER_CLOSED
        elif tag in self.BLOCKS or (tag[:1] == "h" and tag[1:].isdigit()):
            self.said.append("\n\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._hidden:
            self.said.append(data.replace("\n", " "))


def _html(content: bytes, charset: str | None) -> Text:
    page = _Page()
    page.feed(_decoded(content, charset))
    page.close()
    text = _MANY_LINES.sub("\n\n", _BLANKS.sub(" ", "".join(page.said))).strip()
    return Text(text, " ".join("".join(page.title).split()))


def _csv(content: bytes, charset: str | None) -> Text:
    """Return a paragraph for each row, every value with the name of its column."""
    text = _decoded(content, charset)
    delimiter = max(",;\t|", key=text.partition("\n")[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise UnreadableError("is no CSV") from None
    if not rows:
        return Text("")
    names, *values = rows
    return Text("\n\n".join(_row(dict(zip(names, row, strict=False))) for row in values if row))


def _row(row: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in row.items() if value not in ("", None))


def _json(content: bytes, charset: str | None) -> Text:
    """Return a paragraph for each object of a list, or a line for each value."""
    try:
        value = json.loads(_decoded(content, charset))
    except ValueError:
        raise UnreadableError("is no JSON") from None
    items = value if isinstance(value, list) else [value]
    return Text("\n\n".join("\n".join(_lines(item, "", 0)) for item in items))


def _lines(value: Any, name: str, depth: int) -> list[str]:
    if depth > DEEPEST:
        raise UnreadableError("is nested too deep")
    if isinstance(value, dict):
        pairs = [(f"{name} {key}".strip(), member) for key, member in value.items()]
    elif isinstance(value, list):
        pairs = [(name, item) for item in value]
    else:
        return [f"{name}: {value}" if name else str(value)]
    return [line for key, member in pairs for line in _lines(member, key, depth + 1)]


def _pdf(content: bytes, charset: str | None) -> Text:  # noqa: ARG001
    """Return the pages of a PDF under headings of their own."""
    from pypdf import PdfReader  # takes a while, and only those who read PDF need it

    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableError("is encrypted")
        if len(reader.pages) > MOST_PAGES:
            raise UnreadableError(f"has more than {MOST_PAGES} pages")
        pages: list[str] = []
        size = 0
        for number, page in enumerate(reader.pages, start=1):
            text = page.extract_text()
            size += len(text)
            if size > LONGEST:
                raise UnreadableError(f"has more than {LONGEST} characters")
            if text.strip():
                pages.append(f"# Page {number}\n\n{_unmarked(text)}")
        title = reader.metadata.title if reader.metadata else None
    except UnreadableError:
        raise
    except Exception:  # the library has many ways to fail on what is no PDF
        raise UnreadableError("is no PDF that can be read") from None
    return Text("\n\n".join(pages), str(title or ""))


def _unmarked(text: str) -> str:
    """Return text whose lines do not read as headings."""
    return "\n".join(f" {line}" if line.startswith("#") else line for line in text.splitlines())


KINDS: dict[str, Callable[[bytes, str | None], Text]] = {
    "text": _plain,
    "markdown": _plain,
    "html": _html,
    "csv": _csv,
    "json": _json,
    "pdf": _pdf,
}
KIND_OF_ENDING = {
    ".txt": "text",
    ".text": "text",
    ".rst": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".pdf": "pdf",
}
KIND_OF_MEDIA_TYPE = {
    "text/plain": "text",
    "text/markdown": "markdown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/csv": "csv",
    "application/json": "json",
    "application/pdf": "pdf",
}
