"""Handlers of a turn's questions as the oracle sees them (REQ-ASK): who is called, what counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conform.spec import Tree

if TYPE_CHECKING:
    from conform.oracle.turns import Turn

SHOWN = {
    "confirmation": ("toolId", "actionDescription"),
    "otp": (
        *("toolId", "actionDescription", "availableChannels", "authLevel", "channel"),
        *("maskedDestination", "attemptsRemaining", "error", "message"),
    ),
    "interaction": ("interactionId", "kind", "spec", "reason", "errors", "message"),
}
VERB = {"confirmation": ("confirm", "approved"), "otp": ("verify_otp", "code")}
VERB |= {"interaction": ("submit", "values")}
WRONG = ("attemptsRemaining", "error", "errors", "message")
AGAIN = ("otp_invalid", "interaction_invalid")  # what was wrong is shown, and asked again
UNSEEN: Tree = {"name": "unseen", "option": "questionUnseen"}


@dataclass(eq=False)
class Script:
    """A handler that a case wrote: what it gives, one a call, the last one again and again."""

    name: str
    gives: list[Tree]
    calls: int = 0
    waiting: list[Run] = field(default_factory=list)

    def next(self) -> Tree:
        """What the next call gives."""
        self.calls += 1
        return self.gives[min(self.calls, len(self.gives)) - 1]


@dataclass(eq=False)
class Run:
    """One call of a handler that has not ended."""

    handling: Handling
    question: str
    script: Script


Scripts = Mapping[str, Script]


def scripts_of(tree: Tree) -> dict[str, Script]:
    """Handlers as a command gives them, by what they answer."""
    found = {
        question: Script(tree[word]["as"], tree[word]["gives"])
        for word, question in (("confirm", "confirmation"), ("otp", "otp"))
        if word in tree
    }
    for kind, told in tree.get("interaction", {}).items():
        found[f"interaction {kind}"] = Script(told["as"], told["gives"])
    return found


class Handling:
    """The handlers of one turn: one runs at a time, the others wait in order."""

    def __init__(self, turn: Turn, scripts: Scripts) -> None:
        self.turn = turn
        self.scripts = scripts
        self.stopped = False
        self.active: Run | None = None
        self.queue: list[tuple[str, Tree]] = []  # questions, each with what was wrong before
        self.refused: list[str] = []  # questions whose answers an error refused
        self.silent: set[str] = set()  # questions that nothing said yet what to show of
        self.unwatched: list[str] = []  # questions whose time unseen has not begun
        self.refusals: dict[str, int] = {}  # of each question, by wrong answers alone (REQ-ASK-14)

    # --- what the turn tells --------------------------------------------------------------------

    def _script(self, question: str) -> Script | None:
        kind = self.turn.asked.get(question, {}).get("kind")
        return self.scripts.get(f"interaction {kind}" if question == "interaction" else question)

    def handled(self, wire_type: str, told: Tree) -> bool:
        """Whether an event asks what a handler answers (REQ-ASK-09)."""
        for question, row in self.turn.host.tables.questions.items():
            if wire_type in (row["shows"], *row["updated_by"]):
                key = f"interaction {told.get('kind')}" if question == "interaction" else question
                return key in self.scripts
        return False

    def opened(self, question: str, wire_type: str, *, fresh: bool) -> None:
        """A question was asked, or (not ``fresh``) shows more of itself."""
        if fresh:
            self.refusals.pop(question, None)
        updated_by = self.turn.host.tables.questions[question]["updated_by"]
        if wire_type not in updated_by:
            self.ended(question)
        elif self._under_way(question):
            return
        if self.stopped:
            return
        if self._script(question) is None:
            if not self.turn.settled and fresh:
                self.unwatched.append(question)
            return
        if updated_by and wire_type not in updated_by and not self.turn.settled:
            self.silent.add(question)
            self.unwatched.append(question)
        else:
            self._due(question, {})

    def _watch(self, question: str) -> None:
        host = self.turn.host
        key = ("unseen", self.turn.name, question)
        host.timed(UNSEEN, key, host.limit(UNSEEN["option"]), lambda: self._unseen(question))

    def _unseen(self, question: str) -> None:
        """It has been open for a while: call its handler, or tell that nobody looks."""
        if question in self.silent:
            self._due(question, {})
            self.run()
        elif not self.turn.iterated:
            self.turn.host.warned()

    def _due(self, question: str, wrong: Tree) -> None:
        self._heard_of(question)
        self.queue.append((question, wrong))

    def _heard_of(self, question: str) -> None:
        self.silent.discard(question)
        self.unwatched = [it for it in self.unwatched if it != question]
        self.turn.host.disarm("unseen", self.turn.name, question)

    def reopened(self, question: str, wire_type: str, told: Tree) -> None:
        """An answer was wrong: the handler is asked again (REQ-ASK-03)."""
        again = wire_type in AGAIN and not self._under_way(question) and not self.stopped
        if again and self._script(question) is not None:
            self._due(question, told)

    def ended(self, question: str) -> None:
        """A question was answered or closed: what its handler says counts no more."""
        self._heard_of(question)
        self.queue = [entry for entry in self.queue if entry[0] != question]
        if self.active and self.active.question == question:
            self._signal()

    def stop(self) -> None:
        """The turn is stopped: no handler counts any more (REQ-ASK-06)."""
        self.stopped = True
        self.queue.clear()
        for question in self.turn.host.tables.questions:
            self._heard_of(question)
        self._signal()

    def settling(self) -> None:
        """The turn settles: a code that was never told to be sent is asked for now."""
        for question in self.turn.host.tables.questions:
            if question in self.silent:
                self._due(question, {})
            self._heard_of(question)

    def expects_code(self) -> bool:
        """Whether a handler, or an answer of somebody else, may still bring the code."""
        states = self.turn.machines.states
        verbs = any(self._question_of(verb.kind) == "otp" for verb in self.turn.verbs)
        return (self._under_way("otp") or verbs) and states["otp"] != "none" and not self.stopped

    def _question_of(self, verb: str) -> str | None:
        question: str | None = self.turn.host.tables.verbs[verb]["question"]
        return question

    def _under_way(self, question: str) -> bool:
        runs = self.active is not None and self.active.question == question
        return runs or any(entry[0] == question for entry in self.queue)

    # --- running --------------------------------------------------------------------------------

    def run(self) -> None:
        """After a step: fail what was refused, call who is next."""
        while self.refused:
            question = self.refused.pop(0)
            if self.turn.machines.states[question] == "open":
                self._fail(question)
        while self.unwatched and self._ready:
            self._watch(self.unwatched.pop())
        self.turn.host.later(self._call_next)

    def _call_next(self) -> None:
        while self.queue and self.active is None and self._ready:
            question, wrong = self.queue.pop(0)
            script = self._script(question)
            if script and self.turn.machines.states[question] == "open":
                if wrong and self._once_too_often(question):
                    self._fail(question)
                else:
                    self._call(Run(self, question, script), wrong)
        self.turn.look()

    def _once_too_often(self, question: str) -> bool:
        """Whether a handler has had all its chances (REQ-ASK-14)."""
        self.refusals[question] = self.refusals.get(question, 0) + 1
        return self.refusals[question] >= self.turn.host.spec.bound("refusedAnswers")

    @property
    def _ready(self) -> bool:
        """Whether what the turn shows is the present (REQ-ASK-13)."""
        return self.turn.machines.state != "suspended" and self.turn.resuming.goal is None

    def _call(self, run: Run, wrong: Tree) -> None:
        self.active = run
        turn, host = self.turn, self.turn.host
        said = {name: wrong[name] for name in WRONG if name in wrong}
        told = {**turn.asked.get(run.question, {}), **said}
        shown = {name: told[name] for name in SHOWN[run.question] if name in told}
        host.emit(
            {
                "ev": "called",
                "as": run.script.name,
                "question": run.question,
                **turn.named,
                "ask": shown,
            }
        )
        for row in host.tables.timers:
            if row["of"] == "handler":
                limit = host.limit(row["option"])
                host.timed(dict(row), (row["name"], turn.name), limit, lambda: self._late(run))
        self.take(run, run.script.next())

    def take(self, run: Run, answer: Tree) -> None:
        """A handler gives something, or goes on waiting."""
        if "wait" in answer:
            run.script.waiting.append(run)
            return
        self._over()
        if "raise" in answer or "nonsense" in answer:
            self._fail(run.question)
        elif "decline" in answer:
            self._decline(run.question)
        else:
            kind, member = VERB[run.question]
            self.turn.verb(kind, "", {member: answer["value"]}, by_handler=True)

    def _decline(self, question: str) -> None:
        kind = "decline_otp" if question == "otp" else "decline"
        needed = self.turn.host.tables.verbs[kind].get("needs")
        if not needed or needed in self.turn.host.capabilities(self.turn.session):
            self.turn.verb(kind, "", {"declined": True}, by_handler=True)

    def _late(self, run: Run) -> None:
        self._signal()
        self._fail(run.question)
        self.run()

    def _fail(self, question: str) -> None:
        """REQ-ASK-07: a no, then the turn fails."""
        if question == "confirmation":
            self.turn.verb("confirm", "", {"approved": False}, by_handler=True)
        elif question == "interaction":
            self._decline(question)
        self.turn.handler_failed(question)

    def _signal(self) -> None:
        if self.active is not None:
            name = self.active.script.name
            self._over()
            self.turn.host.emit({"ev": "signalled", "as": name})

    def _over(self) -> None:
        run, self.active = self.active, None
        if run is not None and run in run.script.waiting:
            run.script.waiting.remove(run)
        for row in self.turn.host.tables.timers:
            if row["of"] == "handler":
                self.turn.host.disarm(row["name"], self.turn.name)
