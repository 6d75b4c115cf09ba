"""The paging iterator of a conversation (REQ-HIST-01, REQ-HIST-02)."""

from __future__ import annotations

from typing import Any

from conform.oracle.errors import error
from conform.spec import Tree
from conform.story.client import Client


class Pager:
    """The paging iterator of a conversation (REQ-HIST-01, REQ-HIST-02)."""

    def __init__(self, client: Client, session: str, command: Tree) -> None:
        self.client = client
        self.session = session
        self.name: str = command["as"]
        self.limit = command.get("limit")
        self.left = command.get("take")
        self.seen: set[str] = set()
        self._fetch(None)

    def _fetch(self, cursor: str | None) -> None:
        frame: Tree = {"sessionId": self.session}
        if self.limit is not None:
            frame["limit"] = self.limit
        if cursor is not None:
            frame["cursor"] = cursor
        self.client.call("get_conversation_messages", frame, self._page)

    def _page(self, page: Any, failure: Tree | None) -> None:
        if failure:
            self._end(failure)
            return
        for message in page["messages"]:
            self.client.emit({"ev": "message", "as": self.name, "data": message})
            if self.left is not None:
                self.left -= 1
                if self.left == 0:
                    self._end(None)
                    return
        cursor = page.get("nextCursor")
        if not page["hasMore"] or not cursor:
            self._end(None)
        elif cursor in self.seen:
            self._end(error(self.client.spec, "unexpected_event"))
        else:
            self.seen.add(cursor)
            self._fetch(cursor)

    def _end(self, failure: Tree | None) -> None:
        self.client.returned(self.name, None, failure)
