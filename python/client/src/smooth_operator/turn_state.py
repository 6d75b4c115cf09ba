"""The pure part of a turn: states, questions and outstanding verbs, stepped through the tables.

Nothing here opens, waits, logs or reads a clock. The driver in :mod:`.turn` hands in frames and
local events and carries out the steps that come back, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Literal

from .wire import EVENTS, machine
from .wire import errors as error_table

QuestionKind = Literal["confirmation", "otp", "interaction"]
VerbName = Literal["confirm", "verify_otp", "submit", "decline", "decline_otp", "cancel"]

QUESTION_KINDS: tuple[QuestionKind, ...] = ("confirmation", "otp", "interaction")
_QUESTION_OF: dict[str, QuestionKind] = {
    "confirm": "confirmation",
    "verify_otp": "otp",
    "decline_otp": "otp",
    "submit": "interaction",
    "decline": "interaction",
}
_NO_PENDING: dict[str, QuestionKind] = {
    "NO_PENDING_CONFIRMATION": "confirmation",
    "NO_PENDING_INTERACTION": "interaction",
}


def answers_to(verb: VerbName) -> frozenset[str]:
    """Return the types of the events by which the server answers a verb, errors apart."""
    found = {row.on for row in machine.ANSWERS if verb in row.verbs}
    return frozenset(found - {"error"})


@dataclass(eq=False, slots=True)
class Verb:
    """One answer or cancel that waits for what the server makes of it."""

    name: VerbName
    token: Any = None
    """Whatever the driver hangs on it."""

    @property
    def outlives_turn(self) -> bool:
        """Whether it goes on waiting when its turn settles (REQ-VERB-06)."""
        return _QUESTION_OF.get(self.name) == "otp"


@dataclass(frozen=True, slots=True)
class Step:
    """One effect to carry out."""

    effect: str
    args: tuple[str, ...] = ()
    question: QuestionKind | None = None
    """Question whose machine gave the effect; None for the turn's own."""
    verb: Verb | None = None
    """Verb that resolves or fails."""


