"""The file of a cassette: JSON lines, read with the line of each fault, written whole or not."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conform.documents import CaseError
from conform.home import shown
from conform.spec import Tree

VERSION = 1
WAYS = ("out", "in", "end")


@dataclass(frozen=True)
class Line:
    """One thing that passed: a frame of either way, or the end of a link.

    ``way`` is as the client sees it, ``at`` in ms since the first line. ``frame`` is what was sent
    as JSON (any value: a server may send what is no object), ``code`` that of an end.
    """

    at: int
    link: int
    way: str
    frame: Any = None
    code: int = 0


@dataclass(frozen=True)
class Cassette:
    """A session that was recorded."""

    spec: str
    lines: tuple[Line, ...]


def read(path: Path) -> Cassette:
    """Read a cassette; raises ``CaseError`` that names file and line."""
    name = shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CaseError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CaseError(f"{name}: not UTF-8") from None
    rows = text.splitlines()
    if not rows:
        raise CaseError(f"{name} is empty: it holds no session")
    head = _object(rows[0])
    if head is None or "cassette" not in head:
        raise CaseError(f"{name}: line 1 does not say that this is a cassette")
    if head["cassette"] != VERSION:
        told = f"is of cassette version {head['cassette']}; this harness reads {VERSION}"
        raise CaseError(f"{name} {told}")
    lines = []
    for number, row in enumerate(rows[1:], 2):
        line = _line(_object(row))
        if line is None:
            raise CaseError(f"{name}: line {number} is no frame of a cassette")
        lines.append(line)
    if not lines:
        raise CaseError(f"{name} is empty: it holds no session")
    return Cassette(str(head.get("spec", "")), tuple(lines))


def _object(text: str) -> Tree | None:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def _line(tree: Tree | None) -> Line | None:
    if tree is None or tree.get("way") not in WAYS:
        return None
    at, link, way = tree.get("at"), tree.get("link"), tree["way"]
    if type(at) is not int or type(link) is not int:
        return None
    if way == "end":
        return Line(at, link, way, code=tree["code"]) if type(tree.get("code")) is int else None
    return Line(at, link, way, frame=tree["frame"]) if "frame" in tree else None


def write(path: Path, cassette: Cassette) -> None:
    """Write a cassette whole, or leave what is there as it is."""
    rows: list[Tree] = [{"cassette": VERSION, "spec": cassette.spec}]
    for line in cassette.lines:
        end: Tree = {"code": line.code} if line.way == "end" else {"frame": line.frame}
        rows.append({"at": line.at, "link": line.link, "way": line.way, **end})
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
