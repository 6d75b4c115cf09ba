"""View models of unions in Go: a sealed interface, its branches, and how one is read."""

from __future__ import annotations

from dataclasses import dataclass

from wiregen.emit._go_structs import WIDTH, type_doc
from wiregen.emit._go_types import RAW, Named
from wiregen.emit.base import reader_type, wrap
from wiregen.escape import go as quote
from wiregen.ir import Branch, Map, Scalar, Type, Union
from wiregen.naming import go_exported, identifier


@dataclass(frozen=True, slots=True)
class GoBranch:
    """One branch: the type that implements the interface and the statements that read it.

    `under` is what a type of our own is made of; empty for a struct, which is its own branch.
    """

    mark: str
    name: str
    under: str
    reading: tuple[str, ...]
    writing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GoUnion:
    """A sealed interface; `read`: a client reads it; `open`: a value may be of no branch."""

    name: str
    doc: tuple[str, ...]
    shape: str
    branches: tuple[GoBranch, ...]
    read: bool
    open: bool


def view(named: Named, union: Union) -> GoUnion:
    """Return the view of a union."""
    name = named.of(union.name)
    doc = (*type_doc(name, union.doc, False), *wrap("It is one of the branches below.", WIDTH))
    return GoUnion(
        name=name,
        doc=doc,
        shape=quote(union.name),
        branches=tuple(_branch(named, name, branch) for branch in union.branches),
        read=union.direction != "write",
        open=union.kind != "typed",
    )


def _branch(named: Named, owner: str, branch: Branch) -> GoBranch:
    lines = named.read(branch.type)
    struct = named.struct(branch.type)
    if struct is not None:
        reading = (*_failing(lines), "return &v, true")
        return GoBranch(quote(branch.mark), f"*{struct}", "", reading, ())
    name = owner + identifier("go", go_exported(branch.word), "X")
    if named.union(branch.type):
        reading = (*_failing(lines), f"return {name}{{v}}, true")
        under = f"struct{{ {named.union(branch.type)} }}"
        inner = f"v.{named.union(branch.type)}"
        return GoBranch(quote(branch.mark), name, under, reading, (f"e.branch({inner})",))
    reading = (*_failing(lines), f"return {name}(v), true")
    writing = tuple(named.write(_value(named, branch.type), branch.type))
    return GoBranch(quote(branch.mark), name, named.bare(branch.type), reading, writing)


def _value(named: Named, type_: Type) -> str:
    """Return the expression of a branch's value as the encoder takes it."""
    if named.raw_kinds(type_):
        return f"{RAW}(v)"
    if isinstance(reader_type(type_), Scalar):
        return f"{named.bare(type_)}(v)"
    return f"map[string]{named.bare(type_)[11:]}(v)" if isinstance(type_, Map) else "v"


def _failing(lines: list[str]) -> list[str]:
    """Turn statements of a decode method into those of a function that returns a value, too."""
    return [line.replace("return false", "return nil, false") for line in lines]
