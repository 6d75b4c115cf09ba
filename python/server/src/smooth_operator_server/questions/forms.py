"""The two kinds of interactions: what may be asked, and what counts as an answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from ..protocol.capabilities import CHOICE_CHIPS, IDENTITY_FORM
from ..protocol.faults import describe
from ..protocol.spec import documents
from .choices import choices_spec, choices_values
from .form_errors import FormError, SpecError

IDENTITY_INTAKE = "identity_intake"
CHOICES = "choices"

_CAPABILITY = {IDENTITY_INTAKE: IDENTITY_FORM, CHOICES: CHOICE_CHIPS}
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_PHONE_PUNCTUATION = re.compile(r"[\s\-.()]")

__all__ = [
    "CHOICES",
    "IDENTITY_INTAKE",
    "FormError",
    "SpecError",
    "capability_of",
    "checked_values",
    "form_spec",
]


def capability_of(kind: str) -> str:
    """Return the word that a client lists when it can show this kind as a form."""
    return _CAPABILITY[kind]


def form_spec(kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec that a model asked for, its shorthand written out.

    Raises:
        SpecError: the model asked for something that cannot be shown.
    """
    spec = (identity_spec if kind == IDENTITY_INTAKE else choices_spec)(arguments)
    fault = next(_spec_checks()[kind].iter_errors(spec), None)
    if fault is not None:
        raise SpecError(describe(fault))
    return spec


def checked_values(kind: str, spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the person's answer, trimmed and normalised.

    Raises:
        FormError: names every field that is not acceptable.
    """
    check: Callable[..., dict[str, Any]] = (
        identity_values if kind == IDENTITY_INTAKE else choices_values
    )
    return check(spec, values)


@cache
def _spec_checks() -> dict[str, jsonschema_rs.Draft202012Validator]:
    registry = jsonschema_rs.Registry(
        resources=[(schema["$id"], schema) for schema in documents().values()]
    )
    files = {IDENTITY_INTAKE: "interactions/identity-intake", CHOICES: "interactions/choices"}
    return {
        kind: jsonschema_rs.Draft202012Validator(
            {"$ref": f"{documents()[path]['$id']}#/$defs/Spec"}, registry=registry
        )
        for kind, path in files.items()
    }


def identity_spec(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Write out the shorthand: a bare word is a field that must be given."""
    fields = arguments.get("fields", [])
    return {
        "fields": [
            {"key": field, "required": True} if isinstance(field, str) else field
            for field in fields
        ]
    }


def identity_values(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Check name, email and phone; fields that were not asked for are checked and kept."""
    required = {field["key"] for field in spec["fields"] if field["required"]}
    clean: dict[str, Any] = {}
    errors: list[dict[str, str]] = []
    for key, normalise in (("name", str.strip), ("email", _email), ("phone", _phone)):
        value = values.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            if key in required:
                errors.append({"field": key, "message": "is required"})
        elif not isinstance(value, str):
            errors.append({"field": key, "message": "must be text"})
        else:
            try:
                clean[key] = normalise(value)
            except ValueError as fault:
                errors.append({"field": key, "message": str(fault)})
    if errors:
        raise FormError(errors)
    return clean


def _email(text: str) -> str:
    address = text.strip()
    if not _EMAIL.fullmatch(address):
        raise ValueError("must be a valid email address")
    local, _, domain = address.partition("@")
    return f"{local}@{domain.lower()}"


def _phone(text: str) -> str:
    number = _PHONE_PUNCTUATION.sub("", text)
    if re.fullmatch(r"\+[1-9][0-9]{7,14}", number):
        return number
    if re.fullmatch(r"[0-9]{10}", number):
        return f"+1{number}"
    if re.fullmatch(r"1[0-9]{10}", number):
        return f"+{number}"
    raise ValueError("must be a valid phone number")
