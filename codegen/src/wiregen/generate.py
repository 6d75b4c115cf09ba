"""Run emitters and formatters in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from wiregen import fmt
from wiregen.config import Config
from wiregen.emit import emitter
from wiregen.emit._contract import contract_files
from wiregen.errors import SpecError, refuse
from wiregen.ir import Spec
from wiregen.naming import LANGS
from wiregen.printed import printed
from wiregen.register import localised
from wiregen.writing import write_all

__all__ = ["Output", "generate", "raw_files", "write_all"]


@dataclass(frozen=True, slots=True)
class Output:
    """Generated files by path below the root, and how each language was formatted."""

    files: Mapping[str, str]
    unformatted: Mapping[str, str]
    langs: Mapping[str, str]
    formatters: Mapping[str, fmt.Outcome]


def raw_files(spec: Spec, config: Config, lang: str) -> dict[str, str]:
    """Return the files of one language by path below the root, before the formatter."""
    target = config.target(lang)
    files: dict[str, str] = {}
    spec = printed(spec)
    named = localised(spec, lang) if lang in LANGS else spec
    try:
        made = {**emitter(lang)(named, target), **contract_files(named, target)}
    except SpecError:
        raise  # names what is wrong by itself
    except Exception as err:
        reason = f"{type(err).__name__}: {err}"
        message = f"no {lang} for this specification, a gap of the emitter ({reason})"
        raise refuse("", "", "emit-failed", message) from err
    for name, text in made.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise refuse(name, "", "emit-path", "an emitter's path must stay below its folder")
        files[str(target.out / path)] = text
    return files


def generate(spec: Spec, config: Config, langs: Iterable[str]) -> Output:
    """Return the files of the given languages; nothing is written."""
    files: dict[str, str] = {}
    unformatted: dict[str, str] = {}
    owners: dict[str, str] = {}
    outcomes: dict[str, fmt.Outcome] = {}
    for lang, raw, (made, outcome) in _formatted(spec, config, langs):
        outcomes[lang] = outcome
        for name in made:
            if name in owners:
                message = f"{lang} and {owners[name]} write the same file"
                raise refuse(name, "", "emit-path", message)
            owners[name] = lang
        files |= made
        unformatted |= raw
    return Output(files, unformatted, owners, outcomes)


def _formatted(
    spec: Spec, config: Config, langs: Iterable[str]
) -> list[tuple[str, dict[str, str], tuple[dict[str, str], fmt.Outcome]]]:
    """Return language, texts and formatted texts; formatters work while the next is printed."""
    with ThreadPoolExecutor() as formatters:
        under_way = []
        for lang in langs:
            raw = raw_files(spec, config, lang)
            under_way.append((lang, raw, formatters.submit(fmt.run, lang, raw, config.home)))
        return [(lang, raw, done.result()) for lang, raw, done in under_way]
