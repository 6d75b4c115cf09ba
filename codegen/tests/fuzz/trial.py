"""One random document through load, IR and emit; told as a digest, a rule, or a fault."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wiregen.build import build
from wiregen.errors import SpecError
from wiregen.ir import Spec
from wiregen.lint import lint_folder
from wiregen.naming import LANGS
from wiregen.vectors import vector_files

from ..printing import printed
from .grammar import document

# Rules that say that wiregen itself does not know what to do.
OWN_FAULTS = frozenset({"emit-failed", "template-broken", "vectors-disagree", "internal"})
RIGHT = "right"
WHOLE = 8


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a document: `right`, the rule that refuses it, or what is wrong with us."""

    outcome: str
    digests: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""

    def digest(self, lang: str) -> str:
        """Return a hash of all that is printed for one language, or of what refuses it."""
        return self.digests.get(lang, self.digests.get("", ""))


def tried(
    seed: int, number: int, folder: Path, langs: Iterable[str] = LANGS, whole: int = WHOLE
) -> Trial:
    """Write a document into the folder, read it and print it in these languages.

    Every so many, by ``whole``, are given vectors and looked at by lint as well; none with 0.
    """
    try:
        for old in folder.iterdir():
            old.unlink()
        root = document(seed, number).write(folder)
        return _printed(root, langs, whole > 0 and number % whole == 0)
    except SpecError as err:
        return _refused(err)
    except Exception:
        return Trial("traceback", fault=traceback.format_exc())


def right(seed: int, number: int, folder: Path) -> Spec | None:
    """Return the specification of a document; None when it is refused."""
    try:
        spec = build(document(seed, number).write(folder))
        printed(spec, LANGS)
    except SpecError:
        return None
    return spec


def _printed(root: Path, langs: Iterable[str], whole: bool) -> Trial:
    spec = build(root)
    read = repr((spec.types, spec.events, spec.actions, spec.shapes, spec.diagnostics))
    if whole:
        read += repr((sorted(vector_files(spec).items()), lint_folder(root)))
    digests: dict[str, str] = {}
    trials = [Trial(RIGHT)]
    for lang in langs:
        try:
            files = printed(spec, [lang])
        except SpecError as err:  # such as two names that are one in this language
            trials.append(_refused(err))
            files = {"": trials[-1].digest(lang)}
        digest = hashlib.sha256(read.encode())
        for name, text in files.items():
            digest.update(name.encode() + text.encode())
        digests[lang] = digest.hexdigest()[:16]
    return Trial(trials[-1].outcome, digests, trials[-1].fault)


def _refused(err: SpecError) -> Trial:
    rule = err.diagnostics[0].rule
    said = "; ".join(map(str, err.diagnostics))
    digest = hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()[:16]
    if rule in OWN_FAULTS:
        return Trial(rule, {"": digest}, said)
    for found in err.diagnostics:
        if not (found.file and found.message and found.rule):
            return Trial("no-place", {"": digest}, said)
    return Trial(rule, {"": digest})
