"""Verbs of the reference client: what they answer, how they are written, what answers them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from conform.reference.clock import Timer
from conform.reference.errors import RefError

Tree = dict[str, Any]
QUESTION = {"confirm": "confirmation", "verify_otp": "otp", "decline_otp": "otp"}
QUESTION |= {"submit": "interaction", "decline": "interaction"}
NO_PENDING = {"NO_PENDING_CONFIRMATION": "confirmation", "NO_PENDING_INTERACTION": "interaction"}
ACTION = {"confirm": "confirm_tool_action", "verify_otp": "verify_otp", "decline_otp": "verify_otp"}
ACTION |= {"submit": "submit_interaction", "decline": "submit_interaction"}
VERBS = {"confirm_tool_action": "confirm", "verify_otp": "verify_otp"}
VERBS |= {"submit_interaction": "submit"}
VERB_EVENTS = {"confirm": ("immediate_response",), "verify_otp": ("otp_verified", "otp_invalid")}
VERB_EVENTS |= {"submit": ("immediate_response", "interaction_invalid")}


class Out:
    """One frame on its way out."""

    def __init__(self, text: str, kept: bool) -> None:
        self.text = text
        self.kept = kept  # a defect: nothing takes it back
        self.written = False
        self.dropped = False
        self.until = math.inf  # when it is too late for it

    def drop(self) -> None:
        """Take it back, if it was not written yet."""
        self.dropped = not self.written and not self.kept


class Outstanding:
    """A verb that waits for its answer."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.timer: Timer | None = None
        self.arm: Callable[[], Timer] | None = None  # starts its time anew
        self.frame: dict[str, Any] = {}
        self.written = False
        self.unsure = False  # its frame may be lost

    def pause(self) -> None:
        """Its time stands still."""
        if self.timer:
            self.timer.cancel()
            self.timer = None

    def go_on(self) -> None:
        """Its time starts anew."""
        if self.arm and not self.future.done():
            self.timer = self.arm()

    def done(self, value: Any, error: RefError | None = None) -> None:
        """Give it its outcome."""
        if self.timer:
            self.timer.cancel()
        if self.future.done():
            return
        if error:
            self.future.set_exception(error)
            self.future.exception()
        else:
            self.future.set_result(value)


def verb_answer(kind: str, event: str, facts: Tree) -> tuple[Any] | None:
    """What an event gives to a verb, in a 1-tuple; ``None`` when it answers something else."""
    acknowledges = event == "immediate_response" and facts.get("status") != 202
    if acknowledges and kind != "verify_otp":
        return ({"accepted": True},) if kind in ("submit", "decline") else (None,)
    if kind == "verify_otp" and event in ("otp_verified", "otp_invalid"):
        names = ("attemptsRemaining", "error", "message")
        shown = {n: facts[n] for n in names if n in facts}
        return ({"verified": event == "otp_verified", **shown},)
    if kind in ("submit", "decline") and event == "interaction_invalid":
        kept = {"errors": facts["errors"], "message": facts["message"]}
        return ({"accepted": False, **kept},)
    return None
