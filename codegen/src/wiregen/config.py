"""wiregen.toml: where the specification lies and where each language's files go."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from wiregen.errors import SpecError, refuse
from wiregen.reading import AS_WRITTEN, Reading, Side

NAME = "wiregen.toml"
KEYS = (
    *("root", "spec", "vectors", "manifest", "released", "lang"),
    *("discriminator", "side", "role", "spec_root"),
)
"""All that wiregen.toml may say; the last four are the options of the command line."""
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "python": (),
    "typescript": (),
    "go": ("package",),
    "csharp": ("namespace", "exception"),
    "rust": ("module", "dead_code"),
}
"""By language, what its table may say beside `out`."""
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
        raise _unknown(path.name, f"/{key}", key, KEYS, NAME)
    root = (path.parent / _text(data, "root", ".", path.name)).resolve()
    folders = {
        key: PurePosixPath(_text(data, key, usual, path.name))
        for key, usual in (
            ("spec", "spec"),
            ("vectors", "spec/vectors"),
            ("manifest", "wiregen-manifest.json"),
            ("released", str(RELEASED)),
        )
    }
    return Config(
        root=root,
        home=root,
        **folders,
        targets=_targets(data.get("lang", {}), path.name),
        reading=_reading(data, root, path.name),
        role=_party(data, "role", "client", path.name),
    )


def _targets(listed: Any, name: str) -> dict[str, Target]:
    """Read the table of every language: its folder and its settings."""
    if not isinstance(listed, dict):
        raise refuse(name, "/lang", "config-shape", "must be a table a language")
    targets: dict[str, Target] = {}
    for lang, raw in listed.items():
        place = f"/lang/{lang}"
        if lang not in SETTINGS:
            raise _unknown(name, place, lang, SETTINGS, "[lang.NAME]")
        if not isinstance(raw, dict) or "out" not in raw:
            raise refuse(name, place, "config-shape", "needs 'out', a folder")
        for key in raw.keys() - {"out", *SETTINGS[lang]}:
            raise _unknown(name, f"{place}/{key}", key, ("out", *SETTINGS[lang]), f"[lang.{lang}]")
        said = {key: _text(raw, key, "", name, place) for key in raw}
        targets[lang] = Target(lang, PurePosixPath(said.pop("out")), said)
    return targets


def _text(data: Mapping[str, Any], key: str, usual: str, name: str, place: str = "") -> str:
    value = data.get(key, usual)
    if not isinstance(value, str) or (key in data and not value) or "\0" in value:
        message = f"must be a text that says something; found {value!r}"
        raise refuse(name, f"{place}/{key}", "config-shape", message)
    return value


def _unknown(name: str, place: str, key: str, keys: Iterable[str], where: str) -> SpecError:
    near = difflib.get_close_matches(key, list(keys), n=1)
    said = f"is {near[0]!r} meant?" if near else f"there are {', '.join(keys)}"
    return refuse(name, place, "config-key", f"{key!r} is no key of {where}: {said}")


def _reading(data: Mapping[str, Any], root: Path, name: str) -> Reading:
    around = _text(data, "spec_root", "", name)
    return Reading(
        discriminator=_text(data, "discriminator", "", name),
        side=_party(data, "side", "server", name),
        root=root / around if around else None,
    )


def _party(data: Mapping[str, Any], key: str, usual: Side, name: str) -> Side:
    value = data.get(key, usual)
    if value == "server":
        return "server"
    if value == "client":
        return "client"
    raise refuse(name, f"/{key}", "config-shape", "must be 'server' or 'client'")
