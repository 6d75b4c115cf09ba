"""The tables of the Rust wire room: repair shapes and errors, as printable data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from wiregen.emit.base import wrap
from wiregen.escape import rust as text
from wiregen.ir import Check, ErrorCode, Message, Spec
from wiregen.naming import identifier, pascal, upper
from wiregen.shapes import build_unions, struct_refs

WIDTH = 92
Context = dict[str, Any]
_LITERAL = re.compile(r'"(?:\\.|[^"\\])*"')


@dataclass(frozen=True, slots=True)
class RustWord:
    """A variant of an enum: its name, the word it stands for and what it means."""

    name: str
    word: str
    doc: tuple[str, ...]


def doc(words: str, fallback: str) -> tuple[str, ...]:
    """Wrap the meaning of a word for `///`."""
    plain = (words or fallback).replace("[", "\\[").replace("<", "\\<")
    return wrap(plain[:1].upper() + plain[1:], WIDTH)


def word(name: str, meaning: str) -> RustWord:
    """Build the variant of a word."""
    return RustWord(pascal(name), name, doc(meaning, f"`{name}`."))


def optional(value: str | None, show: Callable[[str], str]) -> str:
    """Return `None` or `Some(…)`."""
    return "None" if value is None else f"Some({show(value)})"


# --- shapes


def shape_name(name: str) -> str:
    """Name of the static that holds the repair table of a struct."""
    return identifier("rust", upper(name), "X")


def shapes(spec: Spec, readable: Iterable[str]) -> list[tuple[str, str, list[str]]]:
    """Return name, struct and member rows of every repair table that is used."""
    read = _reachable(spec, readable)
    return [
        (
            shape_name(shape.name),
            shape.name,
            [
                f"member({text(field.wire)}, {_flags(field.required, field.nullable)}, "
                f"{_check(field.check)})"
                for field in shape.fields
            ],
        )
        for shape in spec.shapes
        if shape.name in read
    ]


def _reachable(spec: Spec, readable: Iterable[str]) -> set[str]:
    """Structs that a frame, the result of a call or a type that is read by itself can hold."""
    results = [item.result.type.name for item in spec.operations if item.result]
    waiting = [*(event.name for event in spec.events), *results, *readable]
    unions = {item.name: item for item in spec.union_shapes}
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            for field in spec.shape(name).fields:
                waiting.extend(struct_refs(field.check, unions))
    return found


def union_shape_name(name: str) -> str:
    """Name of the static that says how the branches of a union are told."""
    return f"{shape_name(name)}_UNION"


def unions(spec: Spec) -> list[tuple[str, str, list[str]]]:
    """Return name, kind and branch rows of every union; one that is only written asks nothing."""
    read = {item.name for item in spec.union_shapes}
    found = []
    for item in build_unions(spec.types, written=True):
        kind = f"UnionKind::{pascal(item.kind)}"
        if item.kind == "tagged":
            kind += f"({text(item.tag)}, Kind::{pascal(item.tag_kind)})"
        rows = [
            f"({text(mark)}, {_check(check) if item.name in read else 'Check::Any'})"
            for mark, check in item.branches
        ]
        found.append((union_shape_name(item.name), kind, rows))
    return found


def names_kind(statics: Iterable[tuple[str, str, list[str]]]) -> bool:
    """Whether some tables name a kind of JSON; what a document calls so is in quotes."""
    code = (line for _, kind, rows in statics for line in (kind, *rows))
    return any(re.search(r"\bKind::", _LITERAL.sub("", line)) for line in code)


def kinds(names: tuple[str, ...]) -> str:
    """Return a list of kinds of JSON."""
    listed = [*names, *(["large"] if "integer" in names else [])]  # raw JSON holds both
    return f"&[{', '.join(f'Kind::{pascal(name)}' for name in listed)}]"


def _flags(required: bool, nullable: bool) -> str:
    return f"{str(required).lower()}, {str(nullable).lower()}"


def _check(check: Check) -> str:
    match check.kind:
        case "struct":
            return f"Check::Struct(&{shape_name(check.ref)})"
        case "union":
            return f"Check::Union(&{union_shape_name(check.ref)})"
        case "const":
            return f"Check::Word({text(str(check.value))})"
        case "kinds":
            return f"Check::Kinds({kinds(check.kinds)})"
        case "array" | "map":
            inner = _check(check.item) if check.item else "Check::Any"
            null = str(check.nullable_item).lower()
            return f"Check::{pascal(check.kind)}(&{inner}, {null})"
        case "any":
            return "Check::Any"
    return f"Check::Kinds(&[Kind::{pascal(check.kind)}])"


def mirrors(spec: Spec, event_name: Callable[[Message], str]) -> list[tuple[str, str, list[str]]]:
    """Return variant, shape and mirror rows of every event."""
    return [
        (
            event_name(event),
            shape_name(event.name),
            [
                f"mirror(&[{', '.join(text(part) for part in mirror.nested)}], "
                f"{text(mirror.top[0])}, {_flags(mirror.fill, mirror.needed)})"
                for mirror in event.mirrors
                if mirror.fill or mirror.needed
            ],
        )
        for event in spec.events
    ]


# --- errors


def errors(spec: Spec) -> Context:
    """Return kinds, leaves and code rows of the error table."""
    table = spec.errors
    assert table is not None
    codes = (*table.codes, table.unknown)
    leaves = {it.leaf: it.kind for it in table.kinds} | {it.leaf: it.kind for it in codes}
    doc_of = {it.leaf: it.when for it in table.codes} | {it.leaf: it.when for it in table.kinds}
    return {
        "kinds": [
            {
                "word": word(item.kind, item.when),
                "parent": optional(item.parent, lambda it: f"ErrorKind::{pascal(it)}"),
                "retryable": str(item.retryable).lower(),
            }
            for item in table.kinds
        ],
        "native": [word(item, f"The language's own error, `{item}`.") for item in table.native],
        "leaves": [
            (RustWord(name, name, doc(doc_of.get(name, ""), name)), pascal(kind))
            for name, kind in leaves.items()
        ],
        "terminals": [word(it, "") for it in sorted({c.terminal for c in table.codes})],
        "codes": [_code(item) for item in table.codes],
        "unknown": _code(table.unknown),
    }


def _code(item: ErrorCode) -> str:
    return (
        f"code({text(item.code)}, Leaf::{item.leaf}, {str(item.retryable).lower()}, "
        f"Terminal::{pascal(item.terminal)}, {text(item.when)})"
    )
