"""Every rule: one small change, seen by its rule and graded by the way its message travels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wiregen.build import build
from wiregen.diff.compare import Comparison
from wiregen.diff.model import RULES, Change, Grade, Policy

from .small import Files, pair

B, D, S, OK = Grade.BREAKING, Grade.DANGEROUS, Grade.SOURCE, Grade.OK
Edit = Callable[[Any, Any], None]  # the schema of the message, its properties


def found(
    folder: Path, change: Callable[[Files], None], policy: Policy | None = None
) -> list[Change]:
    old, new = pair(folder, change)
    return Comparison(build(old), build(new), policy or Policy()).run()


def _prop(name: str, **values: Any) -> Edit:
    return lambda _, props: props[name].update(values)


def _drop(name: str, key: str) -> Edit:
    return lambda _, props: props[name].pop(key)


def _remove(name: str) -> Edit:
    def edit(schema: Any, props: Any) -> None:
        del props[name]
        schema["required"] = [it for it in schema["required"] if it != name]

    return edit


def _add(name: str, *, required: bool) -> Edit:
    def edit(schema: Any, props: Any) -> None:
        props[name] = {"type": "boolean", "description": "New."}
        if required:
            schema["required"].append(name)

    return edit


def _require(name: str, required: bool) -> Edit:
    def edit(schema: Any, _: Any) -> None:
        kept = [it for it in schema["required"] if it != name]
        schema["required"] = [*kept, name] if required else kept

    return edit


def _rename(old: str, new: str) -> Edit:
    def edit(schema: Any, props: Any) -> None:
        props[new] = props.pop(old)
        schema["required"] = [new if it == old else it for it in schema["required"]]

    return edit


def _move(_: Any, props: Any) -> None:
    props["wide"] = props["inner"]["properties"].pop("wide")


MEMBER_RULES: list[tuple[str, Edit, Grade, Grade]] = [
    ("PROP_REMOVED_REQUIRED", _remove("name"), B, B),
    ("PROP_REMOVED_OPTIONAL", _remove("mail"), B, D),
    ("PROP_ADDED_REQUIRED", _add("fresh", required=True), B, OK),
    ("PROP_ADDED_OPTIONAL", _add("fresh", required=False), OK, OK),
    ("PROP_BECAME_REQUIRED", _require("mail", True), B, OK),
    ("PROP_BECAME_OPTIONAL", _require("name", False), OK, B),
    ("PROP_RENAMED", _rename("count", "number"), B, B),
    ("NULL_ADDED", _prop("count", type=["integer", "null"]), OK, B),
    ("NULL_REMOVED", _prop("note", type="string"), B, OK),
    ("TYPE_CHANGED", _prop("flag", type="string", default="x"), B, B),
    ("TYPE_WIDENED", _prop("count", type="number"), OK, B),
    ("TYPE_NARROWED", _prop("note", type=["string", "null"], const="x"), B, OK),
    ("ENUM_VALUE_ADDED", _prop("kind", enum=["a", "b", "c"]), OK, OK),
    ("ENUM_VALUE_REMOVED", _prop("kind", enum=["a"]), B, D),
    ("ENUM_OPENED", _drop("kind", "enum"), OK, OK),
    ("ENUM_CLOSED", _prop("mail", enum=["x", "y"], title="Mail"), B, OK),
    ("CONST_CHANGED", _prop("tag", const="y"), B, B),
    ("BOUND_TIGHTENED", _prop("name", maxLength=5), B, OK),
    ("BOUND_LOOSENED", _prop("name", maxLength=50), OK, D),
    ("BOUND_UNSAFE", _drop("count", "maximum"), OK, B),
    ("BOUND_TIGHTENED", _prop("items", minItems=2), B, OK),
    ("PATTERN_CHANGED", _prop("name", pattern="^ab"), B, D),
    ("PATTERN_ADDED", _prop("mail", pattern="^[a-z]"), B, OK),
    ("PATTERN_REMOVED", _drop("name", "pattern"), OK, D),
    ("FORMAT_ADDED", _prop("name", format="uuid"), B, D),
    ("FORMAT_CHANGED", _prop("mail", format="uri"), D, B),
    ("FORMAT_REMOVED", _drop("mail", "format"), OK, D),
    ("CLOSED_REMOVED", lambda s, _: s.update(additionalProperties=True), OK, D),
    ("ADDITIONAL_SCHEMA_CHANGED", _prop("labels", additionalProperties={"type": "integer"}), B, B),
    ("DEFAULT_CHANGED", _prop("flag", default=False), D, D),
    ("ARRAY_SCALAR", _prop("items", type="string", items=None), B, B),
    ("NESTING_CHANGED", _move, B, B),
    ("DEPRECATED_ADDED", _prop("name", deprecated=True), OK, OK),
    ("SECRET_ADDED", _prop("name", **{"x-secret": True}), OK, OK),
    ("SECRET_REMOVED", _drop("mail", "x-secret"), D, D),
    ("DOC_CHANGED", _prop("name", description="Other text."), OK, OK),
    ("DOC_NORMATIVE", _prop("name", description="Text. It MUST be short."), D, D),
]


@pytest.mark.parametrize("message", ["ask", "told"])
@pytest.mark.parametrize(
    ("rule", "edit", "c2s", "s2c"), MEMBER_RULES, ids=lambda it: it if isinstance(it, str) else ""
)
def test_a_change_is_seen_by_its_rule_and_graded_by_direction(
    tmp_path: Path, message: str, rule: str, edit: Edit, c2s: Grade, s2c: Grade
) -> None:
    def change(files: Files) -> None:
        schema = files[f"{message}.json"]
        edit(schema, schema["properties"])
        for props in (schema["properties"], schema["properties"]["inner"]["properties"]):
            for prop in props.values():
                if prop.get("items", ...) is None:
                    del prop["items"]
                    prop.pop("minItems")

    changes = found(tmp_path, change)
    hits = [it for it in changes if it.rule == rule]
    assert hits, changes
    expected = c2s if message == "ask" else s2c
    assert max(it.wire for it in hits) == expected
    assert hits[0].api == RULES[rule].api


def _without(name: str) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        document = files["asyncapi.yaml"]
        del document["channels"]["it"]["messages"][name]
        del document["operations"][name]
        del document["components"]["messages"][name]
        for operation in document["operations"].values():
            reply = operation.get("reply", {"messages": []})
            reply["messages"] = [it for it in reply["messages"] if not it["$ref"].endswith(name)]

    return change


def _turned(files: Files) -> None:
    operations = files["asyncapi.yaml"]["operations"]
    operations["stop"]["action"] = "send"
    files["stop.json"]["properties"] = {"type": {"const": "stop", "type": "string"}}
    files["stop.json"]["required"] = ["type"]


def _retagged(files: Files) -> None:
    files["stop.json"]["properties"]["action"]["const"] = "halt"
    files["asyncapi.yaml"]["components"]["messages"]["stop"]["name"] = "halt"


def _other_key(files: Files) -> None:
    files["asyncapi.yaml"]["channels"]["it"]["x-discriminator"]["receive"] = "do"
    for name in ("ask", "stop"):
        schema = files[f"{name}.json"]
        schema["properties"]["do"] = schema["properties"].pop("action")
        schema["required"] = ["do" if it == "action" else it for it in schema["required"]]


def _flow(files: Files) -> None:
    del files["asyncapi.yaml"]["components"]["messages"]["over"]["x-turn"]


def _code(key: str, value: Any) -> Callable[[Files], None]:
    return lambda files: files["errors.yaml"]["codes"][0].update({key: value})


def _closed_inner(files: Files) -> None:
    files["told.json"]["properties"]["inner"]["additionalProperties"] = True


MESSAGE_RULES: list[tuple[str, Callable[[Files], None], Grade, Grade]] = [
    ("MESSAGE_REMOVED", _without("stop"), B, S),
    ("MESSAGE_REMOVED", _without("told"), D, S),
    ("DIRECTION_CHANGED", _turned, B, S),
    ("TAG_CHANGED", _retagged, B, S),
    ("TAG_KEY_CHANGED", _other_key, B, S),
    ("FLOW_CHANGED", _flow, B, S),
    ("ERROR_CODE_REMOVED", _code("code", "WORSE"), D, S),
    ("ERROR_CODE_ADDED", _code("code", "WORSE"), OK, OK),
    ("ERROR_CODE_CHANGED", _code("retryable", True), D, S),
    ("CLOSED_REMOVED", _closed_inner, D, OK),
]


@pytest.mark.parametrize(("rule", "change", "wire", "api"), MESSAGE_RULES)
def test_a_change_of_messages_flows_and_errors_is_seen(
    tmp_path: Path, rule: str, change: Callable[[Files], None], wire: Grade, api: Grade
) -> None:
    hits = [it for it in found(tmp_path, change) if it.rule == rule]
    assert hits
    assert (max(it.wire for it in hits), hits[0].api) == (wire, api)


def test_a_new_message_is_harmless_to_open_clients_alone(tmp_path: Path) -> None:
    old, new = pair(tmp_path, lambda _: None)
    _without_told = build_from(tmp_path / "less", _without("told"))
    for policy, expected in ((Policy(), OK), (Policy(clients="closed"), D)):
        changes = Comparison(_without_told, build(new), policy).run()
        (added,) = [it for it in changes if it.rule == "MESSAGE_ADDED"]
        assert added.wire == expected
    assert Comparison(build(old), build(new), Policy()).run() == []


def build_from(folder: Path, change: Callable[[Files], None]) -> Any:
    return build(pair(folder, change)[1])


def test_closed_clients_are_broken_by_a_new_optional_member(tmp_path: Path) -> None:
    def change(files: Files) -> None:
        files["told.json"]["properties"]["fresh"] = {"type": "boolean"}

    (added,) = found(tmp_path, change, Policy(clients="closed"))
    assert (added.rule, added.wire) == ("PROP_ADDED_OPTIONAL", B)


def test_a_type_that_only_has_another_name_is_a_matter_of_source(tmp_path: Path) -> None:
    def change(files: Files) -> None:
        files["told.json"]["properties"]["inner"]["title"] = "Renamed"

    (renamed,) = found(tmp_path, change)
    assert (renamed.rule, renamed.wire, renamed.api) == ("TYPE_NAME_CHANGED", OK, S)


def test_a_mark_on_a_construct_that_is_not_understood_is_the_mark_alone(tmp_path: Path) -> None:
    old, new = pair(tmp_path, lambda _: None)
    for folder, marks in ((old, {}), (new, {"x-secret": True})):
        path = folder / "ask.json"
        schema = json.loads(path.read_text(encoding="utf-8"))
        schema["properties"]["x-name"] = {"type": "string", "description": "Text.", **marks}
        schema["anyOf"] = [{"required": ["x-name"]}, {"required": ["flag"]}]
        path.write_text(json.dumps(schema), encoding="utf-8")
    changes = Comparison(build(old), build(new), Policy()).run()
    assert [it.rule for it in changes] == ["SECRET_ADDED"]


def test_every_rule_has_a_number_of_the_table_and_a_title() -> None:
    assert {rule.number for rule in RULES.values()} == set(range(1, 47))
    assert all(rule.title for rule in RULES.values())
