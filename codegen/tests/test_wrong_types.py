"""A value of the wrong kind, anywhere in any file: one line with file and pointer, never a gap.

A sample by seed; `WIREGEN_WALK=all` walks every value of every file (half an hour).
"""

from __future__ import annotations

import json
import os
import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wiregen import cli, config, manifest
from wiregen.config import load_config
from wiregen.diff import waivers
from wiregen.words import word_set

from .conftest import FIXTURES, PROTOCOLS
from .wrong_types import KINDS, ODD, Change, places, replaced, told, walk, wrong

Json = Any
ALL = os.environ.get("WIREGEN_WALK") == "all"
SPEC = Path(__file__).parents[2] / "spec"
STARTER = Path(cli.__file__).parent / "starter"
TOML = Path(__file__).parents[1] / "wiregen.toml"


def sample(changes: list[Change], count: int) -> list[Change]:
    """Return all changes, or some of them, the same ones in every run."""
    return (
        changes if ALL else random.Random("wrong types").sample(changes, min(count, len(changes)))
    )


def changes(folder: Path, names: tuple[str, ...]) -> list[Change]:
    """Return every change of some files of a specification."""
    found = walk(folder)
    return [(name, *one) for name in names for one in wrong(found.value(name))]


def faults(folder: Path, names: tuple[str, ...], count: int) -> list[tuple[Change, str]]:
    """Return every change that is not told well."""
    chosen = sample(changes(folder, names), count)
    found = [(one, walk(folder).fault(one)) for one in chosen]
    return [(one, fault) for one, fault in found if fault]


@pytest.mark.parametrize(
    ("folder", "count"), [(SPEC, 220), (FIXTURES / "thermostat", 150), (STARTER / "spec", 100)]
)
def test_a_value_of_another_kind_in_a_table_is_told(folder: Path, count: int) -> None:
    assert faults(folder, tuple(walk(folder).tables.values()), count) == []


@pytest.mark.parametrize(
    ("folder", "count"), [(FIXTURES / "thermostat", 150), (PROTOCOLS / "harbour", 60)]
)
def test_a_value_of_another_kind_in_a_document_or_a_schema_is_told(
    folder: Path, count: int
) -> None:
    assert faults(folder, walk(folder).others, count) == []


def test_a_value_of_another_kind_in_our_own_document_and_schemas_is_told() -> None:
    assert faults(SPEC, walk(SPEC).others, 8) == []


# Words of ours and of others that a lint, a table or a type may read wherever they stand.
_WORDS = word_set(
    "x-since x-emit x-name x-names x-lint-allow x-secret x-reader-optional x-enum-varnames "
    "x-turn x-payload x-mirrors x-correlation x-discriminator x-result x-options "
    "x-capabilities x-new $ref $id $defs type enum const properties required "
    "additionalProperties items allOf oneOf pattern format minimum maxLength multipleOf "
    "default examples title description discriminator nullable name payload schemaFormat "
    "messages reply channel action traits contentType"
)


def test_a_word_with_a_value_of_any_kind_anywhere_is_told() -> None:
    folder = FIXTURES / "thermostat"
    places = [("types/room.schema.json", ""), ("events/reading.schema.json", "/properties/body")]
    places += [("types/mode.schema.json", ""), ("asyncapi.yaml", "")]
    places += [("asyncapi.yaml", f"/{it}") for it in ("channels/wire", "operations/read")]
    places += [("asyncapi.yaml", "/components/messages/read")]
    tried = [
        (name, f"{place}/{word}", other)
        for name, place in places
        for word in sorted(_WORDS)
        for other in (*KINDS, *ODD, [[]], {"x": []}, 10**400)
    ]
    since = [one for one in tried if one[1].endswith("/x-since")]
    found = [(one, walk(folder).fault(one)) for one in (*since, *sample(tried, 150))]
    assert [(one, fault) for one, fault in found if fault] == []


def _toml(text: str) -> Iterator[tuple[str, Json]]:
    for pointer, other in wrong(tomllib.loads(text)):
        if pointer and None not in (other, *(other if isinstance(other, list) else ())):
            yield pointer, other


def test_a_value_of_another_kind_in_the_settings_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TOML.read_text(encoding="utf-8") + 'module = "wire"\n'
    text = f'discriminator = "type"\nside = "server"\nrole = "client"\nspec_root = "."\n{text}'
    path = tmp_path / "wiregen.toml"
    path.write_text(text, encoding="utf-8")
    whole = tomllib.loads(text)
    for pointer, other in _toml(text):
        value = replaced(whole, pointer, other)
        with monkeypatch.context() as patch:
            patch.setattr(config.tomllib, "loads", lambda _, value=value: value)
            fault, refused = told(lambda: load_config(path))
        assert fault is None, (pointer, other, fault)
        free = other == {} and pointer == "/lang"
        assert refused or free, (pointer, other)


def test_a_value_of_another_kind_in_the_waivers_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "diff-allow.toml"
    path.write_text(
        '[[allow]]\nrule = "TYPE_CHANGED"\nwhere = "x"\nreason = "r"\nuntil = "1.2"\n',
        encoding="utf-8",
    )
    text = path.read_text(encoding="utf-8")
    whole = tomllib.loads(text)
    for pointer, other in _toml(text):
        value = replaced(whole, pointer, other)
        with monkeypatch.context() as patch:
            patch.setattr(waivers.tomllib, "loads", lambda _, value=value: value)
            fault, _ = told(lambda: waivers.read_waivers(path))
        assert fault is None, (pointer, other, fault)


def test_a_value_of_another_kind_in_the_manifest_is_told(tmp_path: Path) -> None:
    entry = {"lang": "go", "sha256": "0", "unformatted": "0"}
    whole = {
        "spec": "0",
        "ir": "0",
        "generator": "0",
        "languages": {"go": {"spec": "0", "formatter": "gofmt"}},
        "files": {"go/a.go": entry},
    }
    path = tmp_path / "manifest.json"
    for pointer, _ in places(whole):
        for other in (None, "x", 7, [], {}, *ODD):
            path.write_text(json.dumps(replaced(whole, pointer, other)), encoding="utf-8")
            fault, _ = told(lambda: manifest.hand_edited(tmp_path, manifest.read(path), ["go"]))
            assert fault is None, (pointer, other, fault)
