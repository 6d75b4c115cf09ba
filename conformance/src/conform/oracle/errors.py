"""Errors as a testee reports them (PROTOCOL.md, section 5)."""

from __future__ import annotations

from typing import Any

from conform.reader import Frame, Reader
from conform.spec import Spec, Tree


def error(kind: str, **facts: Any) -> Tree:
    """An error observation; facts that are ``None`` are left out."""
    return {"kind": kind, **{k: v for k, v in facts.items() if v is not None}}


def from_frame(spec: Spec, reader: Reader, frame: Frame, request: str | None) -> Tree:
    """The error that an ``error`` event becomes (REQ-ERR-02, REQ-ERR-03)."""
    facts = reader.flat("error", frame.tree)
    kind = spec.code(facts["code"]).kind
    return error(kind, code=facts["code"], request=request, retryAfterMs=facts.get("retryAfterMs"))


def link_kind(kind: str, code: int | None) -> str:
    """Close code 4401 turns a lost link into failed authentication (REQ-CONN-15)."""
    return "authentication" if code == 4401 else kind
