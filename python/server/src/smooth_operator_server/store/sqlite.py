"""The store in one SQLite file, or in memory.

Transactions of a few rows run where they are asked for: they take some 20 microseconds, the way to
a thread and back ten times that, and a hundred times while the interpreter is busy. What reads many
rows, waits for another process's lock, or moves the write-ahead log into the file (which waits for
the disk) is done by a second connection in a thread of its own. A method hands over one function,
so that a transaction is never interleaved with another one. The SQLite is apsw's own: it has FTS5.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any, TypeVar

import apsw

from ..auth.principal import Scope
from ..protocol.capabilities import inherited
from .records import (
    ConversationSummary,
    Direction,
    MessageRecord,
    NewMessage,
    NewSession,
    Page,
    Passage,
    SessionRecord,
)
from .store import StoreError, StoreUnavailableError, UnknownCursorError

T = TypeVar("T")

MEMORY = ":memory:"
BUSY_MS = 5_000
CHECKPOINT = 500
"""Transactions after which the write-ahead log is moved into the database."""

_SESSION = """
SELECT s.id, s.conversation_id, s.agent_id, s.agent_name, s.user_participant_id,
       s.agent_participant_id, s.supports, p.name, p.email, p.phone, s.verified, s.conversational,
       c.org, c.owner
FROM sessions AS s
JOIN participants AS p ON p.id = s.user_participant_id
JOIN conversations AS c ON c.id = s.conversation_id
WHERE s.id = ?
"""
_IN_SCOPE = "org = :org AND (:everybody OR owner IS NULL OR owner = :owner)"
_PARTICIPANT_COLUMNS = {"user_name": "name", "user_email": "email", "user_phone": "phone"}


class SqliteStore:
    """The store on SQLite. Use ``open``; the constructor takes open connections."""

    def __init__(self, db: apsw.Connection, worker: Any) -> None:
        self._db = db
        self._worker = worker
        self._written = 0
        self._checkpoint: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, path: str = MEMORY) -> SqliteStore:
        """Open or create the database and bring it up to date.

        Raises:
            StoreUnavailableError: no such folder, no permission, not a database, or written
                by a newer version of the server.
        """
        db = worker = None
        try:
            db = apsw.Connection(path)
            _prepare(db)
            if path != MEMORY:
                worker = await apsw.Connection.as_async(path)
                await worker.async_run(_connect, worker)
                _share_out(db)
        except (apsw.Error, StoreUnavailableError) as fault:
            if worker is not None:
                await worker.aclose(True)
            if db is not None:
                db.close(True)
            raise StoreUnavailableError(f"cannot open database {path}: {fault}") from None
        return cls(db, worker)

    async def close(self) -> None:
        if self._checkpoint is not None:
            await asyncio.wait({self._checkpoint})
        if self._worker is not None:
            await self._worker.aclose()
        self._db.close()

    async def _short(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do a transaction of a few rows here; in the worker when another process has the lock."""
        try:
            outcome = work(self._db, *arguments)
        except apsw.BusyError:
            return await self._long(work, *arguments)
        except apsw.Error as fault:
            raise StoreError(type(fault).__name__) from fault
        self._written += 1
        if self._worker is not None and self._written % CHECKPOINT == 0:
            self._checkpoint = asyncio.create_task(self._move_log(), name="checkpoint")
        return outcome

    async def _long(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do what may take long, or wait for a lock, in the worker's thread."""
        try:
            if self._worker is None:
                return work(self._db, *arguments)
            return await self._worker.async_run(work, self._worker, *arguments)  # type: ignore[no-any-return]
        except apsw.Error as fault:
            raise StoreError(type(fault).__name__) from fault

    async def _move_log(self) -> None:
        with contextlib.suppress(StoreError):  # the next one moves what this one could not
            await self._long(lambda db: db.wal_checkpoint())

    async def open_session(self, new: NewSession) -> SessionRecord:
        return await self._short(_open_session, new)

    async def session(self, session_id: str) -> SessionRecord | None:
        return await self._short(_session, session_id)

    async def update_session(self, session_id: str, changes: Mapping[str, Any]) -> None:
        await self._short(_update_session, session_id, changes)

    async def add_message(self, new: NewMessage) -> None:
        await self._short(_add_message, new)

    async def messages(
        self, conversation_id: str, limit: int, cursor: str | None
    ) -> Page[MessageRecord]:
        return await self._long(_messages, conversation_id, limit, cursor)

    async def conversations(
        self, scope: Scope, limit: int, cursor: str | None
    ) -> Page[ConversationSummary]:
        return await self._long(_conversations, scope, limit, cursor)

    async def rename_conversation(self, scope: Scope, conversation_id: str, title: str) -> bool:
        return await self._short(_rename, scope, conversation_id, title)

    async def put_document(self, source: str, passages: Sequence[str]) -> None:
        await self._long(_put_document, source, passages)

    async def search(self, words: Sequence[str], limit: int) -> tuple[Passage, ...]:
        return await self._long(_search, words, limit)


def _connect(db: apsw.Connection) -> None:
    """Set a connection up: it waits for locks, and for the disk as little as is safe."""
    db.set_busy_timeout(BUSY_MS)
    # NORMAL under WAL loses nothing when the process is killed, only when the power goes.
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        db.execute(f"PRAGMA {pragma}").fetchall()


def _share_out(db: apsw.Connection) -> None:
    """Let the worker wait for locks and for the disk instead of this connection."""
    db.set_busy_timeout(0)
    db.wal_autocheckpoint(0)


def _prepare(db: apsw.Connection) -> None:
    _connect(db)
    with db:
        db.execute(
            "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, name TEXT)"
        )
        done = db.execute("SELECT coalesce(max(version), 0) FROM schema_version").get
    files = _migrations()
    if done > len(files):
        raise StoreUnavailableError(f"its version {done} is newer than this server's {len(files)}")
    for number, (name, sql) in enumerate(files[done:], start=done + 1):
        with db:
            db.execute(sql)
            db.execute("INSERT INTO schema_version VALUES (?, ?)", (number, name))


def _migrations() -> list[tuple[str, str]]:
    """Return name and text of the migrations, oldest first; number n is the n-th."""
    folder = resources.files(__package__) / "migrations" / "sqlite"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=str)
    return [(file.name, file.read_text(encoding="utf-8")) for file in files]


