"""Wire words to identifiers of five languages: one function a kind of name, the same everywhere.

A name that is taken by the language or by what is printed anyway is escaped until it is free. Two
names of a document that fall together are told apart by their signs; what is still one name then
is refused (`register`), never numbered.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from wiregen.ir import Role
from wiregen.reserved import RESERVED, TAKEN, VALUES, Lang, reserved_types
from wiregen.words import word_set

LANGS: tuple[Lang, ...] = ("python", "typescript", "go", "csharp", "rust")

# Words that Go writes in capitals.
GO_INITIALISMS = word_set(
    "acl api ascii cpu css dns eof guid html http https id ip json llm otp qps ram rpc sla smtp "
    "sms sql ssh tcp tls ttl udp ui uid uuid uri url utf8 vm xml"
)

_SIGNS = {
    "*": "star",
    "+": "plus",
    "-": "minus",
    "<": "less",
    ">": "greater",
    "=": "equal",
    "/": "slash",
    "|": "pipe",
    "&": "and",
    "!": "bang",
    "?": "question",
    "%": "percent",
    ".": "dot",
    ",": "comma",
    ":": "colon",
    ";": "semicolon",
    "#": "hash",
    "@": "at",
    "$": "dollar",
    "^": "caret",
    "~": "tilde",
    "_": "underscore",
    " ": "space",
    "\\": "backslash",
    "(": "open",
    ")": "close",
    "\n": "line",
    "≥": "at_least",
    "≤": "at_most",
    "≠": "unequal",
}

# Ends the name of an action whose word is an event's as well.
TWIN = ".action"

# Over the classes of letters: upper, lower, other letters, digits.
_WORD = re.compile(r"U+(?!l)|U?l+|o+|d+")
_SUFFIX = {"event": "Event", "action": "Action", "result": "", "type": ""}


def _class(char: str) -> str:
    """Return the class of a character in a name: U, l, o (another letter), d, or - for none."""
    if char.isdecimal():
        return "d"
    if char.isupper() or unicodedata.category(char) == "Lt":
        return "U"
    if char.islower():
        return "l"
    return "o" if unicodedata.category(char) in ("Lo", "Lm", "Nl") else "-"


@cache
def words(name: str) -> tuple[str, ...]:
    """Split any casing into lower-case words: ``requestId`` -> ``("request", "id")``.

    Digits join the word before them, so that ``utf8`` stays one word. Letters of every script
    count; a mark that stands on a letter stays with it.
    """
    text = unicodedata.normalize("NFKC", name)
    classes: list[str] = []
    for char in text:
        mark = unicodedata.category(char) in ("Mn", "Mc") and classes and classes[-1] in "Ulo"
        classes.append(("l" if classes[-1] == "U" else classes[-1]) if mark else _class(char))
    found: list[str] = []
    for part in _WORD.finditer("".join(classes)):
        word = text[part.start() : part.end()].lower()
        joined = part.start() > 0 and classes[part.start() - 1] != "-"
        if part.group()[0] == "d" and found and joined:
            found[-1] += word
        else:
            found.append(word)
    return tuple(found)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def pascal(name: str) -> str:
    """``stream_token`` -> ``StreamToken``."""
    return "".join(map(_capital, words(name)))


def rooted(name: str) -> str:
    """Return the name under which a type is known: one that its own words lead to again.

    ``a b c`` is `Abc`, as a second look at `ABC` sees one word. Signs alone are spelled
    out: `*` is `Star`, an empty name is `Empty`.
    """
    return pascal(pascal(name if words(name) else spelled(name)))


def camel(name: str) -> str:
    """``stream_token`` -> ``streamToken``."""
    text = pascal(name)
    return text[:1].lower() + text[1:]


def snake(name: str) -> str:
    """``requestId`` -> ``request_id``."""
    return "_".join(words(name))


def upper(name: str) -> str:
    """``requestId`` -> ``REQUEST_ID``."""
    return snake(name).upper()


def kebab(name: str) -> str:
    """``requestId`` -> ``request-id``."""
    return "-".join(words(name))


def go_exported(name: str) -> str:
    """``requestId`` -> ``RequestID``: Go's casing with its initialisms."""
    return "".join(
        word.upper() if word in GO_INITIALISMS else _capital(word) for word in words(name)
    )


