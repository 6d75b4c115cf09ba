"""The page of errors: what each means, how it is named in five languages, and what to do."""

from __future__ import annotations

import re

from wiregen.ir import ErrorCode, ErrorKind, ErrorTable
from wiregen.reference.tables import code, deep_link, prose

_ENDS = (
    "An error *always* or *never* ends its turn; *unless verb*: it ends the turn, but where an "
    "answer or a stop waits it fails that alone."
)
_NAMES = (
    "The classes below are named for the kind: `ConnectFailed` is `ConnectFailedError` in Python "
    "and TypeScript, `ErrConnectFailed` for `errors.Is` in Go, `ConnectFailedException` in C#, and "
    "`Error::ConnectFailed` in Rust."
)
_LEFT_OUT = re.compile(r"\[[^\]]*\]")
_PLACE = re.compile(r"\{(\w+)\}")
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+")
_OF_PLACES = {"host": "the server"}


def page(table: ErrorTable) -> list[str]:
    """Return the lines of the page."""
    lines = ["# Errors", "", "## Codes of the server", "", _ENDS, ""]
    lines += ["| code, class | when | what to do |", "|---|---|---|"]
    texts = {it.leaf: it.text for it in table.leaves} | {it.leaf: it.text for it in table.kinds}
    lines += [_code(row, texts) for row in table.codes]
    lines += ["", "## Kinds", "", _NAMES, ""]
    lines += ["| kind, class | when | what to do |", "|---|---|---|"]
    for kind in table.kinds:
        under = f"under {code(kind.parent)}; " if kind.parent else ""
        name = deep_link(f"kind-{kind.kind}", kind.kind)
        lines.append(
            f"| {name}<br>{code(kind.leaf)} | {prose(kind.when)}<br>*{under}{_again(kind)}* | "
            f"{prose(advice(kind.text))} |"
        )
    return lines


def _code(row: ErrorCode, texts: dict[str, str]) -> str:
    name, ends = deep_link(row.code.lower(), row.code), row.terminal.replace("_", " ")
    return (
        f"| {name}<br>{code(row.leaf)} | {prose(row.when)}<br>"
        f"*ends its turn: {ends}; {_again(row)}* | {prose(advice(texts.get(row.leaf, '')))} |"
    )


def _again(row: ErrorCode | ErrorKind) -> str:
    return "may succeed when tried again" if row.retryable else "is not tried again"


def advice(text: str) -> str:
    """Return what the text of an error tells to do: what follows its first sentence.

    Parts in brackets, and the places in them, are of one error alone. A text of one sentence tells
    nothing to do.
    """
    plain = _LEFT_OUT.sub("", text)
    plain = _PLACE.sub(lambda found: _OF_PLACES.get(found[1], found[1].replace("_", " ")), plain)
    _, *rest = _SENTENCE.split(plain.strip())
    told = " ".join(rest)
    return told[:1].upper() + told[1:]