def _open_session(db: apsw.Connection, new: NewSession) -> SessionRecord:
    with db:
        known: Any = db.execute(
            f"SELECT supports FROM conversations WHERE id = :id AND {_IN_SCOPE}",
            _scoped(new.scope) | {"id": new.conversation_id},
        ).fetchone()
        conversation_id: str = new.conversation_id or ""
        stored: tuple[str, ...] = ()
        if known is None:
            conversation_id = new.fresh_conversation_id
            db.execute(
                "INSERT INTO conversations (id, org, owner, created_ms, updated_ms)"
                " VALUES (?, ?, ?, ?, ?)",
                (conversation_id, new.scope.org, new.scope.owner, new.now, new.now),
            )
        else:
            stored = tuple(json.loads(known[0]))
        if new.supports is None:
            supports = inherited(stored)
        else:
            supports = new.supports
            db.execute(
                "UPDATE conversations SET supports = ? WHERE id = ?",
                (json.dumps(supports), conversation_id),
            )
        _insert_session(db, new, conversation_id, supports)
    found = _session(db, new.session_id)
    assert found is not None
    return found


def _insert_session(
    db: apsw.Connection, new: NewSession, conversation_id: str, supports: Sequence[str]
) -> None:
    person = (new.user_participant_id, "user", new.user_name, new.user_email)
    agent = (new.agent_participant_id, "ai-agent", new.agent_name, None)
    for (identity, kind, name, email), fingerprint in (
        (person, new.browser_fingerprint),
        (agent, None),
    ):
        db.execute(
            "INSERT INTO participants (id, conversation_id, type, name, email,"
            " browser_fingerprint, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (identity, conversation_id, kind, name, email, fingerprint, new.now),
        )
    db.execute(
        "INSERT INTO sessions (id, conversation_id, agent_id, agent_name, user_participant_id,"
        " agent_participant_id, supports, metadata, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.session_id,
            conversation_id,
            new.agent_id,
            new.agent_name,
            new.user_participant_id,
            new.agent_participant_id,
            json.dumps(supports),
            json.dumps(dict(new.metadata)),
            new.now,
        ),
    )


def _session(db: apsw.Connection, session_id: str) -> SessionRecord | None:
    row: Any = db.execute(_SESSION, (session_id,)).fetchone()
    if row is None:
        return None
    session, conversation, agent, agent_name, user, answerer, supports, *rest = row
    name, email, phone, verified, conversational, org, owner = rest
    return SessionRecord(
        session,
        conversation,
        agent,
        agent_name,
        user,
        answerer,
        tuple(json.loads(supports)),
        user_name=name,
        user_email=email,
        user_phone=phone,
        verified=bool(verified),
        org=org,
        owner=owner,
        conversational=json.loads(conversational),
    )


def _update_session(db: apsw.Connection, session_id: str, changes: Mapping[str, Any]) -> None:
    with db:
        for name, value in changes.items():
            if name in _PARTICIPANT_COLUMNS:
                db.execute(
                    f"UPDATE participants SET {_PARTICIPANT_COLUMNS[name]} = ? WHERE id ="
                    " (SELECT user_participant_id FROM sessions WHERE id = ?)",
                    (value, session_id),
                )
            elif name == "verified":
                db.execute(
                    "UPDATE sessions SET verified = ? WHERE id = ?", (int(value), session_id)
                )
            elif name == "conversational":
                db.execute(
                    "UPDATE sessions SET conversational = ? WHERE id = ?",
                    (json.dumps(value), session_id),
                )
            else:
                raise ValueError(f"a session has no member {name} that can change")