@cache
def identifier(lang: Lang, text: str, head: str) -> str:
    """Return a text as an identifier: what the language does not take is spelled in hex.

    ``head`` goes before a first character that cannot begin one; where it begins with a capital,
    so must the identifier in the languages that tell by it.
    """
    text = "".join(char if _takes(lang, char) else f"u{ord(char):04x}" for char in text)
    if lang == "python":
        text = unicodedata.normalize("NFKC", text)
    if not text:
        return head.rstrip("_")
    first = text[0]
    capital = head == "X" and lang in ("python", "go")
    if first.isdecimal() or (capital and not first.isupper()) or not _begins(first):
        return head + text
    return text


@cache
def _takes(lang: Lang, char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char == "_"
    if lang == "go":
        return unicodedata.category(char) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd")
    if lang == "csharp" and ord(char) > 0xFFFF:
        return False
    return f"a{char}".isidentifier()


def _begins(char: str) -> bool:
    return char == "_" or char.isidentifier()


def escaped(name: str, taken: frozenset[str] | set[str], suffix: str) -> str:
    """Return a name that is none of those taken: with the suffix as often as it needs."""
    while name in taken:
        name += suffix
    return name


def stepped(name: str, taken: frozenset[str] | set[str], suffix: str) -> str:
    """Escape a name so that no two become one: what looks escaped already is so once more."""
    bare = name
    while bare.endswith(suffix) and bare not in taken:
        bare = bare[: -len(suffix)]
    return f"{name}{suffix}" if bare in taken else name


@cache
def type_name(lang: Lang, name: str, role: Role) -> str:
    """Name of a type: ``StreamToken`` of role event -> ``StreamTokenEvent`` (Go: ``StreamToken``).

    Go and Rust tell roles apart by package or module and take no suffix, unless the bare name is
    taken in the language.
    """
    twin = name.endswith(TWIN)
    name = name.removesuffix(TWIN)
    taken = reserved_types(lang)
    if lang == "go":
        base = identifier(lang, go_exported(name), "X")
        if twin or base in taken:
            base += _SUFFIX[role] or "Type"
        return escaped(base, taken, "Type")
    base = identifier(lang, pascal(name), "X")
    if lang != "rust" and not (role == "event" and base.endswith("Event")):
        base += _SUFFIX[role]
    return escaped(base, taken, "Type")


@cache
def word_name(lang: Lang, word: str) -> str:
    """Name of the constant of a message's word: ``stream_token`` -> ``StreamToken``."""
    text = go_exported(word) if lang == "go" else pascal(word)
    return stepped(identifier(lang, text, "X"), frozenset({"Unknown"}), "Word")


@cache
def member_name(lang: Lang, wire: str) -> str:
    """Name of a field, property or parameter: ``requestId``, ``from`` -> ``request_id``, ``from_``.

    TypeScript keeps the wire's word as it is; it quotes what is no identifier.
    """
    if lang == "typescript":
        return wire
    wire = lettered(wire)
    if lang == "go":
        return stepped(identifier(lang, go_exported(wire), "X"), TAKEN[lang], "_")
    if lang == "csharp":
        return identifier(lang, pascal(wire), "X")
    text = identifier(lang, snake(wire), "x_")
    return stepped(text, RESERVED[lang] | TAKEN.get(lang, frozenset()), "_")


def enum_member(lang: Lang, enum: str, value: str) -> str:
    """Name of one enum value; TypeScript has none and gives the value itself."""
    if lang == "typescript":
        return value
    value = lettered(value)
    if lang == "python":
        text = identifier(lang, upper(value), "V_")
        taken = {word.upper() for word in RESERVED[lang]} | {"UNKNOWN", "MRO", "IS_KNOWN"}
        return stepped(text, taken, "_")
    if lang == "go":
        return type_name("go", enum, "type") + identifier(lang, go_exported(value), "X")
    text = identifier(lang, pascal(value), "V")
    return stepped(text, RESERVED[lang] | VALUES.get(lang, frozenset()), "_")


def lettered(value: str) -> str:
    """Return a name with letters: signs alone, or one at the front that tells, are spelled out."""
    return spelled(value) if not words(value) or value[0] in "+-" else value


def spelled(value: str) -> str:
    """Spell out the signs of a name: ``+1`` -> ``plus 1``; an empty one is ``empty``."""
    text = "".join(
        char if _class(char) != "-" else f" {_SIGNS.get(char) or f'u{ord(char):04x}'} "
        for char in unicodedata.normalize("NFKC", value)
    )
    return " ".join(text.split()) or "empty"


def collisions(names: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Group sources (key) that share an identifier (value): identifier -> sources, two or more."""
    groups: dict[str, list[str]] = {}
    for source, found in names.items():
        groups.setdefault(found, []).append(source)
    return {key: tuple(group) for key, group in groups.items() if len(group) > 1}
