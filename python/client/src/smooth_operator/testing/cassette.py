"""Cassettes: sessions of a real server, written to a file and given back by a fake one."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Unpack

from .. import wire
from .._client import SmoothAgentClient
from .._clock import Clock, SystemClock
from .._options import OptionWords
from .._transport import LinkEnd, OpenRequest, Receiver, Transport
from .._transport_socket import open_socket
from ..wire.model import dump
from ..wire.tables import ACTION_SECRETS, EVENT_SECRETS
from .script_errors import CassetteError
from .state import Link

VERSION = 1
MASK = "***"


class Cassette:
    """What a file holds, by the actions that the frames followed."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self._first: dict[int, list[dict[str, Any]]] = {}
        """Frames that came on a link before the client said anything."""
        self._after: dict[tuple[str, int], tuple[dict[str, Any], list[dict[str, Any]]]] = {}
        self._seen: Counter[str] = Counter()
        self._ids: dict[str, str] = {}
        self._opened = 0
        counted: Counter[str] = Counter()
        newest: dict[int, list[dict[str, Any]]] = {}
        for line in lines:
            link = line["link"]
            if line["way"] == "out":
                word = str(line["frame"].get("action"))
                counted[word] += 1
                newest[link] = []
                self._after[word, counted[word]] = (line["frame"], newest[link])
            else:
                newest.setdefault(link, self._first.setdefault(link, [])).append(line)

    @classmethod
    def read(cls, path: Path) -> Cassette:
        """Read a file.

        Raises:
            CassetteError: it is no cassette, or of another version.
        """
        texts = path.read_text(encoding="utf-8").splitlines()
        if not texts:
            raise CassetteError(f"{path.name} is empty: it is no cassette")
        head = _object(texts[0])
        version = head.get("cassette") if head is not None else None
        if version is None:
            raise CassetteError(f"{path.name}: line 1 is no head of a cassette")
        if version != VERSION:
            told = f"{path.name} is of cassette version {version}; this kit reads {VERSION}"
            raise CassetteError(told)
        lines = []
        for number, text in enumerate(texts[1:], 2):
            line = _object(text)
            if line is None or not _is_line(line):
                raise CassetteError(f"{path.name}: line {number} is no frame of a cassette")
            lines.append(line)
        return cls(lines)

    def opened(self, link: Link) -> None:
        """Give a link what came on it unasked."""
        self._opened += 1
        self._play(self._first.get(self._opened, ()), link)

    def answer(self, frame: dict[str, Any], link: Link) -> bool:
        """Answer an action as it was answered; False when the cassette does not hold it."""
        word = str(frame.get("action"))
        self._seen[word] += 1
        found = self._after.get((word, self._seen[word]))
        if found is None:
            return False
        recorded, lines = found
        old, new = recorded.get("requestId"), frame.get("requestId")
        if isinstance(old, str) and isinstance(new, str):
            self._ids[old] = new
        self._play(lines, link)
        return True

    def _play(self, lines: Any, link: Link) -> None:
        for line in lines:
            if line["way"] == "end":
                link.end(line["code"])
            else:
                link.write(dump(self._renamed(line["frame"])))

    def _renamed(self, tree: Any) -> Any:
        if isinstance(tree, str):
            return self._ids.get(tree, tree)
        if isinstance(tree, list):
            return [self._renamed(one) for one in tree]
        if isinstance(tree, dict):
            return {name: self._renamed(value) for name, value in tree.items()}
        return tree


def _object(text: str) -> dict[str, Any] | None:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def _is_line(line: dict[str, Any]) -> bool:
    if not isinstance(line.get("link"), int) or not isinstance(line.get("at"), int):
        return False
    if line.get("way") == "end":
        return isinstance(line.get("code"), int)
    return line.get("way") in ("in", "out") and isinstance(line.get("frame"), dict)


