"""What the reference client's turn does about a lost link on a replay session (REQ-RESUME)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from conform.reader import Frame
from conform.reference.verbs import QUESTION, Outstanding

if TYPE_CHECKING:
    from conform.reference.turn import RefTurn

Tree = dict[str, Any]


class Resuming:
    """Numbers, waits and kept frames of one turn. ``client.faults`` switches defects on."""

    def __init__(self, turn: RefTurn, taken_up: bool) -> None:
        self.turn = turn
        self.client = turn.client
        self.faults = turn.client.faults
        self.taken_up = taken_up
        self.on = self.client.replays(turn.session)
        self.suspended = False
        self.last = 0
        self.goal: int | None = None
        self.told_at: int | None = None
        self.gapped = False
        self.left = self.full
        self.since = 0.0
        self.pauses = 0
        self.held: list[tuple[Outstanding, Tree]] = []
        self.cancel_kept = False
        self.asked_at: dict[str, int] = {}

    def fresh(self) -> Resuming:
        """What a message has that is sent again under another id."""
        return Resuming(self.turn, False)

    @property
    def full(self) -> float:
        """``resumeTimeout`` in ms; 0 = off."""
        return float(self.client.seeking.option("resumeTimeout"))

    @property
    def _named(self) -> Tree:
        return {"requestId": self.turn.id, "sessionId": self.turn.session}

    # --- suspended ----------------------------------------------------------------------------

    def suspend(self) -> None:
        """The link is lost, or frames are missing."""
        if self.suspended:
            self.turn._disarm("again")
            return
        self.suspended = True
        self.goal = None
        self.since = self.client.clock.now
        for verb in self.turn.verbs:
            verb.unsure = verb.unsure or verb.written
            verb.pause()
        for name in ("idle", "confirmation", "otp", "interaction"):
            if name != "idle" or "idle-runs-while-suspended" not in self.faults:
                self.turn._disarm(name)
        if self.full and "resume-never-given-up" not in self.faults:
            self.turn._arm("resume", self.left, self._given_up)

    def _given_up(self) -> None:
        code = self.client.last_code
        self.turn.settle(self.turn.failed(self.turn.interrupted("turn_interrupted", code)))

    def ask(self) -> None:
        """Write ``resume_turn``, and the cancel that was called meanwhile."""
        if self.client.state != "open" or "resume-never-asked" in self.faults:
            return
        after = 0 if "resume-from-the-start" in self.faults else self.last
        if "resume-skips-one" in self.faults:
            after += 1
        self.client.write({"action": "resume_turn", **self._named, "afterSeq": after})
        if self.cancel_kept and "kept-cancel-lost" not in self.faults:
            self.cancel_kept = False
            self.turn.write_cancel()

    def opened(self) -> None:
        """A link was found again."""
        if self.suspended and self.turn.body is None:
            self.ask()

    def told(self, facts: Tree) -> None:
        """``turn_resumed``."""
        state = facts["state"]
        goes_on = state in ("running", "settled")
        if goes_on and facts["lastSeq"] < self.last and "less-than-had-goes-on" not in self.faults:
            state, goes_on = "gone", False
        if not self.suspended:
            if state == "moved" and "moved-ignored" not in self.faults:
                self._interrupted(state=state)
        elif goes_on:
            self.turn.running = True
            self._go_on(facts)
        elif state == "never" and (self.turn.cancel_sent or self.cancel_kept):
            self.turn.unconfirmed()
        elif state == "never" and self._unseen():
            self._go_on(facts)
            if self.turn.out and "never-is-not-sent" not in self.faults:
                self.turn.out = self.client.write(self.turn.frame_sent)
        else:
            self._interrupted(state=state)

    def _unseen(self) -> bool:
        blind = "sent-again-after-events" in self.faults
        return (self.last == 0 or blind) and not self.taken_up

    def _interrupted(self, **facts: Any) -> None:
        question = self.turn.open_question()
        told = self.turn.error("turn_interrupted", question=question, sent=True, **facts)
        self.turn.settle(self.turn.failed(told))

    def _go_on(self, facts: Tree) -> None:
        self.suspended = False
        self.turn._disarm("resume")
        self.turn._disarm("again")
        if self.left:
            self.left = max(1, self.left - math.floor(self.client.clock.now - self.since))
        self.pauses = 0
        self.goal, self.told_at = facts["lastSeq"], facts.get("timestamp")
        self.client.counted["resumedTurns"] += "resumed-uncounted" not in self.faults
        for verb in self.turn.verbs:
            verb.go_on()
        for question, state in self.turn.questions.items():
            if state == "open":
                self.turn.reopen(question)
        self.turn.idle()
        held, self.held = self.held, []
        for verb, frame in held:
            if verb in self.turn.verbs and "held-answer-lost" not in self.faults:
                verb.written = True
                self.client.write(frame)
        self.after()

    def _refused(self, facts: Tree) -> None:
        """An error answers ``resume_turn``."""
        spec = self.client.reader.spec
        if spec.code(facts["code"]).retryable and "refusal-is-final" not in self.faults:
            wait = self.client.seeking.pause(self.pauses, facts.get("retryAfterMs"))
            self.pauses += 1
            self.turn._arm("again", wait, self.ask)
        else:
            self._interrupted(code=facts["code"])

    # --- numbers ------------------------------------------------------------------------------

    def seq(self, frame: Frame) -> int | None:
        """The valid number of a frame."""
        seq = frame.raw.get("seq") if self.on else None
        if not isinstance(seq, int | float) or isinstance(seq, bool):
            return None
        return int(seq) if 1 <= seq < 2**53 and seq % 1 == 0 else None

    def takes(self, frame: Frame) -> bool:
        """Whether a frame is the next one of the turn; acts on those that are not."""
        seq = self.seq(frame)
        is_error = frame.good and frame.wire_type == "error"
        if self.suspended and is_error and seq is None:
            self._refused(self.client.reader.flat("error", frame.tree))
        if self.suspended and "taken-while-suspended" not in self.faults:
            return False
        if seq is None:
            if not is_error and "unnumbered-taken" not in self.faults:
                self._lawless(frame)
            return is_error or "unnumbered-taken" in self.faults
        if seq <= self.last and "old-seq-shown" not in self.faults:
            return False
        if seq > self.last + 1 and "gap-ignored" not in self.faults:
            if self.gapped and "second-gap-asked-again" not in self.faults:
                self._lawless(frame)
            else:
                self.gapped = True
                self.suspend()
                self.ask()
            return False
        self.last, self.gapped = max(seq, self.last), False
        if "resume-time-never-anew" not in self.faults:
            self.left = self.full
        return True

    def _lawless(self, frame: Frame) -> None:
        at = frame.fault.pointer if frame.fault else None
        self.turn.settle(self.turn.failed(self.turn.error("invalid_frame", at=at)))

    def acknowledged_before(self) -> None:
        """Somebody else gave an answer before this client took the turn up (REQ-RESUME-13)."""
        open_ones = [kind for kind, state in self.turn.questions.items() if state == "open"]
        fits = self.goal is not None and len(open_ones) == 1
        if "answered-question-is-asked-again" in self.faults:
            return
        if fits or "any-acknowledgement-closes" in self.faults:
            for kind in open_ones:
                self.turn.shut(kind)

    def after(self) -> None:
        """After a frame: what became of the verbs whose frames may be lost."""
        early = "verbs-decided-early" in self.faults and self.goal is not None
        if self.goal is None or (self.last < self.goal and not early):
            return
        self.goal = None
        for verb in [v for v in self.turn.verbs if v.unsure]:
            self._doubtful(verb)
        self.turn.handling.next()

    def _doubtful(self, verb: Outstanding) -> None:
        """The turn has caught up, and the answer of a verb is not there (REQ-RESUME-07)."""
        faults, question = self.faults, QUESTION[verb.kind]
        named = any(n in verb.frame for n in ("confirmationId", "interactionId"))
        if "code-sent-twice" in faults:
            named = named or question == "otp"
        answered = self.turn.questions[question] == "answered"
        if answered and named and "doubtful-answer-lost" not in faults:
            verb.unsure = False
            self.client.write(verb.frame)
            return
        if answered:
            self.turn.reopen(question)
        facts = self.client.closed(self.client.last_code)
        self.turn._finish(verb, None, self.turn.error("connection_lost", **facts))
        self.turn.idle()
