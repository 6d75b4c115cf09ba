"""Errors as a testee reports them (PROTOCOL.md, section 5), with every fact that they carry."""

from __future__ import annotations

from typing import Any

from conform.facts import NATIVE
from conform.reader import Frame, Reader
from conform.spec import Spec, Tree


def error(spec: Spec, kind: str, **facts: Any) -> Tree:
    """An error observation; facts that are ``None`` or an empty text are left out.

    Whether it may be tried again is what the tables say of its code, else of its kind.
    """
    told = {name: value for name, value in facts.items() if value is not None and value != ""}
    if kind in NATIVE:
        return {"kind": kind}
    code = told.get("code")
    retryable = spec.kinds[kind]["retryable"] if code is None else spec.code(code).retryable
    return {"kind": kind, "retryable": retryable, **told}


def from_frame(spec: Spec, reader: Reader, frame: Frame, **facts: Any) -> Tree:
    """The error that an ``error`` event becomes (REQ-ERR-02, REQ-ERR-03, REQ-ERR-06)."""
    told = reader.flat("error", frame.tree)
    return error(
        spec,
        spec.code(told["code"]).kind,
        code=told["code"],
        retryAfterMs=told.get("retryAfterMs"),
        serverMessage=told.get("message"),
        **facts,
    )


def link_kind(kind: str, code: int | None) -> str:
    """Close code 4401 turns a lost link into failed authentication (REQ-CONN-15)."""
    return "authentication" if code == 4401 else kind
