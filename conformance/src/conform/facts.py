"""What an error tells, in both versions of the testee protocol (PROTOCOL.md, section 5).

Inside the harness an error has the names of version 2. What a testee of version 1 reports is
brought into that form, and an expectation is cut down to what version 1 can say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlsplit

from conform.script import Case
from conform.spec import Tree

PROTOCOLS = (1, 2)
OLD_NAMES = {"request": "requestId", "close": "closeCode"}
IN_VERSION_1 = frozenset(
    "kind code requestId closeCode at status retryAfterMs question sent".split()  # noqa: SIM905
)
NATIVE = frozenset(["invalid_argument", "native_cancelled"])
"""The language's own errors: they have no facts of the protocol."""
EMPTY_IS_ABSENT = frozenset(["partialText", "closeReason", "serverMessage"])
DETAILS = ("body", "requestId")
"""Members of ``details`` that are compared; the others are the language's own business."""
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
SHORTEST = {"secret": 4, "sentence": 6}
"""A shorter text may stand in a message by chance and is not looked for."""


def known(failure: Tree) -> Tree:
    """Return an error of a testee in the names of version 2, without what is not compared."""
    named = {OLD_NAMES.get(name, name): value for name, value in failure.items()}
    if named.get("kind") in NATIVE:
        return {"kind": named["kind"]}
    kept: Tree = {}
    for name, value in named.items():
        if name == "details" and isinstance(value, dict):
            value = {n: value[n] for n in DETAILS if value.get(n) is not None} or None
        if name == "text" or value is None or (name in EMPTY_IS_ABSENT and value == ""):
            continue
        kept[name] = value
    return kept


def cut(failure: Tree, protocol: int) -> Tree:
    """Return what a version of the protocol can say of an error."""
    if protocol > 1:
        return failure
    kept = {name: value for name, value in failure.items() if name in IN_VERSION_1}
    if kept["kind"] == "connect_failed":
        kept.pop("retryAfterMs", None)  # version 1 has it of the server's error object alone
    return kept


class Secrets:
    """What no text of an error may show: gathered from the steps of a case (REQ-ERR-04)."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}  # what to look for -> what it is

    def _secret(self, what: str, value: Any) -> None:
        if isinstance(value, str) and len(value) >= SHORTEST["secret"]:
            for form in (value, quote(value, safe="")):
                self._words.setdefault(form, f"{what} (REQ-ERR-04)")

    def _sentence(self, what: str, value: Any, rule: str = "REQ-ERR-04") -> None:
        if isinstance(value, str) and len(value) >= SHORTEST["sentence"]:
            self._words.setdefault(value, f"{what} ({rule})")

    def command(self, body: Tree) -> None:
        """Remember what a command hands to the client."""
        cmd, args = body.get("cmd"), body.get("args", {})
        if cmd == "open":
            self._secret("the token", body.get("token"))
            for value in body.get("headers", {}).values():
                self._secret("the value of a header", value)
            self._secret("the query of the URL", urlsplit(body["url"]).query)
        elif cmd == "turn":
            self._sentence("the text of a message", body.get("message"))
        elif cmd in ("otp", "submit", "call"):
            self._secret("a code", body.get("code", args.get("code")))
            values = body.get("values", args.get("values"))
            for value in values.values() if isinstance(values, dict) else ():
                self._sentence("a value of a form", value)

    def frame(self, frame: Any) -> None:
        """Remember the texts of a frame of the server."""
        if not isinstance(frame, dict):
            return
        nested = frame["data"] if isinstance(frame.get("data"), dict) else {}
        for part in (frame, nested, nested.get("error"), frame.get("error")):
            if isinstance(part, dict):
                self._sentence("the server's sentence", part.get("message"), "REQ-ERR-06")
                self._sentence("the text of a token", part.get("token"))

    def reason(self, reason: Any) -> None:
        """Remember the reason of a close frame."""
        self._sentence("the reason of the close frame", reason, "REQ-ERR-06")

    def leak(self, texts: Iterable[str]) -> str | None:
        """Say what a text of an error gives away; ``None`` when none does."""
        for text in texts:
            if EMAIL.search(text):
                return "the text of an error shows an e-mail address (REQ-ERR-04)"
            for word, what in self._words.items():
                if word in text and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text):
                    return f"the text of an error shows {what}"
        return None


def secrets_of(case: Case) -> Secrets:
    """Gather what the steps of a case must keep out of every text."""
    found = Secrets()
    for step in case.steps:
        if step.kind == "do":
            found.command(step.body)
        elif step.kind == "send":
            found.frame(step.body)
        elif step.kind == "wire":
            verb, value = next(iter(step.body.items()))
            if verb == "close":
                found.reason(value.get("reason"))
            for frame in value if isinstance(value, list) else [value]:
                found.frame(frame)
    return found


def texts(events: Iterable[Tree]) -> list[str]:
    """Return the texts of all errors that a testee reported."""
    found = (e["error"].get("text") for e in events if isinstance(e.get("error"), dict))
    return [text for text in found if isinstance(text, str)]
