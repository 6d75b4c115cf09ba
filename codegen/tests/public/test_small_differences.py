"""What documents of others say in other words: one change of a document, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wiregen.build import build
from wiregen.errors import SpecError
from wiregen.lint import lint_folder
from wiregen.reading import Reading

TYPED = Reading(discriminator="type")
OLD = """asyncapi: 2.6.0
info: {title: Chat, version: 1.0.0}
channels:
  /:
    subscribe: {message: {$ref: '#/components/messages/Hello'}}
    publish: {message: {$ref: '#/components/messages/Ask'}}
components:
  messages:
    Hello: {payload: {type: object, required: [type], properties: {type: {const: hello}}}}
    Ask: {payload: {type: object, required: [type], properties: {type: {const: ask}}}}
"""
NEW = """asyncapi: 3.0.0
info: {title: Chat, version: 1.0.0}
channels:
  main:
    messages:
      hello: {payload: {type: object, required: [type], properties: {type: {const: hello}}}}
      ask: {payload: {type: object, required: [type], properties: {type: {const: ask}}}}
operations:
  out: {action: send, channel: {$ref: '#/channels/main'},
        messages: [{$ref: '#/channels/main/messages/hello'}]}
  in: {action: receive, channel: {$ref: '#/channels/main'},
       messages: [{$ref: '#/channels/main/messages/ask'}]}
"""
ASK = "{payload: {type: object, required: [type], properties: {type: {const: ask}}}}"
AVRO = "{schemaFormat: application/vnd.apache.avro;version=1.9.0, schema: {type: record}}"
JSON = "{schemaFormat: application/schema+json;version=draft-07, schema: {$ref: ask.json}}"
ASK_FILE = '{"type":"object","required":["type"],"properties":{"type":{"const":"ask"}}}'

# Document -> the rules that are told of it; it is read all the same.
READ: dict[str, tuple[str, set[str]]] = {
    "a date without quotes": (
        OLD.replace("{const: ask}", "{const: ask, example: 2020-01-01}, at: {const: 2020-01-01}"),
        set(),
    ),
    "a byte-order mark": ("\ufeff" + OLD, set()),
    "line ends of another system": (OLD.replace("\n", "\r\n"), set()),
    "content that is not JSON": (
        OLD + "defaultContentType: application/x-protobuf\n", {"asyncapi-content"}
    ),
    "a schema of another format that nobody needs": (
        f"{NEW}components: {{schemas: {{E: {AVRO}}}}}\n", {"asyncapi-format"}
    ),
    "a payload by reference to one with its format": (
        NEW.replace(ASK, "{payload: {$ref: '#/components/schemas/E'}}")
        + f"components: {{schemas: {{E: {JSON}}}}}\n",
        set(),
    ),
    "a message that is a whole file": (NEW.replace(ASK, "{$ref: ask.yaml}"), set()),
    "a word of bounded length": (
        NEW.replace("{const: ask}", "{type: string, maxLength: 9}"), {"tag-from-name"}
    ),
    "tables beside the document": (NEW + "x-error-codes: errors.yaml\n", set()),
}  # fmt: skip
# Document and discriminator -> rule, place and words that help.
TOLD: dict[str, tuple[str, str, str, str]] = {
    "a pointer for a member": (NEW, "/type", "tag-const", "has a constant at 'type'"),
    "half of a pair": (NEW, "receive=type", "usage", "receive=NAME,send=NAME"),
    "a version that is a number": (
        NEW.replace("3.0.0", "3.0"), "type", "asyncapi-version", "as a text"
    ),
    "a payload of another format": (
        NEW.replace(ASK, f"{{payload: {AVRO}}}"), "type", "asyncapi-format", "write it as JSON"
    ),
    "the same by reference": (
        NEW.replace(ASK, "{payload: {$ref: '#/components/schemas/E'}}")
        + f"components: {{schemas: {{E: {AVRO}}}}}\n",
        "type", "asyncapi-format", "write it as JSON Schema",
    ),
    "a message that is the document": (
        NEW.replace(ASK, "{$ref: '#'}"), "type", "ref-dangling", "the document itself"
    ),
    "tables of the system": (
        NEW + "x-options: /etc/passwd\n", "type", "ref-outside", "leaves the folder"
    ),
    "tables that are not there": (
        NEW + "x-options: options.yml\n", "type", "ref-dangling", "no file options.yml"
    ),
    "tables in the document": (
        NEW + "x-options: {options: []}\n", "type", "asyncapi-shape", "names a file of tables"
    ),
    "a word that is too long": (
        NEW.replace("{const: ask}", "{type: string, maxLength: 2}"), "type", "tag-const", "'ask'"
    ),
}  # fmt: skip
BESIDE = {
    "ask.json": ASK_FILE,
    "ask.yaml": f"payload: {ASK_FILE}\n",
    "errors.yaml": "unknown_code: {kind: k, leaf: K, retryable: false, terminal: never}\n"
    "kinds: [{kind: k, leaf: K, retryable: false}]\n",
}


def write(folder: Path, text: str) -> Path:
    """Write a document and the files that it may name, below a folder of others."""
    place = folder / "chat"
    place.mkdir()
    for name, there in {"asyncapi.yaml": text, **BESIDE}.items():
        (place / name).write_bytes(there.encode())
    return place


@pytest.mark.parametrize("around", [False, True])
@pytest.mark.parametrize("name", READ)
def test_a_document_in_other_words_is_read(name: str, around: bool, tmp_path: Path) -> None:
    text, told = READ[name]
    place = write(tmp_path, text)
    reading = Reading(discriminator="type", root=tmp_path if around else None)
    spec = build(place, reading)
    assert [item.wire for item in (*spec.events, *spec.actions)] == ["hello", "ask"]
    assert {item.rule for item in spec.diagnostics} == told
    linted = " ".join(item.message for item in lint_folder(place, reading))
    assert all(f"[{rule}]" in linted for rule in told)


@pytest.mark.parametrize("name", TOLD)
def test_a_document_that_cannot_be_read_is_one_line(name: str, tmp_path: Path) -> None:
    text, tag, rule, words = TOLD[name]
    with pytest.raises(SpecError) as refused:
        build(write(tmp_path, text), Reading(discriminator=tag))
    (found,) = refused.value.diagnostics
    assert found.rule == rule
    assert words in found.message
    assert found.file == ("" if rule == "usage" else "asyncapi.yaml")
