"""What clients send, checked by the models of the wire, open as a server has to be (REQ-SRV-06)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from pydantic import ValidationError

from .. import wire
from ..wire.model import dump
from .state import RefusedError

_LONGEST_LIST = 200
VERBS = ("confirm_tool_action", "verify_otp", "submit_interaction")


def parsed_frame(text: str) -> dict[str, Any]:
    """Return a frame that a client sent.

    Raises:
        RefusedError: it is no JSON object (REQ-SRV-02).
    """
    try:
        tree = json.loads(text, parse_constant=_refuse, parse_float=_number)
    except (ValueError, RecursionError):
        raise RefusedError("VALIDATION_ERROR", "the frame is not JSON") from None
    if not isinstance(tree, dict):
        raise RefusedError("VALIDATION_ERROR", "the frame is no object")
    return tree


def checked_action(frame: Mapping[str, Any], replays: bool) -> dict[str, Any]:
    """Return an action as its schema knows it: without unknown members and without nulls.

    Raises:
        RefusedError: it has no name, an unknown one, or a field out of bounds; the text is a
            pointer and what is wrong there.
    """
    word = frame.get("action")
    if not isinstance(word, str):
        raise RefusedError("VALIDATION_ERROR", "/action is missing")
    if word not in wire.ACTIONS or (word == "resume_turn" and not replays):
        raise RefusedError("UNSUPPORTED_ACTION", "the action is unknown")
    tree = {name: value for name, value in frame.items() if value is not None}
    if not isinstance(tree.get("requestId", ""), str):
        if word in VERBS or word == "resume_turn":
            raise RefusedError("VALIDATION_ERROR", "/requestId is no text")
        del tree["requestId"]
    limit = tree.get("limit")
    if word == "list_conversations" and isinstance(limit, int) and limit > _LONGEST_LIST:
        tree["limit"] = _LONGEST_LIST  # REQ-SRV-22
    judged = dict(tree)
    if word == "send_message" and judged.get("message") == "":
        if not judged.get("images") and not judged.get("files"):
            raise RefusedError("VALIDATION_ERROR", "/message is empty")  # REQ-SRV-23
        judged["message"] = "-"
    _judge(word, judged)
    if word == "verify_otp" and not tree.get("declined") and "code" not in tree:
        raise RefusedError("VALIDATION_ERROR", "/code is missing")
    for name in set(tree) - set(judged):
        del tree[name]
    return tree


def _judge(word: str, tree: dict[str, Any]) -> None:
    """Take what the schema does not know out of ``tree``; refuse what it does not allow."""
    model = wire.ACTIONS[word].model
    while True:
        try:
            model.model_validate_json(dump(tree), by_alias=True, by_name=False)
            return
        except ValidationError as fault:
            errors = fault.errors(include_input=False, include_url=False)
        except (TypeError, ValueError):
            raise RefusedError("VALIDATION_ERROR", "holds half of a surrogate pair") from None
        strange = [one["loc"] for one in errors if one["type"] == "extra_forbidden"]
        if not strange:
            place = "/".join(str(part) for part in errors[0]["loc"])
            raise RefusedError("VALIDATION_ERROR", f"/{place} {errors[0]['msg'].lower()}")
        for *above, last in strange:
            owner: Any = tree
            for part in above:
                owner = owner[part]
            del owner[last]


def _number(digits: str) -> float | int:
    value = float(digits)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)
