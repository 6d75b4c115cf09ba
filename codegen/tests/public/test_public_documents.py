"""Every document in the manner of public ones ends as code, or as one line with what to add."""

from __future__ import annotations

from pathlib import Path

import pytest

from wiregen.build import build
from wiregen.errors import SpecError
from wiregen.lint import lint_folder
from wiregen.naming import LANGS
from wiregen.reading import AS_WRITTEN, Reading
from wiregen.vectors import vector_files

from ..printing import printed

FOLDER = Path(__file__).parent
GIVEN = {
    "streetlights-3.0.yaml typed": Reading(discriminator="type"),
    "webhooks-2.5.yaml typed": Reading(discriminator="type"),
    "client-side-3.0.yaml client": Reading(side="client"),
    "split/asyncapi.yml around": Reading(root=FOLDER),
}
# Document, and how it is read -> the words of events and actions, or rule and what helps.
RIGHT: dict[str, tuple[str, str]] = {
    "chat-2.0.yaml": ("joined said", "say typing"),
    "client-side-3.0.yaml": ("hello", "welcome"),
    "client-side-3.0.yaml client": ("welcome", "hello"),
    "cloudevents-2.6.yaml": ("com.example.created com.example.deleted", ""),
    "game-3.0.yaml": ("error state", "move"),
    "jsonrpc-ws-2.6.json": ("logs newHeads", "eth_subscribe getBlock"),
    "named-3.0.yaml": ("state", "join"),
    "oneof-payload-2.6.yaml": ("a b", "c"),
    "split/asyncapi.yml around": ("a b", ""),
    "two-tags-2.6.yaml": ("self started", "start"),
    "voice-3.0.yaml": ("response.audio.delta response.done", "session.update"),
    "webhooks-2.5.yaml typed": ("error hello", ""),
}
TOLD: dict[str, tuple[str, str]] = {
    "enum-word-3.0.yaml": ("tag-const", "the const 'state'"),
    "integer-codes-2.6.yaml": ("tag-const", "a member of their own"),
    "iot-mqtt-2.2.yaml": ("asyncapi-discriminator", "give every message one"),
    "jsonrpc-answers-2.6.yaml": ("tag-const", "no such member"),
    "kafka-avro-2.6.yaml": ("asyncapi-format", "write it as JSON Schema"),
    "kafka-protobuf-3.0.yaml": ("asyncapi-format", "write it as JSON Schema"),
    "kafka-topics-2.6.yaml": ("asyncapi-discriminator", "give every message one"),
    "market-2.6.yaml": ("name-collision", 'add "x-name"'),
    "market-lists-2.4.yaml": ("asyncapi-discriminator", "give every message one"),
    "missing-ref-2.6.yaml": ("ref-dangling", "there is no file messages.yaml"),
    "no-channels-3.0.yaml": ("asyncapi-discriminator", "list them under"),
    "no-operations-3.0.yaml": ("asyncapi-shape", "say there which messages"),
    "no-payload-2.6.yaml": ("asyncapi-shape", "add one, as `payload"),
    "only-publish-2.6.yaml": ("asyncapi-no-events", "--side client"),
    "openapi-3.1.yaml": ("asyncapi-version", "AsyncAPI 2 and 3 are read"),
    "remote-ref-2.6.yaml": ("ref-remote", "keep a copy"),
    "shared-payload-2.6.yaml": ("asyncapi-duplicate", "its own const"),
    "split/asyncapi.yml": ("ref-outside", "--root DIR"),
    "streetlights-3.0.yaml": ("asyncapi-discriminator", "--discriminator type"),
    "streetlights-3.0.yaml typed": ("tag-const", "no such member"),
    "version-1.2.yaml": ("asyncapi-version", "convert it first"),
    "webhooks-2.5.yaml": ("asyncapi-discriminator", "a constant at 'type'"),
}


def test_every_document_has_an_outcome() -> None:
    there = {path.name for path in FOLDER.glob("*.*") if path.suffix != ".py"}
    assert there | {"split"} - {"common"} == {
        key.split(" ")[0].split("/")[0] for key in (*RIGHT, *TOLD)
    }


@pytest.mark.parametrize("name", RIGHT)
def test_a_public_document_is_printed_as_it_is(name: str) -> None:
    reading = GIVEN.get(name, AS_WRITTEN)
    path = FOLDER / name.split(" ")[0]
    spec = build(path, reading)
    found = (sorted(item.wire for item in part) for part in (spec.events, spec.actions))
    assert tuple(map(" ".join, found)) == RIGHT[name]
    assert printed(spec, LANGS)
    assert vector_files(spec)
    lint_folder(path, reading)


@pytest.mark.parametrize("name", TOLD)
def test_a_public_document_is_told_what_to_add(name: str) -> None:
    rule, helps = TOLD[name]
    with pytest.raises(SpecError) as refused:
        printed(build(FOLDER / name.split(" ")[0], GIVEN.get(name, AS_WRITTEN)), ["python"])
    found = refused.value.diagnostics[0]
    assert found.rule == rule
    assert helps in found.message
    assert found.file
