"""Types in words, links and tables of members."""

from __future__ import annotations

import hashlib
import re
from html import escape

from wiregen.emit.base import bounds, clean
from wiregen.ir import AnyJson, Array, Const, Enum, Field, Map, Opaque, Ref, Spec, Struct, Type
from wiregen.naming import kebab

_FILE = re.compile(r"[A-Za-z0-9_-]{1,80}")
# What makes a list, a line, a tab or a box of a paragraph that begins with it.
_BLOCK = re.compile(r"^( *[0-9]*)([-+.)=!?~:/])")
_SIGN = re.compile(r"_|[^\w .$/@-]")
_MARKUP = re.compile(r"([\\`*_{}\[\]|#])")


def prose(text: str) -> str:
    """Make a description safe in a page: code in backticks stays, all other markup is text."""
    parts = clean(text).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick is text like any other
        return _text(clean(text))
    return "".join(
        f"`{part}`".replace("|", "&#124;") if index % 2 else _text(part)
        for index, part in enumerate(parts)
    )


def _text(text: str) -> str:
    """Return a text with everything that would be markup written as text."""
    marked = _MARKUP.sub(r"\\\1", escape(text, quote=False))
    return _BLOCK.sub(lambda found: f"{found[1]}&#{ord(found[2])};", marked)


def anchor(*words: str) -> str:
    """Return a stable anchor: `send_message`, `message` -> `send-message-message`."""
    return "-".join(kebab(word) for word in words)


def type_words(spec: Spec, type_: Type, up: str) -> str:
    """Say a type in words, with links to named ones; ``up`` leads to the root of the site."""
    if isinstance(type_, Ref):
        found = spec.type(type_.name)
        link = f"[{type_.name}]({up}types.md#{anchor(type_.name)})"
        if isinstance(found, Enum):
            return f"{link}: {', '.join(code(value) for value in found.values)}, …"
        return link
    if isinstance(type_, Array):
        return f"list of {type_words(spec, type_.items, up)}"
    if isinstance(type_, Map):
        free = isinstance(type_.values, AnyJson)
        return "object" if free else f"object of {type_words(spec, type_.values, up)}"
    if isinstance(type_, Const):
        return f"always {code(str(type_.value))}"
    if isinstance(type_, Opaque):
        return " or ".join(type_.kinds)
    if isinstance(type_, AnyJson):
        return "any JSON"
    return f"{type_.kind} ({prose(type_.format)})" if type_.format else type_.kind


def slug(wire: str) -> str:
    """Return the name of a message's page: the wire's word where it can be a file's name."""
    return wire if _FILE.fullmatch(wire) else f"{kebab(wire) or 'message'}-{digest(wire)}"


def digest(text: str) -> str:
    """Return a few letters that tell texts apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def message_link(wire: str, role: str, up: str) -> str:
    """Return a link to the page of a message."""
    return f"[{code(wire)}]({up}{role}s/{slug(wire)}.md)"


def code(text: str) -> str:
    """Return a word as code, safe in a table."""
    plain = text.isprintable() and text.strip() and "`" not in text
    return f"`{text}`".replace("|", "&#124;") if plain else html_code(text)


def members(spec: Spec, struct: Struct, up: str) -> list[str]:
    """Return the table of the members of a struct."""
    if not struct.fields:
        return ["No members."]
    rows = ["| member | type | meaning |", "|---|---|---|"]
    seen: set[str] = set()
    for field in struct.fields:
        place = anchor(struct.name, field.wire)
        place = f"{place}-{digest(field.wire)}" if place in seen else place
        seen.add(place)
        kind = type_words(spec, field.type, up) + (" or null" if field.nullable else "")
        name = deep_link(place, field.wire)
        rows.append(f"| {name} | {kind}<br>*{_presence(field)}* | {_meaning(field)} |")
    return rows


def deep_link(place: str, word: str) -> str:
    """Return a word that is an anchor and leads to itself, so that its address can be copied."""
    return f'<a id="{place}" href="#{place}">{html_code(word)}</a>'


def html_code(text: str) -> str:
    """Return a word as code in HTML, with no sign left that Markdown would read."""
    return f"<code>{_SIGN.sub(lambda found: f'&#{ord(found[0])};', text)}</code>"


def _presence(field: Field) -> str:
    words = "required" if field.required else "optional"
    if field.required and not field.read_required:
        words += "; readers do without"
    return words + ("; deprecated" if field.deprecated else "")


def _meaning(field: Field) -> str:
    said = bounds(field)
    text = prose(field.doc)
    return f"{text} *{prose(said)}.*" if said else text
