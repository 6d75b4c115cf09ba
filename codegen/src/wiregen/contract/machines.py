"""Read the state tables: facts, guards, effects, rows."""

from __future__ import annotations

import re
from dataclasses import replace

from wiregen.contract.model import (
    Condition,
    EffectWord,
    Fact,
    Group,
    Guard,
    Question,
    Route,
    Row,
    StateMachine,
    Test,
    Timer,
    Verb,
)
from wiregen.contract.nodes import (
    fail,
    flag,
    keys,
    known,
    named,
    once,
    rows,
    sentence,
    strings,
    text,
)
from wiregen.ir import Effect, Word
from wiregen.load import Node

_EFFECT = re.compile(r"^([a-z_]+)(?:\((.*)\))?$")
FACT_TYPES = ("boolean", "integer", "string", "word", "kinds")
OPERATORS = ("eq", "gt", "ge", "present", "column")
COLUMNS = ("kind", "no_pending", "verbs")


def read_effect(node: Node, value: object) -> Effect:
    """Read `word` or `word(argument, …)`."""
    match = _EFFECT.match(value) if isinstance(value, str) else None
    if match is None:
        fail(node, f"an effect is word or word(argument, …); found {value!r}")
    args = tuple(part.strip() for part in (match.group(2) or "").split(",") if part.strip())
    return Effect(match.group(1), args)


