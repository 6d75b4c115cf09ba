"""View models of unions in Go: a sealed interface, its branches, and how one is read."""

from __future__ import annotations

from dataclasses import dataclass

from wiregen.emit._go_structs import WIDTH, type_doc
from wiregen.emit._go_types import Named
from wiregen.emit.base import wrap
from wiregen.ir import Branch, Union
from wiregen.naming import go_exported, identifier, lettered


@dataclass(frozen=True, slots=True)
class GoBranch:
    """One branch: the type that implements the interface.

    `under` is what a type of our own is made of; empty for a struct, which is its own branch.
    """

    mark: str
    name: str
    under: str


@dataclass(frozen=True, slots=True)
class GoUnion:
    """A sealed interface; `open`: a value may be of no branch."""

    name: str
    doc: tuple[str, ...]
    branches: tuple[GoBranch, ...]
    open: bool


def view(named: Named, union: Union) -> GoUnion:
    """Return the view of a union."""
    name = named.of(union.name)
    doc = (*type_doc(name, union.doc, False), *wrap("It is one of the branches below.", WIDTH))
    return GoUnion(
        name=name,
        doc=doc,
        branches=tuple(_branch(named, name, branch) for branch in union.branches),
        open=union.kind != "typed",
    )


def _branch(named: Named, owner: str, branch: Branch) -> GoBranch:
    struct = named.struct(branch.type)
    if struct is not None:
        return GoBranch(branch.mark, f"*{struct}", "")
    name = owner + identifier("go", go_exported(lettered(branch.word)), "X")
    inner = named.union(branch.type)
    return GoBranch(branch.mark, name, f"struct{{ {inner} }}" if inner else named.bare(branch.type))
