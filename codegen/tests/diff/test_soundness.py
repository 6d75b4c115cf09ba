"""Witnesses: what a reader refuses was graded breaking, and what is breaking a reader refuses."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wiregen.diff.compare import Comparison
from wiregen.diff.model import Change, Grade, Policy
from wiregen.errors import SpecError

from .small import Files, files, pair, struct, write
from .test_rules import MEMBER_RULES, Edit
from .witnesses import built, refused, refused_by_comparing

Json = Any
COMPARING = {"CONST_CHANGED", "FORMAT_ADDED", "FORMAT_CHANGED", "BOUND_UNSAFE"}
"""Rules that speak of readers who compare constants, parse formats, or count to 2^53."""
MEANING = {"PROP_RENAMED", "NESTING_CHANGED"}
"""Breaking although an open reader may take the frame: it no longer finds the fact."""


def edited(message: str, edit: Edit) -> Any:
    def change(found: Files) -> None:
        schema = found[f"{message}.json"]
        edit(schema, schema["properties"])
        items = schema["properties"].get("items", {})
        if items.get("items", ...) is None:
            del items["items"], items["minItems"]

    return change


@pytest.mark.parametrize("message", ["ask", "told"])
@pytest.mark.parametrize(("rule", "edit"), [(r, e) for r, e, _, _ in MEMBER_RULES])
def test_breaking_is_what_the_reader_refuses_and_nothing_else(
    tmp_path: Path, message: str, rule: str, edit: Edit
) -> None:
    change = edited(message, edit)
    old, new = built(*pair(tmp_path, change))
    changes = Comparison(old, new, Policy()).run()
    after = files()
    change(after)
    raw = [files()[f"{message}.json"], after[f"{message}.json"]]
    witnesses, count = refused(old, new, message, raw)
    assert count > 10, "hardly a frame to try"
    worst = max((it.wire for it in changes), default=Grade.OK)
    assert not witnesses or worst is Grade.BREAKING, (rule, witnesses[0])
    breaking = {it.rule for it in changes if it.wire is Grade.BREAKING}
    if breaking & COMPARING:
        witnesses = refused_by_comparing(old, new, message, raw)
    assert witnesses or not breaking - MEANING, breaking


# Pairs of schemas for one required member, with the grades on the way to the server and back.
B, D, S, OK = Grade.BREAKING, Grade.DANGEROUS, Grade.SOURCE, Grade.OK
TEXT = {"type": "string"}
INTEGER = {"type": "integer", "maximum": 100, "minimum": 0}
CAT = struct("Cat", {"kind": {"const": "cat"}, "lives": INTEGER}, ["kind"])
DOG = struct("Dog", {"kind": {"const": "dog"}}, ["kind"])
EEL = struct("Eel", {"eel": TEXT}, ["eel"])
FOX = struct("Fox", {"fox": TEXT}, ["fox"])
GNU = struct("Gnu", {"gnu": TEXT}, ["gnu"])


def union(*branches: Json) -> Json:
    return {"title": "Pet", "oneOf": list(branches)}


def mapped(values: Json) -> Json:
    return {"type": "object", "additionalProperties": values}


def titled(schema: Json, title: str, **more: Json) -> Json:
    return {**schema, "title": title, **more}


VALUES: dict[str, tuple[Json, Json, Grade, Grade]] = {
    "a multiple of less": (
        {**INTEGER, "multipleOf": 4},
        {**INTEGER, "multipleOf": 2},
        OK,
        D,
    ),
    "a multiple of more": ({**INTEGER, "multipleOf": 2}, {**INTEGER, "multipleOf": 4}, B, OK),
    "the same bound in other words": (INTEGER, {**INTEGER, "minimum": -5, "exclusiveMinimum": -1},
                                      OK, OK),
    "a wider map": (mapped(INTEGER), mapped({"type": "number"}), OK, B),
    "a narrower map": (mapped({"type": "number"}), mapped(INTEGER), B, OK),
    "a map of other values": (mapped(TEXT), mapped(INTEGER), B, B),
    "a map of nulls": (mapped(TEXT), mapped({"type": ["string", "null"]}), OK, B),
    "a looser bound in a map": (mapped({**TEXT, "maxLength": 3}), mapped(TEXT), OK, D),
    "one value becomes two": ({"enum": ["a"]}, {"title": "E", "enum": ["a", "b"]}, OK, OK),
    "two values become one": ({"title": "E", "enum": ["a", "b"]}, {"enum": ["a"]}, B, D),
    "values become a short text": (
        {"title": "E", "enum": ["a", "bbb"]}, {**TEXT, "maxLength": 2}, B, OK
    ),
    "integers become small numbers": (INTEGER, {"type": "number", "maximum": 50}, B, B),
    "a tag more": (union(CAT, DOG), union(CAT, DOG, titled(DOG, "Ant", properties={
        "kind": {"const": "ant"}})), OK, OK),
    "a tag less": (union(CAT, DOG, titled(DOG, "Ant", properties={"kind": {"const": "ant"}})),
                   union(CAT, DOG), B, D),
    "a key more": (union(EEL, FOX), union(EEL, FOX, GNU), OK, OK),
    "a JSON type more": (union(TEXT, INTEGER), union(TEXT, INTEGER, {"type": "boolean"}), OK, B),
    "told apart by another member": (
        union(CAT, DOG),
        union(*[titled(it, it["title"], properties={"sort": it["properties"]["kind"]},
                       required=["sort"]) for it in (CAT, DOG)]), B, B),
    "no longer told apart": (
        union(CAT, DOG),
        union(titled(CAT, "Cat", properties={**CAT["properties"], "kind": TEXT}, required=[]), DOG),
        B, B),
    "a bound in a branch": (
        union(CAT, DOG),
        union(titled(CAT, "Cat", properties={
            **CAT["properties"], "lives": {**INTEGER, "maximum": 9}}), DOG), B, OK),
    "an object becomes a branch": (EEL, union(EEL, FOX), OK, B),
    "one branch is left": (union(EEL, FOX), EEL, B, OK),
    "renamed and narrowed": (CAT, titled(CAT, "Tom", required=["kind", "lives"]), B, S),
    "another type of equal shape": (CAT, titled(CAT, "Tom"), S, S),
    "a member of an open object gone": (
        {**CAT, "additionalProperties": True},
        titled(DOG, "Cat", properties={"kind": {"const": "cat"}}, additionalProperties=True),
        D, D),
}  # fmt: skip


def member(wire: str, schema: Json) -> Files:
    """Return the protocol in which one message carries the member `it` alone."""
    found = files()
    tag = "action" if wire == "ask" else "type"
    props = {tag: {"const": wire, "type": "string"}, "it": copy.deepcopy(schema)}
    found[f"{wire}.json"] = struct(wire.capitalize(), props, [tag, "it"])
    return found


@pytest.mark.parametrize("wire", ["ask", "told"])
@pytest.mark.parametrize("name", VALUES)
def test_a_change_of_values_is_graded_as_its_readers_behave(
    name: str, wire: str, tmp_path: Path
) -> None:
    before, after, c2s, s2c = VALUES[name]
    old = write(tmp_path / "old", member(wire, before))
    new = write(tmp_path / "new", member(wire, after))
    specs = built(old, new)
    changes = Comparison(*specs, Policy()).run()
    expected = c2s if wire == "ask" else s2c
    worst = max((it.wire for it in changes), default=OK)
    assert worst == (OK if expected is S else expected), changes
    if expected is S:
        assert max(it.api for it in changes) is S
    witnesses, _ = refused(*specs, wire, [before, after])
    assert bool(witnesses) == (worst is B), (changes, witnesses[:1])


NAMES = st.sampled_from(["a", "b", "c"])
BOUND = st.integers(-2, 4)
LENGTH = st.integers(0, 3)


def _bounded(kind: str) -> st.SearchStrategy[Json]:
    optional = {"minimum": BOUND, "maximum": BOUND.map(lambda n: n + 6), "multipleOf": st.just(2)}
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=optional)


STRINGS = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": LENGTH,
        "maxLength": LENGTH.map(lambda n: n + 3),
        "pattern": st.sampled_from(["^a", "^[a-z]*$", "0"]),
    },
)
LISTED = st.lists(st.sampled_from(["a", "b", "zz"]), min_size=1, unique=True).map(
    lambda values: {"type": "string", "enum": values}
)
LEAVES = st.one_of(
    _bounded("integer"), _bounded("number"), STRINGS, LISTED, st.just({"type": "boolean"})
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner}, optional={"maxItems": LENGTH}
        ),
        inner.map(mapped),
        st.dictionaries(NAMES, inner, min_size=1).flatmap(
            lambda props: st.lists(st.sampled_from(sorted(props)), unique=True).map(
                lambda required: {
                    "type": "object",
                    "properties": props,
                    "required": required,
                    "additionalProperties": False,
                }
            )
        ),
    ),
    max_leaves=4,
)
MEMBERS = st.dictionaries(NAMES, st.tuples(SCHEMAS, st.booleans(), st.booleans()), min_size=1)


def _nullable(schema: Json, null: bool) -> Json:
    if not null or "enum" in schema:
        return schema
    return {**schema, "type": [schema["type"], "null"]}


def protocol(members: Any) -> Files:
    """Return the protocol in which both messages carry these members."""
    found = files()
    for name, tag in (("ask", "action"), ("told", "type")):
        props: Json = {tag: {"const": name, "type": "string"}}
        props |= {wire: _nullable(copy.deepcopy(s), null) for wire, (s, _, null) in members.items()}
        required = [tag, *(wire for wire, (_, must, _) in members.items() if must)]
        found[f"{name}.json"] = struct(name.capitalize(), props, required)
    return found


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=MEMBERS, after=MEMBERS, same=st.sets(NAMES))
def test_whatever_a_reader_refuses_was_graded_breaking(
    before: Any, after: Any, same: set[str], tmp_path: Path
) -> None:
    after = {**after, **{name: before[name] for name in sorted(same) if name in before}}
    old_files, new_files = protocol(before), protocol(after)
    try:
        specs = built(write(tmp_path / "old", old_files), write(tmp_path / "new", new_files))
    except SpecError:  # such as two anonymous types of one name
        return
    for wire, direction in (("ask", "write"), ("told", "read")):
        comparison = Comparison(*specs, Policy())
        worst = max((it.wire for it in comparison.run() if _of(it, wire)), default=OK)
        raw = [old_files[f"{wire}.json"], new_files[f"{wire}.json"]]
        witnesses, _ = refused(*specs, wire, raw)
        assert not witnesses or worst is B, (direction, before, after, witnesses[0])


def _of(change: Change, wire: str) -> bool:
    return change.where.lower().startswith(wire)
