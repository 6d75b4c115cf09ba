"""What every language prints of the tables: words of arguments, effects by group, parsed texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from wiregen.contract.model import Contract, EffectWord, StateMachine, Text
from wiregen.ir import Effect

Words = Mapping[str, tuple[str, ...] | None]
"""By the name of an argument, the words that stand for it; None = an integer."""
_PART = re.compile(r"\[([^\]]*)\]|([^\[]+)")


@dataclass(frozen=True, slots=True)
class Param:
    """What an effect of a group carries: its name, and whether some rows leave it out."""

    name: str
    optional: bool


@dataclass(frozen=True, slots=True)
class GroupEffect:
    """An effect as one group of machines uses it."""

    word: EffectWord
    params: tuple[Param, ...]

    @property
    def name(self) -> str:
        """Its word."""
        return self.word.name


class View:
    """The tables from the side of who prints them."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    def uses(self, machines: tuple[StateMachine, ...]) -> list[Effect]:
        """Return every use of an effect in the rows of some machines."""
        return [effect for item in machines for row in item.rows for effect in row.effects]

    def vocabulary(self) -> dict[str, tuple[str, ...] | None]:
        """Return, by the name of an argument, the words that stand for it; None = an integer."""
        found: dict[str, dict[str, None]] = {}
        words = {item.name: item for item in self.contract.effects}
        for effect in self.uses(self.contract.machines):
            for name, value in zip(words[effect.name].args, effect.args, strict=False):
                found.setdefault(name, {})[value] = None
        return {
            name: None if all(value.isdecimal() for value in values) else tuple(values)
            for name, values in found.items()
        }

    def effects(self, machines: tuple[StateMachine, ...]) -> list[GroupEffect]:
        """Return the effects that a group uses, in the order of the list of words."""
        uses = self.uses(machines)
        found = []
        for word in self.contract.effects:
            counts = [len(effect.args) for effect in uses if effect.name == word.name]
            if counts:
                params = [
                    Param(name, optional=index >= min(counts))
                    for index, name in enumerate(word.args[: max(counts)])
                ]
                found.append(GroupEffect(word, tuple(params)))
        return found

    def initial_words(self) -> tuple[str, ...]:
        """Return the kinds of the questions, in their order."""
        return tuple(item.kind for item in self.contract.questions)


def parts(text: Text) -> list[tuple[bool, str]]:
    """Return the pieces of a text; True = left out when a place in it has no value."""
    return [
        (match.group(1) is not None, match.group(1) or match.group(2) or "")
        for match in _PART.finditer(text.text)
    ]
