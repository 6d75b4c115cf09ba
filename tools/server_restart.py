"""A server that is killed in mid-turn and started again: what each client tells of its message.

Each client sends a message to the reference server, which is ended by SIGKILL and comes back on the
same port and database. The link has to be found again when the client said that it would try, and
the turn has to end once. With replay it goes on where it was, or it is interrupted because a part
of its answer is lost; without, it is interrupted. Then `recover()` has to tell what the history
holds: the next server answers, fails, still runs the turn, or never got the message.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from field import AGENT, STEP, Player, main, server

from conform.spec import Tree
from conform.testee import Launch, TesteeError

ON_ITS_WAY = 0.5  # seconds that a frame needs at most to leave a client
ATTEMPT = 10.0  # seconds in which an attempt has succeeded
AT_ONCE = 4
FIRST_STATES = ("connecting", "open")
NEVER = {"delayMs": 3_600_000}
LATE: list[Tree] = [NEVER, {"text": "too late"}]
HERE: Tree = {"text": "Here it is."}
PAY: Tree = {"toolCall": {"name": "pay", "arguments": {}}}


@dataclass(frozen=True)
class Story:
    """What the servers do with the message, and what has to come of it."""

    told: str
    """What ``recover()`` says in the end."""

    before: list[Tree]
    """What the model of the first server says."""

    after: list[Tree]
    """What that of the next one says; it goes on behind the steps that were stored."""

    killed_at: str | None = "stream_reasoning"
    """Item that the client has when the server is killed; None: before it reads the message."""

    asks: bool = False
    """Whether a tool has to be confirmed; the client does so while the server is away."""

    replay: bool = False
    goes_on: bool = False
    """Whether the turn ends as completed, and not as interrupted."""


BEGUN: list[Tree] = [{"reasoning": "hm"}, *LATE]
STORIES = {
    "answered": Story("answered", BEGUN, [HERE]),
    "not_answered": Story("not_answered", BEGUN, [{"error": "no model"}]),
    "unknown": Story("unknown", BEGUN, LATE),
    "not_delivered": Story("not_delivered", [HERE], [HERE], None),
    "replay, at a question": Story(
        "answered",
        [PAY, HERE],
        [PAY, HERE],
        "write_confirmation_required",
        asks=True,
        replay=True,
        goes_on=True,
    ),
    "replay, after a tool": Story(
        "answered", [PAY, *LATE], [PAY, HERE], "stream_chunk", replay=True
    ),
    "replay, in a step": Story("answered", BEGUN, [HERE], replay=True),
    "replay, unread": Story("answered", [HERE], [HERE], None, replay=True, goes_on=True),
}


class Restart(Player):
    """One client over the restart of its server."""

    def __init__(self, launch: Launch, story: Story) -> None:
        super().__init__(launch)
        self.story = story
        self.session_id = ""

    async def fault(self) -> str:
        """Play it; return what went wrong, nothing when all was well."""
        await self.start()
        try:
            with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
                free.close()
                await self._before(Path(folder), port)
                settings, script = self._server(self.story.after)
                async with server(Path(folder), script, settings, port):
                    return await self._after()
        except TesteeError as error:
            return str(error)
        finally:
            await self.testee.stop()

    def _server(self, model: list[Tree]) -> tuple[dict[str, str], Tree]:
        """Settings and script of a server."""
        tool = {"name": "pay", "result": "paid", "confirm": self.story.asks}
        settings = {
            "SMOOTH_AGENT_LEASE_SECS": "0.5",
            "SMOOTH_AGENT_REPLAY": str(int(self.story.replay)),
        }
        return settings, {"model": model, "tools": [tool]}

    async def _before(self, folder: Path, port: int) -> None:
        settings, script = self._server(self.story.before)
        async with server(folder, script, settings, port) as (process, url):
            await self.returned({"cmd": "open", "as": "c1", "url": url, "ids": []})
            start = {"cmd": "start", "on": "c1", "args": {"agentId": AGENT}, "as": "h1"}
            self.session_id = (await self.returned(start))["value"]["sessionId"]
            if self.story.killed_at is None:
                process.send_signal(signal.SIGSTOP)
            turn = {"cmd": "turn", "on": "h1", "via": "conversation", "message": "hello"}
            await self.testee.command({**turn, "as": "t1"}, STEP)
            if self.story.killed_at is not None:
                await self._item(self.story.killed_at)
            else:
                await asyncio.sleep(ON_ITS_WAY)
        if self.story.asks:
            confirm = {"cmd": "confirm", "turn": "t1", "approved": True, "as": "v1"}
            await self.testee.command(confirm, STEP)

    async def _item(self, kind: str) -> None:
        def has_come(events: list[Tree]) -> bool:
            items = [e for e in events if e["ev"] == "item" and e["type"] == kind]
            return len(items) > (kind == "stream_chunk")  # a tool's call and its result

        if not await self.testee.log.until(has_come, STEP):
            raise TesteeError(f"no {kind} came")

    async def _after(self) -> str:
        """Say what is wrong, once the link is there again and the turn has ended."""
        await self._is_back()
        ended = await self.until("ended", "turn", "t1")
        told = await self._recovered()
        states = self.states("c1")
        ends = sum(e["ev"] == "ended" for e in self.events)
        if states[-1] != "open" or "closed" in states or "reconnecting" not in states:
            return f"its link went through {', '.join(states)}"
        if ends != 1:
            return f"its turn ended {ends} times"
        if told != self.story.told:
            return f"recover() says {told}"
        return self._fault_of_end(ended) or await self._fault_of_history()

    async def _is_back(self) -> None:
        """Wait for the link as long as the client told that it waits, and for its attempt."""

        while True:
            states = [e for e in self.events if e["ev"] == "state" and e["on"] == "c1"]
            if states[-1]["to"] == "open" and len(states) > len(FIRST_STATES):
                return
            wait = states[-1].get("retryInMs", 0) / 1000 + ATTEMPT
            more = len(states) + 1
            if not await self.testee.log.until(partial(_changed, more), wait):
                raise TesteeError(f"no link {wait:.1f} s after {states[-1]['to']}")

    async def _recovered(self) -> str:
        """Ask until the history has settled; the next server may still be about to begin."""
        told = ""
        for count in range(40):
            answer = await self.returned({"cmd": "recover", "turn": "t1", "as": f"r{count}"})
            told = answer.get("value", {}).get("status") or answer["error"]["kind"]
            if told == self.story.told and (told != "unknown" or count >= 4):
                break
            await asyncio.sleep(0.25)
        return told

    def _fault_of_end(self, ended: Tree) -> str:
        kind = ended.get("error", {}).get("kind") or ended["outcome"]
        if kind != ("completed" if self.story.goes_on else "turn_interrupted"):
            return f"its turn ended with {kind}"
        tokens = (
            e["flat"]["token"]
            for e in self.events
            if e["ev"] == "item" and e["type"] == "stream_token"
        )
        wanted = HERE["text"] if self.story.goes_on else ""
        return "" if "".join(tokens) == ended["text"] == wanted else "its answer is not whole"

    async def _fault_of_history(self) -> str:
        ask = {
            "on": "c1",
            "op": "get_conversation_messages",
            "args": {"sessionId": self.session_id},
        }
        answer = await self.returned({"cmd": "call", **ask, "as": "m1"})
        found = sorted(message["direction"] for message in answer["value"]["messages"])
        wanted = {
            "answered": ["inbound", "outbound"],
            "not_answered": ["inbound"],
            "unknown": ["inbound"],
            "not_delivered": [],
        }
        return "" if found == wanted[self.story.told] else f"the history holds {found}"


def _changed(count: int, events: list[Tree]) -> bool:
    """Whether the link has changed its state so often."""
    return len([e for e in events if e["ev"] == "state" and e["on"] == "c1"]) >= count


async def run(launches: list[Launch]) -> int:
    """Play all stories with all clients; print a line each."""
    places = asyncio.Semaphore(AT_ONCE)

    async def fault(launch: Launch, story: Story) -> str:
        async with places:
            return await Restart(launch, story).fault()

    bad = 0
    for launch in launches:
        found = await asyncio.gather(*(fault(launch, story) for story in STORIES.values()))
        bad += sum(map(bool, found))
        for name, wrong in zip(STORIES, found, strict=True):
            print(f"{launch.name:12} {name:22} {wrong or 'told'}", flush=True)
    total = len(launches) * len(STORIES)
    told = "the link was found again, the turn ended once, recover() told the truth"
    print(f"{total - bad} of {total}: {told}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", "server_restart", run))
