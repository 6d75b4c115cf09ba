"""The reference client's turn, written out by hand from ``spec/behaviour.md``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from conform.reader import Frame, whole
from conform.reference.again import RefAgain
from conform.reference.backlog import Place
from conform.reference.clock import Timer
from conform.reference.errors import RefError, from_info
from conform.reference.handling import Handler, RefHandling
from conform.reference.resuming import Resuming
from conform.reference.verbs import (
    ACTION,
    NO_PENDING,
    QUESTION,
    Out,
    Outstanding,
    verb_answer,
)

if TYPE_CHECKING:
    from conform.reference.client import RefClient

Tree = dict[str, Any]
ASKS = {
    "write_confirmation_required": "confirmation",
    "otp_verification_required": "otp",
    "otp_sent": "otp",
    "interaction_required": "interaction",
}
STREAM = frozenset({"stream_chunk", "stream_token", "stream_preamble", "stream_reasoning"})


class RefTurn(RefAgain):
    """One message and its answer."""

    def __init__(
        self,
        client: RefClient,
        session: str,
        request: str,
        levels: list[dict[str, Handler]],
        *,
        taken_up: bool = False,
    ) -> None:
        self.client = client
        self.session = session
        self.id = request
        self.response: Tree | None = None  # the response that came while a code is waited for
        self.sent_again = False
        self.streamed: list[str] = []
        self.items: list[Tree] = []
        self.places: list[Place] = []
        self.tokens: list[str] = []
        self.held: Tree | None = None  # used by the mutant reorder-tokens
        self.body: Tree | None = None
        self.running = False
        self.questions = {"confirmation": "none", "otp": "none", "interaction": "none"}
        self.lengths: dict[str, float | None] = {}
        self.asked: dict[str, Tree] = {}
        self.expiry: dict[str, float | None] = {}
        self.verbs: list[Outstanding] = []
        self.out: Out | None = None
        self.frame_sent: Tree = {}
        self.cancel_sent = False
        self.detached = False
        self.leak = ""  # what the mutant secret-in-text gives away
        self.readers = 0
        self.changed = asyncio.Event()
        self.timers: dict[str, Timer] = {}
        self.resuming = Resuming(self, taken_up)
        self.handling = RefHandling(self, levels)
        self._arm("total", client.time("turn"), self._timed_out)
        self.idle()

    # --- clocks -----------------------------------------------------------------------------

    def _arm(self, name: str, ms: float, fire: Callable[[], None]) -> None:
        self._disarm(name)
        if (ms or name in ("cancel", "again")) and "timeout-never-fires" not in self.client.faults:
            self.timers[name] = self.client.clock.later(ms, fire)

    def _disarm(self, name: str) -> None:
        timer = self.timers.pop(name, None)
        if timer:
            timer.cancel()

    def open_question(self) -> str | None:
        """The first question that a human is asked, if any."""
        return next((q for q, s in self.questions.items() if s == "open"), None)

    def idle(self) -> None:
        """Start the idle clock anew, unless it stands still."""
        self._disarm("idle")
        runs_on = "idle-clock-runs-during-question" in self.client.faults
        stands = self.resuming.suspended and "idle-runs-while-suspended" not in self.client.faults
        if self.body is None and not stands and (runs_on or self.open_question() is None):
            self._arm("idle", self.client.time("turnIdle"), self._timed_out)

    def _timed_out(self) -> None:
        if self.body is not None:
            return
        if self.response is not None:
            self.handling.stop()
            self.look()
            return
        question = self.open_question()
        if self.out is None or self.out.written:
            self.send_cancel()
        self.settle(self.failed(self.error("turn_timeout", question=question)))

    # --- errors -----------------------------------------------------------------------------

    def error(self, kind: str, **facts: Any) -> RefError:
        """An error of this turn."""
        return RefError(kind, requestId=self.id, sessionId=self.session, leak=self.leak, **facts)

    def reported(self, info: Tree) -> RefError:
        """The error of the server's error object."""
        named = {"requestId": self.id, "sessionId": self.session}
        return from_info(self.client.reader.spec, info, **named)

    # --- settling ---------------------------------------------------------------------------

    def failed(self, error: RefError) -> Tree:
        """Body of a failure; the partial text is kept."""
        text = "" if "tokens-lost-at-terminal" in self.client.faults else whole(self.tokens)
        return {"outcome": "failed", "text": text, "error": error.under(partialText=text or None)}

    def interrupted(self, kind: str, code: int | None) -> RefError:
        """The error of a lost link."""
        if kind == "turn_interrupted":
            question = self.open_question()
            sent = self.out is None or self.out.written
            return self.error(kind, **self.client.closed(code), question=question, sent=sent)
        closes = kind in ("authentication", "message_too_large")
        return self.error(kind, **self.client.closed(code if closes else None))

    def local(self, error: RefError) -> None:
        """The link or ``close()`` ends the turn."""
        if self.body is None and self.response is None:
            self.settle(self.failed(error))

    def link_gone(self, error: Callable[[RefTurn], RefError]) -> None:
        """What still waits for a frame gets the link's error; a code can no longer be given."""
        self.questions["otp"] = "none"
        self.handling.over("otp")
        for verb in self.verbs:
            verb.done(None, error(self))
        self.verbs.clear()
        self.look()

    def settle(self, body: Tree) -> None:
        """The outcome; a second one changes nothing."""
        if self.body is not None or self.response is not None:
            return
        self.client.late[self.id] = None
        kept = self.resuming.cancel_kept and self.client.state not in ("closed", "idle")
        if kept and "kept-cancel-lost" not in self.client.faults:  # the next link has it
            self.resuming.cancel_kept = False
            self.client.write(self.cancel_frame, lasts=self.resuming.full)
        if self.out:
            self.out.drop()
        paused = self.resuming.suspended
        for question in ("confirmation", "interaction", *(["otp"] if paused else [])):
            self.questions[question] = "none"
            self.handling.over(question)
        self.handling.settling()
        if body["outcome"] == "completed" and self._awaits_code():
            self.response = body
            self._disarm("idle")
        else:
            self._end(body)
        for verb in list(self.verbs):
            if verb.kind == "cancel":
                verb.done(None)
            elif QUESTION[verb.kind] != "otp" or paused:
                verb.done(None, body.get("error") or self.error("conflict"))
            else:
                continue
            self.verbs.remove(verb)
        self.wake()

    def wake(self) -> None:
        """Let readers look again."""
        self.changed.set()
        self.changed = asyncio.Event()

    # --- frames -----------------------------------------------------------------------------

    def frame(self, frame: Frame) -> None:
        """A frame of this turn came."""
        faults = self.client.faults
        kind = frame.wire_type
        if "unknown-event-fatal" in faults and not frame.known:
            self.settle(self.failed(self.error("invalid_frame")))
            return
        if not self.waits_for_frames:
            self._late(frame)
            self.look()
            return
        if "keepalive-ignored-by-idle-clock" not in faults or kind != "keepalive":
            self.idle()
        if "keepalive-extends-total-timeout" in faults and kind == "keepalive":
            self._arm("total", self.client.time("turn"), self._timed_out)
        facts = self.client.reader.flat(kind, frame.tree) if frame.good else {}
        if self.client.line.early(self, facts.get("code") if kind == "error" else None):
            return
        numbered = self.resuming.on and kind not in ("keepalive", "turn_resumed")
        if numbered and not self.resuming.takes(frame):
            return
        self._taken(frame, facts)
        if self.body is not None or self.response is not None:
            self.client.line.terminal(self)
        self.resuming.after()

    def _taken(self, frame: Frame, facts: Tree) -> None:
        faults, kind = self.client.faults, frame.wire_type
        ends = ["eventual_response", "cancelled", "error"]
        ends += ["turn_resumed"] if self.resuming.on else []
        if frame.known and frame.fault and kind in ends:
            at = frame.fault.pointer
            self.settle(self.failed(self.error("invalid_frame", at=at)))
        elif not frame.good:
            self._item(frame)
        elif kind == "turn_resumed":
            if self.resuming.on:
                self.resuming.told(facts)
        elif kind == "error":
            self._error(frame, facts)
        elif kind == "immediate_response":
            self._acknowledged(facts)
        elif kind == "keepalive":
            if "keepalive-as-item" in faults:
                self._item(frame)
        else:
            self._event(kind, frame, facts)

    def _late(self, frame: Frame) -> None:
        faults = self.client.faults
        if "late-event-delivered" in faults and frame.wire_type in STREAM:
            self.client.push(frame)
        twice = "duplicate-terminal-fires-twice" in faults
        if twice and frame.wire_type in ("eventual_response", "cancelled"):
            self.client.push(frame)
        over = self.questions["otp"] == "none" and not self.verbs
        if not frame.good or over:
            return
        facts = self.client.reader.flat(frame.wire_type, frame.tree)
        if frame.wire_type == "error":
            verb = self._oldest(("verify_otp", "decline_otp"))
            if verb:
                if self.questions["otp"] == "answered":
                    self.reopen("otp")
                self._finish(verb, None, self.reported(facts))
        elif frame.wire_type in ("otp_verified", "otp_invalid"):
            self._otp_result(frame.wire_type, facts)
        elif frame.wire_type == "immediate_response":
            self._acknowledged(facts)
        elif frame.wire_type in ("otp_verification_required", "otp_sent"):
            self._ask("otp", frame, facts)

    def _event(self, kind: str, frame: Frame, facts: Tree) -> None:
        faults = self.client.faults
        if kind in ASKS:
            self._ask(ASKS[kind], frame, facts)
        elif kind in ("otp_verified", "otp_invalid"):
            self._otp_result(kind, facts)
        elif kind == "interaction_invalid":
            self._invalid(facts)
        elif kind == "eventual_response":
            self._completed(frame, facts)
            return
        elif kind == "cancelled":
            self._item(frame)
            body: Tree = {"outcome": "cancelled", "text": whole(self.tokens), "confirmed": True}
            if "cancel-as-error" in faults:
                body = self.failed(self.error("protocol", status=499))
            self.settle(body)
            return
        if kind != "pong":
            self.running = True
        self._lapse(kind, facts, self.resuming.seq(frame))
        if kind == "stream_token":
            self._token(frame, facts)
        elif kind == "stream_reasoning" and "reasoning-mixed-into-text" in faults:
            self.tokens.append(facts["token"])
            self.streamed.append(facts["token"])
            self._item(frame)
        elif kind == "stream_preamble" and "preamble-lost" in faults:
            return
        else:
            self._item(frame)
        if kind == "otp_invalid" and "otp-invalid-ends-turn" in faults:
            self.settle(self.failed(self.error("protocol")))

    def _token(self, frame: Frame, facts: Tree) -> None:
        faults, token = self.client.faults, facts["token"]
        if "trim-token" in faults:
            token = token.strip()
        if "falsy-token-lost" in faults and token in ("0", "false", "null"):
            token = ""
        if "equal-tokens-once" in faults and self.tokens[-1:] == [token]:
            return
        self.tokens.append(frame.token if token == facts["token"] else token)
        self.streamed.append(self.tokens[-1])
        if "drop-3rd-token" in faults and len(self.tokens) == 3:
            self.tokens[-1] = self.streamed[-1] = ""
            return
        shown = self.client.shown(frame)
        if "reorder-tokens" in faults and self.held is None:
            self.held = shown
            return
        self._push(shown)
        if self.held:
            self._push(self.held)
            self.held = None
        if "duplicate-token" in faults:
            self._push(shown)

    def _item(self, frame: Frame) -> None:
        shown = self.client.shown(frame)
        question = ASKS.get(frame.wire_type) if frame.good else None
        if question and self.handling.handler(question, shown["flat"].get("kind")):
            if "handled-event-hidden" in self.client.faults:
                return
            if "handled-untold" not in self.client.faults:
                shown = {**shown, "handled": True}
        self._push(shown)

    def _push(self, shown: Tree) -> None:
        if "backlog-tokens-lost" in self.client.faults and len(self.items) > 1024:
            return
        self.items.append(shown)
        for place in self.places if "slow-reader-kept" not in self.client.faults else ():
            place.grew(self.items)
        self.wake()

    def _completed(self, frame: Frame, facts: Tree) -> None:
        faults = self.client.faults
        self._item(frame)
        status = frame.tree.get("status")
        data = frame.tree.get("data")
        if isinstance(data, dict) and isinstance(data.get("status"), int):
            status = data["status"]
        if isinstance(status, int) and status >= 400 and "error-as-success" not in faults:
            self.settle(self.failed(self.error("protocol", status=status)))
            return
        body: Tree = {"outcome": "completed", "text": self._final(facts.get("response"))}
        for name in ("messageId", "citations", "usage"):
            if name in facts and not (name == "citations" and "citations-lost" in faults):
                body[name] = facts[name]
        self.settle(body)

    def _final(self, response: Any) -> str:
        if isinstance(response, str):
            return response
        parts = response.get("responseParts") if isinstance(response, dict) else None
        if isinstance(parts, list) and parts:
            if "falsy-parts-dropped" in self.client.faults:
                parts = [p for p in parts if p not in ("", "0", "false", "null")]
            glue = "" if "parts-joined-bare" in self.client.faults else "\n\n"
            return glue.join(p for p in parts if isinstance(p, str))
        if "text-from-envelope-only" in self.client.faults:
            return ""
        return whole(self.tokens)

    # --- errors -----------------------------------------------------------------------------

    def _error(self, frame: Frame, facts: Tree) -> None:
        faults, code = self.client.faults, facts["code"]
        if "error-only-from-envelope" in faults and "error" not in frame.raw:
            facts = {**facts, "code": "UNKNOWN"}
        self._item(frame)
        terminal = self.client.reader.spec.code(code).terminal
        verb = self._oldest(self._answered_by(code))
        spared = terminal == "unless_verb" and self.running and verb is not None
        never = terminal == "never" and "interaction-error-ends-turn" not in faults
        if facts.get("terminal") is False or never or spared:
            self._verb_error(code, self.reported(facts))
        elif "error-as-success" in faults:
            self.settle({"outcome": "completed", "text": whole(self.tokens)})
        else:
            self.settle(self.failed(self.reported(facts)))

    def _answered_by(self, code: str) -> tuple[str, ...]:
        """Verbs that an error with that code answers."""
        rows = self.client.reader.spec.machine["answers"]
        return tuple(next((row["verbs"] for row in rows if row.get("code") == code), ()))

    def _verb_error(self, code: str, error: RefError) -> None:
        verb = self._oldest(self._answered_by(code))
        if code in NO_PENDING:
            self.shut(NO_PENDING[code])
        elif verb and verb.kind != "cancel" and self.questions[QUESTION[verb.kind]] == "answered":
            self.reopen(QUESTION[verb.kind])
        if verb and verb.kind != "cancel":
            self._finish(verb, None, error)
        self.idle()

    # --- questions --------------------------------------------------------------------------

    def _ask(self, question: str, frame: Frame, facts: Tree) -> None:
        event, seq = frame.wire_type, self.resuming.seq(frame)
        self.resuming.asked_at.pop(question, None)
        if seq is not None and "timestamp" in facts:
            self.resuming.asked_at[question] = facts["timestamp"]
        self.questions[question] = "open"
        before = self.asked.get(question, {}) if event == "otp_sent" else {}
        self.asked[question] = {**before, **facts}
        length = None
        if "expiresAt" in facts and "timestamp" in facts:
            length = max(0, facts["expiresAt"] - facts["timestamp"])
            length = None if length > 86_400_000 else length
        if "expiry-by-absolute-clock" in self.client.faults and "expiresAt" in facts:
            length = max(0, facts["expiresAt"] - 1_700_000_000_000)
        clock = self.client.clock
        self.expiry[question] = None if length is None else clock.now + length
        self.lengths[question] = length
        self.reopen(question, fresh=True)
        self.idle()
        self.handling.asked(question, event, fresh=not before)

    def reopen(self, question: str, fresh: bool = False) -> None:
        """Open a question, anew or again, and start its time."""
        self.questions[question] = "open"
        limit: float = self.client.time("question")
        length = self.lengths.get(question)
        if limit and length is not None:
            limit = length + 10_000
        if limit and fresh and self.resuming.goal is not None and self.resuming.told_at is not None:
            asked = self.resuming.asked_at.get(question, self.resuming.told_at)
            aged = "replayed-question-is-new" not in self.client.faults
            limit = max(1, limit - max(0, self.resuming.told_at - asked) * aged)
        kept = "reopening-keeps-time" in self.client.faults and question in self.timers
        if self.body is None and not kept and not self.resuming.suspended:
            self._arm(question, limit, self._timed_out)

    def shut(self, question: str) -> None:
        self.questions[question] = "none"
        self.handling.over(question)
        self.asked.pop(question, None)
        self._disarm(question)
        self.idle()

    def _lapse(self, kind: str, facts: Tree, seq: int | None) -> None:
        tool = kind == "stream_chunk" and "toolResult" in facts
        if "tool-call-closes-question" in self.client.faults:
            tool = kind == "stream_chunk"
        if kind not in ("stream_token", "stream_reasoning") and not tool:
            return
        stays = "interaction-never-lapses" in self.client.faults
        for question in ("confirmation",) if stays else ("confirmation", "interaction"):
            if self.questions[question] != "open":
                continue
            end = self.expiry.get(question)
            over = kind == "stream_token" if end is None else self.client.clock.now >= end
            asked, length = self.resuming.asked_at.get(question), self.lengths.get(question)
            here = "lapse-by-own-clock" in self.client.faults
            told = seq is not None and "timestamp" in facts and not here
            if told and asked is not None and length is not None:
                over = facts["timestamp"] - asked >= length
            if over:
                self.shut(question)

    def _otp_result(self, kind: str, facts: Tree) -> None:
        left = facts.get("attemptsRemaining", 0) > 0
        verified = kind == "otp_verified"
        if verified or not left:
            self.shut("otp")
        elif self.questions["otp"] != "none":
            self.reopen("otp")
        asks_on = "exhausted-code-asked-again" in self.client.faults and not verified
        if asks_on:
            self.questions["otp"] = "open"
        if "attempts-remaining-lost" in self.client.faults:
            facts = {k: v for k, v in facts.items() if k != "attemptsRemaining"}
        verb = self._oldest(("verify_otp",))
        answer = verb_answer("verify_otp", kind, facts)
        if verb and answer:
            self._finish(verb, answer[0])
        if self.response is not None and verified:
            self._send_again()
        elif self.questions["otp"] == "open":
            self.handling.again("otp", facts)
        self.idle()

    def _invalid(self, facts: Tree) -> None:
        if self.questions["interaction"] != "none":
            self.reopen("interaction")
        verb = self._oldest(("submit", "decline"))
        answer = verb_answer("submit", "interaction_invalid", facts)
        if verb and answer:
            self._finish(verb, answer[0])
        if self.questions["interaction"] == "open":
            self.handling.again("interaction", facts)
        self.idle()
        if "interaction-error-ends-turn" in self.client.faults:
            self.settle(self.failed(self.error("invalid_request")))

    def _acknowledged(self, facts: Tree) -> None:
        faults = self.client.faults
        if facts.get("status") == 202:
            self.running = True
            if "ack-ends-turn" in faults:
                self.settle({"outcome": "completed", "text": ""})
            return
        verb = self._oldest(("confirm", "submit", "decline", "decline_otp"))
        if verb is None:
            self.resuming.acknowledged_before()
            return
        if QUESTION[verb.kind] == "otp" or "any-acknowledgement-closes-code" in faults:
            self.shut("otp")
        answer = verb_answer(verb.kind, "immediate_response", facts)
        self._finish(verb, answer[0] if answer else None)
        if "confirm-ends-turn" in faults:
            self.settle({"outcome": "completed", "text": whole(self.tokens)})

    def next_send(self) -> None:
        """The session's next message closes an OTP question that outlived its turn."""
        if not self.waits_for_frames:
            self.questions["otp"] = "none"
            self.handling.over("otp")
            self.look()

    # --- verbs ------------------------------------------------------------------------------

    def _oldest(self, kinds: tuple[str, ...]) -> Outstanding | None:
        return next((v for v in self.verbs if v.kind in kinds), None)

    def _finish(self, verb: Outstanding, value: Any, error: RefError | None = None) -> None:
        if verb in self.verbs:
            self.verbs.remove(verb)
        verb.done(value, error)

    def verb(self, kind: str, facts: Tree, *, by_handler: bool = False) -> asyncio.Future[Any]:
        """Answer a question; the frame is queued before this returns."""
        faults = self.client.faults
        verb = Outstanding(kind)
        question = QUESTION[kind]
        granted = self.client.granted.get(self.session, [])
        if kind == "decline_otp" and "otp_park" not in granted:
            verb.done(None, self.error("unsupported"))
            return verb.future
        state = self.questions[question]
        if state != "open" and not (state == "answered" and "second-answer-sent" in faults):
            kind = "already_answered" if state == "answered" else "conflict"
            verb.done(None, self.error(kind))
            return verb.future
        self.questions[question] = "answered"
        self._disarm(question)
        self.verbs.append(verb)
        if not by_handler:
            self.handling.over(question)
        self._write_verb(verb, question, facts)
        limit = self.client.time("request")
        if limit and "timeout-never-fires" not in faults:
            error = self.error("request_timeout")
            end = lambda: self._unanswered(verb, error)  # noqa: E731
            verb.arm = lambda: self.client.clock.later(limit, end)
            if not self.resuming.suspended:
                verb.timer = verb.arm()
        self.idle()
        return verb.future

    def _unanswered(self, verb: Outstanding, error: RefError) -> None:
        self._finish(verb, None, error)
        self.look()

    def _write_verb(self, verb: Outstanding, question: str, facts: Tree) -> None:
        faults, kind = self.client.faults, verb.kind
        frame: Tree = {"action": ACTION[kind], "requestId": self.id, "sessionId": self.session}
        names = {"confirmation": ("confirmationId",), "interaction": ("interactionId", "kind")}
        asked = self.asked.get(question, {})
        if "confirmation-id-not-echoed" not in faults or question != "confirmation":
            frame |= {n: asked[n] for n in names.get(question, ()) if n in asked}
        frame |= facts
        if "confirm-uses-new-request-id" in faults and kind == "confirm":
            frame["requestId"] = self.client.draw()
        if "approved-inverted" in faults and kind == "confirm":
            frame["approved"] = not frame["approved"]
        if "otp-code-trimmed" in faults and kind == "verify_otp":
            frame["code"] = frame["code"].strip()
        if "otp-code-as-number" in faults and kind == "verify_otp":
            frame["code"] = str(int(frame["code"]))
        if "submit-drops-declined" in faults:
            frame.pop("declined", None)
        verb.frame = frame
        if self.resuming.suspended and "held-answer-at-once" not in faults:
            self.resuming.held.append((verb, frame))
            return
        verb.written = True
        self.client.write(frame)
        if "confirm-sent-twice" in faults and kind == "confirm":
            self.client.write(frame)
