"""What became of an interrupted turn, by server and history (REQ-TURN-30, REQ-RESUME-12)."""

from __future__ import annotations

from typing import Any

from conform.oracle.inquiry import DISPLACED, NEVER, Inquiry
from conform.oracle.turns import Turn
from conform.spec import Tree
from conform.story.client import Client

TELLS = "spec_1_2"  # a server that lists it writes requestIds into its history


class Recovery:
    """One ``recover()`` of a turn."""

    def __init__(self, client: Client, turn: Turn, name: str) -> None:
        self.client = client
        self.turn = turn
        self.name = name
        self.pages = 0
        self.over = False
        self.answer: Tree | None = None  # the newest outbound message of the turn
        if client.replays(turn.session):
            self._limit()
            self._ask()
        else:
            self._fetch(None)

    # --- the server -----------------------------------------------------------------------------

    def _limit(self) -> None:
        row = next(dict(row) for row in self.client.tables.timers if row["name"] == "resume")
        self.key = (row["name"], self.name, "recover")
        self.client.timed(row, self.key, self.client.limit(row["option"]), self._late)

    def _late(self) -> None:
        self._end("unknown")
        asked = self.client.calls.get(self.turn.id)
        if isinstance(asked, Inquiry) and asked.told[0] == self._told:
            self.client.displace(self.turn.id)

    def _ask(self) -> None:
        """Wait for what is in flight under the id, or ask."""
        known = self.client.turns.get(self.turn.id)
        asked = self.client.calls.get(self.turn.id)
        if known and known.outcome is None:
            self._follow(known)
        elif known and known.live:
            self._read()
        elif isinstance(asked, Inquiry):
            asked.told.append(self._told)
        else:
            self.client.inquire(Inquiry(self.turn, self.name, self._told))

    def _follow(self, turn: Turn) -> None:
        before = turn.on_settled

        def settled(body: Tree) -> None:
            before(body)
            self.client.later(self._followed)

        turn.on_settled = settled

    def _followed(self) -> None:
        if not self.over:
            self._read()

    def _told(self, fate: Any, failure: Tree | None) -> None:
        if self.over:
            return
        if failure:
            self._return(None, failure)
        elif fate == DISPLACED:
            self._ask()
        elif fate == NEVER:
            self._end("not_delivered")
        else:
            self._read()

    # --- the history ----------------------------------------------------------------------------

    def _read(self) -> None:
        self.client.disarm(*self.key)
        self._fetch(None)

    def _fetch(self, cursor: str | None) -> None:
        frame: Tree = {"sessionId": self.turn.session}
        if cursor is not None:
            frame["cursor"] = cursor
        self.pages += 1
        self.client.call("get_conversation_messages", frame, self._page)

    def _page(self, page: Any, failure: Tree | None) -> None:
        if failure:
            self._return(None, failure)
            return
        for message in page["messages"]:
            if message.get("requestId") != self.turn.id:
                continue
            if message["direction"] == "inbound":
                self._found(message)
                return
            self.answer = self.answer or message
        cursor = page.get("nextCursor")
        if page["hasMore"] and cursor and self.pages < self.client.spec.bound("recoverPages"):
            self._fetch(cursor)
            return
        told = TELLS in self.client.capabilities(self.turn.session)
        whole = not (page["hasMore"] and cursor) and self.answer is None
        self._end("not_delivered" if told and whole else "unknown")

    def _found(self, message: Tree) -> None:
        state = message.get("turn")
        if state == "completed" and self.answer:
            self._end("answered", self.answer)
        elif state in ("completed", "cancelled", "failed"):
            self._end("not_answered")
        else:
            self._end("unknown")

    def _end(self, status: str, message: Tree | None = None) -> None:
        self._return({"status": status, **({"message": message} if message else {})}, None)

    def _return(self, value: Any, failure: Tree | None) -> None:
        self.over = True
        if self.client.replays(self.turn.session):
            self.client.disarm(*self.key)
        self.client.returned(self.name, value, failure)
