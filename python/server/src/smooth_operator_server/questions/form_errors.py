"""Why a form cannot be shown, or an answer not be taken."""

from __future__ import annotations

from collections.abc import Sequence

SUMMARY = "Some fields need attention."


class SpecError(Exception):
    """A model asked for a form that cannot be shown; the text tells the model why."""


class FormError(Exception):
    """An answer is not acceptable; ``errors`` has one ``{field, message}`` a fault."""

    def __init__(self, errors: Sequence[dict[str, str]]) -> None:
        super().__init__(SUMMARY)
        self.errors = tuple(errors)
        self.summary = SUMMARY
