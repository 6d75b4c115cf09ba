"""Interactions of the kind ``choices``: one to four questions with a few options each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .form_errors import FormError, SpecError

ANSWERS = "answers"


def choices_spec(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Write out the shorthand: a bare word is an option without a description.

    Raises:
        SpecError: two questions share a header, or a question offers a label twice.
    """
    questions = [
        question | {"options": [_option(item) for item in question["options"]]}
        if isinstance(question, dict) and isinstance(question.get("options"), list)
        else question
        for question in arguments.get("questions", [])
    ]
    headers = [question.get("header") for question in questions if isinstance(question, dict)]
    if any(headers.count(header) > 1 for header in headers):
        raise SpecError("/questions must have different headers")
    for index, question in enumerate(questions):
        labels = _labels(question) if isinstance(question, dict) else []
        if any(labels.count(label) > 1 for label in labels):
            raise SpecError(f"/questions/{index}/options must have different labels")
    return {"questions": questions}


def _option(item: Any) -> Any:
    return {"label": item} if isinstance(item, str) else item


def _labels(question: Mapping[str, Any]) -> list[Any]:
    options = question.get("options")
    if not isinstance(options, list):
        return []
    return [option.get("label") for option in options if isinstance(option, dict)]


def choices_values(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Check that every question is answered from what it offers.

    Raises:
        FormError: ``field`` is the header of the question, or ``answers`` for the list itself.
    """
    given, errors = _by_header(spec, values.get(ANSWERS))
    clean: list[dict[str, Any]] = []
    for question in spec["questions"]:
        header = question["header"]
        try:
            clean.append({"header": header} | _chosen(question, given.get(header)))
        except ValueError as fault:
            errors.append({"field": header, "message": str(fault)})
    if errors:
        raise FormError(errors)
    return {ANSWERS: clean}


def _by_header(
    spec: Mapping[str, Any], answers: Any
) -> tuple[dict[str, Mapping[str, Any]], list[dict[str, str]]]:
    """Return the answers by header, and what is wrong with the list as a whole."""
    given: dict[str, Mapping[str, Any]] = {}
    if not isinstance(answers, list):
        return given, [{"field": ANSWERS, "message": "must be a list"}]
    headers = {question["header"] for question in spec["questions"]}
    errors: list[dict[str, str]] = []
    for answer in answers:
        header: Any = answer.get("header") if isinstance(answer, dict) else None
        header = header.strip() if isinstance(header, str) else ""
        if header not in headers:
            errors.append({"field": ANSWERS, "message": "answers a question that was not asked"})
        elif header in given:
            errors.append({"field": ANSWERS, "message": "answers a question twice"})
        else:
            given[header] = answer
    return given, errors


def _chosen(question: Mapping[str, Any], answer: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the chosen labels and the free text of one answer.

    Raises:
        ValueError: what the person has to mend.
    """
    if answer is None:
        raise ValueError("needs an answer")
    options, other = answer.get("options") or [], answer.get("other") or ""
    if not isinstance(options, list) or not all(isinstance(label, str) for label in options):
        raise ValueError("must name options by their labels")
    if not isinstance(other, str):
        raise ValueError("must be text")
    labels = list(dict.fromkeys(label.strip() for label in options))
    other = other.strip()
    if not set(labels) <= set(_labels(question)):
        raise ValueError("names an option that was not offered")
    count = len(labels) + bool(other)
    if count == 0:
        raise ValueError("needs an answer")
    if count > 1 and not question.get("multiSelect", False):
        raise ValueError("takes exactly one answer")
    chosen: dict[str, Any] = {"options": labels} if labels else {}
    return chosen | ({"other": other} if other else {})
