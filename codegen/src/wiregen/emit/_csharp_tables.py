"""View models of the C# tables: repair shapes, errors, operations."""

from __future__ import annotations

from dataclasses import dataclass

from wiregen.emit._csharp_types import Speller, doc_lines, quoted
from wiregen.ir import (
    Check,
    ErrorTable,
    Message,
    Operation,
    Shape,
    Spec,
    Struct,
    Union,
    UnionShape,
)
from wiregen.naming import escaped, identifier, lettered, pascal, type_name, word_name
from wiregen.reserved import OBJECT_MEMBERS, printed_names
from wiregen.shapes import build_unions

# The root of all exceptions where `wiregen.toml` names none of the house (`exception`).
ROOT_EXCEPTION = "ProtocolException"
# Exceptions of the framework that a program may well import beside ours: ours take a prefix.
_SYSTEM_EXCEPTIONS = frozenset(
    {
        *("TimeoutException", "ArgumentException", "FormatException"),
        *("AuthenticationException", "ValidationException"),
    }
)
_KINDS = {
    "object": "JsonKinds.Object",
    "array": "JsonKinds.Array",
    "string": "JsonKinds.String",
    "number": "JsonKinds.Number",
    "integer": "JsonKinds.Integer | JsonKinds.Large",  # of raw JSON; a typed one has 64 bits
    "boolean": "JsonKinds.Boolean",
}


def exception_name(leaf: str) -> str:
    """Return the class of an error: ``Timeout`` -> ``SmoothTimeoutException``."""
    name = f"{pascal(leaf)}Exception"
    return f"Smooth{name}" if name in _SYSTEM_EXCEPTIONS else name


@dataclass(frozen=True, slots=True)
class ShapeView:
    """A repair table; every field is one constructor call."""

    key: str
    name: str
    fields: tuple[str, ...]


def shape_views(shapes: tuple[Shape, ...]) -> tuple[ShapeView, ...]:
    """Return the repair tables as C# expressions."""
    return tuple(
        ShapeView(
            item.name,
            shape_name(item.name),
            tuple(
                f"new({quoted(field.wire)}, {_bool(field.required)}, {_bool(field.nullable)}, "
                f"{_check(field.check)})"
                for field in item.fields
            ),
        )
        for item in shapes
    )


@dataclass(frozen=True, slots=True)
class UnionView:
    """A union as a closed hierarchy of records, and the row of its table."""

    name: str
    doc: tuple[str, ...]
    key: str
    row: str
    branches: tuple[tuple[str, str, str, str, str, str], ...]
    open: bool


def union_views(spec: Spec, speller: Speller) -> tuple[UnionView, ...]:
    """Return every union; a branch is its mark, record, type, and code to read and to write."""
    shapes = {item.name: item for item in build_unions(spec.types, written=True)}
    return tuple(_union(spec, item, shapes[item.name], speller) for item in spec.unions)


def _union(spec: Spec, item: Union, shape: UnionShape, speller: Speller) -> UnionView:
    branches = []
    named = {type_name("csharp", i.name, getattr(i, "role", "type")) for i in spec.types}
    for branch in item.branches:
        spelling = speller.spell(branch.type)
        record = identifier("csharp", pascal(lettered(branch.word)), "X") + "Branch"
        record = escaped(record, named | {"UnknownBranch"}, "Case")
        reading, writing = spelling.reading("reader"), spelling.writing("writer", "it.Value")
        branches.append(
            (quoted(branch.mark), record, spelling.name, reading, writing, str(branch.mark))
        )
    rows = ", ".join(f"({quoted(mark)}, {_check(check)})" for mark, check in shape.branches)
    head = f"UnionKind.{pascal(item.kind)}, {quoted(shape.tag)}, {_KINDS[shape.tag_kind]}"
    return UnionView(
        name=type_name("csharp", item.name, "type"),
        doc=doc_lines(item.doc or f"One of the branches of `{item.name}`."),
        key=quoted(item.name),
        row=f"new({quoted(item.name)}, {head}, [{rows}])",
        branches=tuple(branches),
        open=item.kind != "typed",
    )


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _check(check: Check) -> str:
    match check.kind:
        case "any":
            return "Check.Any"
        case "struct":
            return f"Check.Of({quoted(check.ref)})"
        case "union":
            return f"Check.Union({quoted(check.ref)})"
        case "const":
            return f"Check.Constant({quoted(str(check.value))})"
        case "kinds":
            return f"Check.Kinds({' | '.join(_KINDS[kind] for kind in check.kinds)})"
        case "array" | "map":
            assert check.item is not None
            helper = "Array" if check.kind == "array" else "Map"
            return f"Check.{helper}({_check(check.item)}, {_bool(check.nullable_item)})"
        case "integer":
            return "Check.Kinds(JsonKinds.Integer)"
        case kind:
            return f"Check.Kinds({_KINDS[kind]})"


