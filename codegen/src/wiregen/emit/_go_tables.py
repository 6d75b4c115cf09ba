"""View models of the tables in Go: shapes, mirrors, errors, machines."""

from __future__ import annotations

from typing import Any

from wiregen.emit._go_types import kinds, words
from wiregen.emit.base import wrap
from wiregen.escape import go as quote
from wiregen.ir import Check, ErrorTable, Mirror, Shape, UnionShape
from wiregen.naming import go_exported

WIDTH = 92


def check(item: Check) -> str:
    """Return the Go literal of a check, without its type."""
    match item.kind:
        case "any":
            return "{kinds: kindAny}"
        case "struct":
            return f"{{kinds: kindObject, shape: {quote(item.ref)}}}"
        case "union":
            return f"{{kinds: kindAny, union: {quote(item.ref)}}}"
        case "const":
            return "{kinds: kindString}"
        case "kinds":
            return f"{{kinds: {kinds(item.kinds)}}}"
        case "array" | "map":
            kind = kinds(("array" if item.kind == "array" else "object",))
            if item.item is None or item.item.kind == "any":
                return f"{{kinds: {kind}}}"
            nullable = ", nullable: true" if item.nullable_item else ""
            return f"{{kinds: {kind}, item: &check{check(item.item)}{nullable}}}"
        case kind:
            return f"{{kinds: {kinds((kind,))}}}"


def shape(item: Shape) -> dict[str, Any]:
    """Return one repair table."""
    rows = []
    for field in item.fields:
        flags = "".join(
            f", {name}: true"
            for name, on in (("required", field.required), ("nullable", field.nullable))
            if on
        )
        rows.append(f"{{wire: {quote(field.wire)}{flags}, check: check{check(field.check)}}}")
    return {"name": quote(item.name), "rows": rows}


def union(item: UnionShape) -> dict[str, Any]:
    """Return how the branches of a union are told."""
    rows = [f"{{{quote(mark)}, check{check(one)}}}" for mark, one in item.branches]
    kind = f"union{go_exported(item.kind)}"
    tag = f"{quote(item.tag)}, {kinds((item.tag_kind,))}"
    return {"name": quote(item.name), "kind": kind, "tag": tag, "rows": rows}


def mirror(item: Mirror) -> str:
    """Return one mirror."""
    return f"{{{words(item.nested)}, {words(item.top)}, {_bool(item.fill)}, {_bool(item.needed)}}}"


def _bool(value: bool) -> str:
    return str(value).lower()


def errors(table: ErrorTable) -> dict[str, Any]:
    """Return kinds, leaves and codes."""
    of_leaf = {item.leaf: item for item in table.kinds}
    leaf_of_kind = {item.kind: item.leaf for item in table.kinds}
    kind_rows = [
        {
            "name": "ErrorKind" + go_exported(item.kind),
            "literal": quote(item.kind),
            "doc": wrap(item.when, WIDTH),
            "leaf": "leaf" + item.leaf,
        }
        for item in table.kinds
    ]
    kind_rows += [
        {
            "name": "ErrorKind" + go_exported(word),
            "literal": quote(word),
            "doc": wrap("An error of the language, not of the wire.", WIDTH),
            "leaf": "",
        }
        for word in table.native
    ]
    leaves: list[dict[str, Any]] = []
    for item in table.kinds:
        base = f"leaf{leaf_of_kind[item.parent]}" if item.parent else "nil"
        leaves.append(_leaf(item.leaf, item.kind, base, item.retryable, item.when))
    for extra in table.leaves:
        parent = of_leaf[extra.base]
        codes = [code for code in table.codes if code.leaf == extra.leaf]
        when = " ".join(code.when for code in codes)
        retryable = any(code.retryable for code in codes)
        leaves.append(_leaf(extra.leaf, parent.kind, f"leaf{extra.base}", retryable, when))
    unknown = table.unknown
    return {
        "kinds": kind_rows,
        "leaves": leaves,
        "unknown": f"errorCode{{leaf{unknown.leaf}, {_bool(unknown.retryable)}, "
        f"{quote(unknown.terminal)}}}",
        "codes": [
            {
                "literal": quote(code.code),
                "constant": "Code" + go_exported(code.code.lower()),
                "row": f"{{leaf{code.leaf}, {_bool(code.retryable)}, {quote(code.terminal)}}}",
                "doc": wrap(code.when, WIDTH),
            }
            for code in table.codes
        ],
    }


def _leaf(name: str, kind: str, base: str, retryable: bool, when: str) -> dict[str, Any]:
    row = f"{quote(name)}, ErrorKind{go_exported(kind)}, {base}, {_bool(retryable)}"
    sentinel = "Err" + name
    doc = wrap(f"{sentinel}: {when[:1].lower()}{when[1:]}", WIDTH)
    return {"sentinel": sentinel, "variable": "leaf" + name, "row": row, "doc": doc}
