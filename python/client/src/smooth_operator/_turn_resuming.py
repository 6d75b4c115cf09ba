"""What a turn of a replay session has beside its states: the numbers of its events, and what waits
until the turn goes on (REQ-RESUME-01 to REQ-RESUME-10). Pure: whoever calls tells the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ._connection_backoff import Backoff
from ._options import Options, milliseconds
from ._outbox import Outgoing
from ._turn_state import Verb
from .wire.steps import SEQUENCE, Facts

UNNUMBERED: Final = ("keepalive", "turn_resumed")
"""Types of events that have no number."""
_MOST: Final = 2**53 - 1
_GOES_ON: Final = ("running", "settled")
_LEAST: Final = 0.001
"""Seconds that a limit has left at least."""


def number_of(event: Any) -> int | None:
    """Return the valid ``seq`` of an event, None where it has none."""
    seq = event.raw.get("seq") if event.type == "unknown" else getattr(event, "seq", None)
    if isinstance(seq, float) and seq.is_integer():
        seq = int(seq)
    return seq if type(seq) is int and 1 <= seq <= _MOST else None


class Resuming:
    """The numbers, waits and kept frames of one turn.

    Where ``replays`` is False the session is no replay session: ``seq`` means nothing then.
    """

    def __init__(self, options: Options, *, replays: bool) -> None:
        self._options = options
        self.replays = replays
        self.last = 0
        """Newest number that was taken."""
        self.held: list[Verb] = []
        """Verbs that were called while the turn was suspended, oldest first."""
        self.cancel: Outgoing | None = None
        """A cancel that goes out behind the next ``resume_turn``."""
        self._sequence = SEQUENCE.initial
        self._goal: int | None = None
        """``lastSeq`` of ``turn_resumed``, until the turn has caught up."""
        self._told_at: int | None = None
        """``timestamp`` of it."""
        self._limit = self._left = options.resume_timeout
        self._since = 0.0
        self._backoff = Backoff(
            milliseconds(options.backoff_base), milliseconds(options.backoff_max)
        )

    def fresh(self) -> Resuming:
        """Return what a message has that is sent again under another id."""
        return Resuming(self._options, replays=self.replays)

    @property
    def behind(self) -> bool:
        """Whether the turn goes on and has not caught up yet (REQ-RESUME-07)."""
        return self._goal is not None

    # numbers --------------------------------------------------------------------------

    def takes(self, event: Any, word: str, turn: Any) -> str:
        """Return what ``event`` is for the machines of its turn, in place of ``word``."""
        kind = event.wire_type if event.type == "unknown" else event.type
        if not self.replays or kind in UNNUMBERED:
            return word
        seq = number_of(event)
        facts = Facts(turn=turn, seq="none")
        if seq is not None:
            facts.seq = "old" if seq <= self.last else "next" if seq == self.last + 1 else "gap"
        self._sequence, effects = SEQUENCE.step(self._sequence, word, facts)
        for effect in effects:
            return str(effect.event)
        if seq is not None:
            self._took(seq)
        return word

    def follow(self, events: Sequence[Any]) -> bool:
        """Take events that follow each other and lead to nothing else; False for any others."""
        if not self.replays:
            return True
        seq = self.last
        caught_up = self._goal is not None and seq + len(events) >= self._goal
        if caught_up or self._sequence != SEQUENCE.initial:
            return False
        for event in events:
            seq += 1
            if event.seq != seq:
                return False
        self._took(seq)
        return True

    def _took(self, seq: int) -> None:
        self.last = seq
        self._left = self._limit

    # suspended ------------------------------------------------------------------------

    def begin(self, now: float, verbs: Iterable[Verb]) -> float:
        """Suspend the turn; return the seconds until it fails, 0 = never.

        The frames of ``verbs`` that have no answer may be lost.
        """
        self._since, self._goal = now, None
        for verb in verbs:
            verb.unsure = verb.unsure or verb not in self.held
        return self._left

    def state_of(self, event: Any) -> str:
        """Return what ``turn_resumed`` says of the turn; ``gone`` when the server knows less."""
        state = str(event.state)
        return "gone" if state in _GOES_ON and event.last_seq < self.last else state

    def pause(self, draw: float, hint: int | None) -> float:
        """Return the seconds before a refused ``resume_turn`` is written again (REQ-RESUME-05)."""
        return self._backoff.delay(draw, hint=hint) / 1000

    def go_on(self, event: Any, now: float) -> list[Verb]:
        """Let the turn go on as ``turn_resumed`` says; return the verbs to be written now."""
        if self._left:
            self._left = max(_LEAST, self._left - (now - self._since))
        self._backoff.reset()
        self._goal, self._told_at = event.last_seq, event.timestamp
        held, self.held = self.held, []
        return held

    def caught_up(self) -> bool:
        """Whether the turn has caught up just now (REQ-RESUME-07); true once."""
        if self._goal is None or self.last < self._goal:
            return False
        self._goal = None
        return True

    def take_cancel(self, ended: float | None) -> Outgoing | None:
        """Return the cancel that was kept, once.

        That of a turn that has ``ended`` waits for a link no longer than ``resume_timeout``
        (REQ-RESUME-08).
        """
        cancel, self.cancel = self.cancel, None
        if cancel is not None and ended is not None and self._limit:
            cancel.until = ended + self._limit
        return cancel

    def doubtful(self, verbs: Iterable[Verb]) -> list[Verb]:
        """Return the verbs whose frames may be lost, once the turn has caught up."""
        return [verb for verb in verbs if verb.unsure] if self.caught_up() else []

    # the server's time ----------------------------------------------------------------

    def age(self, question: Any) -> float:
        """Return how old a question is as it is read, in seconds: 0 but in a replay."""
        asked: int | None = question.timestamp
        if self._goal is None or self._told_at is None or asked is None:
            return 0.0
        return max(0, self._told_at - asked) / 1000

    def passed(self, question: Any, event: Any) -> float | None:
        """Return the server's seconds between two numbered events (REQ-VERB-10)."""
        if not self.replays or number_of(question) is None or number_of(event) is None:
            return None
        asked, now = question.timestamp, getattr(event, "timestamp", None)
        return None if asked is None or now is None else (now - asked) / 1000