@dataclass(frozen=True, slots=True)
class ExceptionView:
    """One class of the exception tree."""

    leaf: str
    name: str
    base: str
    doc: tuple[str, ...]


def exception_views(table: ErrorTable, root: str) -> tuple[ExceptionView, ...]:
    """Return the exception tree, parents before children."""
    leaf_of = {item.kind: item.leaf for item in table.kinds}
    found: dict[str, ExceptionView] = {}
    for item in table.kinds:
        base = exception_name(leaf_of[item.parent]) if item.parent else root
        doc = doc_lines(_story(table, item.leaf, item.when))
        found[item.leaf] = ExceptionView(item.leaf, exception_name(item.leaf), base, doc)
    for leaf in table.leaves:
        doc = doc_lines(_story(table, leaf.leaf, ""))
        found[leaf.leaf] = ExceptionView(
            leaf.leaf, exception_name(leaf.leaf), exception_name(leaf.base), doc
        )
    return tuple(found.values())


def _story(table: ErrorTable, leaf: str, when: str) -> str:
    """Say when an error comes: its own words, and the codes of the server that lead to it."""
    codes = [f"`{item.code}`: {item.when}" for item in table.codes if item.leaf == leaf]
    own = "" if when.startswith("See codes") and codes else when
    return " ".join([own, *codes]).strip()


def code_rows(table: ErrorTable) -> tuple[str, ...]:
    """Return one constructor call for every code of the server."""
    return tuple(
        f"new({quoted(item.code)}, {quoted(item.kind)}, {quoted(item.leaf)}, "
        f"{_bool(item.retryable)}, {quoted(item.terminal)}, {quoted(item.when)})"
        for item in (*table.codes, table.unknown)
    )


@dataclass(frozen=True, slots=True)
class OperationView:
    """An action with the type of its result, where it has one."""

    name: str
    action: str
    replies: str
    result: str
    expression: str


def operation_name(spec: Spec, action: Message) -> str:
    """Return the name of an action's row among the operations."""
    named = {type_name("csharp", i.name, getattr(i, "role", "type")) for i in spec.types}
    taken = named | printed_names("csharp", "Operations.cs.j2") | {"Shapes"} | OBJECT_MEMBERS
    return escaped(word_name("csharp", action.word), taken, "Call")


def shape_name(name: str) -> str:
    """Return the name of a struct's repair table."""
    taken = printed_names("csharp", "Shapes.cs.j2") | OBJECT_MEMBERS
    taken |= {"Check", "JsonKinds", "UnionShapes"}
    return escaped(identifier("csharp", pascal(name), "X"), taken, "Shape")


def operation_views(spec: Spec, speller: Speller) -> tuple[OperationView, ...]:
    """Return the operations in the order of the document."""
    return tuple(_operation(spec, item, speller) for item in spec.operations)


def _operation(spec: Spec, item: Operation, speller: Speller) -> OperationView:
    replies = ", ".join(quoted(name) for name in item.replies)
    name = operation_name(spec, spec.action(item.action))
    head = f"{quoted(item.action)}, [{replies}]"
    if item.result is None:
        return OperationView(name, item.action, replies, "", head)
    struct = spec.type(item.result.type.name)
    assert isinstance(struct, Struct)
    result = type_name("csharp", struct.name, struct.role)
    at = ", ".join(quoted(segment) for segment in item.result.at)
    place = f"{quoted(item.result.event)}, [{at}], Shapes.{shape_name(struct.name)}"
    expression = f"{head}, {place}, static e => {speller.spell(item.result.type).taking('e')}"
    return OperationView(name, item.action, replies, result, expression)
