"""Compare types member by member; moved and renamed members are told apart from lost ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wiregen.diff.values import ValueDiff
from wiregen.ir import Enum, Field, Ref, Spec, Struct, TypeDef, Union

if TYPE_CHECKING:
    from wiregen.diff.compare import Comparison


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a struct that is there in one version alone."""

    owner: Struct
    field: Field


class MemberDiff:
    """Compares the named types of two specifications."""

    def __init__(self, comparison: Comparison) -> None:
        self._to = comparison
        self._values = ValueDiff(comparison)
        self._lost: list[Member] = []
        self._won: list[Member] = []

    def types(self, before: TypeDef, after: TypeDef) -> None:
        """Compare two types of the same name."""
        if isinstance(before, Struct) and isinstance(after, Struct):
            self._structs(before, after)
        elif isinstance(before, Enum) and isinstance(after, Enum):
            self._enums(before, after)
        elif isinstance(before, Union) and isinstance(after, Union):
            self._unions(before, after)
        else:
            text = f"a {_kind(before)} became a {_kind(after)}"
            rule = "UNION_TAG_LOST" if isinstance(before, Union) else "TYPE_CHANGED"
            self._to.report(rule, before.name, text, direction=before.direction)

    def moved(self) -> None:
        """Report what came and went: moved, renamed, removed or added."""
        for member in list(self._lost):
            twin = self._twin(member)
            if twin is None:
                continue
            self._lost.remove(member)
            self._won.remove(twin)
            here, there = _place(member), _place(twin)
            renamed = member.owner.name == twin.owner.name
            rule = "PROP_RENAMED" if renamed else "NESTING_CHANGED"
            direction = member.owner.direction
            self._to.report(rule, here, f"is {there} now", direction=direction)
        for lost in self._lost:
            rule = "PROP_REMOVED_REQUIRED" if lost.field.required else "PROP_REMOVED_OPTIONAL"
            self._member(rule, lost, "is gone")
        for won in self._won:
            rule = "PROP_ADDED_REQUIRED" if won.field.required else "PROP_ADDED_OPTIONAL"
            self._member(rule, won, "is new")

    def _member(self, rule: str, member: Member, text: str) -> None:
        owner = member.owner
        self._to.report(rule, _place(member), text, direction=owner.direction, file=owner.uri)

    def _twin(self, member: Member) -> Member | None:
        """Return the new member that is the lost one under another name or at another place."""
        same = [it for it in self._won if _shape(it.field) == _shape(member.field)]
        renamed = [it for it in same if it.owner.name == member.owner.name]
        lost_here = [it for it in self._lost if it.owner.name == member.owner.name]
        if len(renamed) == 1 and len(lost_here) == 1:
            return renamed[0]
        moved = [it for it in same if it.field.wire == member.field.wire]
        near = [it for it in moved if _linked(self._to.new, member.owner, it.owner)]
        return near[0] if len(near) == 1 else None

    def _structs(self, before: Struct, after: Struct) -> None:
        old = {field.wire: field for field in before.fields}
        new = {field.wire: field for field in after.fields}
        self._lost += [Member(before, f) for wire, f in old.items() if wire not in new]
        self._won += [Member(after, f) for wire, f in new.items() if wire not in old]
        direction = _worse(before.direction, after.direction)
        for wire in old.keys() & new.keys():
            self._fields(f"{before.name}/{wire}", old[wire], new[wire], direction, after.uri)
        if before.closed != after.closed:
            rule = "CLOSED_ADDED" if after.closed else "CLOSED_REMOVED"
            text = "closed now" if after.closed else "open now"
            self._to.report(rule, before.name, text, direction=direction, file=after.uri)
        if before.choices != after.choices and after.choices:
            text = "other combinations of members are required"
            self._to.report("PROP_BECAME_REQUIRED", before.name, text, direction=direction)
        elif before.choices != after.choices:
            text = "a required combination of members is not required any more"
            self._to.report("PROP_BECAME_OPTIONAL", before.name, text, direction=direction)

    def _fields(self, where: str, old: Field, new: Field, direction: str, file: str) -> None:
        if old.required != new.required:
            rule = "PROP_BECAME_REQUIRED" if new.required else "PROP_BECAME_OPTIONAL"
            text = "required now" if new.required else "optional now"
            self._to.report(rule, where, text, direction=direction, file=file)
        if old.nullable != new.nullable:
            rule = "NULL_ADDED" if new.nullable else "NULL_REMOVED"
            text = "may be null now" if new.nullable else "may not be null any more"
            self._to.report(rule, where, text, direction=direction, file=file)
        if (old.has_default, old.default) != (new.has_default, new.default):
            text = f"the default was {_default(old)}, is {_default(new)}"
            self._to.report("DEFAULT_CHANGED", where, text, direction=direction, file=file)
        if old.deprecated != new.deprecated:
            rule = "DEPRECATED_ADDED" if new.deprecated else "DEPRECATED_REMOVED"
            text = "deprecated now" if new.deprecated else "not deprecated any more"
            self._to.report(rule, where, text, direction=direction, file=file)
        if old.secret != new.secret:
            rule = "SECRET_ADDED" if new.secret else "SECRET_REMOVED"
            text = "secret now" if new.secret else "not secret any more"
            self._to.report(rule, where, text, direction=direction, file=file)
        self._to.documented(where, old.doc, new.doc, direction, file)
        self._values.types(where, old.type, new.type, direction)

    def _enums(self, before: Enum, after: Enum) -> None:
        direction = _worse(before.direction, after.direction)
        for value in before.values:
            if value not in after.values:
                text = f"{value} is gone"
                self._to.report("ENUM_VALUE_REMOVED", before.name, text, direction=direction)
        for value in after.values:
            if value not in before.values:
                text = f"{value} is new"
                self._to.report("ENUM_VALUE_ADDED", before.name, text, direction=direction)

    def _unions(self, before: Union, after: Union) -> None:
        direction = _worse(before.direction, after.direction)
        if (before.kind, before.tag) != (after.kind, after.tag):
            text = f"was {before.kind}, is {after.kind}"
            self._to.report("UNION_TAG_LOST", before.name, text, direction=direction)
            return
        old = {branch.mark: branch.type for branch in before.branches}
        new = {branch.mark: branch.type for branch in after.branches}
        for mark in old.keys() - new.keys():
            text = f"{mark} is gone"
            self._to.report("UNION_BRANCH_REMOVED", before.name, text, direction=direction)
        for mark in new.keys() - old.keys():
            text = f"{mark} is new"
            self._to.report("UNION_BRANCH_ADDED", before.name, text, direction=direction)
        for mark in old.keys() & new.keys():
            self._values.types(f"{before.name}/{mark}", old[mark], new[mark], direction)


def _place(member: Member) -> str:
    return f"{member.owner.name}/{member.field.wire}"


def _shape(field: Field) -> tuple[Any, ...]:
    return field.type, field.required, field.nullable


def _linked(spec: Spec, here: Struct, there: Struct) -> bool:
    """Whether one of the two holds the other, so that a member can have moved between them."""

    def holds(outer: str, inner: str, depth: int = 0) -> bool:
        found = next((it for it in spec.structs if it.name == outer), None)
        if found is None or depth > 4:
            return False
        refs = [f.type.name for f in found.fields if isinstance(f.type, Ref)]
        return inner in refs or any(holds(name, inner, depth + 1) for name in refs)

    return holds(here.name, there.name) or holds(there.name, here.name)


def _worse(before: str, after: str) -> str:
    return before if before == after else "both"


def _kind(item: TypeDef) -> str:
    return type(item).__name__.lower()


def _default(field: Field) -> str:
    return repr(field.default) if field.has_default else "none"
