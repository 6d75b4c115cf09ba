"""Who works with an agent on one message, and how. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

VOTE = "VOTE:"


@dataclass(frozen=True, slots=True)
class Member:
    """One of a team: a prompt, and maybe a model, of its own; tools are the leader's alone."""

    name: str
    instructions: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """Those whom an agent leads.

    ``pattern`` is how they work: ``leader`` asks them, as it calls a tool, when it wants to;
    ``parallel`` has all of them answer at once, ``pipeline`` one after the other, each from what
    the one before made of it, and ``majority`` has them vote; the leader then answers the person.
    """

    pattern: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What most of a team said: the words of the first of them, and how many of how many."""

    words: str
    votes: int
    of: int


def vote_of(answer: str) -> str | None:
    """Return the vote at the end of an answer, None for an abstention."""
    lines = [line.strip() for line in answer.splitlines()]
    votes = [line[len(VOTE) :].strip() for line in lines if line.upper().startswith(VOTE)]
    return votes[-1] or None if votes else None


def decided(answers: Sequence[str]) -> Decision | None:
    """Count the votes of a team; of answers with equally many the first one wins.

    Case, blanks and a full stop make no difference.
    """
    votes = [vote for vote in map(vote_of, answers) if vote is not None]
    if not votes:
        return None
    counted = Counter(map(_plain, votes))
    plain, most = counted.most_common(1)[0]  # equals come in the order in which they were counted
    words = next(vote for vote in votes if _plain(vote) == plain)
    return Decision(words, most, len(answers))


def _plain(vote: str) -> str:
    return " ".join(vote.casefold().split()).rstrip(". ")