def _add_message(db: apsw.Connection, new: NewMessage) -> None:
    with db:
        db.execute(
            "INSERT INTO messages (id, conversation_id, participant_id, direction, text,"
            " created_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (
                new.message_id,
                new.conversation_id,
                new.participant_id,
                new.direction.value,
                new.text,
                new.now,
            ),
        )
        db.execute(
            "UPDATE conversations SET message_count = message_count + 1,"
            " updated_ms = max(updated_ms, ?) WHERE id = ?",
            (new.now, new.conversation_id),
        )


def _messages(
    db: apsw.Connection, conversation_id: str, limit: int, cursor: str | None
) -> Page[MessageRecord]:
    before = None
    if cursor is not None:
        before = db.execute(
            "SELECT seq FROM messages WHERE id = ? AND conversation_id = ?",
            (cursor, conversation_id),
        ).get
        if before is None:
            raise UnknownCursorError
    rows: list[Any] = db.execute(
        "SELECT id, direction, text, created_ms FROM messages"
        " WHERE conversation_id = ? AND (? IS NULL OR seq < ?) ORDER BY seq DESC LIMIT ?",
        (conversation_id, before, before, limit + 1),
    ).fetchall()
    items = tuple(
        MessageRecord(identity, Direction(direction), text, created)
        for identity, direction, text, created in rows[:limit]
    )
    return Page(items, items[-1].message_id if len(rows) > limit else None)


def _conversations(
    db: apsw.Connection, scope: Scope, limit: int, cursor: str | None
) -> Page[ConversationSummary]:
    updated, identity = (None, None) if cursor is None else _decode_cursor(cursor)
    rows: list[Any] = db.execute(
        "SELECT c.id, c.title, coalesce((SELECT text FROM messages WHERE conversation_id = c.id"
        " AND direction = 'inbound' ORDER BY seq LIMIT 1), ''), c.updated_ms, c.message_count"
        f" FROM conversations AS c WHERE c.message_count > 0 AND {_IN_SCOPE}"
        " AND (:updated IS NULL OR (c.updated_ms, c.id) < (:updated, :id))"
        " ORDER BY c.updated_ms DESC, c.id DESC LIMIT :limit",
        _scoped(scope) | {"updated": updated, "id": identity, "limit": limit + 1},
    ).fetchall()
    items = tuple(ConversationSummary(*row) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(items)
    return Page(items, _encode_cursor(items[-1].updated_ms, items[-1].conversation_id))


def _encode_cursor(updated_ms: int, conversation_id: str) -> str:
    return base64.urlsafe_b64encode(f"{updated_ms} {conversation_id}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[int, str]:
    try:
        updated, identity = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        return int(updated), identity
    except (ValueError, binascii.Error):
        raise UnknownCursorError from None


def _scoped(scope: Scope) -> dict[str, Any]:
    return {"org": scope.org, "owner": scope.owner, "everybody": scope.everybody}


def _rename(db: apsw.Connection, scope: Scope, conversation_id: str, title: str) -> bool:
    with db:
        db.execute(
            f"UPDATE conversations SET title = :title WHERE id = :id AND {_IN_SCOPE}",
            _scoped(scope) | {"title": title, "id": conversation_id},
        )
        changed = db.changes()
    return changed > 0


def _put_document(db: apsw.Connection, source: str, passages: Sequence[str]) -> None:
    with db:
        db.execute("DELETE FROM passages WHERE source = ?", (source,))
        db.executemany(
            "INSERT INTO passages (source, text) VALUES (?, ?)",
            [(source, passage) for passage in passages],
        )


def _search(db: apsw.Connection, words: Sequence[str], limit: int) -> tuple[Passage, ...]:
    quoted = [f'"{word}"' for word in words]
    ranked: list[Any] = db.execute(
        "SELECT rowid, source, text FROM passages WHERE passages MATCH ?"
        " ORDER BY rank, rowid LIMIT ?",
        (" OR ".join(quoted), limit),
    ).fetchall()
    matched = dict.fromkeys((row[0] for row in ranked), 0)
    chosen = json.dumps(list(matched))
    for word in quoted:
        for (rowid,) in db.execute(
            "SELECT rowid FROM passages WHERE passages MATCH ?"
            " AND rowid IN (SELECT value FROM json_each(?))",
            (word, chosen),
        ):
            matched[rowid] += 1
    # sorted() is stable: equal counts keep the order of bm25.
    best = sorted(ranked, key=lambda row: -matched[row[0]])
    return tuple(Passage(source, text, matched[rowid]) for rowid, source, text in best)
