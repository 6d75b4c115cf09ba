"""Errors of the reference client: one class, told apart by ``kind``."""

from __future__ import annotations

from typing import Any

from conform.facts import NATIVE, cut
from conform.sentences import Sentences, filled
from conform.spec import Spec

Tree = dict[str, Any]
LOST_BY = {  # mutant -> the fact that its errors lack
    "error-code-lost": "code",
    "close-code-lost": "closeCode",
    "close-reason-lost": "closeReason",
    "error-session-lost": "sessionId",
    "error-partial-text-lost": "partialText",
    "server-message-lost": "serverMessage",
    "retry-after-lost": "retryAfterMs",
}


class RefError(Exception):
    """A failure with its facts; ``facts`` are those of PROTOCOL.md, section 5."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.kind = kind
        self.facts = {k: v for k, v in facts.items() if v is not None and v != ""}

    def under(self, **ids: str | None) -> RefError:
        """The same failure, as the action of these ids shows it (REQ-CONN-04)."""
        return RefError(self.kind, **{**self.facts, **ids})

    def shown(self, spec: Spec, faults: frozenset[str], protocol: int, host: str = "") -> Tree:
        """As a testee reports it; ``host`` is the peer that its text names."""
        if self.kind in NATIVE:
            return {"kind": self.kind, **({"text": "a wrong argument"} if protocol > 1 else {})}
        facts = {n: v for n, v in self.facts.items() if n != "leak"}
        code = facts.get("code")
        row = spec.kinds[self.kind]["retryable"] if code is None else spec.code(code).retryable
        row = facts.pop("retryable", row)
        told = {"kind": self.kind, "retryable": row != ("retryable-flipped" in faults), **facts}
        for name, fact in LOST_BY.items():
            if name in faults:
                told.pop(fact, None)
        if protocol == 1:
            names = {"requestId": "request", "closeCode": "close"}
            return {names.get(n, n): v for n, v in cut(told, 1).items()}
        text = filled(Sentences(spec).template(told), {**told, "host": host})
        return {**told, "text": self._spoilt(text, faults)}

    def _spoilt(self, text: str, faults: frozenset[str]) -> str:
        if "text-of-its-own" in faults:
            text = f"{self.kind} ({self.facts.get('requestId', 'no id')})"
        if "server-message-in-text" in faults:
            text += f": {self.facts.get('serverMessage', '')}"
        if "secret-in-text" in faults:
            text += f" at {self.facts.get('leak', '')}"
        return text


def from_info(spec: Spec, info: Tree, **facts: Any) -> RefError:
    """The error of an error object ``{code, message, …}``."""
    code = info.get("code")
    kind = spec.code(str(code)).kind
    told = {"retryAfterMs": info.get("retryAfterMs"), "serverMessage": info.get("message")}
    return RefError(kind, code=code, **told, **facts)
