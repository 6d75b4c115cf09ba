"""Errors as a testee reports them (PROTOCOL.md, section 5), with the facts that they carry."""

from __future__ import annotations

from typing import Any

from conform.facts import NATIVE
from conform.oracle.host import Host
from conform.reader import Frame
from conform.spec import Spec, Tree

# Members of protocol 2 and the words that the table `outcomes` has for them.
WORDS = {"at": "pointer", "details": "body"}


def error(spec: Spec, kind: str, **facts: Any) -> Tree:
    """An error with what the table ``outcomes`` lets its kind carry of the facts that are known.

    Whether it may be tried again is what was said, else what the tables say of code or kind.
    """
    if kind in NATIVE:
        return {"kind": kind}
    carried = spec.carries(kind)
    told = {
        name: value
        for name, value in facts.items()
        if value is not None and value != "" and WORDS.get(name, name) in carried
    }
    code = told.get("code")
    retryable = spec.kinds[kind]["retryable"] if code is None else spec.code(code).retryable
    if facts.get("retryable") is not None:
        retryable = facts["retryable"]
    return {"kind": kind, "retryable": retryable, **told}


def told_by(host: Host, event: str, told: Tree) -> Tree:
    """What a step may look at of a frame's status and error."""
    code = told.get("code") if event == "error" else None
    return {
        "status": told.get("status"),
        "code": code,
        "code_terminal": None if code is None else host.spec.code(code).terminal,
        "said_terminal": told.get("terminal"),
    }


def from_frame(host: Host, frame: Frame, **facts: Any) -> Tree:
    """The error that an ``error`` event becomes (REQ-ERR-02, REQ-ERR-03, REQ-ERR-06)."""
    told = host.flat(frame)
    kind = host.spec.code(told["code"]).kind
    names = {"code": "code", "retryAfterMs": "retryAfterMs", "serverMessage": "message"}
    return error(host.spec, kind, **{n: told.get(m) for n, m in names.items()}, **facts)


def link_kind(spec: Spec, kind: str, code: int | None) -> str:
    """Kind of what a lost link ends, by its close code (REQ-CONN-15)."""
    told = spec.close_kind(code)
    return kind if told == "connection_lost" else told
