"""The server and the specification say the same."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from ruamel.yaml import YAML

from smooth_operator_server.gateway.dispatch import HISTORY, VERBS
from smooth_operator_server.protocol.actions import action_names
from smooth_operator_server.protocol.refusals import Code
from smooth_operator_server.protocol.spec import documents, spec_root

PACKAGE = Path(__file__).parents[1]


def test_every_error_code_is_in_the_table() -> None:
    table = YAML(typ="safe").load(spec_root() / "errors.yaml")
    known = {row["code"]: row for row in table["codes"]}
    assert {code.value for code in Code} <= set(known)
    # What a verb is answered by never ends its turn, which is how the server sets `terminal`.
    for code in ("NO_PENDING_CONFIRMATION", "NO_PENDING_INTERACTION", "INTERACTION_MISMATCH"):
        assert known[code]["terminal"] == "never"


def test_the_actions_that_name_the_store_are_those_of_the_table() -> None:
    table = YAML(typ="safe").load(spec_root() / "errors.yaml")
    (row,) = [row for row in table["codes"] if row["code"] == "STORAGE_ERROR"]
    # Other servers answer verbs with it as well.
    verbs = {"confirm_tool_action", "verify_otp", "submit_interaction"}
    assert set(row["actions"]) - verbs == HISTORY


def test_every_action_of_the_document_is_known() -> None:
    document = YAML(typ="safe").load(spec_root() / "asyncapi.yaml")
    messages = document["components"]["messages"]
    received = {
        operation["messages"][0]["$ref"].rsplit("/", 1)[-1]
        for operation in document["operations"].values()
        if operation["action"] == "receive"
    }
    assert action_names() == {messages[name]["name"] for name in received}
    verbs = {m["name"] for m in messages.values() if m.get("x-turn") in ("resumes", "stops")}
    assert verbs == VERBS


def test_a_wheel_carries_the_schemas(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(PACKAGE)).build(directory=str(tmp_path))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for path in documents():
        assert f"smooth_operator_server/spec/{path}.schema.json" in names
    assert "smooth_operator_server/engine/script.schema.json" in names
    assert "smooth_operator_server/store/migrations/sqlite/0001_conversations.sql" in names
    assert "smooth_operator_server/knowledge/seed/returns.md" in names


@pytest.mark.parametrize("folder", ["spec", "src/smooth_operator_server/spec"])
def test_no_copy_of_the_specification_is_kept_in_the_repository(folder: str) -> None:
    assert not (PACKAGE / folder).exists()
