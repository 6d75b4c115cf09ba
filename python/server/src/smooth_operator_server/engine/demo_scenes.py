"""What the demonstration does for each trigger word, and what it says afterwards. Pure."""

from __future__ import annotations

import re
from typing import Any

from .demo_forms import CHOICES_ARGUMENTS, IDENTITY_ARGUMENTS, answer_to_form
from .port import ToolResult, TurnInput

DEFAULT_RECORD = 42

_NUMBER = re.compile(r"\d{1,9}")
_FORM_TOOLS = frozenset({"request_identity_intake", "request_choices", "submit_interaction"})
_REFUSED = {
    "delete_record": "All right, I did not delete anything.",
    "account_balance": (
        "I may tell you your balance once you have given the one-time code. You are asked for it"
        " now or were already; send your question again afterwards."
    ),
}
"""What the person is told of a tool that may not run: its own refusal is meant for a model."""

_NOTHING_FOUND = (
    "I found nothing about that in my documents. Ask me about returns, shipping, the warranty or"
    " the opening hours."
)


def tool_for(trigger: str | None, turn: TurnInput) -> tuple[str, dict[str, Any]]:
    """Return the tool to call and its arguments; without a trigger the question is looked up."""
    match trigger:
        case "delete":
            number = _NUMBER.search(turn.message)
            return "delete_record", {"id": int(number[0]) if number else DEFAULT_RECORD}
        case "balance":
            return "account_balance", {}
        case "contact":
            return "request_identity_intake", IDENTITY_ARGUMENTS
        case "choose":
            return "request_choices", CHOICES_ARGUMENTS
        case _:
            return "knowledge_search", {"query": turn.message}


def answer_to(result: ToolResult) -> str:
    """Say what came of the tool call."""
    if result.is_error:
        return _REFUSED.get(result.name, "I could not do that.")
    if result.name in _FORM_TOOLS:
        return answer_to_form(result)
    match result.name:
        case "delete_record":
            return f"Record {result.result['deleted']} is deleted."
        case "account_balance":
            return f"Your balance is {result.result['balance']} {result.result['currency']}."
        case _:
            return _quote(result.result["passages"])


def _quote(passages: list[dict[str, Any]]) -> str:
    if not passages:
        return _NOTHING_FOUND
    best = passages[0]
    return f"{best['passage']} (from {best['source']})"
