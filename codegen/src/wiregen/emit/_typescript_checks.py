"""The narrow checks of the fast path: one function a struct, printed from the reader view."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from wiregen.ir import Check, Mirror, Path, Shape, ShapeField, Spec, UnionShape
from wiregen.naming import escaped, identifier, pascal
from wiregen.reserved import printed_words
from wiregen.shapes import struct_refs
from wiregen.words import word_set

_SCALARS = {
    "string": 'typeof {} === "string"',
    "integer": "Number.isInteger({})",
    "number": 'typeof {} === "number"',
    "boolean": 'typeof {} === "boolean"',
}
_NAMED = {
    "string": "isString",
    "integer": "Number.isInteger",
    "number": "isNumber",
    "boolean": "isBoolean",
}


@dataclass(frozen=True, slots=True)
class TsCheck:
    """A function that says whether a value fits a struct."""

    name: str
    terms: tuple[str, ...]


def function_name(struct: str) -> str:
    """Return the name of the check of a struct."""
    name = identifier("typescript", f"is{pascal(struct)}", "is")
    return escaped(name, printed_words("typescript", "checks.ts.j2", "results.ts.j2"), "Type")


def functions(spec: Spec) -> tuple[TsCheck, ...]:
    """Return the checks of everything that a decoder reads, in the order of the shapes."""
    mirrors = {event.name: event.mirrors for event in spec.events}
    tags = {event.name: event.tag for event in spec.events}
    reached = _reached(spec)
    return tuple(
        TsCheck(
            function_name(shape.name),
            (
                *(
                    term
                    for field in shape.fields
                    if field.wire != tags.get(shape.name) and (term := _field(field))
                ),
                *(_guard(m) for m in mirrors.get(shape.name, ()) if m.needed and m.guard),
            ),
        )
        for shape in spec.shapes
        if shape.name in reached
    )


def _reached(spec: Spec) -> set[str]:
    roots = [event.name for event in spec.events]
    roots += [item.result.type.name for item in spec.operations if item.result is not None]
    for union in spec.union_shapes:
        roots += [name for _, check in union.branches for name in struct_refs(check, {})]
    found: set[str] = set()
    while roots:
        name = roots.pop()
        if name not in found:
            found.add(name)
            unions = {item.name: item for item in spec.union_shapes}
            for field in spec.shape(name).fields:
                roots += struct_refs(field.check, unions)
    return found


@dataclass(frozen=True, slots=True)
class TsUnionCheck:
    """A function that says whether a value fits a union: how it starts, and one case a mark."""

    name: str
    head: str
    key: str
    cases: tuple[tuple[str, str], ...]
    otherwise: str
    keyed: bool


def union_functions(spec: Spec) -> tuple[TsUnionCheck, ...]:
    """Return the checks of all unions that a decoder reads."""
    return tuple(_union(item) for item in spec.union_shapes)


def _union(item: UnionShape) -> TsUnionCheck:
    fits = [(mark, _fits(check, "v")) for mark, check in item.branches]
    name = function_name(item.name)
    if item.kind == "typed":
        cases = [(json.dumps(mark), text) for mark, text in fits]
        for mark, text in fits:
            if mark == "number":
                cases.append(('"integer"', text))
        return TsUnionCheck(name, "", "kindOf(v)", tuple(cases), "false", False)
    if item.kind == "keyed":
        cases = [(f"Object.hasOwn(v, {json.dumps(mark)})", text) for mark, text in fits]
        return TsUnionCheck(name, "!isObject(v)", "", tuple(cases), "true", True)
    tag = access("v", (item.tag,))
    told = _SCALARS[item.tag_kind].format(tag)
    told = f"!({told})" if item.tag_kind == "integer" else told.replace("===", "!==")
    marked = tuple((mark_literal(item.tag_kind, mark), text) for mark, text in fits)
    return TsUnionCheck(name, f"!isObject(v) || {told}", tag, marked, "true", False)


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
        plain = segment.isidentifier()
        text += f"{chain or '.'}{segment}" if plain else f"{chain}[{json.dumps(segment)}]"
    return text


# Every object of JavaScript has members of these names without having them in JSON.
_INHERITED = word_set(
    "constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf "
    "__proto__ __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__"
)


def _member(wire: str) -> str:
    """Return the expression that reads a member of `v`, undefined when it is not its own."""
    if wire not in _INHERITED:
        return access("v", (wire,))
    return f"(Object.hasOwn(v, {json.dumps(wire)}) ? v[{json.dumps(wire)}] : undefined)"


def _guard(mirror: Mirror) -> str:
    return f"({access('v', mirror.nested)} ?? {access('v', mirror.top)}) !== undefined"


def _field(field: ShapeField) -> str:
    place = _member(field.wire)
    if field.check.kind == "any":
        return _any(field, place)
    options = [] if field.required else [f"{place} === undefined"]
    if field.nullable:
        options.append(f"{place} === null")
    options.append(_fits(field.check, place))
    return options[0] if len(options) == 1 else f"({' || '.join(options)})"


def _any(field: ShapeField, place: str) -> str:
    if field.required:
        return f"{place} !== undefined" if field.nullable else f"{place} != null"
    return "" if field.nullable else f"{place} !== null"


def _fits(check: Check, value: str) -> str:
    if check.kind in _SCALARS:
        return _SCALARS[check.kind].format(value)
    if check.kind == "const":
        return f"{value} === {json.dumps(check.value)}"
    if check.kind == "kinds":
        return f"isOneOf({value}, {json.dumps(list(check.kinds))})"
    if check.kind == "array":
        return f"isArrayOf({value}, {_item(check)})"
    if check.kind == "map":
        free = check.item is None or (check.item.kind == "any" and check.nullable_item)
        return f"isObject({value})" if free else f"isMapOf({value}, {_item(check)})"
    return f"{function_name(check.ref)}({value})"


def _item(check: Check) -> str:
    item = check.item
    if item is None or item.kind == "any":
        return "isAny" if item is None or check.nullable_item else "isPresent"
    if check.nullable_item:
        return f"(i) => i === null || {_fits(item, 'i')}"
    if item.kind in _NAMED:
        return _NAMED[item.kind]
    return (
        function_name(item.ref)
        if item.kind in ("struct", "union")
        else f"(i) => {_fits(item, 'i')}"
    )


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
