"""codegen/manifest.json: what was generated, from what, by which tools; and the check over it."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from wiregen import __version__, fmt
from wiregen.config import Config
from wiregen.errors import refuse
from wiregen.generate import Output, raw_files
from wiregen.ir import Spec

Reason = Literal[
    "missing",
    "hand edit",
    "specification changed",
    "generator changed",
    "formatter version",
    "stale",
    "not in the manifest",
]
DIFF_LINES = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """One generated file: hash as written, hash before the formatter."""

    lang: str
    sha256: str
    unformatted: str


@dataclass(frozen=True, slots=True)
class Language:
    """How one language was last generated: from which specification, by which formatter."""

    spec: str
    formatter: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record of the last run of `generate`."""

    spec: str = ""
    ir: str = ""
    generator: str = ""
    languages: Mapping[str, Language] = field(default_factory=dict)
    files: Mapping[str, Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drift:
    """One file that is not what the generator would write, and why."""

    path: str
    reason: Reason
    diff: str = ""


def sha(text: str | bytes) -> str:
    """SHA-256 of a text as hex."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def ir_digest(spec: Spec) -> str:
    """SHA-256 over everything that emitters can see."""
    bare = dataclasses.replace(
        spec, store=None, read={}, noted=(), sha256="", diagnostics=(), _by_name={}
    )
    return sha(json.dumps(dataclasses.asdict(bare), sort_keys=True, default=str))


def read(path: Path) -> Manifest:
    """Read the manifest; a missing one is empty, a malformed one refused."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        files = {name: Entry(**_texts(entry)) for name, entry in data["files"].items()}
        languages = {lang: Language(**_texts(it)) for lang, it in data["languages"].items()}
        head = _texts({key: data[key] for key in ("spec", "ir", "generator")})
        places = {name: PurePosixPath(name) for name in files}
        outside = [name for name, it in places.items() if _leaves(it)]
        if outside:  # a file that is no longer generated is removed
            raise ValueError(outside[0])
        return Manifest(**head, languages=languages, files=files)
    except FileNotFoundError:
        return Manifest()
    except OSError as err:
        text = f"nothing was written: {err.strerror}"
        raise refuse(str(path), "", "write-failed", text) from err
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        message = "not a manifest; run `wiregen generate --force`"
        raise refuse(path.name, "", "manifest-shape", message) from err


def _texts(entry: dict[str, Any]) -> dict[str, str]:
    if not all(isinstance(value, str) for value in entry.values()):
        raise TypeError
    return entry


def _leaves(path: PurePosixPath) -> bool:
    """Whether a path is none below the project's own root."""
    return path.is_absolute() or ".." in path.parts or "\0" in str(path) or not path.parts


def render(manifest: Manifest) -> str:
    """Print the manifest; equal manifests give equal bytes."""
    data = {
        "generator": manifest.generator,
        "spec": manifest.spec,
        "ir": manifest.ir,
        "languages": {
            lang: dataclasses.asdict(entry) for lang, entry in sorted(manifest.languages.items())
        },
        "files": {
            name: dataclasses.asdict(entry) for name, entry in sorted(manifest.files.items())
        },
    }
    return json.dumps(data, indent=2) + "\n"


def updated(old: Manifest, spec: Spec, output: Output, langs: Iterable[str]) -> Manifest:
    """Return the manifest after a run for some languages; the others keep their entries."""
    chosen = set(langs)
    files = {name: entry for name, entry in old.files.items() if entry.lang not in chosen}
    for name, text in output.files.items():
        files[name] = Entry(output.langs[name], sha(text), sha(output.unformatted[name]))
    languages = {lang: entry for lang, entry in old.languages.items() if lang not in chosen}
    for lang, outcome in output.formatters.items():
        languages[lang] = Language(spec.sha256, describe(outcome))
    return Manifest(spec.sha256, ir_digest(spec), __version__, languages, files)


def describe(outcome: fmt.Outcome) -> str:
    """Name a formatter with its version, or say that none ran."""
    return f"{outcome.tool} {outcome.version}".strip() if outcome.verified else "not verified"


def hand_edited(root: Path, manifest: Manifest, langs: Iterable[str]) -> list[str]:
    """Return generated files of these languages that were changed since they were written."""
    chosen = set(langs)
    return [
        name
        for name, entry in sorted(manifest.files.items())
        if entry.lang in chosen
        and (root / name).is_file()
        and sha((root / name).read_bytes()) != entry.sha256
    ]


def stale(root: Path, manifest: Manifest, output: Output, langs: Iterable[str]) -> list[str]:
    """Return files of an older run that are no longer generated."""
    chosen = set(langs)
    return [
        name
        for name, entry in sorted(manifest.files.items())
        if entry.lang in chosen and name not in output.files and (root / name).is_file()
    ]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All drift that was found, and the languages whose format could not be verified."""

    drift: tuple[Drift, ...]
    unverified: tuple[str, ...]


def check(spec: Spec, config: Config, langs: Iterable[str]) -> CheckResult:
    """Compare disk, manifest and a fresh run in memory; nothing is written."""
    manifest = read(config.root / config.manifest)
    drift: list[Drift] = []
    unverified: list[str] = []
    for lang in langs:
        fresh = raw_files(spec, config, lang)
        tool = fmt.current(lang, config.home)
        if not tool.verified:
            unverified.append(lang)
        checker = _Checker(spec, config, manifest, lang, tool)
        drift += checker.run(fresh)
    return CheckResult(tuple(drift), tuple(unverified))


class _Checker:
    def __init__(
        self, spec: Spec, config: Config, manifest: Manifest, lang: str, tool: fmt.Outcome
    ) -> None:
        self.root = config.root
        self.home = config.home
        self.manifest = manifest
        self.lang = lang
        self.tool = tool
        record = manifest.languages.get(lang, Language("", ""))
        self.spec_changed = record.spec != spec.sha256
        self.same_tool = record.formatter == describe(tool)
        self.formatted: dict[str, str] | None = None

    def run(self, fresh: Mapping[str, str]) -> list[Drift]:
        """Return the drift of one language."""
        found = [self._file(name, text, fresh) for name, text in sorted(fresh.items())]
        for name, entry in sorted(self.manifest.files.items()):
            gone = entry.lang == self.lang and name not in fresh
            if gone and (self.root / name).is_file():
                found.append(Drift(name, "stale"))
        return [item for item in found if item is not None]

    def _file(self, name: str, text: str, fresh: Mapping[str, str]) -> Drift | None:
        path = self.root / name
        if not path.is_file():
            return Drift(name, "missing")
        disk = path.read_bytes()
        entry = self.manifest.files.get(name)
        if entry is None:
            return Drift(name, "not in the manifest", self._diff(name, disk, fresh))
        if sha(disk) != entry.sha256:
            return Drift(name, "hand edit", self._diff(name, disk, fresh))
        if sha(text) != entry.unformatted:
            reason: Reason = "specification changed" if self.spec_changed else "generator changed"
            return Drift(name, reason, self._diff(name, disk, fresh))
        if not self.same_tool and self.tool.verified:
            difference = self._diff(name, disk, fresh)
            return Drift(name, "formatter version", difference) if difference else None
        return None

    def _diff(self, name: str, disk: bytes, fresh: Mapping[str, str]) -> str:
        if self.formatted is None:
            self.formatted = fmt.run(self.lang, fresh, self.home)[0]
        lines = difflib.unified_diff(
            disk.decode("utf-8", "replace").splitlines(),
            self.formatted[name].splitlines(),
            f"{name} (on disk)",
            f"{name} (generated)",
            lineterm="",
            n=1,
        )
        listed = list(lines)
        shown = listed[:DIFF_LINES]
        if len(listed) > DIFF_LINES:
            shown.append(f"… {len(listed) - DIFF_LINES} more lines")
        return "\n".join(shown)
