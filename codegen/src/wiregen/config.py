"""wiregen.toml: where the specification lies and where each language's files go."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from wiregen.errors import refuse
from wiregen.reading import AS_WRITTEN, Reading, Side

NAME = "wiregen.toml"
KEYS = (
    *("root", "spec", "vectors", "manifest", "released", "lang"),
    *("discriminator", "side", "role", "spec_root"),
)
"""All that wiregen.toml may say; the last four are the options of the command line."""
RELEASED = PurePosixPath("released")


@dataclass(frozen=True, slots=True)
class Target:
    """One language: its folder below the root, and its own settings (package, namespace)."""

    lang: str
    out: PurePosixPath
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """Where everything lies. Paths are relative to ``root``.

    ``home`` is the project itself, where its tools are found, also when ``root`` is elsewhere.
    """

    root: Path
    home: Path
    spec: PurePosixPath
    vectors: PurePosixPath
    manifest: PurePosixPath
    targets: Mapping[str, Target]
    released: PurePosixPath = RELEASED
    """Folder of the released versions, one folder each."""
    reading: Reading = AS_WRITTEN
    """What the document does not say itself: `discriminator`, `side`, `spec_root`."""
    role: Side = "client"
    """Whose wire layer is printed."""

    @property
    def spec_place(self) -> Path:
        """The folder with the AsyncAPI document, or the document itself."""
        return self.home / self.spec

    @property
    def spec_folder(self) -> Path:
        """The folder with the AsyncAPI document."""
        place = self.spec_place
        return place.parent if place.is_file() else place

    def target(self, lang: str) -> Target:
        """Return the settings of a language; an unlisted one goes to `out/<lang>`."""
        if lang == "vectors":
            return Target(lang, self.vectors)
        return self.targets.get(lang, Target(lang, PurePosixPath("out", lang)))


def find(start: Path) -> Path:
    """Find wiregen.toml in ``start``, in its `codegen` folder, or in a folder above."""
    for folder in (start, *start.parents):
        for candidate in (folder / NAME, folder / "codegen" / NAME):
            if candidate.is_file():
                return candidate
    raise refuse(NAME, "", "config-missing", "not found here or in any folder above")


def default_config(root: Path) -> Config:
    """Return the settings of a folder without wiregen.toml."""
    return Config(
        root=root.resolve(),
        home=root.resolve(),
        spec=PurePosixPath("spec"),
        vectors=PurePosixPath("vectors"),
        manifest=PurePosixPath("wiregen-manifest.json"),
        targets={},
    )


def load_config(path: Path) -> Config:
    """Read wiregen.toml; a malformed one is refused with the reason."""
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise refuse(str(path), "", "config-missing", "the file does not exist") from err
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise refuse(path.name, "", "config-syntax", f"not TOML: {err}") from err
    for key in data.keys() - set(KEYS):
        near = difflib.get_close_matches(key, KEYS, n=1)
        said = f"is {near[0]!r} meant?" if near else f"there are {', '.join(KEYS)}"
        raise refuse(path.name, f"/{key}", "config-key", f"{key!r} is no key of {NAME}: {said}")
    targets: dict[str, Target] = {}
    listed = data.get("lang", {})
    if not isinstance(listed, dict):
        raise refuse(path.name, "/lang", "config-shape", "must be a table a language")
    for lang, raw in listed.items():
        if not isinstance(raw, dict) or not isinstance(raw.get("out"), str):
            raise refuse(path.name, f"/lang/{lang}", "config-shape", "needs 'out', a folder")
        options = {key: str(value) for key, value in raw.items() if key != "out"}
        targets[lang] = Target(lang, PurePosixPath(raw["out"]), options)
    root = (path.parent / str(data.get("root", "."))).resolve()
    return Config(
        root=root,
        home=root,
        spec=PurePosixPath(str(data.get("spec", "spec"))),
        vectors=PurePosixPath(str(data.get("vectors", "spec/vectors"))),
        manifest=PurePosixPath(str(data.get("manifest", "wiregen-manifest.json"))),
        released=PurePosixPath(str(data.get("released", "released"))),
        targets=targets,
        reading=_reading(data, root, path.name),
        role=_party(data, "role", "client", path.name),
    )


def _reading(data: Mapping[str, Any], root: Path, name: str) -> Reading:
    around = data.get("spec_root")
    return Reading(
        discriminator=str(data.get("discriminator", "")),
        side=_party(data, "side", "server", name),
        root=None if around is None else root / str(around),
    )


def _party(data: Mapping[str, Any], key: str, usual: Side, name: str) -> Side:
    value = data.get(key, usual)
    if value == "server":
        return "server"
    if value == "client":
        return "client"
    raise refuse(name, f"/{key}", "config-shape", "must be 'server' or 'client'")
