"""The other protocols, too: equal bytes whatever the machine and the order of the keys."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wiregen.load import parse_yaml

from .conftest import PROTOCOLS

Json = Any
# Prints the hash of every file of every language and of the vectors, before the formatter.
PRINT = """
import hashlib, json, sys
from pathlib import Path, PurePosixPath
from wiregen.build import build
from wiregen.config import Config, Target
from wiregen.generate import raw_files
from wiregen.naming import LANGS
here = PurePosixPath("out")
spec = build(Path(sys.argv[1]))
found = {}
for lang in (*LANGS, "vectors"):
    config = Config(Path("/"), Path("/"), here, here, here, {lang: Target(lang, here, {})})
    for name, text in raw_files(spec, config, lang).items():
        found[f"{lang}/{name}"] = text
print(json.dumps(found))
"""


def _shuffled(value: Json, rng: random.Random, ordered: bool = False) -> Json:
    if isinstance(value, list):
        return [_shuffled(item, rng) for item in value]
    if not isinstance(value, dict):
        return value
    items = list(value.items())
    if not ordered:
        rng.shuffle(items)
    return {key: _shuffled(item, rng, key == "properties") for key, item in items}


def _printed(folder: Path, **env: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PRINT, str(folder)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", ["workbench", "atlas"])
def test_equal_bytes_for_shuffled_keys_other_seed_zone_and_locale(
    name: str, tmp_path: Path
) -> None:
    rng = random.Random(11)
    other = tmp_path / name
    other.mkdir()
    for path in (PROTOCOLS / name).iterdir():
        value = parse_yaml(path.read_text(encoding="utf-8"), path.name)
        # The order of messages, operations and members is the specification's own.
        kept = value if path.name == "asyncapi.yaml" else _shuffled(value, rng)
        (other / path.name).write_text(json.dumps(kept, indent=1), encoding="utf-8")
    one = _printed(PROTOCOLS / name, PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C")
    two = _printed(other, PYTHONHASHSEED="4242", TZ="Asia/Kathmandu", LC_ALL="C.UTF-8")
    assert one.keys() == two.keys()
    digest = {hashlib.sha256(text.encode()).hexdigest() for text in one.values()}
    assert len(digest) > 50
    # The digest of the specification itself is printed once, and differs with its text.
    differing = [key for key in one if one[key] != two[key]]
    assert [key for key in differing if not key.startswith("csharp/out/WireCodec")] == []
