"""What a decoder asks of a frame, printed from the reader view as rows of tables."""

from __future__ import annotations

import json
from collections.abc import Mapping

from wiregen.ir import Check, Path, Shape, UnionShape
from wiregen.words import word_set


def mark_literal(kind: str, mark: str) -> str:
    """Return the mark of a tagged branch as it stands in a frame."""
    return json.dumps(mark) if kind == "string" else mark


def union_row(item: UnionShape) -> str:
    """Return the row of a union's table as TypeScript source."""
    rows = ", ".join(f"[{json.dumps(mark)}, {table(check)}]" for mark, check in item.branches)
    tag = f"{json.dumps(item.tag)}, {json.dumps(item.tag_kind)}"
    return f"[{json.dumps(item.kind)}, {tag}, [{rows}]]"


def access(root: str, path: Path) -> str:
    """Return the expression that reads a place whose parents may be missing."""
    text = root
    for position, segment in enumerate(path):
        chain = "?." if position else ""
        plain = segment.isascii() and segment.isidentifier()
        member = f"{chain or '.'}{segment}" if plain else f"{chain}[{json.dumps(segment)}]"
        text = own(text, segment, member)
    return text


# What every object has without being told.
_INHERITED = word_set(
    "constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf "
    "__proto__ __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__"
)


def own(parent: str, name: str, member: str) -> str:
    """Return the expression that reads a member that may be missing, and not an inherited one."""
    if name not in _INHERITED:
        return parent + member
    return f"(Object.hasOwn({parent} ?? {{}}, {json.dumps(name)}) ? {parent}{member} : undefined)"


def shape_rows(shape: Shape, bounds: Mapping[str, str] | None = None) -> str:
    """Return the rows of a repair table as TypeScript source; `bounds` is source by member."""
    rows: list[str] = []
    for field in shape.fields:
        facts = f"{int(field.required)}, {int(field.nullable)}, {table(field.check)}"
        asked = f", {bounds[field.wire]}" if bounds and field.wire in bounds else ""
        rows.append(f"[{json.dumps(field.wire)}, {facts}{asked}]")
    return f"[{', '.join(rows)}]"


def table(check: Check) -> str:
    """Return one check of a repair table as TypeScript source."""
    if check.kind in ("array", "map"):
        inner = table(check.item) if check.item else '"any"'
        return f'["{check.kind}", {inner}, {int(check.nullable_item)}]'
    if check.kind in ("struct", "union"):
        return f'["{check.kind}", {json.dumps(check.ref)}]'
    if check.kind == "const":
        return f'["const", {json.dumps(check.value)}]'
    if check.kind == "kinds":
        return f'["kinds", {json.dumps(list(check.kinds))}]'
    return f'"{check.kind}"'
