"""What the text of an error must be: the table's, with its places filled (REQ-ERR-07)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from conform.facts import NATIVE, OLD_NAMES
from conform.spec import Spec, Tree

FACTS = {  # places of a text and the member of an error that has their value
    "code": "code",
    "close": "closeCode",
    "status": "status",
    "request_id": "requestId",
    "session_id": "sessionId",
}
LOCAL = {  # what only the client knows: any such text will do
    "host": r"[^\s/?#@]+:\d+",
    "limit": r"\d+",
    "reason": r".+",
}
PACKAGE = "(?:[a-z]+: )?"
"""Where a language has the custom (Go), an error begins with the name of its package."""
BRACKETS = re.compile(r"\[([^\]]*)\]")
PLACE = re.compile(r"\{(\w+)\}")


class Sentences:
    """The texts of ``errors.yaml``, as patterns for what a client may say."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    @cached_property
    def _of_leaf(self) -> dict[str, str]:
        rows = [*self.spec.errors["kinds"], *self.spec.errors["leaves"]]
        return {row["leaf"]: row["text"] for row in rows}

    def template(self, error: Tree) -> str:
        """The text that the table has for an error, with its places open."""
        return self._of_leaf[self._leaf(error)]

    def _leaf(self, error: Tree) -> str:
        rows = {row["code"]: row["leaf"] for row in self.spec.errors["codes"]}
        code, kind = error.get("code"), error["kind"]
        if code in rows:
            return str(rows[code])
        if kind == "conflict" and code is None:
            return "NoPendingQuestion"  # the only one that a client makes itself (REQ-VERB-05)
        return str(self.spec.kinds[kind]["leaf"])

    def fault(self, events: Iterable[Tree]) -> str | None:
        """Say which error of a transcript says something else than the table; None when none."""
        for event in events:
            told = event.get("error")
            if not isinstance(told, dict) or not isinstance(told.get("text"), str):
                continue
            error: Tree = {OLD_NAMES.get(str(name), str(name)): told[name] for name in told}
            if error.get("kind") in NATIVE or error.get("kind") not in self.spec.kinds:
                continue
            text = self.template(error)
            if not re.fullmatch(self._pattern(text, error), error["text"], re.DOTALL):
                return (
                    f"the text of a {error['kind']} is {error['text']!r}; the table has {text!r} "
                    "(REQ-ERR-07)"
                )
        return None

    def _pattern(self, text: str, error: Tree) -> str:
        parts, at = [], 0
        for found in BRACKETS.finditer(text):
            parts.append(_filled(text[at : found.start()], error))
            parts.append(_bracketed(found[1], error))
            at = found.end()
        return "".join([PACKAGE, *parts, _filled(text[at:], error)])


def _bracketed(text: str, error: Tree) -> str:
    """A part that is left out when its place has no value."""
    names = PLACE.findall(text)
    if any(name in FACTS and _value(name, error) is None for name in names):
        return ""
    pattern = _filled(text, error)
    return pattern if any(name in FACTS for name in names) else f"(?:{pattern})?"


def _filled(text: str, error: Tree) -> str:
    parts, at = [], 0
    for found in PLACE.finditer(text):
        value = _value(found[1], error)
        parts.append(re.escape(text[at : found.start()]))
        parts.append(LOCAL.get(found[1], ".*") if value is None else re.escape(str(value)))
        at = found.end()
    return "".join([*parts, re.escape(text[at:])])


def _value(name: str, error: Tree) -> Any:
    return error.get(FACTS[name]) if name in FACTS else None


def filled(template: str, values: Tree) -> str:
    """A text with its places filled; a bracket whose place has no value is left out."""

    def place(found: re.Match[str]) -> str:
        value = values.get(FACTS.get(found[1], found[1]))
        return "" if value is None else str(value)

    def bracket(found: re.Match[str]) -> str:
        names = PLACE.findall(found[1])
        known = all(values.get(FACTS.get(name, name)) is not None for name in names)
        return PLACE.sub(place, found[1]) if known else ""

    return PLACE.sub(place, BRACKETS.sub(bracket, template))
