"""The kinds of interactions: what may be asked, and which values are taken. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from .. import wire
from ..wire.model import dump
from .script_errors import ScriptError

IDENTITY, CHOICES = "identity_intake", "choices"
WORD_OF = {IDENTITY: "identity_form", CHOICES: "choice_chips"}
"""The capability word of a client that can show a kind."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_PHONE = re.compile(r"\+?[0-9]{10,15}")


def checked_spec(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form asks for.

    Raises:
        ScriptError: ``spec/interactions/`` does not have the kind, or the spec is not that kind's.
    """
    if kind not in WORD_OF:
        known = " or ".join(repr(word) for word in WORD_OF)
        raise ScriptError(f"interaction(): {kind!r} is no kind of the protocol; expected {known}")
    model = wire.types.IdentityIntakeSpec if kind == IDENTITY else wire.types.ChoicesSpec
    try:
        read = model.model_validate_json(dump(dict(spec)), by_alias=True, by_name=False)
    except (TypeError, ValidationError) as fault:
        raise ScriptError(f"interaction(): the spec of {kind}: {first_fault(fault)}") from None
    wrong = _identity_fault(read) if kind == IDENTITY else _choices_fault(read)
    if wrong:
        raise ScriptError(f"interaction(): the spec of {kind}: {wrong}")
    return read.to_wire()


def _identity_fault(spec: Any) -> str | None:
    keys = [str(one.key) for one in spec.fields]
    if not keys:
        return "/fields has no field"
    strange = next((key for key in keys if key not in ("name", "email", "phone")), None)
    return f"/fields: {strange!r} is not name, email or phone" if strange else None


def _choices_fault(spec: Any) -> str | None:
    headers = [one.header for one in spec.questions]
    if not 1 <= len(headers) <= 4 or len(set(headers)) < len(headers):
        return "/questions takes one to four questions with different headers"
    for number, question in enumerate(spec.questions):
        if len(question.header) > 12:
            return f"/questions/{number}/header is longer than 12"
        if not 2 <= len({one.label for one in question.options}) == len(question.options) <= 4:
            return f"/questions/{number}/options takes two to four options with different labels"
    return None


def first_fault(error: Exception) -> str:
    """Return where a document breaks its model, and how; not with which value."""
    if not isinstance(error, ValidationError):
        return "holds what JSON has no word for"
    first = error.errors(include_input=False, include_url=False)[0]
    return f"/{'/'.join(str(part) for part in first['loc'])} {first['msg'].lower()}"


def value_faults(kind: str, spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with an answer, by field; of choices the field is a header."""
    if kind == IDENTITY:
        return _identity_faults(spec, values)
    return _choices_faults(spec, values)


def _identity_faults(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    needed = {one["key"] for one in spec["fields"] if one["required"]}
    faults: dict[str, str] = {}
    for key in ("name", "email", "phone"):
        value = values.get(key)
        if value is None or value == "":
            if key in needed:
                faults[key] = "is required"
        elif not isinstance(value, str):
            faults[key] = "must be text"
        elif key == "email" and not _EMAIL.fullmatch(value.strip()):
            faults[key] = "must be a valid email address"
        elif key == "phone" and not _PHONE.fullmatch(re.sub(r"[\s\-.()]", "", value)):
            faults[key] = "must be a valid phone number"
    return faults


def _choices_faults(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    answers = values.get("answers")
    if not isinstance(answers, list):
        return {"answers": "must be a list"}
    given = {one.get("header"): one for one in answers if isinstance(one, dict)}
    asked = {one["header"]: one for one in spec["questions"]}
    faults = {} if set(given) <= set(asked) else {"answers": "answers what was not asked"}
    for header, question in asked.items():
        fault = _answer_fault(question, given.get(header, {}))
        if fault:
            faults[header] = fault
    return faults


def _answer_fault(question: Mapping[str, Any], answer: Mapping[str, Any]) -> str | None:
    chosen, other = answer.get("options") or [], answer.get("other") or ""
    labels = {one["label"] for one in question["options"]}
    if not isinstance(chosen, list) or not all(isinstance(one, str) for one in chosen):
        return "must name options by their labels"
    if not set(chosen) <= labels:
        return "names an option that was not offered"
    count = len(set(chosen)) + bool(other)
    if not count:
        return "needs an answer"
    return "takes exactly one answer" if count > 1 and not question.get("multiSelect") else None
