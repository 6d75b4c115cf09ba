"""The pure part of a turn: states, questions and outstanding verbs, stepped through the tables.

Nothing here opens, waits, logs or reads a clock. The driver in :mod:`._turn_driver` hands in frames
and local events and carries out the steps that come back, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

from .wire import errors as error_table
from .wire.steps import (
    QUESTION_MACHINES,
    QUESTIONS,
    TURN,
    VERBS,
    Facts,
    Fail,
    QuestionKind,
    Repeat,
    Resolve,
    TurnEffect,
    answering,
)

VerbName = Literal["confirm", "verify_otp", "submit", "decline", "decline_otp", "cancel"]
Life = Literal["sent", "running", "suspended", "settled"]
QUESTION_KINDS = cast("tuple[QuestionKind, ...]", tuple(it.name for it in QUESTION_MACHINES))
_ANSWERS = ("immediate_response", "otp_verified", "otp_invalid", "interaction_invalid")


def answers_to(verb: VerbName) -> frozenset[str]:
    """Return the types of the events by which the server answers a verb, errors apart."""
    return frozenset(word for word in _ANSWERS if verb in answering(word, Facts(turn="running")))


@dataclass(eq=False, slots=True)
class Verb:
    """One answer or cancel that waits for what the server makes of it."""

    name: VerbName
    token: Any = None
    """Whatever the driver hangs on it."""
    value: Callable[[Any], Any] = lambda _: None
    """Makes of the event that answers it what it resolves to."""
    by_handler: bool = False
    """Whether a handler gave it."""
    outgoing: Any = None
    """Its frame; a ``cancel`` has none of its own."""
    named: bool = False
    """Whether its question had an id that it echoes (REQ-RESUME-07)."""
    unsure: bool = False
    """Whether its frame may be lost."""
    timer: Any = None
    """Its limit, while that runs."""

    def stop(self) -> None:
        """Stop its limit."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    @property
    def outlives_turn(self) -> bool:
        """Whether it goes on waiting when its turn settles (REQ-VERB-06)."""
        return VERBS[self.name].outlives_turn


@dataclass(frozen=True, slots=True)
class Step:
    """One effect to carry out."""

    effect: TurnEffect
    question: QuestionKind | None = None
    """Question whose machine gave the effect; None for the turn's own."""
    verb: Verb | None = None
    """Verb that resolves, fails or is written again."""


@dataclass
class TurnState:
    """States of one turn and its questions."""

    expired: Callable[[QuestionKind, Any, str], bool]
    """Whether the open question has lapsed, seen from an event that is the given word to the
    machines (REQ-VERB-10)."""
    turn: Life = "sent"
    questions: dict[QuestionKind, str] = field(
        default_factory=lambda: dict.fromkeys(QUESTION_KINDS, "none")
    )
    verbs: list[Verb] = field(default_factory=list)
    """Outstanding verbs, oldest first."""
    asked: QuestionKind | None = None
    """The question that was open before the last step."""
    before: Life = "sent"
    """State of the turn before the last step."""
    fast: ClassVar[bool] = True
    """Whether :meth:`quiet` may say yes."""

    @property
    def settled(self) -> bool:
        """Whether the turn has its outcome."""
        return self.turn == "settled"

    @property
    def open_question(self) -> QuestionKind | None:
        """The question that waits for a human, if any."""
        return next((kind for kind in QUESTION_KINDS if self.questions[kind] == "open"), None)

    @property
    def asks_one(self) -> bool:
        """Whether exactly one question waits for a human."""
        return sum(self.questions[kind] == "open" for kind in QUESTION_KINDS) == 1

    @property
    def outlived(self) -> bool:
        """Whether a question that outlives its turn is still there (REQ-OTP-03)."""
        return any(_outlives(kind) and self.questions[kind] != "none" for kind in QUESTION_KINDS)

    def quiet(self, event: Any) -> bool:
        """Whether an event moves no machine and is nothing but an item: no step is needed."""
        if self.verbs or not self.fast or event.type not in TURN.quiet.get(self.turn, ()):
            return False
        return self.open_question is None

    def frame(self, event: Any, word: str, facts: Facts) -> list[Step]:
        """Step on an event of the turn, which is ``word`` here: first the questions, then the turn.

        ``facts`` are those that no event tells.
        """
        verb = self._told(event, word, facts)
        # Nobody can be asked any more for a turn that is over; its code question alone goes on.
        kinds = [kind for kind in QUESTION_KINDS if not self.settled or _outlives(kind)]
        return self._pass(word, facts, kinds, verb)

    def local(self, word: str, facts: Facts, verb: Verb | None = None) -> list[Step]:
        """Step on a local event, which may be about one of the verbs."""
        if verb is not None:
            facts.verb, facts.named = verb.name, verb.named
        return self._pass(word, facts, QUESTION_KINDS, verb)

    def answer(self, kind: QuestionKind) -> list[Step]:
        """Step on an answer of the caller, which concerns one question alone."""
        return self._question(kind, "answer", Facts(turn=self.turn), None)

    def _pass(self, word: str, facts: Facts, kinds: Any, verb: Verb | None) -> list[Step]:
        self.asked, self.before = self.open_question, self.turn
        steps = []
        for kind in kinds:
            steps += self._question(kind, word, facts, verb)
        following, effects = TURN.step(self.turn, word, facts)
        self.turn = cast(Life, following)
        steps += [Step(effect) for effect in effects]
        if self.turn == "settled" != self.before:
            for kind in QUESTION_KINDS:
                steps += self._question(kind, "settle", facts, None)
        return steps

    def _question(
        self, kind: QuestionKind, word: str, facts: Facts, verb: Verb | None
    ) -> list[Step]:
        machine = _MACHINES[kind]
        self.questions[kind], effects = machine.step(self.questions[kind], word, facts)
        steps = []
        for effect in effects:
            over = isinstance(effect, Resolve | Fail)
            if over and verb is not None:
                self.verbs.remove(verb)
            steps.append(Step(effect, kind, verb if over or isinstance(effect, Repeat) else None))
        return steps

    def _told(self, event: Any, word: str, facts: Facts) -> Verb | None:
        """Add what the event tells; return the verb that it answers."""
        match word:
            case "immediate_response" | "eventual_response":
                facts.status = event.status
            case "otp_invalid":
                facts.attempts_remaining = event.attempts_remaining
            case "error":
                facts.code = event.code
                facts.code_terminal = _terminal(event.code)
                facts.said_terminal = event.terminal
            case "resume_refused":
                facts.error_retryable = error_table.lookup(event.code).retryable
            case "stream_chunk":
                facts.tool_result = _has_tool_result(event)
        facts.expired = frozenset(
            kind
            for kind in QUESTION_KINDS
            if self.questions[kind] == "open" and self.expired(kind, event, word)
        )
        names = answering(word, facts)
        verb = next((verb for verb in self.verbs if verb.name in names), None)
        facts.verb = verb.name if verb is not None else None
        return verb


_MACHINES = dict(zip(QUESTION_KINDS, QUESTION_MACHINES, strict=True))


def _terminal(code: str) -> Literal["always", "never", "unless_verb"]:
    return cast(Any, error_table.lookup(code).terminal)  # type: ignore[no-any-return]


def _outlives(kind: QuestionKind) -> bool:
    return QUESTIONS[kind].outlives_turn


def _has_tool_result(event: Any) -> bool:
    raw = event.state.raw_response if event.state is not None else None
    return isinstance(raw, dict) and isinstance(raw.get("toolResult"), dict)