class _Recording:
    """The lines of a cassette while its client lives."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._begun: float | None = None
        self._links = 0
        self._lines: list[str] = []

    def next_link(self) -> int:
        """Count a link."""
        self._links += 1
        return self._links

    def frame(self, link: int, way: str, text: str) -> None:
        """Keep a frame; one that is no JSON object has no place in a cassette."""
        frame = _object(text)
        if frame is not None:
            self._add({"link": link, "way": way, "frame": _masked(way, frame)})

    def end(self, link: int, code: int) -> None:
        """Keep the end of a link."""
        self._add({"link": link, "way": "end", "code": code})

    def _add(self, line: dict[str, Any]) -> None:
        now = self._clock.now()
        self._begun = now if self._begun is None else self._begun
        self._lines.append(dump({"at": round((now - self._begun) * 1000), **line}))

    def write(self) -> None:
        """Write the file, whole or not at all."""
        head = dump({"cassette": VERSION, "spec": wire.PROTOCOL_VERSION})
        text = "".join(f"{line}\n" for line in [head, *self._lines])
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _masked(way: str, frame: dict[str, Any]) -> dict[str, Any]:
    word = frame.get("action" if way == "out" else "type")
    secrets = ACTION_SECRETS if way == "out" else EVENT_SECRETS
    for *above, last in secrets.get(str(word), ()):
        owner: Any = frame
        for name in above:
            owner = owner.get(name) if isinstance(owner, dict) else None
        if isinstance(owner, dict) and last in owner:
            owner[last] = MASK
    return frame


class _Tapped:
    """A transport and its receiver, with the recording between them."""

    def __init__(self, inner: Transport, recording: _Recording) -> None:
        self._inner = inner
        self._recording = recording
        self._link = recording.next_link()
        self._receiver: Any = None

    @property
    def paused(self) -> bool:
        """Whether too much waits for the socket."""
        return self._inner.paused

    def attach(self, receiver: Receiver) -> None:
        """Hand everything that is read to ``receiver``, and to the recording."""
        self._receiver = receiver
        self._inner.attach(self)

    def send_text(self, text: str) -> int:
        """Write one message."""
        self._recording.frame(self._link, "out", text)
        return self._inner.send_text(text)

    def __getattr__(self, name: str) -> Any:
        """Leave the rest to the transport, or to the receiver."""
        return getattr(self._inner if hasattr(self._inner, name) else self._receiver, name)

    def text_received(self, data: bytes) -> None:
        """Take one message (Receiver)."""
        self._recording.frame(self._link, "in", data.decode())
        self._receiver.text_received(data)

    def link_ended(self, end: LinkEnd) -> None:
        """Take note of the end (Receiver)."""
        self._recording.end(self._link, end.code)
        self._receiver.link_ended(end)


class RecordingClient(SmoothAgentClient):
    """A client whose frames are written to a cassette when it closes; made by :func:`record`."""

    def __init__(self, url: str, path: Path, **options: Unpack[OptionWords]) -> None:
        inner: Callable[[OpenRequest], Awaitable[Transport]] = options.get("opener") or open_socket
        self._recording = recording = _Recording(path, options.get("clock") or SystemClock())

        async def opener(request: OpenRequest) -> Transport:
            tapped: Any = _Tapped(await inner(request), recording)
            return tapped  # type: ignore[no-any-return]

        options["opener"] = opener
        super().__init__(url, **options)

    async def close(self) -> None:
        """Close the link, then write the cassette, whole or not at all.

        Raises:
            OSError: the file cannot be written.
        """
        await super().close()
        self._recording.write()


def record(url: str, path: str | Path, **options: Unpack[OptionWords]) -> RecordingClient:
    """Return a client of a real server that keeps every frame of both ways in a cassette.

    The file is written when the client closes. Values that the specification calls secret are
    masked in it; tokens and headers are in no frame. :meth:`FakeServer.replay_of` plays it.

    Raises:
        ValueError, TypeError: an option is malformed.
    """
    return RecordingClient(url, Path(path), **options)