@dataclass
class TurnState:
    """States of one turn and its questions."""

    expired: Callable[[QuestionKind, str], bool]
    """Whether the open question has lapsed, seen from a frame of the given type (REQ-VERB-10)."""
    turn: str = machine.MACHINES["turn"].initial
    questions: dict[QuestionKind, str] = field(
        default_factory=lambda: {kind: machine.MACHINES[kind].initial for kind in QUESTION_KINDS}
    )
    verbs: list[Verb] = field(default_factory=list)
    """Outstanding verbs, oldest first."""
    fast: ClassVar[bool] = True
    """Whether :meth:`quiet` may say yes."""
    _quiet: frozenset[str] = frozenset()

    @property
    def settled(self) -> bool:
        """Whether the turn has its outcome."""
        return self.turn == "settled"

    @property
    def open_question(self) -> QuestionKind | None:
        """The question that waits for a human, if any."""
        return next((kind for kind in QUESTION_KINDS if self.questions[kind] == "open"), None)

    def quiet(self, event: Any) -> bool:
        """Whether an event moves no machine and is nothing but an item: no step is needed."""
        return event.type in self._quiet and not self.verbs

    def _rest(self) -> None:
        states = tuple(self.questions[kind] for kind in QUESTION_KINDS)
        self._quiet = quiet_types(self.turn, states) if self.fast else frozenset()

    def frame(self, event: Any) -> list[Step]:
        """Step on an event of the turn: first the questions, then the turn."""
        verb = self._answered_verb(event)
        guards = self._guards(event, verb)
        steps: list[Step] = []
        # Nobody can be asked any more for a turn that is over; its code question alone goes on.
        kinds: tuple[QuestionKind, ...] = ("otp",) if self.settled else QUESTION_KINDS
        for kind in kinds:
            steps += self._question(kind, event.type, guards | self._own(kind, event, verb), verb)
        steps += self._turn(event.type, guards)
        self._rest()
        return steps

    def local(
        self, word: str, *, only: QuestionKind | None = None, unwritten: bool = False
    ) -> list[Step]:
        """Step on a local event; with ``only`` it concerns that question alone.

        ``unwritten`` says that the turn's own frame still waits for the link.
        """
        steps: list[Step] = []
        for kind in QUESTION_KINDS if only is None else (only,):
            steps += self._question(kind, word, frozenset(), None)
        if only is None:
            steps += self._turn(word, frozenset({"unwritten"} if unwritten else ()))
        self._rest()
        return steps

    def _question(
        self, kind: QuestionKind, word: str, guards: frozenset[str], verb: Verb | None
    ) -> list[Step]:
        self.questions[kind], effects = machine.step(kind, self.questions[kind], word, guards)
        steps = []
        for effect in effects:
            answered = verb if effect.name in ("resolve", "fail") else None
            if answered is not None:
                self.verbs.remove(answered)
            steps.append(Step(effect.name, effect.args, kind, answered))
        return steps

    def _turn(self, word: str, guards: frozenset[str]) -> list[Step]:
        self.turn, effects = machine.step("turn", self.turn, word, guards)
        return [Step(effect.name, effect.args) for effect in effects]

    def _answered_verb(self, event: Any) -> Verb | None:
        """Return the oldest outstanding verb that the table says this frame answers."""
        code = event.code if event.type == "error" else None
        for row in machine.ANSWERS:
            if row.on != event.type or (row.turn is not None and row.turn != self.turn):
                continue
            if row.code is not None and row.code != code:
                continue
            if row.unless == "status_202" and event.status == 202:
                continue
            return next((verb for verb in self.verbs if verb.name in row.verbs), None)
        return None

    def _guards(self, event: Any, verb: Verb | None) -> frozenset[str]:
        guards: set[str] = set()
        if event.type in ("immediate_response", "eventual_response"):
            if event.status == 202:
                guards.add("status_202")
            if (event.status or 0) >= 400:
                guards.add("status_error")
        elif event.type == "otp_invalid" and event.attempts_remaining > 0:
            guards.add("attempts_left")
        elif event.type == "error":
            guards.add(self._verdict(event, verb))
        elif event.type == "stream_chunk" and _has_tool_result(event):
            guards.add("tool_result")
        return frozenset(guards)

    def _verdict(self, event: Any, verb: Verb | None) -> str:
        """Return terminal_error, verb_error or neither word for an error (REQ-TURN-07)."""
        if self.settled:
            return "verb_error" if verb is not None else ""
        row = error_table.lookup(event.code)
        if event.terminal is False or row.terminal == "never":
            return "verb_error" if verb is not None and row.terminal == "unless_verb" else ""
        if row.terminal == "unless_verb" and self.turn == "running" and verb is not None:
            return "verb_error"
        return "terminal_error"

    def _own(self, kind: QuestionKind, event: Any, verb: Verb | None) -> frozenset[str]:
        """Return the guards that hold for the machine of one question alone."""
        guards: set[str] = set()
        if verb is not None and _QUESTION_OF.get(verb.name) == kind:
            guards.add("verb_outstanding")
        if event.type == "error" and _NO_PENDING.get(event.code) == kind:
            guards.add("no_pending")
        if event.type == "error" and event.code == "INTERACTION_MISMATCH":
            guards.add("mismatch")
        if self.questions[kind] == "open" and self.expired(kind, event.type):
            guards.add("expired")
        return frozenset(guards)


@cache
def quiet_types(turn: str, questions: tuple[str, ...]) -> frozenset[str]:
    """Return the events that the tables make an item of and nothing else, in these states."""
    states: dict[str, str] = dict(zip(QUESTION_KINDS, questions, strict=True))
    item = (machine.Effect("item"),)

    def moves(kind: str, word: str) -> bool:
        return any(_fits(row, states[kind], word) for row in machine.MACHINES[kind].transitions)

    def shown(word: str) -> bool:
        rows = [row for row in machine.MACHINES["turn"].transitions if _fits(row, turn, word)]
        first = rows[0] if rows else None
        return (
            first is not None
            and not first.guards
            and first.effects == item
            and first.target in (None, turn)
        )

    return frozenset(w for w in EVENTS if shown(w) and not any(moves(k, w) for k in QUESTION_KINDS))


def _fits(row: machine.Transition, state: str, word: str) -> bool:
    return word in row.events and (not row.sources or state in row.sources)


def _has_tool_result(event: Any) -> bool:
    raw = event.state.raw_response if event.state is not None else None
    return isinstance(raw, dict) and isinstance(raw.get("toolResult"), dict)
