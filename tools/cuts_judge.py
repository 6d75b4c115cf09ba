"""The judge of tools/cuts.py: what clients showed against what their server has kept.

A reader with a link of its own, past the proxy, asks the server for the history of each
conversation and for the events of each turn. Every message has to be there once with one answer;
its turn ended once and completed; the client showed the server's events, each once and in their
order; and over all conversations the script was read once, entry by entry.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cuts_session import Message
from field import STEP
from websockets.asyncio.client import ClientConnection, connect

from conform.spec import Tree

NO_ITEM = "immediate_response"
"""Events of a turn that a client shows to the one who asked, and not as an item."""


@dataclass
class Kept:
    """What the server has of one conversation."""

    history: list[Tree] = field(default_factory=list)
    events: dict[str, list[Tree]] = field(default_factory=dict)
    """Of each turn, by its requestId."""


class Reader:
    """Asks the server directly."""

    def __init__(self, link: ClientConnection) -> None:
        self._link = link

    async def kept(self, session_id: str) -> Kept:
        """Return all that is kept of a conversation (of at most 50 messages)."""
        of = {"sessionId": session_id}
        await self._send(
            {"action": "get_conversation_messages", "requestId": "h", "limit": 100, **of}
        )
        kept = Kept((await self._next("h"))["data"]["messages"])
        for message in kept.history:
            if message["direction"] == "inbound":
                kept.events[message["requestId"]] = await self._events(message["requestId"], of)
        return kept

    async def _events(self, request_id: str, of: Tree) -> list[Tree]:
        """Return the events of a turn; none when it has not ended, or they are not kept."""
        await self._send({"action": "resume_turn", "requestId": request_id, "afterSeq": 0, **of})
        told = (await self._next(request_id))["data"]["data"]
        if told["state"] != "settled":
            return []
        return [await self._next(request_id) for _ in range(told["lastSeq"])]

    async def _send(self, body: Tree) -> None:
        await self._link.send(json.dumps(body))

    async def _next(self, request_id: str) -> Tree:
        """Wait for the next event about a request; raises ``TimeoutError``."""
        async with asyncio.timeout(STEP):
            while True:
                event: Tree = json.loads(await self._link.recv())
                if event.get("requestId") == request_id:
                    return event


@contextlib.asynccontextmanager
async def reader(url: str) -> AsyncIterator[Reader]:
    """Connect a reader."""
    async with connect(url, compression=None, proxy=None, max_size=None) as link:
        yield Reader(link)


def faults_of(messages: Iterable[Message], kept: Kept) -> Iterator[str]:
    """Yield what is wrong with one conversation."""
    said = Counter(message.text for message in messages)
    for stored in kept.history:
        if stored["direction"] == "inbound" and not said[stored["content"]["text"]]:
            yield f"{stored['content']['text']}: stored, and nobody said it"
    for message in messages:
        for fault in itertools.chain(message.faults, _faults(message, kept)):
            yield f"{message.text}: {fault}"


def _faults(message: Message, kept: Kept) -> Iterator[str]:
    stored = [e for e in kept.history if e["direction"] == "inbound"]
    stored = [e for e in stored if e["content"]["text"] == message.text]
    if len(stored) != 1:
        yield f"stored {len(stored)} times"
        return
    request_id = stored[0]["requestId"]
    answers = [
        e for e in kept.history if e["direction"] == "outbound" and e["requestId"] == request_id
    ]
    if len(answers) != 1 or stored[0]["turn"] != "completed":
        yield f"its turn is {stored[0]['turn']} with {len(answers)} answers"
        return
    yield from _faults_of_end(message, answers[0]["content"]["text"])
    yield from _faults_of_items(message, kept.events[request_id])


def _faults_of_end(message: Message, answer: str) -> Iterator[str]:
    if len(message.ends) != 1:
        yield f"its turn ended {len(message.ends)} times"
        return
    end = message.ends[0]
    if end["outcome"] != "completed" or end.get("raised"):
        yield f"its turn ended as {end['outcome']}: {json.dumps(end.get('error'))}"
    elif end["text"] != answer:
        yield "its result is not the answer that is stored"
    tokens = (item["flat"]["token"] for item in message.items if item["type"] == "stream_token")
    if "".join(tokens) != answer:
        yield "what was streamed is not the answer that is stored"


def _faults_of_items(message: Message, events: list[Tree]) -> Iterator[str]:
    if [event.get("seq") for event in events] != list(range(1, len(events) + 1)) or not events:
        yield "its events are not kept"
        return
    wanted = [event for event in events if event["type"] != NO_ITEM]
    shown = [item["data"] for item in message.items]
    if shown == wanted:
        return
    numbers = Counter(event.get("seq") for event in shown)
    lost = [f"{e['seq']} {e['type']}" for e in wanted if not numbers[e["seq"]]]
    twice = [number for number, count in numbers.items() if count > 1]
    told = f"lost {lost}" if lost else f"twice {twice}" if twice else "altered or in another order"
    yield f"its items are not the server's events: {told}"


def faults_of_script(script: Tree, kept: Iterable[Kept]) -> Iterator[str]:
    """Yield what was not read once of the script: texts and calls of tools, from its beginning."""
    of_all = list(kept)
    texts = [
        e["content"]["text"]
        for each in of_all
        for e in each.history
        if e["direction"] == "outbound"
    ]
    model = script["model"]
    yield from _read_once("text", [entry["text"] for entry in model if "text" in entry], texts)
    calls = [
        _shown(call)
        for each in of_all
        for event in itertools.chain.from_iterable(each.events.values())
        if (call := _raw(event).get("toolCall"))
    ]
    scripted = [_shown(entry["toolCall"]) for entry in model if "toolCall" in entry]
    yield from _read_once("tool call", scripted, calls)


def _read_once(kind: str, scripted: list[str], seen: list[str]) -> Iterator[str]:
    counts = Counter(seen)
    for number, entry in enumerate(scripted):
        wanted = int(number < len(seen))
        if counts.pop(entry, 0) != wanted:
            yield f"{kind} {number} of the script was not read {'once' if wanted else 'yet'}"
    for entry in counts:
        yield f"{kind} that is not in the script: {entry[:60]}"


def _raw(event: Tree) -> Tree:
    raw: Any = event.get("data", {}).get("state", {}) if event["type"] == "stream_chunk" else {}
    found: Tree = raw.get("rawResponse", {})
    return found


def _shown(call: Tree) -> str:
    return f"{call['name']} {json.dumps(call['arguments'], sort_keys=True)}"
