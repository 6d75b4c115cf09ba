"""Capability words: what a client listed in ``supports`` and what the server offers."""

from __future__ import annotations

from collections.abc import Iterable

SPEC_1_1 = "spec_1_1"
SPEC_1_2 = "spec_1_2"
REPLAY = "replay"
OTP_PARK = "otp_park"
IDENTITY_FORM = "identity_form"
CHOICE_CHIPS = "choice_chips"

SERVER_CAPABILITIES = (OTP_PARK, REPLAY, SPEC_1_1, SPEC_1_2)
"""Shown in the create response of sessions that listed ``spec_1_1``."""

WIRE_WORDS = frozenset({SPEC_1_1, SPEC_1_2, OTP_PARK, REPLAY})
"""Words about how a client reads the wire. They hold for the session that listed them and are
never inherited: a client that says nothing may read with closed models (REQ-SRV-05)."""


def inherited(words: Iterable[str]) -> tuple[str, ...]:
    """Return what a session that lists nothing takes over from its conversation."""
    return tuple(word for word in words if word not in WIRE_WORDS)


def normalised(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words sorted and without duplicates; unknown ones are kept."""
    return tuple(sorted(set(words)))
