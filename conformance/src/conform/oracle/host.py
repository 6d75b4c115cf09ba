"""What turns and calls need of whoever owns them: the client, or a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from conform.interpreter import Tables
from conform.reader import Frame, Reader
from conform.spec import Spec, Tree

Key = tuple[str, ...]


class Host(Protocol):
    """The surroundings of a turn or a call."""

    spec: Spec
    reader: Reader
    tables: Tables

    def emit(self, observation: Tree) -> None:
        """Expect one observation."""

    def returned(self, name: str, value: Any, failure: Tree | None) -> None:
        """Expect the end of a call, verb, wait or iteration."""

    def push(self, frame: Frame) -> None:
        """An event that nothing owns goes to the listeners."""

    def flat(self, frame: Frame) -> Tree:
        """Flat facts of a good frame."""

    def shown(self, frame: Frame) -> Tree:
        """An event as ``item`` or ``pushed`` shows it."""

    def write(self, frame: Tree, lasts: int = 0) -> None:
        """One action leaves, or waits for the link: at most ``lasts`` ms, 0 = for ever."""

    def waits(self, frame: Tree) -> bool:
        """Whether nothing of an action can have left."""

    @property
    def sought(self) -> bool:
        """Whether a link is sought: what waits for one goes on waiting."""

    def withdraw(self, frame: Tree) -> None:
        """Never write an action of a call or turn that is over."""

    @property
    def now(self) -> float:
        """The client's time in ms."""

    def limit(self, option: str) -> int:
        """A time limit in ms by the name of its option; 0 = off."""

    def timed(self, row: Tree, key: Key, ms: int, fire: Callable[[], None]) -> None:
        """Arm a timer of the table ``timers``."""

    def disarm(self, *key: str) -> None:
        """Forget a timer."""

    def ending(self) -> Tree:
        """What the end of the link tells: code and reason."""

    def capabilities(self, session: str) -> list[str]:
        """Capability words that the server listed for a session."""

    def terminal(self, turn: Any) -> None:
        """The terminal event of a turn came."""

    def too_early(self, turn: Any, event: str, told: Tree) -> bool:
        """Whether a frame says no more than that a message came too early (REQ-TURN-32)."""

    def later(self, what: Callable[[], None]) -> None:
        """Do something behind all else that an event leads to (REQ-ASK-05)."""

    def warned(self) -> None:
        """Expect a line of the log at warning."""

    def option(self, name: str) -> Any:
        """Value of an option that is no time."""

    def another_id(self, turn: Any) -> str:
        """A new id for a message that is sent again; the turn is known by it from now on."""

    @property
    def linked(self) -> bool:
        """Whether a frame that is written now leaves at once."""

    def replays(self, session: str) -> bool:
        """Whether a session is a replay session (REQ-RESUME-01)."""

    def pause(self, n: int, hint: int | None) -> int:
        """The n-th wait of REQ-CONN-31 in ms, or the one that was told (REQ-CONN-33)."""

    def resumed(self) -> None:
        """A suspended turn goes on."""

    def remember(self, request_id: str) -> None:
        """An id is over."""
