"""One turn as the oracle sees it: what the machines say becomes observations and frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from conform.interpreter import Effect, Group
from conform.oracle.errors import error, from_frame, link_kind, told_by
from conform.oracle.handling import Handling, Scripts
from conform.oracle.host import Host
from conform.oracle.resuming import Resuming, unsure
from conform.reader import Frame, final_text, verb_value, whole
from conform.spec import TERMINAL_TYPES, Tree


@dataclass(eq=False)
class Verb:
    """A human's answer, or a cancel, that waits for its own answer."""

    kind: str
    name: str
    waited: bool = True
    by_handler: bool = False
    frame: Tree = field(default_factory=dict)
    written: bool = False
    unsure: bool = False  # its frame may be lost


@dataclass
class Moment:
    """What one step knows beside the tables: the frame and what it tells, or why the link ended."""

    frame: Frame | None = None
    told: Tree = field(default_factory=dict)
    verb: Verb | None = None
    facts: Tree = field(default_factory=dict)  # what a verb writes
    attempt: Tree | None = None
    asked: str | None = None
    failing: str | None = None  # the question whose handler failed
    event: str = ""
    suspended: bool = False  # the turn was, before the step


class Turn:
    """One ``send_message`` and all it causes."""

    def __init__(
        self,
        host: Host,
        name: str,
        frame: Tree,
        scripts: Scripts = MappingProxyType({}),
        *,
        taken_up: bool = False,
    ) -> None:
        self.host = host
        self.name = name
        self.session: str = frame["sessionId"]
        self.taken_up = taken_up  # its message was sent by another client
        self._begin(frame)
        self.handling = Handling(self, scripts)
        self.held: Tree | None = None  # the response that came while a handler gives a code
        self.sent_again = False
        self.iterated = False  # somebody looks at its items
        self.asked: dict[str, Tree] = {}
        self.length: dict[str, int | None] = {}  # how long a question said that it lives
        self.lapses: dict[str, float] = {}  # when one that said so is over
        self.verbs: list[Verb] = []
        self.streamed: list[str] = []  # of all messages of the turn
        self.outcome: Tree | None = None
        self.on_item: Callable[[Tree, int], None] = lambda _, __: None
        self.on_settled: Callable[[Tree], None] = lambda _: None
        self._time("start")

    def _begin(self, frame: Tree) -> None:
        self.id: str = frame["requestId"]
        self.named = {"requestId": self.id, "sessionId": self.session}
        self.out = frame
        self.resuming = Resuming(self.host, self.session)
        self.machines = Group(self.host.tables, "turn", questions=True)
        self.tokens: list[str] = []
        self.cancelled = False  # the one cancel is written
        self.paused = False

    @property
    def settled(self) -> bool:
        """Whether the outcome is known."""
        return self.machines.settled

    @property
    def live(self) -> bool:
        """Whether frames of this turn still mean something (REQ-VERB-14)."""
        kept = (q for q, row in self.host.tables.questions.items() if row["outlives_turn"])
        asks = any(self.machines.states[question] != "none" for question in kept)
        return not self.settled or bool(self.verbs) or asks

    @property
    def open_question(self) -> str | None:
        """The first question that a human is asked, if any."""
        states = self.machines.states
        return next((q for q in self.host.tables.questions if states[q] == "open"), None)

    def error(self, kind: str, **facts: Any) -> Tree:
        """An error of this turn or of one of its verbs."""
        return error(self.host.spec, kind, **{**self.named, **facts})

    @property
    def text(self) -> str:
        """The streamed text (REQ-TURN-23)."""
        return whole(self.tokens)

    def frame(self, frame: Frame) -> None:
        """A frame with this turn's id came."""
        event = frame.wire_type if frame.good else "unknown"
        if frame.known and frame.fault and self._ends(frame.wire_type):
            event = "broken"
        was = self.settled
        if not self.settled:
            event = self.resuming.takes(event, frame, self.machines.state)
        told = self.host.flat(frame) if frame.good else {}
        if self.host.too_early(self, event, told):
            return
        answered = self.host.tables.answer(event, told, self.machines.state)
        verb = next((v for v in self.verbs if v.kind in answered), None)
        moment = Moment(frame, told, verb, event=event)
        if not self.settled:
            self._time("frame")
        self._act(self.machines.frame(event, self._facts(event, moment)), moment)
        self._catch_up()
        if event == "otp_verified" and self.held is not None:
            self._send_again()
        elif self.settled and not was:
            self.host.terminal(self)
        self.handling.run()

    def stand_still(self) -> None:
        """The message waits for its turn: nothing can be silent yet (REQ-TURN-31)."""
        for row in self._idle_rows():
            self.host.disarm(row["name"], self.name, "")

    def begin_idle(self) -> None:
        """The turn's own silence counts from now on."""
        for row in self._idle_rows():
            self._arm(dict(row), (row["name"], self.name, ""), None)

    def _idle_rows(self) -> list[Mapping[str, Any]]:
        rows = self.host.tables.timers
        return [row for row in rows if row["of"] == "turn" and "frame" in row["armed_by"]]

    def _ends(self, word: str) -> bool:
        """Whether a broken body of that type ends the turn."""
        return word in TERMINAL_TYPES or (word == "turn_resumed" and self.resuming.replays)

    def _catch_up(self) -> None:
        """What became of the verbs whose frames may be lost (REQ-RESUME-07)."""
        for verb in self.resuming.doubtful(self.verbs):
            moment = Moment(verb=verb, event="caught_up")
            self._act(self.machines.local("caught_up", self._facts("caught_up", moment)), moment)

    def local(self, event: str, attempt: Tree | None = None) -> None:
        """A timeout, the link or ``close()`` moves the turn and what waits in it."""
        self._local(event, Moment(attempt=attempt, event=event))
        if event in self._limits():
            self.handling.stop()
        self.handling.run()

    def _limits(self) -> list[str]:
        """What the timers say that end a turn."""
        rows = self.host.tables.timers
        return [row["on_expiry"] for row in rows if row["of"] in ("turn", "question")]

    def _local(self, event: str, moment: Moment) -> None:
        if not self.settled:
            self._time(event)
        self._act(self.machines.local(event, self._facts(event, moment)), moment)
        _, effects = self.host.tables.step("call", "waiting", event, {})
        if effects and moment.attempt is None and self.machines.state != "suspended":
            self._link_ends_verbs(effects[0].args[1])

    def next_send(self) -> None:
        """The session's next message was sent (REQ-OTP-03)."""
        if self.settled:
            self.local("send")

    def _facts(self, event: str, moment: Moment) -> Tree:
        told = moment.told
        moment.asked = self.open_question
        moment.suspended = self.machines.state == "suspended"
        return {
            **told_by(self.host, event, told),
            "attempts_remaining": told.get("attemptsRemaining"),
            "tool_result": "toolResult" in told or None,
            "verb": moment.verb.kind if moment.verb else None,
            "turn": self.machines.state,
            "expired": {q for q in self.host.tables.questions if self._expired(q, event, moment)},
            "may_have_left": self._may_have_left,
            "sought": self.host.sought,
            "resumable": self.resuming.replays and not self.settled and self._may_have_left,
            "unseen": self.resuming.last == 0 and not self.taken_up,
            "cancelling": self.cancelled,
            "named": self.known_again(moment.verb),
            "asked_before": self.resuming.goal is not None and self.machines.asks_one,
            **self.resuming.facts(event, moment.frame, told),
        }

    @property
    def _may_have_left(self) -> bool:
        return self.taken_up or not self.host.waits(self.out)

    def known_again(self, verb: Verb | None) -> bool | None:
        """Whether a server knows a verb's frame again: by an id that it echoes."""
        if verb is None:
            return None
        echoed = self.host.tables.verbs[verb.kind]["echo"]
        return any(name in verb.frame for name in echoed if name.endswith("Id"))

    def _expired(self, question: str, event: str, moment: Moment) -> bool:
        due, length = self.lapses.get(question), self.length.get(question)
        seq = self.resuming.seq(moment.frame) if moment.frame else None
        passed = self.resuming.gone_by(question, moment.told, seq)
        if passed is not None and length is not None:
            return passed >= length
        return event == "stream_token" if due is None else self.host.now >= due

    def _act(self, effects: list[Effect], moment: Moment) -> None:
        for effect in effects:
            getattr(self, f"_{effect.name}")(effect, moment)
        self._pause()

    def _tap(self, effect: Effect, moment: Moment) -> None:
        """The client told the tap when the frame came."""

    def _item(self, _: Effect, moment: Moment) -> None:
        frame = moment.frame
        if frame is None:
            return
        if frame.good and frame.wire_type == "stream_token":
            self.tokens.append(frame.token)
            self.streamed.append(frame.token)
        handled = frame.good and self.handling.handled(frame.wire_type, moment.told)
        shown = {**self.host.shown(frame), **({"handled": True} if handled else {})}
        self.on_item(shown, frame.size)

    def _open(self, effect: Effect, moment: Moment) -> None:
        question, told = effect.machine, moment.told
        row = self.host.tables.questions[question]
        updates = moment.frame is not None and moment.frame.wire_type in row["updated_by"]
        before = self.asked.get(question, {}) if updates else {}
        fresh = not before
        self.asked[question] = {**before, **told}
        length = None
        if row["duration"] in told and "timestamp" in told:  # REQ-TURN-24
            length = max(0, told[row["duration"]] - told["timestamp"])
        if length is not None and length > self.host.spec.bound("questionLongest"):
            length = None
        self.length[question] = length
        self.lapses.pop(question, None)
        seq = self.resuming.seq(moment.frame) if moment.frame else None
        self.resuming.opened(question, told, seq)
        if length is not None:
            self.lapses[question] = self.host.now + length
        self._time("open", question)
        if moment.frame is not None:
            self.handling.opened(question, moment.frame.wire_type, fresh=fresh)

    def _reopen(self, effect: Effect, moment: Moment) -> None:
        self._time("reopen", effect.machine)
        if moment.frame is not None:
            self.handling.reopened(effect.machine, moment.frame.wire_type, moment.told)

    def _shut(self, effect: Effect, _: Moment) -> None:
        self.handling.ended(effect.machine)
        self.asked.pop(effect.machine, None)
        self._time("shut", effect.machine)

    def _resolve(self, _: Effect, moment: Moment) -> None:
        if moment.verb and moment.frame:
            action = self.host.tables.verbs[moment.verb.kind]["action"]
            value = verb_value(action, moment.frame.wire_type, moment.told)
            self._verb_done(moment.verb, value, None)

    def _fail(self, effect: Effect, moment: Moment) -> None:
        if moment.verb and effect.args:
            failure = self.error(effect.args[0], **self.host.ending())
            self._verb_done(moment.verb, None, failure)
        elif moment.verb and moment.frame:
            self._verb_done(moment.verb, None, from_frame(self.host, moment.frame, **self.named))

    def _refuse(self, effect: Effect, moment: Moment) -> None:
        kind = effect.args[0].replace("no_pending_question", "conflict")
        if moment.verb:
            self.host.returned(moment.verb.name, None, self.error(kind))

    def _send(self, effect: Effect, moment: Moment) -> None:
        if effect.machine == "turn":
            if effect.args[0] == "cancel":
                self.write_cancel()
            else:
                self._write_resume()
            return
        verb = moment.verb
        assert verb is not None
        self._time("answer", effect.machine)
        self.handling.ended(effect.machine)
        asked = self.asked.get(effect.machine, {})
        row = self.host.tables.verbs[verb.kind]
        kept = {name: asked[name] for name in row["echo"] if name in asked}
        self.verbs.append(verb)
        verb.frame = {"action": effect.args[0], **self.named, **kept, **moment.facts}
        if self.machines.state == "suspended":
            self.resuming.held.append(verb)
        else:
            self._write_verb(verb)
        self._time("start", verb=verb)

    def _write_verb(self, verb: Verb) -> None:
        verb.written = True
        self.host.write(verb.frame)

    def _write_resume(self) -> None:
        """Ask for the turn, and stop it where that was wanted meanwhile (REQ-RESUME-03)."""
        if self.host.linked:
            asked = {"action": "resume_turn", **self.named, "afterSeq": self.resuming.last}
            self.host.write(asked)
            self._flush_cancel()

    def _flush_cancel(self) -> None:
        cancel, self.resuming.cancel = self.resuming.cancel, None
        if cancel:  # of a turn that is over the next link has it, for a while (REQ-RESUME-08)
            self.host.write(cancel, self.host.limit("resumeTimeout") if self.settled else 0)
            self._time("send")

    def _suspend(self, _: Effect, __: Moment) -> None:
        self.resuming.begin()
        unsure(self.verbs)
        self._time_all("suspend")

    def _resume(self, _: Effect, moment: Moment) -> None:
        self.resuming.go_on(moment.told)
        self.host.resumed()
        self._time_all("resume")
        held, self.resuming.held = self.resuming.held, []
        for verb in held:
            if verb in self.verbs:
                self._write_verb(verb)

    def _repeat(self, effect: Effect, moment: Moment) -> None:
        if effect.machine == "turn":
            self.host.write(self.out)
        elif moment.verb:
            moment.verb.unsure = False
            self.host.write(moment.verb.frame)

    def _schedule(self, effect: Effect, moment: Moment) -> None:
        row = next(t for t in self.host.tables.timers if t["name"] == effect.args[0])
        wait = self.resuming.pause(moment.frame)
        fire = lambda: self.local(row["on_expiry"])  # noqa: E731
        self.host.timed(dict(row), (row["name"], self.name, ""), wait, fire)

    def _time_all(self, word: str) -> None:
        """Clocks of the turn, of what is asked and of what was answered."""
        self._time(word)
        for question, state in self.machines.states.items():
            if question in self.host.tables.questions and state == "open":
                self._time(word, question)
        for verb in self.verbs:
            if self.host.tables.verbs[verb.kind]["question"]:
                self._time(word, verb=verb)

    def write_cancel(self) -> None:
        """Write the turn's one cancel, once, and start its clock (REQ-STOP-01, REQ-STOP-02)."""
        self.handling.stop()
        if self.held is not None:
            self.look()
        elif not self.cancelled:
            self.cancelled = True
            self.resuming.cancel = {"action": "cancel", **self.named}
            if self.machines.state != "suspended" or self.host.linked:
                self._flush_cancel()

    def _settle(self, effect: Effect, moment: Moment) -> None:
        outcome, told = effect.args[0], moment.told
        body: Tree = {"outcome": outcome, "text": self.text}
        if outcome == "completed":
            body["text"] = final_text(told.get("response"), self.text)
            names = ("messageId", "citations", "usage")
            body.update({n: told[n] for n in names if n in told})
        elif outcome == "cancelled":
            body["confirmed"] = "unconfirmed" not in effect.args
        else:
            body["error"] = self._failure(effect.args[1], moment)
        self._flush_cancel()
        self.host.withdraw(self.out)
        self.host.remember(self.id)
        self.handling.settling()
        if outcome == "completed" and self._awaits_code():
            self.held = body
            for row in self.host.tables.timers:
                if row["of"] == "turn" and row["on_expiry"] != "total_timeout":
                    self.host.disarm(row["name"], self.name, "")
        else:
            self._settled(body)
        self._settle_verbs(body, moment.suspended)
        if self.outcome is not None:
            self.on_settled(body)

    def _awaits_code(self) -> bool:
        """Whether the turn goes on once a handler has given its code (REQ-ASK-11)."""
        known = not self.sent_again and not self.taken_up
        resends = self.host.option("resendAfterOtp") and known
        return bool(resends) and self.handling.expects_code() and "otp" in self.handling.scripts

    def _settled(self, body: Tree) -> None:
        self.held, self.outcome = None, body
        for question in ("", *self.host.tables.questions):
            self._time("settle", question)

    def look(self) -> None:
        """The response that was held back is the outcome once no code can come (REQ-ASK-12)."""
        if self.held is not None and not self.handling.expects_code():
            self._ends_with(self.held)

    def _ends_with(self, body: Tree) -> None:
        self._settled(body)
        for verb in [verb for verb in self.verbs if verb.kind == "cancel"]:
            self._verb_done(verb, None, None)
        self.on_settled(body)

    def handler_failed(self, question: str) -> None:
        """A handler failed, and its question got its no (REQ-ASK-07)."""
        if self.held is not None:
            facts = {"partialText": self.text, "question": question}
            failure = self.error("handler_failed", **facts)
            self._ends_with({"outcome": "failed", "text": self.text, "error": failure})
        else:
            self._local("handler_failed", Moment(failing=question))

    def _send_again(self) -> None:
        """The code was right: the message is sent again, and the turn goes on with it."""
        self.held, self.sent_again = None, True
        for verb in list(self.verbs):
            self._verb_done(verb, None, self.error("conflict"))
        for question in self.host.tables.questions:
            self._time("settle", question)
        self.renew()
        self.host.write(self.out)

    def renew(self) -> None:
        """The turn goes on under a new id."""
        self.host.remember(self.id)
        self._begin({**self.out, "requestId": self.host.another_id(self)})
        self.begin_idle()

    def _failure(self, kind: str, moment: Moment) -> Tree:
        frame, told = moment.frame, moment.told
        if kind == "by_code" and frame:
            return from_frame(self.host, frame, partialText=self.text, **self.named)
        if kind == "attempt" and moment.attempt:
            return self.error(**moment.attempt)
        ended = self.host.ending() if kind in ("turn_interrupted", "message_too_large") else {}
        if frame and kind == "turn_interrupted":  # what the server said of the turn
            ended = {"state": self._resume_state(moment), "code": told.get("code")}
        elif kind == "turn_interrupted" and moment.event != "resume_timeout":
            kind = link_kind(self.host.spec, kind, ended.get("closeCode"))
        return self.error(
            kind,
            partialText=self.text,
            at=frame.fault.pointer if frame and frame.fault else None,
            status=told.get("status"),
            question=moment.failing or moment.asked,
            sent=self._may_have_left,
            **ended,
        )

    def _resume_state(self, moment: Moment) -> str | None:
        state: str | None = self.resuming.facts(moment.event, None, moment.told)["resume_state"]
        return state

    def verb(self, kind: str, name: str, facts: Tree, *, by_handler: bool = False) -> None:
        """The user answers or cancels through the handle, or a handler does."""
        verb = Verb(kind, name, waited=not by_handler, by_handler=by_handler)
        row = self.host.tables.verbs[kind]
        state = self.machines.states[row["question"] or "turn"]
        self.host.tables.watcher.answered(kind, state)
        if row["question"] is None:
            self._cancel(verb)
            return
        needed = row.get("needs")
        if needed and needed not in self.host.capabilities(self.session):
            self.host.returned(name, None, self.error("unsupported"))
            return
        written = {"declined": True} if row["declines"] else facts
        moment = Moment(verb=verb, facts=written)
        self._act(self.machines.local("answer", {}, of=row["question"]), moment)
        if not by_handler:
            self.handling.run()

    def _cancel(self, verb: Verb) -> None:
        if self.settled and self.held is None:
            self.host.returned(verb.name, None, None)
            return
        self.verbs.append(verb)
        if self.held is not None:
            self.write_cancel()
        else:
            self.local("cancel")

    def _verb_done(self, verb: Verb, value: Any, failure: Tree | None) -> None:
        if verb in self.verbs:
            self.verbs.remove(verb)
            self._time("fail" if failure else "resolve", verb=verb)
            question = self.host.tables.verbs[verb.kind]["question"]
            if verb.by_handler and failure and self.machines.states[question] == "open":
                self.handling.refused.append(question)
            if verb.waited:
                self.host.returned(verb.name, value, failure)

    def _settle_verbs(self, body: Tree, suspended: bool) -> None:
        """REQ-VERB-06; of a turn that was suspended no answer can come (REQ-RESUME-08)."""
        for verb in list(self.verbs):
            question = self.host.tables.verbs[verb.kind]["question"]
            if question is None:
                self._verb_done(verb, None, None)
            elif suspended or not self.host.tables.questions[question]["outlives_turn"]:
                self._verb_done(verb, None, body.get("error") or self.error("conflict"))

    def _link_ends_verbs(self, kind: str) -> None:
        ended = {} if kind == "client_closed" else self.host.ending()
        if kind == "connection_lost":
            kind = link_kind(self.host.spec, kind, ended.get("closeCode"))
        for verb in list(self.verbs):
            self._verb_done(verb, None, self.error(kind, **ended))

    def forget_verb(self, name: str) -> bool:
        """Native cancellation of the wait for a verb: only the wait ends (REQ-VERB-07)."""
        found = next((v for v in self.verbs if v.name == name), None)
        if found:
            self.host.returned(name, None, {"kind": "native_cancelled"})
            found.waited = False
        return found is not None

    def _time(self, word: str, question: str = "", verb: Verb | None = None) -> None:
        """Arm and clear what the table ``timers`` names the word for."""
        of = "verb" if verb else "question" if question else "turn"
        for row in self.host.tables.timers:
            if row["of"] != of:
                continue
            # the calls of handlers have no name
            who = (verb.name or str(id(verb))) if verb else question
            key = (row["name"], self.name, who)
            if word in row["cleared_by"]:
                self.host.disarm(*key)
            elif word in row["armed_by"] and not self._stands(row):
                self._arm(dict(row), key, verb, word)

    def _stands(self, row: Mapping[str, Any]) -> bool:
        """A clock that stands while a human is asked; a question's ends with its turn."""
        stands = "suspend" in (*row["paused_by"], *row["cleared_by"])
        return (
            (bool(row["paused_by"]) and self.paused)
            or (row["of"] == "question" and self.settled)
            or (stands and self.machines.state == "suspended")
        )

    def _arm(self, row: Tree, key: tuple[str, ...], verb: Verb | None, word: str = "") -> None:
        limit, length = self.host.limit(row["option"]), self.length.get(key[2])
        if row["name"] == "resume":
            limit = self.resuming.left
        if limit and length is not None:
            limit = length + self.host.spec.bound("questionMargin")
        if limit and row["of"] == "question" and word == "open":
            limit = max(1, limit - self.resuming.age(key[2]))

        def fire() -> None:
            if verb:
                self._verb_done(verb, None, self.error(row["on_expiry"]))
                self.look()
            else:
                self.local(row["on_expiry"])

        self.host.timed(row, key, limit, fire)

    def _pause(self) -> None:
        """What stands still while a human is asked starts anew after that (REQ-TURN-11)."""
        was = self.paused
        self.paused = self.open_question is not None or self.machines.state == "suspended"
        for row in self.host.tables.timers:
            if row["of"] == "turn" and row["paused_by"] and was != self.paused:
                key = (row["name"], self.name, "")
                self.host.disarm(*key)
                if not self.paused and not self.settled:
                    self._arm(dict(row), key, None)
