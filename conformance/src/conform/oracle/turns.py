"""One turn as the oracle sees it: machines, questions, verbs, outcome (REQ-TURN, VERB, STOP)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conform.machine import Effect
from conform.oracle.calls import fits, verb_value
from conform.oracle.errors import link_kind
from conform.oracle.readers import Readers
from conform.reader import Frame
from conform.spec import TERMINAL_TYPES, Tree

if TYPE_CHECKING:
    from conform.oracle.client import Client

QUESTIONS = ("confirmation", "otp", "interaction")
DAY = 86_400_000
VERBS = {  # verb -> question it answers, action it is written as
    "confirm": ("confirmation", "confirm_tool_action"),
    "verify_otp": ("otp", "verify_otp"),
    "decline_otp": ("otp", "verify_otp"),
    "submit": ("interaction", "submit_interaction"),
    "decline": ("interaction", "submit_interaction"),
    "cancel": (None, "cancel"),
}
NO_PENDING = {
    "confirmation": "NO_PENDING_CONFIRMATION",
    "interaction": "NO_PENDING_INTERACTION",
}


@dataclass(eq=False)
class Verb:
    """A human's answer, or a cancel, that waits for its own answer."""

    kind: str
    name: str
    waited: bool = True

    @property
    def question(self) -> str | None:
        """Question that this verb answers; ``None`` for cancel."""
        return VERBS[self.kind][0]


