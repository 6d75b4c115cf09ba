"""Walk two representations side by side: messages, their members, errors and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wiregen.diff.contract import compared as compared_tables
from wiregen.diff.contract import errors_compared
from wiregen.diff.members import MemberDiff
from wiregen.diff.model import RULES, Change, Grade, Policy, grade
from wiregen.diff.rests import Rests, differing
from wiregen.diff.sentences import NAME as SENTENCES
from wiregen.diff.sentences import compared as compared_sentences
from wiregen.ir import Enum, ErrorCode, Message, Spec, Struct, TypeDef

Json = Any
NORMATIVE = re.compile(r"\b(MUST|SHALL|SHOULD|REQUIRED|must|defaults? to|at (?:least|most))\b")


class Comparison:
    """Collects the changes from one specification to the next."""

    def __init__(self, old: Spec, new: Spec, policy: Policy) -> None:
        self.old = old
        self.new = new
        self._policy = policy
        self.rests = Rests(old), Rests(new)
        self._found: list[Change] = []
        self._told: list[tuple[str, str]] = []
        self._renamed: set[str] = set()

    def run(self) -> list[Change]:
        """Return every change, worst first, then by place."""
        self._messages()
        self._types()
        self._flows()
        self._errors()
        self._documents()
        worst_of: dict[tuple[str, str, str], Change] = {}
        for it in self._found:
            key = (it.where, it.rule, it.message)
            if key not in worst_of or worst_of[key].wire < it.wire:
                worst_of[key] = it
        found = worst_of.values()
        return sorted(found, key=lambda it: (-it.grade, it.where, it.rule, it.message))

    def report(
        self,
        rule_id: str,
        where: str,
        message: str,
        *,
        direction: str = "both",
        file: str = "",
        c2s: Grade | None = None,
        s2c: Grade | None = None,
    ) -> None:
        """Add a change, graded for the direction in which its type travels."""
        if rule_id == "CONST_CHANGED" and where in self._renamed:
            return  # the word of a message: TAG_CHANGED says it
        rule = RULES[rule_id]
        wire = grade(rule, direction, self._policy, c2s, s2c)
        said, prefix = self._told[-1] if self._told else ("", "")
        place = file or self._file(where)
        text = prefix + message if said else message
        self._found.append(Change(where, said or rule_id, text, wire, rule.api, place))

    def undecided(self, where: str, before: Json, after: Json, direction: str) -> None:
        """Report that two schemas differ in what no type says; not where it is known to break."""
        told = {it.where for it in self._found if it.wire is Grade.BREAKING}
        if before != after and where not in told:
            words = ", ".join(differing(before, after)) or "its schema"
            text = f"what no type says changed: {words}"
            with self.told_as(""):
                self.report("UNDECIDED", where, text, direction=direction)

    @contextmanager
    def told_as(self, rule_id: str, prefix: str = "") -> Iterator[None]:
        """Report what is found inside under another rule, with its own grade; empty: as it is."""
        self._told.append((rule_id, prefix))
        try:
            yield
        finally:
            self._told.pop()

    def tags(self, struct: Struct) -> frozenset[str]:
        """Return the members that name a message in the old and the new version, if they differ."""
        if struct.role == "action":
            return frozenset({self.old.action_tag, self.new.action_tag})
        events = {self.old.event_tag, self.new.event_tag}
        return frozenset(events if struct.role == "event" else ())

    def if_open(self, found: Grade | None) -> Grade | None:
        """Return a grade that holds for open clients alone."""
        return found if self._policy.clients == "open" else None

    def _file(self, where: str) -> str:
        """Return the file of the new specification that a place lies in, else of the document."""
        name = where.partition("/")[0]
        for item in self.new.types:
            if item.name == name:
                return item.uri.partition("#")[0]
        return next((it.file for it in self._by_wire(self.new).values() if it.wire == name), "")

    def _by_wire(self, spec: Spec) -> dict[str, Message]:
        """Return every message by its word; with its role where one side says it both ways."""
        both = {
            item.wire
            for side in (self.old, self.new)
            for item in side.events
            if any(other.wire == item.wire for other in side.actions)
        }
        return {
            f"{item.wire} ({item.role})" if item.wire in both else item.wire: item
            for item in (*spec.actions, *spec.events)
        }

    # messages -------------------------------------------------------------------------

    def _messages(self) -> None:
        for key, before, after, there in (
            ("action", self.old.action_tag, self.new.action_tag, self.old.actions),
            ("event", self.old.event_tag, self.new.event_tag, self.old.events),
        ):
            if before != after and there:
                direction = "write" if key == "action" else "read"
                self.report("TAG_KEY_CHANGED", key, f"{before} became {after}", direction=direction)
        old, new = self._by_wire(self.old), self._by_wire(self.new)
        gone = [item for wire, item in old.items() if wire not in new]
        come = [item for wire, item in new.items() if wire not in old]
        for item in gone:
            twin = next((it for it in come if it.name == item.name and it.role == item.role), None)
            if twin is not None:
                come.remove(twin)
                self._renamed.add(f"{item.name}/{item.tag}")
                text = f"{item.wire} became {twin.wire}"
                self._message("TAG_CHANGED", item, text, twin.file)
                continue
            self._message("MESSAGE_REMOVED", item, f"the {item.role} is gone")
        for item in come:
            self._message("MESSAGE_ADDED", item, f"a new {item.role}", item.file)
        for wire in old.keys() & new.keys():
            if old[wire].role != new[wire].role:
                text = f"was an {old[wire].role}, is an {new[wire].role}"
                self._message("DIRECTION_CHANGED", new[wire], text, new[wire].file)
                continue
            if old[wire].turn != new[wire].turn:
                text = f"its part in a turn was {old[wire].turn}, is {new[wire].turn}"
                self.report("FLOW_CHANGED", wire, text, file=new[wire].file)
            if (old[wire].mirrors, old[wire].payloads) != (new[wire].mirrors, new[wire].payloads):
                text = "its mirrors or its payload changed"
                self.report("FACT_CHANGED", wire, text, file=new[wire].file)

    def _message(self, rule: str, item: Message, text: str, file: str = "") -> None:
        direction = "write" if item.role == "action" else "read"
        self.report(rule, item.wire, text, direction=direction, file=file)

    # types ----------------------------------------------------------------------------

    def _types(self) -> None:
        members = MemberDiff(self)
        for where, old, new, direction in self._roots():
            members.named(where, old, new, direction)
        new_types = {item.name: item for item in self.new.types}
        old_tags = {item.wire for item in (*self.old.events, *self.old.actions)}
        new_tags = {item.wire for item in (*self.new.events, *self.new.actions)}
        for before in self.old.types:
            after = new_types.get(before.name)
            if after is None:
                continue
            if not members.met(before.name, old=True) and not members.met(after.name, old=False):
                members.named(before.name, before.name, after.name, before.direction)
            listed = isinstance(before, Enum) and set(before.values) == old_tags
            if listed and isinstance(after, Enum) and set(after.values) != new_tags:
                text = "it listed every message and does not any more"
                self.report("ENVELOPE_ENUM_DRIFT", before.name, text)
        members.moved()

    def _roots(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield what travels itself: messages by their word, results by their action."""
        old, new = self._by_wire(self.old), self._by_wire(self.new)
        for wire, before in old.items():
            if wire in new and new[wire].role == before.role:
                direction = "write" if before.role == "action" else "read"
                yield wire, before.name, new[wire].name, direction
        results = {it.action: it.result for it in self.new.operations if it.result}
        for it in self.old.operations:
            if it.result and it.action in results:
                where = f"{it.action} result"
                yield where, it.result.type.name, results[it.action].type.name, "read"

    def named(self, where: str, before: TypeDef, after: TypeDef, direction: str) -> None:
        """Report what differs about two types as such: their words and their place."""
        self.documented(where, before.doc, after.doc, direction)
        if before.uri != after.uri and before.name == after.name:
            self.report("ID_OR_REF_CHANGED", where, "its schema lies elsewhere")

    def documented(self, where: str, before: str, after: str, direction: str) -> None:
        """Report another description; one whose binding sentences changed is dangerous."""
        if before == after:
            return
        rule = "DOC_NORMATIVE" if _binding(before) != _binding(after) else "DOC_CHANGED"
        self.report(rule, where, "its description changed", direction=direction)

    # flows, errors, tables ------------------------------------------------------------

    def _flows(self) -> None:
        if self.old.correlation != self.new.correlation:
            text = "the places of the id that says what a frame answers changed"
            self.report("FLOW_CHANGED", "x-correlation", text)
        old = {item.action: item for item in self.old.operations}
        for after in self.new.operations:
            before = old.get(after.action)
            if before is None:
                continue
            for wire in before.replies:
                known = wire in {item.wire for item in self.new.events}
                if wire not in after.replies and known:
                    self.report("FLOW_CHANGED", after.action, f"{wire} no longer answers it")
            for wire in after.replies:
                if wire not in before.replies and self.new.event(wire).turn == "terminal":
                    self.report("FLOW_CHANGED", after.action, f"{wire} may end it now")
            places = [(it.result and (it.result.event, it.result.at)) for it in (before, after)]
            if places[0] != places[1]:
                self.report("FLOW_CHANGED", after.action, "its result travels elsewhere")

    def _errors(self) -> None:
        old = {it.code: it for it in self.old.errors.codes} if self.old.errors else {}
        new = {it.code: it for it in self.new.errors.codes} if self.new.errors else {}
        for code in sorted(old.keys() | new.keys()):
            if code not in new:
                self.report("ERROR_CODE_REMOVED", code, "the code is gone", direction="read")
            elif code not in old:
                self.report("ERROR_CODE_ADDED", code, "a new code", direction="read")
            elif _meaning(old[code]) != _meaning(new[code]):
                text = "its kind, class, retryability or effect on a turn changed"
                self.report("ERROR_CODE_CHANGED", code, text, direction="read")
        if self.old.errors and self.new.errors:
            if _meaning(self.old.errors.unknown) != _meaning(self.new.errors.unknown):
                text = "what a code that is not listed means changed"
                self.report("ERROR_CODE_CHANGED", "unknown_code", text, direction="read")
            for rule, where, text in errors_compared(self.old.errors, self.new.errors):
                self.report(rule, where, text)

    def _documents(self) -> None:
        old, new = dict(_drafts(self.old)), dict(_drafts(self.new))
        for name in old.keys() & new.keys():
            if old[name] != new[name]:
                text = f"{old[name]} became {new[name]}"
                self.report("DRAFT_CHANGED", name, text, file=name)
        for rule, where, text in compared_tables(self.old.contract, self.new.contract):
            self.report(rule, where, text)
        for rule, where, text in compared_sentences(self.old.store.root, self.new.store.root):
            self.report(rule, where, text, file=SENTENCES)


def _binding(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.;])\s+", text) if NORMATIVE.search(part)]


def _meaning(item: ErrorCode) -> tuple[object, ...]:
    return item.kind, item.leaf, item.retryable, item.terminal


def _drafts(spec: Spec) -> Iterator[tuple[str, str]]:
    for name in spec.store.names():
        value = spec.store.document(name).value
        if isinstance(value, dict) and isinstance(value.get("$schema"), str):
            yield name, value["$schema"]


def worst(changes: list[Change]) -> Grade:
    """Return the worst grade of all changes."""
    return max((item.grade for item in changes), default=Grade.OK)
