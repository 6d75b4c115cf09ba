"""Letters that a compiler takes in names but warns of: how they are spelled instead."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from wiregen.ir import Enum, Spec, Struct, Union

# Greek and Cyrillic letters that look like Latin ones: a program whose only letters of a script
# are among these is warned of.
_LOOK_ALIKE = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορστυχωϲϳμАВЕЅІЈКМНОРСТУХҮаеѕіјорсухһԁԛԝүвгкмнпт")


def plain_letters(spec: Spec) -> dict[str, str]:
    """Return the letters to spell, as one letter of its script that looks like no other is enough.

    ``μ`` alone is `mu`; in a document with other Greek words it stays.
    """
    used = {char for word in _words(spec) for char in unicodedata.normalize("NFKC", word)}
    found: dict[str, str] = {}
    for script in ("GREEK", "CYRILLIC"):
        letters = {char for char in used if unicodedata.name(char, "").startswith(script)}
        if letters <= _LOOK_ALIKE:
            found |= {char: unicodedata.name(char).split()[-1].lower() for char in letters}
    return found


def _words(spec: Spec) -> Iterator[str]:
    for item in spec.types:
        yield item.name
        if isinstance(item, Struct):
            yield from (field.wire for field in item.fields)
        elif isinstance(item, Enum):
            yield from item.values
        elif isinstance(item, Union):
            yield from (str(branch.mark) for branch in item.branches)
    yield from (message.wire for message in (*spec.events, *spec.actions))
