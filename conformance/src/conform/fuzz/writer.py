"""A session as a case file."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML

from conform.fuzz.session import CLIENT
from conform.script import Case, Step, ids_of
from conform.spec import Tree

HEAD = "# yaml-language-server: $schema=../../schema/case.schema.json\n"


def as_yaml(case: Case) -> str:
    """Return the text of the file; what the harness fills in by itself is left out."""
    options = {k: v for k, v in case.steps[0].body.items() if k not in ("cmd", "as", "url")}
    tree: Tree = {"case": case.name, "title": case.title, "why": case.why, "level": "must"}
    tree["proves"] = list(case.proves)
    if ids_of(case.steps) != case.ids:  # an id that was drawn is written later, or never
        options["ids"] = case.ids[CLIENT]
    if options:
        tree["client"] = options
    tree["steps"] = [_step(step) for step in case.steps]
    text = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.dump(tree, text)
    return HEAD + text.getvalue()


def _step(step: Step) -> Tree:
    if step.kind == "fence":
        return {"fence": CLIENT}
    if step.kind != "do":
        return {step.kind: step.body}
    body = dict(step.body)
    cmd = body.pop("cmd")
    if cmd == "open":
        return {"do": {"open": CLIENT}}
    handle: Any = body.pop("on", None) or body.pop("turn", None) or body.get("as")
    if cmd in ("close", "advance", "abort"):
        body.pop("as", None)
    return {"do": {cmd: handle, **body}}
