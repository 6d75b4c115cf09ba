"""What became of an interrupted turn, as the history tells it (REQ-TURN-30)."""

from __future__ import annotations

from typing import Any

from conform.spec import Tree
from conform.story.client import Client

TELLS = "spec_1_2"  # a server that lists it writes requestIds into its history


class Recovery:
    """One ``recover()`` of a turn."""

    def __init__(self, client: Client, session: str, request_id: str, name: str) -> None:
        self.client = client
        self.session = session
        self.request_id = request_id
        self.name = name
        self.pages = 0
        self.answer: Tree | None = None  # the newest outbound message of the turn
        self._fetch(None)

    def _fetch(self, cursor: str | None) -> None:
        frame: Tree = {"sessionId": self.session}
        if cursor is not None:
            frame["cursor"] = cursor
        self.pages += 1
        self.client.call("get_conversation_messages", frame, self._page)

    def _page(self, page: Any, failure: Tree | None) -> None:
        if failure:
            self.client.returned(self.name, None, failure)
            return
        for message in page["messages"]:
            if message.get("requestId") != self.request_id:
                continue
            if message["direction"] == "inbound":
                self._found(message)
                return
            self.answer = self.answer or message
        cursor = page.get("nextCursor")
        if page["hasMore"] and cursor and self.pages < self.client.spec.bound("recoverPages"):
            self._fetch(cursor)
            return
        told = TELLS in self.client.capabilities(self.session)
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
        value = {"status": status, **({"message": message} if message else {})}
        self.client.returned(self.name, value, None)
