"""Case files: read, checked by their schema, expanded to plain steps.

After expansion a case is a list of steps of six kinds (``do recv send wire see fence``); every
short form of AUTHORS.md has become some of these.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs

from conform.documents import CaseError, Lines, load_yaml_lines
from conform.home import HOME
from conform.home import shown as _shown
from conform.macros import Expander
from conform.spec import Spec, Tree

MACRO = re.compile(r"\$(uuid|row)\(([A-Za-z0-9_]+)\)")
DRAWS = frozenset(
    [
        "create_conversation_session",
        "get_session",
        "get_conversation_messages",
        "list_conversations",
        "rename_conversation",
        "ping",
        "send_message",
    ]
)


@dataclass(frozen=True)
class Step:
    """One plain step. ``client`` is the client whose link or handle it concerns."""

    kind: str
    body: Tree
    client: str
    line: int


@dataclass(frozen=True)
class Case:
    """One runnable case: a file without a table, or one row of one with a table."""

    name: str
    title: str
    why: str
    level: str
    proves: tuple[str, ...]
    needs: tuple[str, ...]
    kills: tuple[str, ...]
    steps: tuple[Step, ...]
    path: Path
    line: int
    ids: dict[str, list[str]] = field(default_factory=dict)

    @property
    def shown_path(self) -> str:
        """Path of the file, from the root of the repository where it lies there."""
        return _shown(self.path)

    @property
    def area(self) -> str:
        """First part of the name."""
        return self.name.split("/", 1)[0]


def uuid_of(number: int) -> str:
    """The uuid that cases write as ``$uuid(n)``."""
    return f"00000000-0000-4000-8000-{number:012d}"


def substitute(node: Any, row: Tree) -> Any:
    """Replace ``$uuid(n)`` and ``$row(name)`` everywhere; a lone ``$row`` may be any value."""
    if isinstance(node, dict):
        return {substitute(k, row): substitute(v, row) for k, v in node.items()}
    if isinstance(node, list):
        return [substitute(v, row) for v in node]
    if not isinstance(node, str):
        return node
    whole = MACRO.fullmatch(node)
    if whole and whole[1] == "row":
        if whole[2] not in row:
            raise KeyError(whole[2])
        return substitute(row[whole[2]], row)
    return MACRO.sub(lambda m: uuid_of(int(m[2])) if m[1] == "uuid" else str(row[m[2]]), node)


class Loader:
    """Loads case files of one folder against one specification."""

    def __init__(self, spec: Spec, home: Path = HOME) -> None:
        self.spec = spec
        self.home = home
        schema = json.loads((HOME / "schema" / "case.schema.json").read_text(encoding="utf-8"))
        self._validator = jsonschema_rs.Draft202012Validator(schema)

    def load_all(self, root: Path | None = None) -> list[Case]:
        """Load every ``*.yaml`` under the folder, in the order of case names."""
        found: list[Case] = []
        for path in sorted((root or self.home / "cases").rglob("*.yaml")):
            found.extend(self.load(path))
        names: dict[str, Path] = {}
        for case in found:
            if case.name in names:
                raise CaseError(f"{case.path}:1: {case.name} is also in {names[case.name]}")
            names[case.name] = case.path
        return sorted(found, key=lambda case: case.name)

    def named(self, name: str, root: Path | None = None) -> list[Case]:
        """The case of a name, or all rows of a table of that name; empty when no file is."""
        folder = root or self.home / "cases"
        for end in (name, name.rpartition("/")[0]):
            path = folder / f"{end}.yaml"
            if end and not set("*?[.") & set(end) and path.is_file():
                return [
                    c for c in self.load(path) if c.name == name or c.name.startswith(f"{name}/")
                ]
        return []

    def load(self, path: Path) -> list[Case]:
        """Load one file; a table gives one case for each row."""
        tree, lines = load_yaml_lines(path)
        shown = _shown(path)
        rows = tree.pop("table", None) if isinstance(tree, dict) else None
        if rows is not None and not (rows and all(isinstance(r, dict) and "id" in r for r in rows)):
            raise CaseError(f"{shown}:{lines.at(('table',))}: /table: every row needs an id")
        found = []
        for index, row in enumerate(rows or [{}]):
            line = lines.at(("table", index)) if row else 1
            try:
                filled = substitute(tree, row)
            except KeyError as error:
                raise CaseError(f"{shown}:{line}: the row has no {error.args[0]!r}") from None
            self._check(shown, filled, lines)
            found.append(self._case(path, filled, row, lines, line))
        return found

    def _check(self, shown: str, tree: Any, lines: Lines) -> None:
        for error in self._validator.iter_errors(tree):
            where = tuple(error.instance_path)
            pointer = "/" + "/".join(map(str, where))
            raise CaseError(f"{shown}:{lines.at(where)}: {pointer}: {error.message}")
        for rule in tree["proves"]:
            if rule not in self.spec.rules:
                raise CaseError(f"{shown}:{lines.at(('proves',))}: {rule} is not in behaviour.md")

    def _case(self, path: Path, tree: Tree, row: Tree, lines: Lines, line: int) -> Case:
        name = tree["case"] + (f"/{row['id']}" if row else "")
        steps = [{**s, "line": lines.at(("steps", i))} for i, s in enumerate(tree["steps"])]
        expander = Expander(self.spec, tree.get("client", {}), row, substitute)
        try:
            plain = expander.expand(tree.get("given"), steps, lines)
        except CaseError as error:
            raise CaseError(f"{_shown(path)}:{error}") from None
        built = tuple(Step(kind, body, client, at) for kind, body, client, at in plain)
        for step in built:
            fault = self.spec.strict_fault(step.body) if step.kind == "send" else None
            if fault:
                raise CaseError(f"{_shown(path)}:{step.line}: {name}: send is not legal, {fault}")
        return Case(
            name=name,
            title=str(row.get("title", tree["title"])),
            why=" ".join(tree["why"].split()),
            level=tree["level"],
            proves=tuple(dict.fromkeys([*tree["proves"], *row.get("proves", [])])),
            needs=tuple(dict.fromkeys([*tree.get("needs", []), *row.get("needs", [])])),
            kills=tuple(tree.get("kills", [])),
            steps=built,
            path=path,
            line=line,
            ids=ids_of(built, tree.get("client", {}).get("ids")),
        )


def ids_of(steps: tuple[Step, ...], stated: list[str] | None = None) -> dict[str, list[str]]:
    """requestIds each client draws, in order: what ``recv`` steps name, and one for each fence."""
    ids: dict[str, list[str]] = {}
    own = {s.body.get("requestId") for s in steps if s.kind == "do" and s.body["cmd"] == "turn"}
    fences = 0
    for step in steps:
        drawn = ids.setdefault(step.client, list(stated or []))
        if step.kind == "fence":
            fences += 1
            step.body["id"] = f"req-fence-{fences}"
            if step.body["id"] not in drawn:
                drawn.append(step.body["id"])
        elif step.kind == "recv" and stated is None and step.body.get("action") in DRAWS:
            name = step.body.get("requestId")
            again = name in own or name in drawn
            if isinstance(name, str) and not name.startswith("$") and not again:
                drawn.append(name)
    return ids
