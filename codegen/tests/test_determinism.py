"""The other protocols, too: equal bytes whatever the machine and the order of the input."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wiregen.build import build
from wiregen.ir import Message, Spec
from wiregen.load import parse_yaml
from wiregen.naming import LANGS

from . import printing
from .conftest import PROTOCOLS
from .printing import printed

Json = Any
# The order of members is the specification's own; that of operations is the order of messages.
MEMBERS, MESSAGES = "properties", "operations"
# It holds the digest of the specification's text.
DIGEST = "csharp/out/WireCodec"


def _shuffled(value: Json, rng: random.Random, kept: tuple[str, ...], key: str = "") -> Json:
    """Shuffle the keys of every object but those below one of the kept words."""
    if isinstance(value, list):
        return [_shuffled(item, rng, kept) for item in value]
    if not isinstance(value, dict):
        return value
    items = list(value.items())
    if key not in kept:
        rng.shuffle(items)
    return {name: _shuffled(item, rng, kept, name) for name, item in items}


def _copy(source: Path, target: Path, rng: random.Random, kept: tuple[str, ...]) -> None:
    """Write a protocol with its files and keys in another order."""
    target.mkdir()
    files = sorted(source.iterdir())
    rng.shuffle(files)
    for path in files:
        value = parse_yaml(path.read_text(encoding="utf-8"), path.name)
        other = _shuffled(value, rng, kept)
        assert json.dumps(other) != json.dumps(value)
        (target / path.name).write_text(json.dumps(other, indent=1), encoding="utf-8")


def _printed_elsewhere(folder: Path) -> dict[str, str]:
    other = {"PYTHONHASHSEED": "4242", "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, printing.__file__, str(folder)],
        env={**os.environ, **other},
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(300)  # a loaded machine prints five languages slowly
@pytest.mark.parametrize("name", ["workbench", "atlas"])
def test_equal_bytes_for_shuffled_input_other_seed_zone_and_locale(
    name: str, protocols: dict[str, Spec], vectors: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    """Files, keys of documents and schemas, and the messages of channels and components."""
    _copy(PROTOCOLS / name, tmp_path / name, random.Random(11), (MEMBERS, MESSAGES))
    one, two = printed(protocols[name], LANGS), _printed_elsewhere(tmp_path / name)
    one |= {f"vectors/out/{path}": text for path, text in vectors[name].items()}
    assert one.keys() == two.keys()
    assert len(set(one.values())) > 50
    differing = [key for key in one if one[key] != two[key]]
    assert [key for key in differing if not key.startswith(DIGEST)] == []


@pytest.mark.parametrize("name", ["workbench", "atlas"])
def test_the_order_of_messages_moves_them_and_nothing_else(
    name: str, protocols: dict[str, Spec], tmp_path: Path
) -> None:
    """Messages stand in the order of the operations; types and tables in that of their names."""
    _copy(PROTOCOLS / name, tmp_path / name, random.Random(5), (MEMBERS,))
    one, two = protocols[name], build(tmp_path / name)
    assert one.events != two.events
    assert _by_name(one) == _by_name(two)
    assert (one.types, one.shapes, one.union_shapes) == (two.types, two.shapes, two.union_shapes)
    files = printed(one, LANGS), printed(two, LANGS)
    types = [key for key in files[0] if "types" in key.rsplit("/", 1)[1].lower()]
    assert len(types) >= len(LANGS)
    assert [key for key in types if files[0][key] != files[1][key]] == []


def _by_name(spec: Spec) -> list[Message]:
    return sorted((*spec.events, *spec.actions), key=lambda item: item.name)
