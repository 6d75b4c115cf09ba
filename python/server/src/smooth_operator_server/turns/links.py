"""What turns have to do with links, here and at other servers: the rooms for it, put together."""

from __future__ import annotations

from dataclasses import dataclass

from ..backplane import Post
from ..clock import Clock
from ..questions import OpenQuestions
from ..sessions import Sessions
from .channels import Channels
from .following import Following
from .hosting import Hosting
from .ledger import Ledger
from .resuming import Resuming


@dataclass(frozen=True, slots=True)
class Links:
    """The channels of turns, and who may have them."""

    post: Post
    channels: Channels
    following: Following
    hosting: Hosting
    resuming: Resuming


def links_of(
    post: Post,
    ledger: Ledger,
    sessions: Sessions,
    questions: OpenQuestions,
    clock: Clock,
    *,
    kept_s: float,
) -> Links:
    """Put the rooms together; channels are kept ``kept_s`` after the end of their turn."""
    channels = Channels(clock, kept_s)
    following = Following(post, ledger, clock)
    hosting = Hosting(post, channels, ledger, questions, following, clock)
    resuming = Resuming(sessions, channels, ledger, following, post, clock)
    return Links(post, channels, following, hosting, resuming)
