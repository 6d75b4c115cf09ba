"""View models of the tables in Go: shapes, mirrors, errors, machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wiregen.emit._go_types import Named, kinds, words
from wiregen.emit.base import wrap
from wiregen.escape import go as quote
from wiregen.ir import ErrorTable, Mirror, Shape, UnionShape
from wiregen.naming import go_exported

WIDTH = 92


def shape(named: Named, item: Shape) -> dict[str, Any]:
    """Return one repair table."""
    struct = named.spec.struct(item.name)
    rows = []
    for field in item.fields:
        shown = struct.field(field.wire)
        flags = (
            ("required", field.required),
            ("nullable", field.nullable),
            ("secret", shown is not None and shown.secret),
        )
        said = "".join(f", {name}: true" for name, on in flags if on)
        asked = named.literal(field.check)
        rows.append(f"{{wire: {quote(field.wire)}{said}, check: check{asked}}}")
    return {"name": quote(named.of(item.name)), "rows": rows}


def union(named: Named, item: UnionShape, shows: Mapping[str, str]) -> dict[str, Any]:
    """Return how the branches of a union are told; ``shows`` names the Go type of each."""
    rows = [
        f"{{{quote(mark)}, check{named.literal(one)}, reflect.TypeFor[{shows[mark]}]()}}"
        for mark, one in item.branches
    ]
    kind = f"union{go_exported(item.kind)}"
    tag = f"{quote(item.tag)}, {kinds((item.tag_kind,))}"
    return {"name": quote(named.of(item.name)), "kind": kind, "tag": tag, "rows": rows}


def mirror(item: Mirror) -> str:
    """Return one mirror."""
    flags = ", ".join(map(_bool, (item.fill, item.needed, item.guard)))
    return f"{{{words(item.nested)}, {words(item.top)}, {flags}}}"


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