class MachineTables:
    """The tables of one state document."""

    def __init__(self, root: Node, frames: tuple[str, ...], actions: frozenset[str]) -> None:
        self.root = root
        self.actions = actions
        self.local = tuple(Word(name, sentence(node)) for name, node in named(root, "local_events"))
        self.events = (*frames, *(word.name for word in self.local))
        self.states = {
            name: tuple(state for state, _ in named(node, "states"))
            for name, node in named(root, "machines")
        }
        self.verbs = tuple(self._verb(node) for node in rows(root, "verbs"))
        self.facts = tuple(self._fact(name, node) for name, node in named(root, "facts"))
        self.questions = tuple(self._question(node) for node in rows(root, "questions"))
        self.guards = tuple(self._guard(name, node) for name, node in named(root, "guards"))
        self.facts += tuple(
            Fact(item.name, "boolean", item.doc)
            for item in self.guards
            if item.code and item.name not in {fact.name for fact in self.facts}
        )
        self.effects = tuple(self._effect(name, node) for name, node in named(root, "effects"))
        self.machines = tuple(self._machine(name, node) for name, node in named(root, "machines"))
        self.effects = tuple(self._carrying(item) for item in self.effects)
        self.questions = tuple(self._opened(item) for item in self.questions)
        self.timers = tuple(self._timer(node) for node in rows(root, "timers"))
        self.routing = tuple(self._route(node) for node in rows(root, "routing"))
        self.reads = strings(root, "reads")
        for name in self.reads:
            known(root, name, actions, "action")
        once(((text(node, "name"), node) for node in rows(root, "verbs")), "verb")
        once(((text(node, "kind"), node) for node in rows(root, "questions")), "question")
        once(((text(node, "name"), node) for node in rows(root, "timers")), "timer")
        once(((text(node, "to"), node) for node in rows(root, "routing")), "route")

    # words ----------------------------------------------------------------------------

    def _fact(self, name: str, node: Node) -> Fact:
        keys(node, "type", "words", "doc", "pending")
        type_ = known(node, text(node, "type"), FACT_TYPES, "type of a fact")
        listed = node.value.get("words", [])
        if listed == "verbs":
            words = tuple(verb.name for verb in self.verbs)
        elif isinstance(listed, str) and listed.removeprefix("states of ") in self.states:
            words = self.states[listed.removeprefix("states of ")]
        else:
            words = strings(node, "words")
        if (type_ == "word") != bool(words):
            fail(node, "words are for a fact of type word, which needs them")
        return Fact(name, type_, text(node, "doc"), words, text(node, "pending", None))

    def _guard(self, name: str, node: Node) -> Guard:
        if isinstance(node.value, str):  # a bare sentence: a fact of its own, made by code
            return Guard(name, node.value, Test(name, "eq", True), code=True)
        keys(node, "fact", *OPERATORS, "all", "any", "not", "code", "pending", "doc")
        condition = self._condition(node, top=True)
        pending = text(node, "pending", None)
        return Guard(name, text(node, "doc"), condition, flag(node, "code", False), pending)

    def _condition(self, node: Node, *, top: bool = False) -> Condition:
        if not top:
            keys(node, "fact", *OPERATORS, "all", "any", "not")
        forms = [key for key in ("fact", "all", "any", "not") if key in node.value]
        if len(forms) != 1:
            fail(node, "a condition has one of fact, all, any, not")
        if forms[0] == "not":
            return Group("not", (self._condition(node.child("not")),))
        if forms[0] != "fact":
            items = rows(node, forms[0])
            if not items:
                fail(node, f"{forms[0]!r} needs conditions")
            return Group(forms[0], tuple(self._condition(item) for item in items))
        return self._test(node)

    def _test(self, node: Node) -> Test:
        fact = next((item for item in self.facts if item.name == text(node, "fact")), None)
        if fact is None:
            fail(node, f"{node.value['fact']!r} is no fact here", "table-word")
        used = [key for key in OPERATORS if key in node.value]
        if len(used) != 1:
            fail(node, f"a fact is compared by one of {', '.join(OPERATORS)}")
        op, value = used[0], node.value[used[0]]
        kinds: dict[str, type] = {"boolean": bool, "integer": int}
        if op == "present":
            fits = isinstance(value, bool)
        elif op == "column":
            fits = value in COLUMNS
        elif op in ("gt", "ge"):
            fits = fact.type == "integer" and type(value) is int
        else:
            fits = type(value) is kinds.get(fact.type, str) and fact.type != "kinds"
        if not fits:
            fail(
                node, f"the fact {fact.name!r} ({fact.type}) cannot be compared by {op}: {value!r}"
            )
        if op == "eq" and fact.type == "word":
            known(node, value, fact.words, f"word of the fact {fact.name!r}")
        return Test(fact.name, op, value)

    def _effect(self, name: str, node: Node) -> EffectWord:
        if isinstance(node.value, str):
            return EffectWord(name, node.value)
        keys(node, "args", "doc", "pending")
        doc, pending = text(node, "doc"), text(node, "pending", None)
        return EffectWord(name, doc, strings(node, "args"), pending)

    def _carrying(self, item: EffectWord) -> EffectWord:
        """Name what an effect carries that is a bare sentence, by its place."""
        if not isinstance(self.root.value["effects"][item.name], str):
            return item
        uses = [e for m in self.machines for row in m.rows for e in row.effects]
        most = max((len(e.args) for e in uses if e.name == item.name), default=0)
        return replace(item, args=tuple(f"{item.name}_{place}" for place in range(1, most + 1)))

    # machines -------------------------------------------------------------------------

    def _machine(self, name: str, node: Node) -> StateMachine:
        keys(node, "group", "surface", "initial", "states", "transitions")
        states = tuple(Word(state, sentence(it)) for state, it in named(node, "states"))
        return StateMachine(
            name=name,
            group=text(node, "group", name),
            initial=known(node, text(node, "initial"), self.states[name], "state"),
            states=states,
            rows=tuple(self._row(item, name) for item in rows(node, "transitions")),
        )

    def _row(self, node: Node, machine: str) -> Row:
        keys(node, "from", "on", "guard", "to", "emit", "pending")
        sources = () if node.value.get("from") == "any" else strings(node, "from")
        if not sources and node.value.get("from") != "any":
            fail(node, "'from' must be a list of states or 'any'")
        target = text(node, "to", None)
        for state in (*sources, *((target,) if target else ())):
            known(node, state, self.states[machine], "state")
        events = strings(node, "on")
        if not events:
            fail(node, "'on' must list at least one event")
        for event in events:
            known(node, event, self.events, "event")
        guards = strings(node, "guard")
        for guard in guards:
            known(node, guard, [item.name for item in self.guards], "guard")
        effects = tuple(read_effect(it, it.value) for it in rows(node, "emit"))
        for effect in effects:
            known(node, effect.name, [item.name for item in self.effects], "effect")
        return Row(sources, events, guards, target, effects, text(node, "pending", None))

    # verbs, questions, timers, routing ------------------------------------------------

    def _verb(self, node: Node) -> Verb:
        keys(node, "name", "action", "question", "echo", "declines", "needs")
        return Verb(
            name=text(node, "name"),
            action=known(node, text(node, "action"), self.actions, "action"),
            question=text(node, "question", None),
            echo=strings(node, "echo"),
            declines=flag(node, "declines", False),
            needs=text(node, "needs", None),
        )

    def _question(self, node: Node) -> Question:
        keys(
            node,
            *("kind", "shows", "updated_by", "no_pending", "lapses_by"),
            *("outlives_turn", "duration"),
        )
        kind = known(node, text(node, "kind"), self.states, "machine")
        for event in (text(node, "shows"), *strings(node, "updated_by")):
            known(node, event, self.events, "event")
        for word in strings(node, "lapses_by"):
            known(node, word, (*self.events, *(fact.name for fact in self.facts)), "event or fact")
        return Question(
            kind=kind,
            shows=text(node, "shows"),
            updated_by=strings(node, "updated_by"),
            no_pending=text(node, "no_pending", None),
            lapses_by=strings(node, "lapses_by"),
            outlives_turn=flag(node, "outlives_turn", False),
            duration=text(node, "duration", None),
            verbs=tuple(verb.name for verb in self.verbs if verb.question == kind),
        )

    def _opened(self, item: Question) -> Question:
        """Add the events that open a question, from the rows of its machine."""
        machine = next(it for it in self.machines if it.name == item.kind)
        found = [row.events for row in machine.rows if any(e.name == "open" for e in row.effects)]
        return replace(item, opened_by=tuple(dict.fromkeys(e for events in found for e in events)))

    def _timer(self, node: Node) -> Timer:
        keys(
            node,
            *("name", "of", "option", "armed_by", "paused_by", "cleared_by", "on_expiry"),
            "pending",
        )
        words = {"start", "frame", "settle", *self.events, *(item.name for item in self.effects)}
        for key in ("armed_by", "paused_by", "cleared_by"):
            for word in strings(node, key):
                known(node, word, words, "effect or event")
        locals_ = [word.name for word in self.local]
        return Timer(
            name=text(node, "name"),
            of=text(node, "of"),
            option=text(node, "option"),
            armed_by=strings(node, "armed_by"),
            paused_by=strings(node, "paused_by"),
            cleared_by=strings(node, "cleared_by"),
            on_expiry=known(node, text(node, "on_expiry"), locals_, "local event"),
            pending=text(node, "pending", None),
        )

    def _route(self, node: Node) -> Route:
        keys(node, "to", "by", "takes", "pending")
        by = known(node, text(node, "by"), ("requestId", "none"), "way to find somebody")
        return Route(text(node, "to"), by, text(node, "takes"), text(node, "pending", None))
