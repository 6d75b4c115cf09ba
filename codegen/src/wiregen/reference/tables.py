"""Types in words, links and tables of members."""

from __future__ import annotations

import re

from wiregen.emit.base import bounds, clean
from wiregen.ir import AnyJson, Array, Const, Enum, Field, Map, Opaque, Ref, Spec, Struct, Type
from wiregen.naming import kebab

_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#])")


def prose(text: str) -> str:
    """Make a description safe in a page: code in backticks stays, all other markup is text."""
    parts = clean(text).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick is text like any other
        return _MARKUP.sub(r"\\\1", clean(text))
    return "".join(
        f"`{part}`".replace("|", "&#124;") if index % 2 else _MARKUP.sub(r"\\\1", part)
        for index, part in enumerate(parts)
    )


def anchor(*words: str) -> str:
    """Return a stable anchor: `send_message`, `message` -> `send-message-message`."""
    return "-".join(kebab(word) for word in words)


def type_words(spec: Spec, type_: Type, up: str) -> str:
    """Say a type in words, with links to named ones; ``up`` leads to the root of the site."""
    if isinstance(type_, Ref):
        found = spec.type(type_.name)
        link = f"[{type_.name}]({up}types.md#{anchor(type_.name)})"
        if isinstance(found, Enum):
            return f"{link}: {', '.join(f'`{value}`' for value in found.values)}, …"
        return link
    if isinstance(type_, Array):
        return f"list of {type_words(spec, type_.items, up)}"
    if isinstance(type_, Map):
        free = isinstance(type_.values, AnyJson)
        return "object" if free else f"object of {type_words(spec, type_.values, up)}"
    if isinstance(type_, Const):
        return f"always `{type_.value}`"
    if isinstance(type_, Opaque):
        return " or ".join(type_.kinds)
    if isinstance(type_, AnyJson):
        return "any JSON"
    return f"{type_.kind} ({type_.format})" if type_.format else type_.kind


def members(spec: Spec, struct: Struct, up: str) -> list[str]:
    """Return the table of the members of a struct."""
    rows = ["| member | type | | meaning |", "|---|---|---|---|"]
    for field in struct.fields:
        name = f'<a id="{anchor(struct.name, field.wire)}"></a>`{field.wire}`'
        kind = type_words(spec, field.type, up) + (" or null" if field.nullable else "")
        rows.append(f"| {name} | {kind} | {_presence(field)} | {_meaning(field)} |")
    return rows


def _presence(field: Field) -> str:
    words = "required" if field.required else "optional"
    if field.required and not field.read_required:
        words += "; readers do without"
    return words + ("; deprecated" if field.deprecated else "")


def _meaning(field: Field) -> str:
    said = bounds(field)
    text = prose(field.doc)
    return f"{text} *{prose(said)}.*" if said else text
