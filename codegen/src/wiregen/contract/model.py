"""The tables beside the schemas, as data."""

from __future__ import annotations

from dataclasses import dataclass

from wiregen.ir import Answer, Effect, Word


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a step may look at. Any fact may be absent."""

    name: str
    type: str
    """boolean, integer, string, word (one of `words`), or kinds (a set of question kinds)."""
    doc: str
    words: tuple[str, ...] = ()
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison with a fact; an absent fact meets none but `present` false."""

    fact: str
    op: str
    """eq, gt, ge, present, or column: compared with that column of the question that steps."""
    value: bool | int | str


@dataclass(frozen=True, slots=True)
class Group:
    """Several conditions: all, any, or not (of one)."""

    op: str
    items: tuple[Condition, ...]


Condition = Test | Group


@dataclass(frozen=True, slots=True)
class Guard:
    """A named condition of rows; `code` says that its fact is made by code."""

    name: str
    doc: str
    condition: Condition
    code: bool = False
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class EffectWord:
    """An effect that rows may ask for, and the names of what it carries."""

    name: str
    doc: str
    args: tuple[str, ...] = ()
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One transition; no sources = every state, no target = the state stays."""

    sources: tuple[str, ...]
    events: tuple[str, ...]
    guards: tuple[str, ...]
    target: str | None
    effects: tuple[Effect, ...]
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A machine; machines of one group share the driver that acts on their effects."""

    name: str
    group: str
    initial: str
    states: tuple[Word, ...]
    rows: tuple[Row, ...]

    def events(self) -> tuple[str, ...]:
        """The events of all rows, in the order in which they are first met."""
        return tuple(dict.fromkeys(event for row in self.rows for event in row.events))


@dataclass(frozen=True, slots=True)
class Verb:
    """What a human answers, and with which action."""

    name: str
    action: str
    question: str | None
    echo: tuple[str, ...]
    declines: bool
    needs: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """What a human is asked; its machine has its name."""

    kind: str
    shows: str
    updated_by: tuple[str, ...]
    no_pending: str | None
    lapses_by: tuple[str, ...]
    outlives_turn: bool
    duration: str | None
    opened_by: tuple[str, ...] = ()
    """Events whose rows open it; read from its machine."""
    verbs: tuple[str, ...] = ()
    """Verbs that answer it; read from `verbs`."""


@dataclass(frozen=True, slots=True)
class Timer:
    """What waits, and what it says when it is over."""

    name: str
    of: str
    option: str
    armed_by: tuple[str, ...]
    paused_by: tuple[str, ...]
    cleared_by: tuple[str, ...]
    on_expiry: str
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Who is offered a frame."""

    to: str
    by: str
    takes: str
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a client, or of one turn."""

    name: str
    type: str
    """boolean, time (milliseconds), count, bytes, string, words or object."""
    unit: str | None
    default: bool | int | str | None
    off: int | str | bool | None
    """The value that turns it off; None = it cannot be."""
    min: int | None
    max: int | None
    words: tuple[str, ...]
    doc: str
    rule: str
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound that is no option."""

    name: str
    unit: str
    value: int
    doc: str
    rule: str


@dataclass(frozen=True, slots=True)
class CloseCode:
    """What the end of a link, or a refused handshake, means."""

    first: int
    last: int
    http: bool
    name: str
    side: str
    retry: str
    backoff_from: int
    kind: str
    when: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an error of a kind carries."""

    kind: str
    always: tuple[str, ...]
    maybe: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Capability:
    """A word that the two sides list to be sent, or asked, something."""

    word: str
    since: str
    asks_for: str
    implied_by: tuple[str, ...]
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """What an error says: its leaf, and text with places."""

    leaf: str
    text: str


@dataclass(frozen=True, slots=True)
class Contract:
    """All tables; a specification that has none of one kind has an empty one."""

    events: tuple[str, ...] = ()
    """Every word that may move a machine: frames, `unknown`, local events."""
    local_events: tuple[Word, ...] = ()
    facts: tuple[Fact, ...] = ()
    guards: tuple[Guard, ...] = ()
    effects: tuple[EffectWord, ...] = ()
    machines: tuple[StateMachine, ...] = ()
    answers: tuple[Answer, ...] = ()
    verbs: tuple[Verb, ...] = ()
    questions: tuple[Question, ...] = ()
    timers: tuple[Timer, ...] = ()
    routing: tuple[Route, ...] = ()
    reads: tuple[str, ...] = ()
    """Actions that only read: they may be written a second time."""
    options: tuple[Option, ...] = ()
    limits: tuple[Limit, ...] = ()
    close_codes: tuple[CloseCode, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    texts: tuple[Text, ...] = ()
    capabilities: tuple[Capability, ...] = ()

    def guard(self, name: str) -> Guard:
        """Return a guard by its name."""
        return next(item for item in self.guards if item.name == name)

    def fact(self, name: str) -> Fact:
        """Return a fact by its name."""
        return next(item for item in self.facts if item.name == name)

    def question(self, kind: str) -> Question | None:
        """Return the question whose machine has this name."""
        return next((item for item in self.questions if item.kind == kind), None)

    def groups(self) -> dict[str, tuple[StateMachine, ...]]:
        """Return the machines by group, in their order."""
        names = dict.fromkeys(item.group for item in self.machines)
        return {n: tuple(m for m in self.machines if m.group == n) for n in names}
