"""Emitters: one module per language, found by its name; see "Writing an emitter" in README.md."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

from wiregen.config import Target
from wiregen.ir import Spec

Emit = Callable[[Spec, Target], dict[str, str]]
VECTORS = "vectors"
_NOT_LANGUAGES = frozenset({"base", "docs", "vectors"})


@cache
def languages() -> tuple[str, ...]:
    """Return the names of all languages that have an emitter, sorted."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(
        sorted(name for name in names if name not in _NOT_LANGUAGES and not name.startswith("_"))
    )


def emitter(lang: str) -> Emit:
    """Return the emitter of a language or of the vectors; KeyError when there is none."""
    if lang not in languages() and lang != VECTORS:
        raise KeyError(lang)
    emit: Emit = importlib.import_module(f"wiregen.emit.{lang}").emit
    return emit
