"""Conversations that show whether agents do what they should: files, checks, a judge, a report."""

from .files import Conversation, EvaluationFile, read_evaluation
from .report import Outcome, Report, as_json, as_lines
from .running import evaluate

__all__ = [
    "Conversation",
    "EvaluationFile",
    "Outcome",
    "Report",
    "as_json",
    "as_lines",
    "evaluate",
    "read_evaluation",
]
