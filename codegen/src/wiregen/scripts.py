"""Letters that a compiler takes in names but warns of, or that nobody sees: spelled instead."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator

from wiregen.ir import Enum, Names, Spec, Struct
from wiregen.reserved import Lang

# Letters and marks of Unicode's security profile for identifiers (UTS 39, "Allowed") outside
# ASCII, after NFKC. The Rust compiler warns of all others, at the root of the crate alone, so that
# generated modules cannot allow them.
_COMMON = (
    "b7-17e 18f 1a0-1a1 1af-1b0 1cd-1dc 1de-1e3 1e6-1f5 1f8-21b 21e-21f 226-233 259 2bb-2bc "
    "2ec 300-304 306-30c 30f-311 313-314 31b 323-328 32d-32e 330-331 335 338-339 342-345 "
    "37b-37d 386-3ce 3fc-45f 48a-4ff 510-529 52e-559 561-586 5b4 5d0-5f2 620-63f 641-655 "
    "660-669 670-672 674-68d 68f-6a0 6a2-6d5 6e5-6e6 6ee-6ff 750-7b1 870-88e 8a0-8ac 8b2 "
    "8b5-8c9 901-94d 94f-950 956-977 979-97f 981-9f1 9fe-a4d a5c-a74 a81-aef afa-b43 b47-b61 "
    "b66-bef c01-c33 c35-c56 c5d-c61 c66-c80 c82-cdd ce0-d00 d02-d03 d05-d3a d3d-d43 d46-d57 "
    "d60-d61 d66-d7f d82-d8e d91-da5 da7-dde df2 e01-f00 f20-f37 f3e-109d 10c7-10f0 10f7-10ff "
    "1200-135f 1380-138f 1780-17a2 17a5-17a7 17a9-17cd 17d0 17d2 17d7-17dc 17e0-17e9 "
    "1c90-1cbf 1e00-1e99 1e9e 1ea0-1ef9 1f00-1ffc 2d27-2d2d 2d80-2dde 3005-3007 3041-312d "
    "312f-31bf 3400-9fff a67f a717-a71f a788 a78d a792-a793 a7aa a7c0-a7d9 a9e7-a9fe "
    "aa60-aa7f ab01-ab2e ab66-ab67 ac00-d7a3 fa0e-fa29 11301 11303 1133b-1133c 16ff0-16ff1 "
    "1b11f-1b167 1df00-1df1e 1e7e0-1e7fe 20000-3134a "
)
# Letters and marks that are not drawn (`Default_Ignorable_Code_Point`).
_UNSEEN = "34f 115f-1160 17b4-17b5 180b-180f 3164 fe00-fe0f ffa0 e0000-e0fff"

# Greek and Cyrillic letters that look like Latin ones: a program whose only letters of a script
# are among these is warned of.
_LOOK_ALIKE = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορστυχωϲϳμАВЕЅІЈКМНОРСТУХҮаеѕіјорсухһԁԛԝүвгкмнпт")


def _ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Read `b7-17e 18f` as pairs of the first and the last one."""
    pairs = (one.partition("-") for one in text.split())
    return tuple((int(first, 16), int(last or first, 16)) for first, _, last in pairs)


_COMMON_RANGES = _ranges(_COMMON)
_UNSEEN_RANGES = _ranges(_UNSEEN)


def _within(ranges: tuple[tuple[int, int], ...], char: str) -> bool:
    found = bisect_right(ranges, (ord(char), 0x110000)) - 1
    return found >= 0 and ord(char) <= ranges[found][1]


def plain_letters(spec: Spec, lang: Lang) -> dict[str, str]:
    """Return the letters to spell in a language, each with its spelling.

    What is not drawn, in every language: a name of it looks empty. In Rust what the compiler warns
    of: letters of archaic scripts and of special use, and Greek or Cyrillic where no letter of
    the document is of that script alone. So ``μ`` alone is `mu`; beside other Greek words it stays.
    """
    words = [word for word in _words(spec) if not word.isascii()]
    texts = [unicodedata.normalize("NFKC", word) for word in words]
    used = {char for text in texts for char in text + text.lower() + text.upper()}
    rare = {char for char in used if _rare(char, lang)}
    found = {char: f"u{ord(char):04x}" for char in rare}
    for script in ("GREEK", "CYRILLIC") if lang == "rust" else ():
        letters = {char for char in used - rare if unicodedata.name(char, "").startswith(script)}
        if letters <= _LOOK_ALIKE:
            found |= {char: unicodedata.name(char).split()[-1].lower() for char in letters}
    return found


def _rare(char: str, lang: Lang) -> bool:
    if char.isascii() or not f"a{char}".isidentifier():
        return False
    if _within(_UNSEEN_RANGES, char):
        return True
    forms = (one for one in char + char.lower() + char.upper() if not one.isascii())
    return lang == "rust" and not all(_within(_COMMON_RANGES, one) for one in forms)


def _words(spec: Spec) -> Iterator[str]:
    """Yield what names are made of: words of the wire, titles, and what an `x-name` says."""
    for item in spec.types:
        yield item.name
        yield from _said(item.names)
        if isinstance(item, Struct):
            for field in item.fields:
                yield from (field.wire, *_said(field.names))
        elif isinstance(item, Enum):
            yield from item.values
            for _, names in item.names_of_values:
                yield from _said(names)
        else:
            for branch in item.branches:
                yield from (str(branch.mark), *_said(branch.names))
    yield from (message.wire for message in (*spec.events, *spec.actions))


def _said(names: Names) -> Iterator[str]:
    return (name for _, name in names)
