"""The pages of the reference, as Markdown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from wiregen.ir import Enum, Message, Operation, Ref, Spec, Struct
from wiregen.load import read_text
from wiregen.reference import contract, errors
from wiregen.reference.sequences import sequences, svg
from wiregen.reference.snippets import tabs
from wiregen.reference.tables import (
    anchor,
    code,
    deep_link,
    members,
    message_link,
    prose,
    slug,
    type_words,
)
from wiregen.vectors.samples import Sampler

_ORDER = re.compile(r"^\d+-")
_RULE = re.compile(r"^- \*\*([A-Z]+(?:-[A-Z0-9]+)+)\*\*", re.MULTILINE)


def pages(spec: Spec, extra: list[Path], guides: list[Path] | None = None) -> dict[str, str]:
    """Return every page below the folder of the site: path -> Markdown.

    ``extra`` are pages of numbered rules, ``guides`` whatever Markdown the author adds;
    a number before a name gives its place and is no part of it.
    """
    found = {"index.md": _index(spec)}
    for path in guides or []:
        found[f"guide/{_ORDER.sub('', path.stem.lower())}.md"] = read_text(path, path.name)
    for message in spec.actions:
        found[f"actions/{slug(message.wire)}.md"] = _action(spec, message)
    for message in spec.events:
        found[f"events/{slug(message.wire)}.md"] = _message(spec, message)
    found["types.md"] = _types(spec)
    if sequences(spec):
        found["turns.md"] = _turns(spec)
    if spec.machines:
        found["states.md"] = _states(spec)
    if spec.errors:
        found["errors.md"] = _errors(spec)
    if spec.contract.options:
        found["options.md"] = _page(contract.options(spec.contract))
    if spec.contract.capabilities:
        found["capabilities.md"] = _page(contract.capabilities(spec.contract))
    for path in extra:
        found[f"rules/{path.stem.lower()}.md"] = _rules(read_text(path, path.name))
    return found


def navigation(found: dict[str, str]) -> list[Any]:
    """Return the site's navigation, in the order of the pages."""
    groups: dict[str, list[str]] = {}
    for path in found:
        folder, _, name = path.rpartition("/")
        groups.setdefault(folder or path, []).append(path if folder else name)
    out: list[Any] = []
    for key, paths in groups.items():
        out.append({key.capitalize(): paths} if key not in found else paths[0])
    return out


def _index(spec: Spec) -> str:
    lines = [
        f"# {prose(spec.title)} {prose(spec.version)}",
        "",
        prose(spec.doc),
        "",
        "## Actions",
        "",
    ]
    lines += ["What a client sends.", "", "| action | meaning |", "|---|---|"]
    lines += [f"| {message_link(it.wire, 'action', '')} | {prose(it.doc)} |" for it in spec.actions]
    lines += ["", "## Events", "", "What a server sends.", "", "| event | meaning |", "|---|---|"]
    lines += [f"| {message_link(it.wire, 'event', '')} | {prose(it.doc)} |" for it in spec.events]
    return _page(lines)


def _action(spec: Spec, message: Message) -> str:
    operation = spec.operation(message.wire)
    frame = Sampler(spec).minimal(_ref(message))
    lines = _head(spec, message)
    lines += ["## Answered by", "", _answers(spec, operation), ""]
    lines += ["## In five languages", "", *tabs(spec, message, frame)]
    return _page(lines)


def _message(spec: Spec, message: Message) -> str:
    lines = _head(spec, message)
    if message.accessors:
        lines += ["## Shown flat", "", "Clients show these facts as members of the event.", ""]
        lines += ["| fact | read from |", "|---|---|"]
        for fact in message.accessors:
            places = ", else ".join(code(f"/{'/'.join(place)}") for place in fact.places)
            lines.append(f"| {code(fact.name)} | {places} |")
        lines.append("")
    causes = [it.action for it in spec.operations if message.wire in it.replies]
    if causes:
        links = ", ".join(message_link(wire, "action", "../") for wire in causes)
        lines += ["## Answers", "", links, ""]
    return _page(lines)


def _head(spec: Spec, message: Message) -> list[str]:
    example = json.dumps(Sampler(spec).full(_ref(message)), indent=2, ensure_ascii=False)
    struct = spec.struct(message.name)
    lines = [f"# {prose(message.wire)}", "", prose(message.doc), "", "## Members", ""]
    lines += [*members(spec, struct, "../"), ""]
    lines += ["## Example", "", "```json", *example.splitlines(), "```", ""]
    return lines


def _ref(message: Message) -> Ref:
    return Ref(message.name)


def _answers(spec: Spec, operation: Operation) -> str:
    links = ", ".join(message_link(wire, "event", "../") for wire in operation.replies)
    if operation.result is None:
        return links or "nothing"
    result = operation.result
    if not result.at:
        return f"{links}. The result is the {code(result.event)} itself."
    kind = type_words(spec, result.type, "../")
    place = code("/" + "/".join(result.at))
    return f"{links}. The result is a {kind} in {place} of {code(result.event)}."


def _types(spec: Spec) -> str:
    lines = ["# Types", ""]
    roots = {item.name for item in (*spec.actions, *spec.events)}
    for item in spec.types:
        if item.name in roots:
            continue
        lines += [f"## {item.name} {{ #{anchor(item.name)} }}", "", prose(item.doc), ""]
        if isinstance(item, Struct):
            lines += [*members(spec, item, ""), ""]
        elif isinstance(item, Enum):
            lines += ["Known values: " + ", ".join(map(code, item.values)), ""]
        else:
            branches = [f"{code(it.mark)}: {type_words(spec, it.type, '')}" for it in item.branches]
            lines += ["One of " + "; ".join(branches) + ".", ""]
    return _page(lines)


def _turns(spec: Spec) -> str:
    lines = ["# Turns", ""]
    for sequence in sequences(spec):
        lines += [f"## {sequence.title}", "", svg(sequence), ""]
    return _page(lines)


def _states(spec: Spec) -> str:
    lines = [
        "# States",
        "",
        "The tables that clients step through; the first row that fits counts.",
    ]
    for machine in spec.contract.machines:
        lines += ["", f"## {machine.name}", "", *contract.machine(machine)]
    lines += contract.questions(spec.contract)
    for title, words in (
        ("Local events", spec.contract.local_events),
        ("Guards", spec.contract.guards),
        ("Effects", spec.contract.effects),
    ):
        lines += ["", f"## {title}", "", "| word | meaning |", "|---|---|"]
        lines += [f"| {code(word.name)} | {prose(word.doc)} |" for word in words]
    return _page(lines)


def _errors(spec: Spec) -> str:
    assert spec.errors is not None
    return _page([*errors.page(spec.errors), *contract.close_codes(spec.contract)])


def _rules(text: str) -> str:
    """Give every numbered sentence of a page an anchor to link to."""
    return _RULE.sub(lambda it: f"- **{deep_link(it.group(1), it.group(1))}**", text)


def _page(lines: list[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"
