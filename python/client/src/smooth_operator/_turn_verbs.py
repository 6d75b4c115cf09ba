"""The answers to a turn's questions, as values: what is sent, and which question it answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from . import wire
from ._arguments import make
from ._questions import OtpCheck, SubmitResult, otp_check_of, submit_result_of
from ._turn_state import VerbName
from .wire.steps import VERBS, QuestionKind

_HUMP = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class VerbCall:
    """One answer that is ready to be sent."""

    verb: VerbName
    action: Any

    @property
    def question(self) -> QuestionKind:
        """The kind of question that it answers."""
        kind = VERBS[self.verb].question
        assert kind is not None
        return kind

    @property
    def named(self) -> bool:
        """Whether it echoes an id, by which the server knows it again (REQ-RESUME-07)."""
        ids = (_attribute(wire) for wire in VERBS[self.verb].echo if wire.endswith("Id"))
        return any(getattr(self.action, name) is not None for name in ids)

    @property
    def becomes_turn(self) -> bool:
        """Whether a server may begin a turn with it (REQ-VERB-15)."""
        return not VERBS[self.verb].outlives_turn

    def value(self, event: wire.Event) -> OtpCheck | SubmitResult | None:
        """Return what the verb resolves to when ``event`` answers it."""
        if self.question == "interaction":
            return submit_result_of(event)
        return otp_check_of(event)


def confirm(ids: dict[str, str], asked: Any, approved: bool) -> VerbCall:
    """Answer a confirmation; ``asked`` is the event that asked, if it is known."""
    if not isinstance(approved, bool):
        raise TypeError("approved: expected True or False")
    echo = _echo("confirm", asked)
    return VerbCall(
        "confirm", make(wire.actions.ConfirmToolActionAction, **ids, **echo, approved=approved)
    )


def verify_otp(ids: dict[str, str], code: str) -> VerbCall:
    """Give a one-time code as typed (REQ-OTP-01)."""
    if not isinstance(code, str):
        raise TypeError("code: expected a string")
    return VerbCall("verify_otp", make(wire.actions.VerifyOtpAction, **ids, code=code))


def decline_otp(ids: dict[str, str]) -> VerbCall:
    """Decline a one-time code (REQ-OTP-05)."""
    return VerbCall("decline_otp", make(wire.actions.VerifyOtpAction, **ids, declined=True))


def submit(ids: dict[str, str], asked: Any, values: Any) -> VerbCall:
    """Answer an interaction with values (REQ-FORM-01)."""
    if not isinstance(values, dict):
        raise TypeError("values: expected a dict")
    echo = _interaction("submit", asked)
    return VerbCall(
        "submit", make(wire.actions.SubmitInteractionAction, **ids, **echo, values=values)
    )


def decline(ids: dict[str, str], asked: Any) -> VerbCall:
    """Decline an interaction (REQ-FORM-01)."""
    echo = _interaction("decline", asked)
    return VerbCall(
        "decline", make(wire.actions.SubmitInteractionAction, **ids, **echo, declined=True)
    )


def _interaction(verb: VerbName, asked: Any) -> dict[str, Any]:
    # Without a question the answer is refused before this frame could be sent.
    return _echo(verb, asked) or {"interaction_id": ""}


def _attribute(wire: str) -> str:
    return _HUMP.sub("_", wire).lower()


def _echo(verb: VerbName, asked: Any) -> dict[str, Any]:
    """Return the fields of the question that its answer repeats."""
    if asked is None:
        return {}
    names = map(_attribute, VERBS[verb].echo)
    return {name: getattr(asked, name, None) for name in names}
