"""The project around a printed room: what it needs to compile alone, as its language names it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from wiregen.config import NAME, Config, load_config
from wiregen.naming import kebab, pascal

STARTER = Path(__file__).parent / "starter"
_FOLDERS = {"csharp": "dotnet"}


def starter_files() -> dict[str, str]:
    """Return what `wiregen init` writes: a small specification, wiregen.toml and five projects."""
    return {
        path.relative_to(STARTER).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(STARTER.rglob("*"))
        if path.is_file()
    }


def in_projects(config: Config, title: str) -> Config:
    """Return the settings with every language's room where its project expects it."""
    laid = load_config(STARTER / NAME)
    targets = {
        lang: dataclasses.replace(target, options=_named(target.options, title))
        for lang, target in laid.targets.items()
    }
    return dataclasses.replace(config, targets=targets)


def project_files(config: Config, title: str, langs: Iterable[str]) -> dict[str, str]:
    """Return the project files of the languages; one that is there already is its owner's."""
    found: dict[str, str] = {}
    for lang in langs:
        folder = _FOLDERS.get(lang, lang)
        for name, text in starter_files().items():
            own = PurePosixPath(_renamed(name, title))
            if own.parts[0] == folder and not (config.root / own).exists():
                found[str(own)] = _renamed(text, title)
    return found


def _named(options: Mapping[str, str], title: str) -> dict[str, str]:
    return {key: _renamed(value, title) for key, value in options.items()}


def _renamed(text: str, title: str) -> str:
    """Put the document's title where the starter says `example`."""
    named = text.replace("Example.Wire", f"{pascal(title)}.Wire")
    return named.replace("example-wire", f"{kebab(title)}-wire")


__all__ = ["in_projects", "project_files", "starter_files"]
