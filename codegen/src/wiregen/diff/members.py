"""Compare types member by member; moved and renamed members are told apart from lost ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wiregen.diff.model import Grade
from wiregen.diff.rests import Rests
from wiregen.diff.values import ValueDiff
from wiregen.errors import join_pointer
from wiregen.ir import AnyJson, Choice, Enum, Field, Ref, Spec, Struct, TypeDef, Union

if TYPE_CHECKING:
    from wiregen.diff.compare import Comparison


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a struct that is there in one version alone, and its struct in the other."""

    owner: Struct
    other: Struct
    field: Field
    where: str
    direction: str


class MemberDiff:
    """Compares named types of two specifications, each pair once a direction."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self._to = comparison
        self._values = ValueDiff(self)
        self._lost: list[Member] = []
        self._won: list[Member] = []
        self._seen: set[tuple[str, str, str]] = set()

    def met(self, name: str, *, old: bool) -> bool:
        """Whether a type of one version was compared with any of the other."""
        return any(pair[0 if old else 1] == name for pair in self._seen)

    def named(self, where: str, old: str, new: str, direction: str) -> None:
        """Compare what two names stand for at a place."""
        if (old, new, direction) in self._seen:
            return
        self._seen.add((old, new, direction))
        before, after = self._to.old.type(old), self._to.new.type(new)
        place = before.name
        if old != new:
            swapped = any(it.name == old for it in self._to.new.types)
            place = where if swapped else before.name
            text = f"{old} is {new} here now" if swapped else f"{old} is called {new} now"
            self._to.report("TYPE_NAME_CHANGED", where, text, direction=direction)
        with self._to.told_as(""):
            self._to.named(place, before, after, direction)
            self._types(place, before, after, direction)
            ours, theirs = self._to.rests
            self._to.undecided(place, ours.of_type(before), theirs.of_type(after), direction)

    def _types(self, where: str, before: TypeDef, after: TypeDef, direction: str) -> None:
        if isinstance(before, Struct) and isinstance(after, Struct):
            self._structs(where, before, after, direction)
        elif isinstance(before, Enum) and isinstance(after, Enum):
            self.values(where, list(before.values), list(after.values), direction)
            self.openness(where, before, after, direction)
        elif isinstance(before, Union) and isinstance(after, Union):
            self._unions(where, before, after, direction)
        elif isinstance(after, Union) and _branch(after, before.name):
            text = f"{before.name} is one branch of {after.name} now"
            self._to.report("TYPE_WIDENED", where, text, direction=direction)
            self.named(where, before.name, before.name, direction)
        elif isinstance(before, Union) and _branch(before, after.name):
            text = f"of {before.name} only the branch {after.name} is left"
            self._to.report("TYPE_NARROWED", where, text, direction=direction)
            self.named(where, after.name, after.name, direction)
        else:
            text = f"a {_kind(before)} became a {_kind(after)}"
            self._to.report("TYPE_CHANGED", where, text, direction=direction)

    def shaped(
        self, where: str, before: Struct | None, after: Struct | None, direction: str
    ) -> None:
        """Compare an object of any members with one that names some: nobody promised those."""
        named = after or before
        assert named is not None
        nothing = replace(named, fields=(), choices=(), closed=False)
        text = f"any object is {named.name} now" if after else f"{named.name} is any object now"
        self._to.report("TYPE_NAME_CHANGED", where, text, direction=direction)
        self._structs(where, before or nothing, after or nothing, direction)

    def moved(self) -> None:
        """Report what came and went: moved, renamed, removed or added."""
        for member in list(self._lost):
            twin = self._twin(member)
            if twin is None:
                continue
            self._lost.remove(member)
            self._won.remove(twin)
            renamed = member.owner.name == twin.other.name
            rule = "PROP_RENAMED" if renamed else "NESTING_CHANGED"
            text = f"is {twin.where} now"
            self._to.report(rule, member.where, text, direction=member.direction)
        for lost in self._lost:
            self._removed(lost)
        for won in self._won:
            rule = "PROP_ADDED_REQUIRED" if won.field.required else "PROP_ADDED_OPTIONAL"
            # Readers that close what was declared open do not exist.
            s2c = None if won.other.closed else Grade.OK
            self._to.report(rule, won.where, "is new", direction=won.direction, s2c=s2c)
            self._beside(won, *self._to.rests)

    def _removed(self, lost: Member) -> None:
        rule = "PROP_REMOVED_REQUIRED" if lost.field.required else "PROP_REMOVED_OPTIONAL"
        c2s = None if lost.other.closed else Grade.DANGEROUS
        s2c = None if lost.field.read_required else Grade.DANGEROUS
        self._to.report(rule, lost.where, "is gone", direction=lost.direction, c2s=c2s, s2c=s2c)
        self._beside(lost, *reversed(self._to.rests))

    def _beside(self, member: Member, other: Rests, own: Rests) -> None:
        """Report a member that the other version has as any further one, of another type."""
        rest = other.of_type(member.other) or {}
        if "additionalProperties" in rest and not member.other.closed:
            said, typed = own.member(member.owner, member.field.wire), rest["additionalProperties"]
            self._to.undecided(member.where, said, typed, member.direction)

    def _twin(self, member: Member) -> Member | None:
        """Return the new member that is the lost one under another name or at another place."""
        won = [it for it in self._won if it.direction == member.direction]
        same = [it for it in won if _shape(it.field) == _shape(member.field)]
        renamed = [it for it in same if it.other.name == member.owner.name]
        lost_here = [
            it
            for it in self._lost
            if it.owner.name == member.owner.name and it.direction == member.direction
        ]
        if len(renamed) == 1 and len(lost_here) == 1:
            return renamed[0]
        moved = [it for it in same if it.field.wire == member.field.wire]
        near = [it for it in moved if _linked(self._to.new, member.other, it.owner)]
        return near[0] if len(near) == 1 else None

    def _structs(self, where: str, before: Struct, after: Struct, direction: str) -> None:
        old = {field.wire: field for field in before.fields}
        new = {field.wire: field for field in after.fields}
        tags = self._to.tags(before)  # TAG_KEY_CHANGED says what becomes of them
        for wire in old.keys() - new.keys() - tags:
            place = f"{where}/{wire}"
            self._lost.append(Member(before, after, old[wire], place, direction))
        for wire in new.keys() - old.keys() - tags:
            place = f"{where}/{wire}"
            self._won.append(Member(after, before, new[wire], place, direction))
        for wire in old:
            if wire in new:
                self._fields(f"{where}/{wire}", old[wire], new[wire], direction)
                ours, theirs = (
                    rests.at(join_pointer(struct.uri, "properties", wire), fields[wire].type)
                    for rests, struct, fields in zip(
                        self._to.rests, (before, after), (old, new), strict=True
                    )
                )
                self._to.undecided(f"{where}/{wire}", ours, theirs, direction)
        if before.closed != after.closed:
            rule = "CLOSED_ADDED" if after.closed else "CLOSED_REMOVED"
            text = "closed now" if after.closed else "open now"
            self._to.report(rule, where, text, direction=direction)
        self._choices(where, before, after, direction)

    def _choices(self, where: str, before: Struct, after: Struct, direction: str) -> None:
        if any(not _implied(it, before) for it in after.choices):
            text = "another combination of members is required now"
            self._to.report("PROP_BECAME_REQUIRED", where, text, direction=direction)
        if any(not _implied(it, after) for it in before.choices):
            text = "a combination of members is not required any more"
            s2c = self._to.if_open(Grade.DANGEROUS)  # a writer's promise that readers do not check
            rule = "PROP_BECAME_OPTIONAL"
            self._to.report(rule, where, text, direction=direction, s2c=s2c)

    def _fields(self, where: str, old: Field, new: Field, direction: str) -> None:
        lenient = None if old.read_required else Grade.DANGEROUS
        if old.required != new.required:
            rule = "PROP_BECAME_REQUIRED" if new.required else "PROP_BECAME_OPTIONAL"
            text = "required now" if new.required else "optional now"
            s2c = None if new.required else lenient
            self._to.report(rule, where, text, direction=direction, s2c=s2c)
        elif old.read_required != new.read_required:
            text = "readers ask for it now" if new.read_required else "readers do without it now"
            self._to.report("PRESENCE_CHANGED", where, text, direction=direction)
        # What became any JSON, or was it, may be null by that: its type says so.
        loose = isinstance(old.type, AnyJson) != isinstance(new.type, AnyJson)
        if old.nullable != new.nullable and not loose:
            rule = "NULL_ADDED" if new.nullable else "NULL_REMOVED"
            text = "may be null now" if new.nullable else "may not be null any more"
            # Readers take null for absent where the member may be missing.
            s2c = self._to.if_open(lenient) if new.nullable else None
            self._to.report(rule, where, text, direction=direction, s2c=s2c)
        if (old.has_default, old.default) != (new.has_default, new.default):
            text = f"the default was {_default(old)}, is {_default(new)}"
            self._to.report("DEFAULT_CHANGED", where, text, direction=direction)
        if old.deprecated != new.deprecated:
            rule = "DEPRECATED_ADDED" if new.deprecated else "DEPRECATED_REMOVED"
            text = "deprecated now" if new.deprecated else "not deprecated any more"
            self._to.report(rule, where, text, direction=direction)
        if old.secret != new.secret:
            rule = "SECRET_ADDED" if new.secret else "SECRET_REMOVED"
            text = "secret now" if new.secret else "not secret any more"
            self._to.report(rule, where, text, direction=direction)
        self._to.documented(where, old.doc, new.doc, direction)
        self._values.types(where, old.type, new.type, direction)

    def openness(self, where: str, before: Enum | None, after: Enum | None, direction: str) -> None:
        """Compare whether lists of words say that any other text may come as well."""
        ours, theirs = self._to.rests
        was = before is not None and ours.is_open(before)
        is_ = after is not None and theirs.is_open(after)
        if was != is_:
            rule = "ENUM_OPENED" if is_ else "ENUM_CLOSED"
            text = "any text is allowed now" if is_ else "only the listed texts are allowed now"
            self._to.report(rule, where, text, direction=direction)
        # A oneOf of words and of any text refuses the words, which fit both.
        before_refuses = before is not None and was and ours.excludes(before)
        after_refuses = after is not None and is_ and theirs.excludes(after)
        self._to.undecided(where, before_refuses, after_refuses, direction)

    def values(self, where: str, before: list[Any], after: list[Any], direction: str) -> None:
        """Compare two lists of values that a place may hold."""
        for value in before:
            if value not in after:
                text = f"{value} is gone"
                self._to.report("ENUM_VALUE_REMOVED", where, text, direction=direction)
        for value in after:
            if value not in before:
                text = f"{value} is new"
                self._to.report("ENUM_VALUE_ADDED", where, text, direction=direction)

    def _unions(self, where: str, before: Union, after: Union, direction: str) -> None:
        if (before.kind, before.tag) != (after.kind, after.tag):
            text = f"told apart by {_told(before)} before, by {_told(after)} now"
            self._to.report("UNION_TAG_CHANGED", where, text, direction=direction)
            return
        old = {branch.mark: branch.type for branch in before.branches}
        new = {branch.mark: branch.type for branch in after.branches}
        for mark in old.keys() - new.keys():
            text = f"the branch {mark} is gone"
            self._to.report("UNION_BRANCH_REMOVED", where, text, direction=direction)
        for mark in new.keys() - old.keys():
            text = f"the branch {mark} is new"
            # A tag or key that no branch has is kept as it is; a JSON type that none has is not.
            s2c = Grade.BREAKING if before.kind == "typed" else None
            self._to.report("UNION_BRANCH_ADDED", where, text, direction=direction, s2c=s2c)
        for mark in old:
            if mark in new:
                self._values.types(f"{where}/{mark}", old[mark], new[mark], direction)


def _shape(field: Field) -> tuple[Any, ...]:
    return field.type, field.required, field.nullable


def _branch(union: Union, name: str) -> bool:
    return any(it.type == Ref(name) for it in union.branches)


def _implied(choice: Choice, by: Struct) -> bool:
    """Whether a struct keeps a promise anyway: by its own choices or required members."""
    always = [(field.wire, ...) for field in by.fields if field.required]

    def kept(given: list[Any]) -> bool:
        held = [*given, *((wire, ...) for wire, _ in given)]
        return any(all(it in held for it in wanted) for wanted in choice.alternatives)

    return kept(always) or any(
        all(kept([*always, *given]) for given in own.alternatives) for own in by.choices
    )


def _linked(spec: Spec, here: Struct, there: Struct) -> bool:
    """Whether one of the two holds the other, so that a member can have moved between them."""

    def holds(outer: str, inner: str, depth: int = 0) -> bool:
        found = next((it for it in spec.structs if it.name == outer), None)
        if found is None or depth > 4:
            return False
        refs = [f.type.name for f in found.fields if isinstance(f.type, Ref)]
        return inner in refs or any(holds(name, inner, depth + 1) for name in refs)

    return holds(here.name, there.name) or holds(there.name, here.name)


def _told(union: Union) -> str:
    words = {"tagged": f"the tag {union.tag!r}", "keyed": "their keys", "typed": "their JSON types"}
    return words[union.kind]


def _kind(item: TypeDef) -> str:
    return type(item).__name__.lower()


def _default(field: Field) -> str:
    return repr(field.default) if field.has_default else "none"
