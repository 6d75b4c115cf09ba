"""Who sits at the terminal: what is shown to them, and what they type."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.text import Text

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: object) -> str:
    """Return text of the server as data: no control characters, no change of direction."""
    return _CONTROL.sub("", str(text))


class StreamedAnswer:
    """The answer while it streams: Markdown at a terminal, else the text as it comes."""

    def __init__(self, person: Person, console: Console) -> None:
        self._person = person
        self._console = console
        self._text = ""
        self._live: Live | None = None

    def __enter__(self) -> StreamedAnswer:
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()

    def add(self, token: str) -> None:
        """Show one piece more."""
        if not self._console.is_terminal:
            self._person.show(token, end="")
            return
        self._text += plain(token)
        if self._live is None:
            self._live = Live(console=self._console, vertical_overflow="visible")
            self._live.start()
        # An address is shown, not hidden behind other words.
        self._live.update(Markdown(self._text, hyperlinks=False))

    def pause(self) -> None:
        """Let what was shown stand: something else is to be shown, or asked."""
        live, self._live, self._text = self._live, None, ""
        if live is not None:
            live.stop()


class Person:
    """Whoever answers: a person at a terminal, or the lines of standard input."""

    def __init__(self, console: Console, read: Callable[[], str], *, echo: bool = False) -> None:
        self._console = console
        self._read = read
        self._echo = echo
        """Whether what was read is shown: no terminal did it."""
        self._line: asyncio.Future[str | None] | None = None
        """The line that is being read; whoever asks next gets it."""

    def show(self, text: object, *, style: str = "", end: str = "\n") -> None:
        """Print text as it is; nothing in it is markup."""
        self._console.print(
            Text(plain(text), style=style), end=end, highlight=False, soft_wrap=True
        )

    def answering(self) -> StreamedAnswer:
        """Return what shows an answer while it streams."""
        return StreamedAnswer(self, self._console)

    async def ask(self, prompt: str) -> str | None:
        """Return what was typed; None when there is nothing more to read."""
        self.show(f"{prompt} ", style="bold", end="")
        sys.stdout.flush()
        if self._line is None:
            self._line = asyncio.get_running_loop().create_future()
            # A thread of its own: nobody can end a read, and the program must end all the same.
            threading.Thread(target=self._wait, args=(self._line,), daemon=True).start()
        line = await asyncio.shield(self._line)
        self._line = None
        if self._echo:
            self.show((line or "").rstrip("\n"))
        return None if line is None else line.strip()

    def _wait(self, line: asyncio.Future[str | None]) -> None:
        read = self._read()
        with suppress(RuntimeError):  # the program may have ended meanwhile
            line.get_loop().call_soon_threadsafe(line.set_result, read or None)

    async def agrees(self, prompt: str) -> bool:
        """Whether the answer is a clear yes: everything else is a no."""
        answer = await self.ask(f"{prompt} (yes/no)")
        return answer is not None and answer.lower() in ("y", "yes")


def person_at(as_json: bool) -> Person:
    """Return who answers: the terminal, whose NO_COLOR is heeded, or the lines of stdin."""
    console = Console(highlight=False, stderr=as_json)
    return Person(console, sys.stdin.readline, echo=not sys.stdin.isatty())
