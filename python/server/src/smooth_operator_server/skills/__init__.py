"""Skills: how something is done, in files that a message may name."""

from .files import SkillFileError, Skills, read_skills

__all__ = ["SkillFileError", "Skills", "read_skills"]