class Turn:
    """One ``send_message`` and all it causes."""

    def __init__(self, client: Client, name: str, frame: Tree, watch: str) -> None:
        self.client = client
        self.name = name
        self.id: str = frame["requestId"]
        self.out = frame
        self.session: str = frame["sessionId"]
        self.state = client.machines["turn"].initial
        self.question = {q: client.machines[q].initial for q in QUESTIONS}
        self.asked: dict[str, Tree] = {}
        self.due: dict[str, float | None] = {}  # when an open question lapses
        self.length: dict[str, int | None] = {}  # how long a question said that it lives
        self.verbs: list[Verb] = []
        self.tokens: list[str] = []
        self.outcome: Tree | None = None
        self.cancelled = False  # the one cancel is written
        self.readers = Readers(self, watch)
        client.arm(("total", self.id), client.limit("turn"), lambda: self.local("total_timeout"))
        self._restart_idle()

    @property
    def settled(self) -> bool:
        """Whether the outcome is known."""
        return self.outcome is not None

    @property
    def live(self) -> bool:
        """Whether frames of this turn still mean something (REQ-VERB-14)."""
        return not self.settled or bool(self.verbs) or self.question["otp"] != "none"

    @property
    def open_question(self) -> str | None:
        """The question a human is asked, if any."""
        return next((q for q in QUESTIONS if self.question[q] == "open"), None)

    # --- frames ---------------------------------------------------------------------------

    def frame(self, frame: Frame) -> None:
        """A frame with this turn's id came: question machines first, then the turn's."""
        if not self.live:
            return  # REQ-TURN-06
        event = frame.wire_type if frame.good else "unknown"
        if frame.known and frame.fault and frame.wire_type in TERMINAL_TYPES:
            event = "broken"
        facts = self.client.flat(frame) if frame.good else {}
        verb = self._answered(event, facts)
        if not self.settled:
            self._restart_idle()
        ends = event == "error" and self._error_ends(facts)
        for question in ("otp",) if self.settled else QUESTIONS:
            self._ask_machine(question, event, frame, facts, verb, ends)
        guards = {
            "status_202": facts.get("status") == 202,
            "status_error": isinstance(facts.get("status"), int) and facts["status"] >= 400,
            "terminal_error": ends,
        }
        self._step(event, guards, frame, facts)

    def _answered(self, event: str, facts: Tree) -> Verb | None:
        for row in self.client.spec.machine["answers"]:
            if not fits(row, event, facts) or row.get("turn", self.state) != self.state:
                continue
            if row.get("code", facts.get("code")) != facts.get("code"):
                continue
            return next((v for v in self.verbs if v.kind in row["verbs"]), None)
        return None

    def _error_ends(self, facts: Tree) -> bool:
        """REQ-TURN-07."""
        if self.settled or facts.get("terminal") is False:
            return False
        terminal = self.client.spec.code(facts["code"]).terminal
        spared = terminal == "unless_verb" and self.state == "running" and bool(self.verbs)
        return terminal != "never" and not spared

    def _ask_machine(
        self, question: str, event: str, frame: Frame, facts: Tree, verb: Verb | None, ends: bool
    ) -> None:
        mine = verb is not None and verb.question == question
        unless = self.settled or self.client.spec.code(facts.get("code", "")).terminal
        guards = {
            "verb_outstanding": mine,
            "verb_error": event == "error" and not ends and unless in (True, "unless_verb"),
            "attempts_left": facts.get("attemptsRemaining", 0) > 0,
            "no_pending": facts.get("code") == NO_PENDING.get(question, ""),
            "mismatch": facts.get("code") == "INTERACTION_MISMATCH",
            "tool_result": "toolResult" in facts,
            "expired": self._expired(question, event),
        }
        before = self.question[question]
        state, effects = self.client.machines[question].step(before, event, guards.__getitem__)
        self.question[question] = state
        for effect in effects:
            if effect.name == "open":
                self._open(question, facts)
            elif effect.name == "reopen":
                self._limit(question)
            elif effect.name == "shut":
                self._shut(question)
            elif effect.name == "resolve" and verb:
                value = verb_value(VERBS[verb.kind][1], event, facts)
                self._verb_done(verb, value, None)
            elif effect.name == "fail" and verb:
                self._verb_done(verb, None, self._frame_error(frame))
        if before != self.question[question] and not self.settled:
            self._restart_idle()

    def error(self, kind: str, **facts: Any) -> Tree:
        """An error of this turn or of one of its verbs."""
        return self.client.error(kind, requestId=self.id, sessionId=self.session, **facts)

    def _frame_error(self, frame: Frame, **facts: Any) -> Tree:
        named = {"requestId": self.id, "sessionId": self.session}
        return self.client.frame_error(frame, **named, **facts)

    def _expired(self, question: str, event: str) -> bool:
        due = self.due.get(question)
        return event == "stream_token" if due is None else self.client.now >= due

    def _open(self, question: str, facts: Tree) -> None:
        before = self.asked.get(question, {}) if question == "otp" else {}
        self.asked[question] = {**before, **facts}  # only otp_sent updates (REQ-OTP-02)
        length = None
        if "expiresAt" in facts and "timestamp" in facts:
            length = max(0, facts["expiresAt"] - facts["timestamp"])
        if length is not None and length > DAY:
            length = None
        self.due[question] = None if length is None else self.client.now + length
        self.length[question] = length
        self._limit(question)

    def _limit(self, question: str) -> None:
        """Start the time of a question, anew when it is open again (REQ-TURN-13)."""
        limit, length = self.client.limit("question"), self.length.get(question)
        if limit and length is not None:
            limit = length + 10_000
        fire = lambda: self.local("question_timeout")  # noqa: E731
        if not self.settled:
            self.client.arm(("question", self.id, question), limit, fire)

    def _shut(self, question: str) -> None:
        self.asked.pop(question, None)
        self.client.disarm(("question", self.id, question))

    # --- the turn's own machine -------------------------------------------------------------

    def local(self, event: str, code: int | None = None, attempt: Tree | None = None) -> None:
        """A timeout, the link or ``close()`` moves the turn."""
        asked = self.open_question
        if event in self.client.link_events:
            self._link_ends_otp(event)
        if not self.settled:
            guards = self._unwritten()
            self._step(event, guards, None, {}, code=code, attempt=attempt, asked=asked)
        if event in self.client.link_events:
            self._link_ends_verbs(event, code)

    def _step(
        self, event: str, guards: dict[str, bool], frame: Frame | None, facts: Tree, **context: Any
    ) -> None:
        holds = lambda guard: guards.get(guard, False)  # noqa: E731
        state, effects = self.client.machines["turn"].step(self.state, event, holds)
        self.state = state if self.state != "settled" else "settled"
        for effect in effects:
            if effect.name == "item" and frame:
                self._item(frame, facts)
            elif effect.name == "send":
                self.write_cancel()
            elif effect.name == "settle":
                self._settle(effect, frame, facts, **context)

    def _item(self, frame: Frame, facts: Tree) -> None:
        if frame.good and frame.wire_type == "stream_token":
            self.tokens.append(facts["token"])
        self.readers.item(self.client.shown(frame), frame.size)

    def write_cancel(self) -> None:
        """Write the turn's one cancel, once, and start its clock (REQ-STOP-01, REQ-STOP-02)."""
        if self.cancelled:
            return
        self.cancelled = True
        self.client.write({"action": "cancel", "requestId": self.id, "sessionId": self.session})
        limit = self.client.limit("cancel")
        self.client.arm(("cancel", self.id), limit, lambda: self.local("cancel_timeout"))

    def _settle(
        self,
        effect: Effect,
        frame: Frame | None,
        facts: Tree,
        code: int | None = None,
        attempt: Tree | None = None,
        asked: str | None = None,
    ) -> None:
        outcome = effect.args[0]
        body: Tree = {"outcome": outcome, "text": "".join(self.tokens)}
        if outcome == "completed":
            body["text"] = final_text(facts.get("response"), self.tokens)
            names = ("messageId", "citations", "usage")
            body.update({n: facts[n] for n in names if n in facts})
        elif outcome == "cancelled":
            body["confirmed"] = "unconfirmed" not in effect.args
        else:
            body["error"] = self._failure(effect.args[1], frame, facts, code, attempt, asked)
        self.outcome = body
        self.client.disarm_turn(self.id)
        self.client.withdraw(self.out)
        self.client.remember(self.id)
        for question in ("confirmation", "interaction"):
            self.question[question] = "none"
        self._settle_verbs(body)
        self.readers.settled(body)

    def _failure(
        self,
        kind: str,
        frame: Frame | None,
        facts: Tree,
        code: int | None,
        attempt: Tree | None,
        asked: str | None,
    ) -> Tree:
        text = "".join(self.tokens)
        if kind == "by_code" and frame:
            return self._frame_error(frame, partialText=text)
        if kind == "attempt" and attempt:
            return {**attempt, "requestId": self.id, "sessionId": self.session}
        at = frame.fault.pointer if kind == "invalid_frame" and frame and frame.fault else None
        interrupted = kind == "turn_interrupted"
        carries = interrupted or kind == "turn_timeout"
        shown = code if interrupted or kind == "message_too_large" else None
        return self.error(
            link_kind(kind, code) if interrupted else kind,
            partialText=text,
            at=at,
            status=facts.get("status") if kind == "protocol" else None,
            **self.client.closed(shown),
            question=asked if carries and link_kind(kind, code) == kind else None,
            sent=True if interrupted and link_kind(kind, code) == kind else None,
        )

    # --- verbs ------------------------------------------------------------------------------

    def verb(self, kind: str, name: str, facts: Tree) -> None:
        """The user answers or cancels through the handle."""
        verb = Verb(kind, name)
        if kind == "cancel":
            self._cancel(verb)
            return
        question = str(verb.question)
        if kind == "decline_otp" and "otp_park" not in self.client.capabilities(self.session):
            self.client.returned(name, None, self.error("unsupported"))
            return
        machine = self.client.machines[question]
        self.question[question], effects = machine.step(
            self.question[question], "answer", lambda _: False
        )
        for effect in effects:
            if effect.name == "refuse":
                refusal = effect.args[0].replace("no_pending_question", "conflict")
                self.client.returned(name, None, self.error(refusal))
            elif effect.name == "send":
                self._write_verb(verb, effect.args[0], facts)

    def _write_verb(self, verb: Verb, action: str, facts: Tree) -> None:
        asked = self.asked.get(str(verb.question), {})
        echo = {"confirmation": ("confirmationId",), "interaction": ("interactionId", "kind")}
        kept = {n: asked[n] for n in echo.get(str(verb.question), ()) if n in asked}
        frame = {"action": action, "requestId": self.id, "sessionId": self.session}
        self.verbs.append(verb)
        self.client.write({**frame, **kept, **facts})
        self.client.disarm(("question", self.id, str(verb.question)))
        limit = self.client.limit("request")
        expire = lambda: self._verb_done(verb, None, self.error("request_timeout"))  # noqa: E731
        self.client.arm(("verb", self.id, verb.name), limit, expire)
        if not self.settled:
            self._restart_idle()

    def _cancel(self, verb: Verb) -> None:
        if self.settled:
            self.client.returned(verb.name, None, None)
            return
        self.verbs.append(verb)
        self._step("cancel", self._unwritten(), None, {})

    def _unwritten(self) -> dict[str, bool]:
        return {"unwritten": self.client.waits(self.out)}

    def _verb_done(self, verb: Verb, value: Any, failure: Tree | None) -> None:
        if verb in self.verbs:
            self.verbs.remove(verb)
            self.client.disarm(("verb", self.id, verb.name))
            if verb.waited:
                self.client.returned(verb.name, value, failure)

    def _settle_verbs(self, body: Tree) -> None:
        """REQ-VERB-06."""
        for verb in list(self.verbs):
            if verb.kind == "cancel":
                self._verb_done(verb, None, None)
            elif verb.question != "otp":
                gone = body.get("error") or self.error("conflict")
                self._verb_done(verb, None, gone)

    def _link_ends_otp(self, event: str) -> None:
        state, _ = self.client.machines["otp"].step(self.question["otp"], event, lambda _: False)
        self.question["otp"] = state

    def _link_ends_verbs(self, event: str, code: int | None) -> None:
        kind = {"close": "client_closed", "too_large": "message_too_large"}.get(event)
        shown = None if kind == "client_closed" else code
        kind = kind or link_kind("connection_lost", code)
        failure = self.error(kind, **self.client.closed(shown))
        for verb in list(self.verbs):
            self._verb_done(verb, None, failure)

    def forget_verb(self, name: str) -> bool:
        """Native cancellation of the wait for a verb: only the wait ends (REQ-VERB-07)."""
        found = next((v for v in self.verbs if v.name == name), None)
        if found:
            self.client.returned(name, None, {"kind": "native_cancelled"})
            found.waited = False
        return found is not None

    # --- clocks -----------------------------------------------------------------------------

    def _restart_idle(self) -> None:
        """REQ-TURN-11: since the last frame; stands still while a question is open."""
        key = ("idle", self.id)
        self.client.disarm(key)
        if self.open_question is None:
            limit = self.client.limit("turnIdle")
            self.client.arm(key, limit, lambda: self.local("idle_timeout"))


def final_text(response: Any, tokens: list[str]) -> str:
    """REQ-TURN-09."""
    if isinstance(response, str):
        return response
    parts = response.get("responseParts") if isinstance(response, dict) else None
    if isinstance(parts, list) and parts:
        return "\n\n".join(p for p in parts if isinstance(p, str))
    return "".join(tokens)
