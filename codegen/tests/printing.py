"""Print every file of a specification in every language; by itself: the folder in, JSON out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from wiregen.build import build
from wiregen.config import Config, Target
from wiregen.generate import raw_files
from wiregen.ir import Spec
from wiregen.naming import LANGS


def printed(spec: Spec, langs: Iterable[str] = (*LANGS, "vectors")) -> dict[str, str]:
    """Return every file of the languages and of the vectors, before the formatter."""
    here = PurePosixPath("out")
    found: dict[str, str] = {}
    for lang in langs:
        config = Config(Path("/"), Path("/"), here, here, here, {lang: Target(lang, here, {})})
        files = raw_files(spec, config, lang)
        found |= {f"{lang}/{name}": text for name, text in files.items()}
    return found


if __name__ == "__main__":
    print(json.dumps(printed(build(Path(sys.argv[1])))))
