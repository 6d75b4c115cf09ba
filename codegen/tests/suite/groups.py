"""The groups of the JSON-Schema-Test-Suite as specifications: one event a group."""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wiregen.build import build
from wiregen.errors import SpecError
from wiregen.ir import Spec
from wiregen.naming import LANGS, enum_member, member_name, words
from wiregen.words import word_set

from .verdicts import Verdict, agreeing, differences, verdict

Json = Any
FOLDER = "json/tests/draft2020-12/"


@dataclass(frozen=True, slots=True)
class Group:
    """One schema of the suite with its tests: `(description, data, valid)`."""

    file: str
    index: int
    description: str
    schema: Json
    tests: tuple[tuple[str, Json, bool], ...]

    @property
    def name(self) -> str:
        """A word for it: the type of its event."""
        return re.sub(r"[^a-z0-9]+", "_", f"{self.file}_{self.index}".lower())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a group: diagnostics of its types, the rule that refused it, or neither."""

    rules: tuple[str, ...]
    refused: str | None


def read_groups(archive: Path) -> list[Group]:
    """Return the required groups of draft 2020-12, in the order of the suite."""
    found: list[Group] = []
    with tarfile.open(archive) as packed:
        for member in sorted(packed.getmembers(), key=lambda one: one.name):
            folder, _, name = member.name.partition(FOLDER)
            if not name.endswith(".json") or "/" in name or not folder:
                continue
            stream = packed.extractfile(member)
            assert stream is not None
            for index, group in enumerate(json.load(stream)):
                tests = tuple((t["description"], t["data"], t["valid"]) for t in group["tests"])
                stem = name.removesuffix(".json")
                found.append(Group(stem, index, group["description"], group["schema"], tests))
    return found


def write_spec(folder: Path, groups: list[Group], *, shared: bool = False) -> Path:
    """Write a specification with one event a group, its schema at the member `value`.

    With ``shared`` the schemas get titles, so that their names do not clash.
    """
    folder.mkdir(parents=True, exist_ok=True)
    messages: Json = {}
    for group in groups:
        schema = titled(group.schema, f"{group.name} value") if shared else group.schema
        (folder / f"{group.name}.json").write_text(json.dumps(schema), encoding="utf-8")
        payload = {
            "title": group.name,
            "type": "object",
            "required": ["is", "value"],
            "properties": {"is": {"const": group.name}, "value": {"$ref": f"{group.name}.json"}},
        }
        messages[group.name] = {"name": group.name, "payload": payload}
    ping = {"type": "object", "required": ["do"], "properties": {"do": {"const": "ping"}}}
    messages["ping"] = {"name": "ping", "payload": {"title": "ping", **ping}}
    channel = {
        "address": "/",
        "x-discriminator": {"receive": "do", "send": "is"},
        "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in messages},
    }
    operations = {
        key: {
            "action": "receive" if key == "ping" else "send",
            "channel": {"$ref": "#/channels/wire"},
            "messages": [{"$ref": f"#/channels/wire/messages/{key}"}],
        }
        for key in messages
    }
    document = {
        "asyncapi": "3.1.0",
        "info": {"title": "suite", "version": "1.0"},
        "channels": {"wire": channel},
        "operations": operations,
        "components": {"messages": messages},
    }
    (folder / "asyncapi.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def outcome(folder: Path, group: Group) -> Outcome:
    """Read one group; anything but a specification or a diagnostic is a crash and raised."""
    try:
        spec = build(write_spec(folder / group.name, [group]))
    except SpecError as refused:
        return Outcome((), refused.diagnostics[0].rule)
    return Outcome(tuple(sorted({found.rule for found in spec.diagnostics})), None)


def outcomes(folder: Path, groups: list[Group]) -> dict[str, Outcome]:
    """Return what became of every group, by its name."""
    return {group.name: outcome(folder, group) for group in groups}


def readable(groups: list[Group], found: dict[str, Outcome]) -> list[Group]:
    """Return the groups that are IR, with diagnostics or without, and can share one specification.

    A group with an `$id` cannot: another group may claim the same one.
    """
    return [
        group
        for group in groups
        if found[group.name].refused is None and '"$id"' not in json.dumps(group.schema)
    ]


def printable(groups: list[Group]) -> list[Group]:
    """Return the groups whose members have names in every language; a clash is refused there."""
    return [group for group in groups if _named(group.schema)]


def _named(schema: Json) -> bool:
    if isinstance(schema, list):
        return all(_named(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    members = schema.get("properties")
    if isinstance(members, dict):
        for lang in LANGS:
            names = {member_name(lang, wire) for wire in members}
            if len(names) < len(members) or not all(words(wire) for wire in members):
                return False
    values = schema.get("enum", [])
    texts = {item for item in values if isinstance(item, str)}
    if len({enum_member("go", "x", item) for item in texts}) < len(texts):
        return False
    return all(_named(item) for item in schema.values())


def titled(schema: Json, name: str) -> Json:
    """Give every schema inside a title of its own, so that groups can share one name table."""
    if not isinstance(schema, dict):
        return schema
    out: Json = {"title": name}
    for key, value in schema.items():
        if key == "title":
            continue
        if key in _MAPS and isinstance(value, dict):
            out[key] = {
                word: titled(item, f"{name} {key} {index}")
                for index, (word, item) in enumerate(value.items())
            }
        elif key in _LISTS and isinstance(value, list):
            out[key] = [titled(item, f"{name} {key} {at}") for at, item in enumerate(value)]
        elif key in _ONE:
            out[key] = titled(value, f"{name} {key}")
        else:
            out[key] = value
    return out


_MAPS = frozenset({"properties", "$defs", "patternProperties", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_ONE = word_set(
    "items additionalProperties not if then else contains propertyNames unevaluatedProperties "
    "unevaluatedItems"
)


@dataclass(frozen=True)
class Suite:
    """The whole suite: its groups, what became of them, and those that share one specification."""

    groups: list[Group]
    found: dict[str, Outcome]
    shared: list[Group]
    spec: Spec
    verdicts: tuple[Verdict, ...]

    @classmethod
    def of(cls, groups: list[Group], folder: Path) -> Suite:
        """Read every group by itself, then all that can be read together."""
        found = outcomes(folder / "each", groups)
        shared = printable(readable(groups, found))
        spec = build(write_spec(folder / "all", shared, shared=True))
        verdicts = tuple(
            verdict(spec, group.name, group.schema, found[group.name].rules, row)
            for group, *row in lines(shared)
        )
        return cls(groups, found, shared, spec, verdicts)

    def figures(self) -> dict[str, Any]:
        """Return the figures of the ratchet."""
        same, both = agreeing(self.verdicts)
        refused = {row.group for row in self.verdicts if row.valid and not row.read}
        return {
            **figures(self.groups, self.found),
            "groups_in_five_languages": len(self.shared),
            "tests_in_five_languages": len(self.verdicts),
            "verdicts_of_the_suite": sum(not row.why for row in self.verdicts),
            "groups_whose_valid_tests_are_accepted": len(self.shared) - len(refused),
            "groups_that_agree": len(same),
            "groups_that_agree_and_refuse": len(both),
            "differences": differences(self.verdicts),
        }


def figures(groups: list[Group], found: dict[str, Outcome]) -> dict[str, Any]:
    """Return how many groups ended how."""
    counted: Counter[str] = Counter()
    for item in found.values():
        counted.update({item.refused} if item.refused else item.rules)
    return {
        "groups": len(groups),
        "tests": sum(len(group.tests) for group in groups),
        "ir": sum(not item.rules and not item.refused for item in found.values()),
        "ir_with_diagnostics": sum(bool(item.rules) for item in found.values()),
        "refused": sum(item.refused is not None for item in found.values()),
        "diagnostics": dict(sorted(counted.items())),
    }


def _large(value: Json) -> bool:
    """Whether a number is an integer that not every language can hold: outside the contract."""
    if isinstance(value, dict):
        return any(_large(item) for item in value.values())
    if isinstance(value, list):
        return any(_large(item) for item in value)
    return isinstance(value, int | float) and abs(value) > 2**53


def lines(groups: list[Group]) -> Iterator[tuple[Group, str, str, bool]]:
    """Yield group, test, frame and the verdict of the suite."""
    for group in groups:
        for description, data, valid in group.tests:
            if _large(data):
                continue
            frame = {"is": group.name, "value": data}
            yield group, description, json.dumps(frame), valid


__all__ = [
    "Group",
    "Outcome",
    "Spec",
    "Suite",
    "figures",
    "lines",
    "outcomes",
    "printable",
    "read_groups",
    "readable",
    "write_spec",
]
