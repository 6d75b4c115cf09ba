"""Interactions without a form: the model asks in plain words and hands in the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..store import ConversationStore, SessionRecord
from .forms import CHOICES, IDENTITY_INTAKE, FormError, checked_values

IDENTITY_MEMBERS = {"name": "user_name", "email": "user_email", "phone": "user_phone"}

_INSTRUCTIONS = (
    "The person's client shows no forms. Ask in plain words, then hand the answer in with"
    " submit_interaction."
)
NOT_ASKED = "no interaction of this kind is asked for"


async def ask_in_words(
    store: ConversationStore,
    session: SessionRecord,
    kind: str,
    spec: Mapping[str, Any],
    reason: str,
) -> dict[str, Any]:
    """Note what is asked for; return what the model is told to do."""
    waiting = dict(session.conversational) | {kind: spec}
    await store.update_session(session.session_id, {"conversational": waiting})
    return {
        "mode": "conversational",
        "kind": kind,
        "spec": spec,
        "reason": reason,
        "instructions": _INSTRUCTIONS,
    }


async def take_words(
    store: ConversationStore, session: SessionRecord, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Take an answer that was given in conversation; return what became of it.

    Raises:
        ValueError: nothing of this kind is asked for.
    """
    kind, values = arguments["kind"], arguments.get("values", {})
    spec = session.conversational.get(kind)
    if kind not in (IDENTITY_INTAKE, CHOICES) or spec is None:
        raise ValueError(NOT_ASKED)
    if not arguments.get("declined"):
        try:
            values = checked_values(kind, spec, values)
        except FormError as fault:
            return {"status": "invalid", "errors": list(fault.errors), "message": fault.summary}
        await store_identity(store, session.session_id, kind, values)
    left = {other: asked for other, asked in session.conversational.items() if other != kind}
    await store.update_session(session.session_id, {"conversational": left})
    if arguments.get("declined"):
        return {"status": "declined", "message": "The person declined to answer."}
    return {"status": "submitted", "values": values}


async def store_identity(
    store: ConversationStore, session_id: str, kind: str, values: Mapping[str, Any]
) -> None:
    """Let the session know who the person is: the given fields, the others stay."""
    if kind == IDENTITY_INTAKE:
        changes = {IDENTITY_MEMBERS[key]: value for key, value in values.items()}
        await store.update_session(session_id, changes)
