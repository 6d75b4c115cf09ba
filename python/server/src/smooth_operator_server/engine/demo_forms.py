"""The two forms of the demonstration, also for clients that can show none. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .port import Said, ToolResult

IDENTITY_ARGUMENTS: dict[str, Any] = {
    "fields": [
        {"key": "name", "required": True, "label": "Your name"},
        {"key": "email", "required": True, "label": "E-mail address"},
        {"key": "phone", "required": False, "label": "Telephone"},
    ],
    "reason": "So that we can write to you.",
}
SHADES = ("Linen", "Paper", "Glass")
CHOICES_ARGUMENTS: dict[str, Any] = {
    "questions": [
        {"question": "Which shade do you like best?", "header": "Shade", "options": list(SHADES)}
    ],
    "reason": "So that we can show you lamps you like.",
}

_ASK_IDENTITY = (
    "Please tell me your name and your e-mail address, for example: Ada, ada@example.com"
)
_ASK_CHOICE = f"Which shade do you like best: {', '.join(SHADES)}?"
_AGAIN = "That did not fit yet. "
_EMAIL = re.compile(r"\S+@\S+")


def answer_in_words(message: str, history: Sequence[Said]) -> tuple[str, dict[str, Any]] | None:
    """Return the call that hands in an answer, when the last thing we said asked for one.

    A message that looks like something else is none: nobody is held in a form.
    """
    asked = history[-1].text if history else ""
    if asked.endswith(_ASK_IDENTITY) and "@" in message:
        values, kind = _identity(message), "identity_intake"
    elif asked.endswith(_ASK_CHOICE) and _shades_in(message):
        values, kind = _choice(message), "choices"
    else:
        return None
    return "submit_interaction", {"kind": kind, "values": values}


def _identity(message: str) -> dict[str, Any]:
    email = _EMAIL.search(message)
    values = {"name": _EMAIL.sub("", message).strip(" ,;.")}
    return values | ({"email": email[0].strip(",;.")} if email else {})


def _choice(message: str) -> dict[str, Any]:
    return {"answers": [{"header": "Shade", "options": _shades_in(message)}]}


def _shades_in(message: str) -> list[str]:
    return [shade for shade in SHADES if shade.lower() in message.lower()]


def answer_to_form(result: ToolResult) -> str:
    """Say what came of a form, or ask its questions in plain words."""
    outcome = result.result
    if outcome.get("mode") == "conversational":
        return _ASK_IDENTITY if outcome["kind"] == "identity_intake" else _ASK_CHOICE
    match outcome["status"]:
        case "submitted":
            return _thanks(outcome["values"])
        case "invalid":
            asked = _ASK_CHOICE if _is_choice(outcome["errors"]) else _ASK_IDENTITY
            return _AGAIN + asked
        case "declined":
            return "That is fine, we go on without it."
        case _:
            return "I got no answer, so we go on without it."


def _is_choice(errors: list[dict[str, str]]) -> bool:
    return any(error["field"] in ("Shade", "answers") for error in errors)


def _thanks(values: dict[str, Any]) -> str:
    if "answers" in values:
        answer = values["answers"][0]
        chosen = ", ".join([*answer.get("options", []), *filter(None, [answer.get("other")])])
        return f"Noted: {chosen}."
    return f"Thank you, {values['name']}. We will write to {values['email']}."
