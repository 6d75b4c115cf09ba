"""Reading skills: a folder with a ``SKILL.md`` each, or one Markdown file.

The file begins with a YAML head (``name``, ``description``) between lines of ``---``; what follows
is told to the model for the turn whose message names the skill.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import jsonschema_rs

from ..agents import AgentSpec
from ..engine import Skill
from ..files import FileFaultError, checked, checks_of, read_text

NAME = "SKILL.md"


class SkillFileError(FileFaultError):
    """A skill cannot be used; the text names the file and the line or JSON Pointer."""


class Skills:
    """The skills of a server by name."""

    def __init__(self, skills: Iterable[Skill] = ()) -> None:
        self._skills: Mapping[str, Skill] = {skill.name: skill for skill in skills}

    def __len__(self) -> int:
        return len(self._skills)

    def find(self, name: str, agent: AgentSpec) -> Skill | None:
        """Return a skill that the agent may be asked to use."""
        if agent.skills is not None and name not in agent.skills:
            return None
        return self._skills.get(name)


def read_skills(folders: Iterable[Path]) -> Skills:
    """Return the skills of some folders.

    Raises:
        SkillFileError: a folder or file cannot be read, a head does not fit its schema, or two
            skills have one name.
    """
    found: dict[str, tuple[Path, Skill]] = {}
    for folder in folders:
        for path in _files(folder):
            skill = read_skill(path)
            if skill.name in found:
                raise SkillFileError(f"skill {path}: /name is that of {found[skill.name][0]}")
            found[skill.name] = (path, skill)
    return Skills(skill for _, skill in found.values())


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SkillFileError(f"cannot read skills {folder}: no such folder")
    nested = [path / NAME for path in folder.iterdir() if (path / NAME).is_file()]
    plain = [path for path in folder.iterdir() if path.suffix == ".md" and path.is_file()]
    return sorted([*nested, *plain])


def read_skill(path: Path) -> Skill:
    """Return the skill of one file.

    Raises:
        SkillFileError: as above.
    """
    try:
        text = read_text(path, "skill")
        head, body = _cut(text)
        if not head:
            raise FileFaultError(f"skill {path}: begins with no head between lines of ---")
        value = checked(head, path, "skill", _checks())
    except FileFaultError as fault:
        raise SkillFileError(str(fault)) from None
    if not body.strip():
        raise SkillFileError(f"skill {path}: says nothing after its head")
    return Skill(value["name"], value["description"], body.strip())


def _cut(text: str) -> tuple[str, str]:
    """Return head and body of a file; no head when there is none."""
    lines = text.splitlines(keepends=True)
    marks = [index for index, line in enumerate(lines) if line.rstrip() == "---"]
    if marks[:1] != [0] or len(marks) == 1:
        return "", text
    return "".join(lines[1 : marks[1]]), "".join(lines[marks[1] + 1 :])


@cache
def _checks() -> jsonschema_rs.Draft202012Validator:
    return checks_of(resources.files(__package__) / "skill.schema.json")
