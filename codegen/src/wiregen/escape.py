"""Text of a specification on its way into code: one function a target and position.

Whatever a document says is data. A string literal holds every character; a comment is one line of
printable text, without the mark that ends it; an XML comment is escaped besides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape
from typing import Any

from markupsafe import Markup

_BREAKS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")
_LONG = 200


class Block(Markup):
    """Lines that were escaped one by one: all that may be printed with a break inside."""

    __slots__ = ()


def clean(text: str) -> str:
    """Fold a description into one paragraph of printable text."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def safe_block(text: str) -> str:
    """Make text safe inside a block comment: its end mark cannot occur."""
    return text.replace("*/", "* /")


def said(text: str) -> str:
    """Return a word of the wire as it stands in any comment: short, one line, no end mark."""
    shown = safe_block(clean(text)).replace("`", "'")
    shown = shown if len(shown) <= _LONG else f"{shown[:_LONG]}…"
    return shown or "(empty)"


def xml(text: str) -> str:
    """Return text inside an XML documentation comment."""
    return escape(said(text), quote=False)


def go(text: str) -> str:
    """Return a Go string literal, in ASCII."""
    out = ['"']
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char.isprintable() and char.isascii():
            out.append(char)
        else:
            out.append(f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}")
    return "".join(out) + '"'


def rust(text: str) -> str:
    """Return a Rust string literal."""
    return _printable(text, lambda code: f"\\u{{{code:x}}}")


def csharp(text: str) -> str:
    """Return a C# string literal."""
    return _printable(text, lambda code: f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def python(text: str) -> str:
    """Return a Python string literal in double quotes."""
    return _printable(text, lambda code: f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def typescript(text: str) -> str:
    """Return a TypeScript string literal, in ASCII."""
    return json.dumps(text)


def typescript_key(text: str) -> str:
    """Return a key of a TypeScript object: `__proto__` as it stands sets the prototype."""
    return f"[{typescript(text)}]" if text == "__proto__" else typescript(text)


def _printable(text: str, spell: Callable[[int], str]) -> str:
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char in _SHORT:
            out.append(_SHORT[char])
        else:
            out.append(char if char.isprintable() else spell(ord(char)))
    return f'"{"".join(out)}"'


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
STRINGS: dict[str, Callable[[str], str]] = {
    "python": python,
    "typescript": typescript,
    "go": go,
    "csharp": csharp,
    "rust": rust,
}


def checked(value: Any) -> Any:
    """Let a value into a file: none that would break its line unless it is a :class:`Block`.

    Every expression of every template passes here, so that a text that nobody escaped is a fault
    of the template and never code.
    """
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    if found := _BREAKS.search(value):
        raise ValueError(f"a text with {found.group()!r} is printed without an escape")
    return Markup(value)
