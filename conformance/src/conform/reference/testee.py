"""The reference testee: PROTOCOL.md over the reference client, in process or on stdio."""

from __future__ import annotations

import asyncio
import itertools
import json
import platform
from collections.abc import Awaitable, Callable
from itertools import repeat
from typing import Any
from urllib.parse import urlsplit

from conform import __version__
from conform.facts import PROTOCOLS
from conform.reader import Reader, whole
from conform.reference.client import RefClient
from conform.reference.clock import VirtualClock
from conform.reference.errors import RefError
from conform.reference.handling import Handler
from conform.reference.turn import RefTurn
from conform.spec import Spec, load_spec

Tree = dict[str, Any]
FEATURES = [
    "virtual_clock",
    "conversation",
    "paging",
    "text_stream",
    "tee",
    "hold",
    "leave",
    "abort",
    "headers",
    "tls",
    "tap",
    "census",
    "codec",
    "reconnect",
    "handlers",
    "policy",
    "replay",
]
CANARIES = ("drop-3rd-item", "alter-text", "drop-error-code")
CALLS = frozenset(
    [
        "create_conversation_session",
        "get_session",
        "get_conversation_messages",
        "list_conversations",
        "rename_conversation",
        "ping",
    ]
)
LOW_VERBS = {"confirm_tool_action": "confirm", "verify_otp": "verify_otp"}
LOW_VERBS |= {"submit_interaction": "submit", "cancel": "cancel"}
SKIPPED = frozenset(
    [
        *("id", "cmd", "on", "session", "message", "as", "via", "requestId", "watch"),
        *("aborted", "handlers"),
    ]
)


class RefusedError(Exception):
    """A command that gets ``fail``."""

    def __init__(self, kind: str, message: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class RefTestee:
    """Takes commands, gives replies; events go to ``emit``."""

    def __init__(
        self,
        emit: Callable[[Tree], None],
        faults: frozenset[str] = frozenset(),
        reader: Reader | None = None,
    ) -> None:
        self._emit = emit
        self.faults = faults
        self.host = ""  # of the peer, as texts of errors name it
        self.reader = reader or Reader(load_spec())
        self.canary: str | None = None
        self.protocol = max(PROTOCOLS)
        self.count = 0
        self.item_count = 0
        self.clients: dict[str, RefClient] = {}
        self.chats: dict[str, tuple[RefClient, str]] = {}
        self.running: dict[str, str] = {}  # conversation -> the turn that it runs
        self.turns: dict[str, RefTurn] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.permits: dict[str, asyncio.Semaphore | None] = {}
        self.chat_handlers: dict[str, dict[str, Handler]] = {}
        self.waiting: dict[str, list[asyncio.Future[Tree]]] = {}  # calls of handlers

    def event(self, event: Tree) -> None:
        """Report one event, numbered; damaged when a canary was asked for."""
        self.count += 7 if "control-numbers-with-gaps" in self.faults else 1
        if event["ev"] == "item":
            self.item_count += 1
            if self.canary == "drop-3rd-item" and self.item_count == 3:
                return
        if event["ev"] == "ended" and self.canary == "alter-text":
            event = {**event, "text": event["text"] + "!"}
        if "error" in event and self.canary == "drop-error-code":
            event = {**event, "error": {k: v for k, v in event["error"].items() if k != "code"}}
        self._emit({**event, "n": self.count})

    async def handle(self, command: Tree) -> Tree:
        """Take one command; return ``{ok}`` or ``{fail}``."""
        name = str(command.get("cmd"))
        method = getattr(self, f"_cmd_{name}", None)
        try:
            if method is None:
                raise RefusedError("unknown-command", name)
            return {"ok": await method(command) or {}}
        except RefusedError as refused:
            return {"fail": {"kind": refused.kind, "message": str(refused)}}
        except KeyError as error:
            return {"fail": {"kind": "unknown-handle", "message": str(error)}}

    # --- life cycle -------------------------------------------------------------------------

    async def _cmd_hello(self, c: Tree) -> Tree:
        self.canary = c.get("canary")
        if self.canary not in (None, *CANARIES):
            raise RefusedError("bad-request", f"canary {self.canary}")
        self.protocol = max({*c["protocol"]} & {*PROTOCOLS}, default=0)
        if not self.protocol:
            raise RefusedError("bad-request", "no protocol in common")
        features = dict.fromkeys(FEATURES, True)
        return {
            "protocol": self.protocol,
            "nonce": c["nonce"],
            "name": "reference",
            "version": __version__,
            "language": "python",
            "runtime": platform.python_version(),
            "spec": ["1.1"],
            "clientsMax": 8,
            "features": features,
        }

    async def _cmd_open(self, c: Tree) -> None:
        if not _sound(c, self.reader.spec):
            self._returned(c["as"], None, RefError("invalid_argument"))
            return
        self.host = urlsplit(c["url"]).netloc
        client = RefClient(c, self.reader, self.event, self.faults)
        client.handlers = self._handlers(c)
        self.clients[c["as"]] = client
        self._run(c["as"], client.connect() if c.get("connect", True) else _nothing())

    async def _cmd_connect(self, c: Tree) -> None:
        self._run(c["as"], self.clients[c["on"]].connect())

    async def _cmd_wake(self, c: Tree) -> None:
        self.clients[c["on"]].wake()

    async def _cmd_recover(self, c: Tree) -> None:
        turn = self.turns[c["turn"]]
        self._run(c["as"], turn.client.recover(turn))

    async def _cmd_counters(self, c: Tree) -> None:
        self._returned(c["as"], self.clients[c["on"]].counters())

    async def _cmd_close(self, c: Tree) -> None:
        client = self.clients.get(c["on"])
        self._run(c["as"], client.close() if client else _nothing())

    async def _cmd_reset(self, _: Tree) -> None:
        for client in self.clients.values():
            await client.close()
        tasks = list(self.tasks.values())
        if tasks:
            late = (await asyncio.wait(tasks, timeout=1.0))[1]
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self.clients.clear()
        self.chats.clear()
        self.turns.clear()
        self.tasks.clear()
        self.permits.clear()
        self.chat_handlers.clear()
        self.waiting.clear()

    async def _cmd_bye(self, c: Tree) -> None:
        await self._cmd_reset(c)

    async def _cmd_dump(self, _: Tree) -> None:
        return None

    async def _cmd_sync(self, c: Tree) -> Tree:
        await asyncio.sleep(0)
        return {"nonce": c["nonce"]}

    async def _cmd_census(self, _: Tree) -> Tree:
        timers = sum(client.clock.armed() for client in self.clients.values())
        alive = [c for c in self.clients.values() if c.state not in ("idle", "closed")]
        return {"clients": len(alive), "timers": timers}

    async def _cmd_advance(self, c: Tree) -> None:
        client = self.clients[c["on"]]
        if not isinstance(client.clock, VirtualClock):
            raise RefusedError("bad-request", "the clock is real")
        await client.clock.advance(c["ms"])
        await client.drain()

    # --- reporting what is awaited ----------------------------------------------------------

    def _shown(self, error: RefError) -> Tree:
        return error.shown(self.reader.spec, self.faults, self.protocol, self.host)

    def _returned(self, name: str, value: Any, error: RefError | None = None) -> None:
        body = {"error": self._shown(error)} if error else {"value": value}
        self.event({"ev": "returned", "as": name, **body})

    def _run(self, name: str, wait: Awaitable[Any]) -> None:
        async def watch() -> None:
            try:
                value = await wait
            except RefError as error:
                self._returned(name, None, error)
            except asyncio.CancelledError:
                self._returned(name, None, RefError("native_cancelled"))
            except Exception as error:  # whatever else comes out is a defect of the client
                self.event({"ev": "unhandled", "what": repr(error)})
            else:
                self._returned(name, value)

        self.tasks[name] = asyncio.create_task(watch())

    async def _cmd_abort(self, c: Tree) -> None:
        name = c.get("turn") or c["as"]
        self.tasks[name].cancel()
        await asyncio.gather(self.tasks[name], return_exceptions=True)

    # --- calls ------------------------------------------------------------------------------

    async def _cmd_call(self, c: Tree) -> None:
        client, op, args = self.clients[c["on"]], c["op"], dict(c["args"])
        if op not in CALLS and op not in LOW_VERBS:
            raise RefusedError("unknown-op", op)
        if c.get("aborted"):
            self._returned(c["as"], None, RefError("native_cancelled"))
        elif not self._allowed(op, args):
            self._returned(c["as"], None, RefError("invalid_argument"))
        elif op in LOW_VERBS:
            self._run(c["as"], self._low_verb(client, op, args))
        else:
            args.pop("requestId", None)
            self._run(c["as"], client.call(op, args))
        await asyncio.sleep(0)

    def _allowed(self, op: str, args: Tree) -> bool:
        """Whether the schema allows what the caller wrote (REQ-CALL-12)."""
        if "bounds-unchecked" in self.faults:
            return True
        return self.reader.spec.strict_fault({"requestId": "r", **args, "action": op}) is None

    def _low_verb(self, client: RefClient, op: str, args: Tree) -> Awaitable[Any]:
        turn = client.turns.get(args.get("requestId", ""))
        if turn is None or (turn.body is not None and turn.questions["otp"] == "none"):
            return client.low_verb(op, args)
        if op == "cancel":
            return turn.cancel()
        kind = LOW_VERBS[op]
        if args.get("declined"):
            kind = "decline_otp" if op == "verify_otp" else "decline"
        names = ("approved", "code", "values", "declined")
        return turn.verb(kind, {n: args[n] for n in names if n in args})

    async def _cmd_start(self, c: Tree) -> None:
        self._converse(c, "create_conversation_session")

    async def _cmd_resume(self, c: Tree) -> None:
        by_session = "conversationId" not in c["args"]
        self._converse(c, "get_session" if by_session else "create_conversation_session")

    def _converse(self, c: Tree, op: str) -> None:
        handlers = self.chat_handlers[c["as"]] = self._handlers(c)
        call = self.clients[c["on"]].call(op, dict(c["args"]), handlers)
        self._run(c["as"], self._chat(c, call))

    async def _chat(self, c: Tree, call: Awaitable[Any]) -> Tree:
        value = await call
        self.chats[c["as"]] = (self.clients[c["on"]], value["sessionId"])
        self.running.pop(c["as"], None)
        if "openTurn" in value:
            self.running[c["as"]] = value["openTurn"]["requestId"]
        return {n: value[n] for n in ("sessionId", "conversationId")}

    async def _cmd_messages(self, c: Tree) -> None:
        client, session = self.chats[c["on"]]
        self._run(c["as"], self._page(client, session, c))

    async def _page(self, client: RefClient, session: str, c: Tree) -> None:
        cursor: str | None = None
        seen: set[str] = set()
        ids: set[str] = set()
        left = c.get("take", -1)
        while True:
            args: Tree = {"sessionId": session}
            args |= {"limit": c["limit"]} if "limit" in c else {}
            word = "before" if "cursor-sent-as-before" in self.faults else "cursor"
            args |= {word: cursor} if cursor is not None else {}
            page = await client.call("get_conversation_messages", args)
            for message in page["messages"]:
                if "equal-messages-once" in self.faults and message["id"] in ids:
                    continue
                ids.add(message["id"])
                self.event({"ev": "message", "as": c["as"], "data": message})
                left -= 1
                if left == 0:
                    return
            cursor = page.get("nextCursor")
            if not page["hasMore"] or not cursor:
                return
            if cursor in seen and "cursor-loop-followed" not in self.faults:
                raise RefError("unexpected_event")
            seen.add(cursor)

    # --- turns ------------------------------------------------------------------------------

    async def _cmd_turn(self, c: Tree) -> None:
        if c.get("via") == "conversation":
            client, session = self.chats[c["on"]]
        else:
            client, session = self.clients[c["on"]], c["session"]
        name = c["as"]
        if c.get("aborted"):
            self._returned(name, None, RefError("native_cancelled"))
            return
        extra = {k: v for k, v in c.items() if k not in SKIPPED}
        if not self._allowed(
            "send_message", {**extra, "sessionId": session, "message": c["message"]}
        ):
            self._returned(name, None, RefError("invalid_argument"))
            return
        levels = [self.chat_handlers.get(c["on"], {}), self._handlers(c)]
        turn = client.send(session, c["message"], extra, c.get("requestId"), levels)
        self.turns[name] = turn
        self._follow(name, c.get("watch", "items"))
        await asyncio.sleep(0)

    async def _cmd_openturn(self, c: Tree) -> None:
        client, session = self.chats[c["on"]]
        name, request = c["as"], self.running.get(c["on"])
        if request is None or not client.replays(session):
            self._returned(name, None)
            return
        turn, fresh = client.open_turn(session, request, self.chat_handlers[c["on"]])
        self._returned(name, {"requestId": turn.id})
        self.turns[name] = turn
        if fresh:
            self._follow(name, c.get("watch", "items"))
        await asyncio.sleep(0)

    def _follow(self, name: str, watch: str) -> None:
        turn = self.turns[name]
        if watch == "items":
            self._watch(name, None)
        elif watch == "result":
            self.tasks[name] = asyncio.create_task(self._ended(name, turn, None))

    def _handlers(self, c: Tree) -> dict[str, Handler]:
        """The scripted handlers of a command, by what they answer."""
        told = c.get("handlers", {})
        named = {"confirmation": told.get("confirm"), "otp": told.get("otp")}
        named |= {f"interaction {k}": v for k, v in told.get("interaction", {}).items()}
        return {question: self._scripted(s) for question, s in named.items() if s}

    def _scripted(self, script: Tree) -> Handler:
        name, gives = script["as"], itertools.chain(script["gives"], repeat(script["gives"][-1]))

        async def call(ask: Tree) -> Tree:
            self.event({"ev": "called", "as": name, **ask})
            gift: Tree = next(gives)
            if "wait" not in gift:
                return gift
            future: asyncio.Future[Tree] = asyncio.get_running_loop().create_future()
            self.waiting.setdefault(name, []).append(future)
            try:
                return await future
            except asyncio.CancelledError:
                self.event({"ev": "signalled", "as": name})
                raise

        return call

    async def _cmd_give(self, c: Tree) -> None:
        waiting = [future for future in self.waiting[c["handler"]] if not future.done()]
        waiting[0].set_result(c)
        for _ in range(4):
            await asyncio.sleep(0)

    def _watch(self, name: str, permits: asyncio.Semaphore | None) -> None:
        self.permits[name] = permits
        self.tasks[name] = asyncio.create_task(self._items(name, self.turns[name]))

    async def _items(self, name: str, turn: RefTurn) -> None:
        raised: str | None = None
        try:
            iteration = turn.iterate()
            while True:
                permits = self.permits[name]
                if permits:
                    await permits.acquire()
                shown = await anext(iteration)
                self.event({"ev": "item", "turn": name, **shown})
        except StopAsyncIteration:
            raised = None
        except RefError as error:
            raised = error.kind
        except asyncio.CancelledError:
            if name in self.permits:  # not by `leave`
                self._returned(name, None, RefError("native_cancelled"))
            return
        await self._ended(name, turn, raised)

    async def _ended(self, name: str, turn: RefTurn, raised: str | None) -> None:
        try:
            await turn.result()
        except RefError:
            pass
        except asyncio.CancelledError:
            self._returned(name, None, RefError("native_cancelled"))
            return
        body = self._body(turn)
        self.event({"ev": "ended", "turn": name, **body, **({"raised": raised} if raised else {})})

    def _body(self, turn: RefTurn) -> Tree:
        body = dict(turn.body or {})
        if isinstance(body.get("error"), RefError):
            body["error"] = self._shown(body["error"])
        return body

    async def _verb(self, c: Tree, kind: str, facts: Tree) -> None:
        self._run(c["as"], self.turns[c["turn"]].verb(kind, facts))
        await asyncio.sleep(0)

    async def _cmd_confirm(self, c: Tree) -> None:
        await self._verb(c, "confirm", {"approved": c["approved"]})

    async def _cmd_otp(self, c: Tree) -> None:
        await self._verb(c, "verify_otp", {"code": c["code"]})

    async def _cmd_submit(self, c: Tree) -> None:
        await self._verb(c, "submit", {"values": c["values"]})

    async def _cmd_decline(self, c: Tree) -> None:
        kind = "decline_otp" if c["question"] == "otp" else "decline"
        await self._verb(c, kind, {"declined": True})

    async def _cmd_cancel(self, c: Tree) -> None:
        self._run(c["as"], self.turns[c["turn"]].cancel())
        await asyncio.sleep(0)

    # --- watching ---------------------------------------------------------------------------

    async def _cmd_iterate(self, c: Tree) -> None:
        turn, name = self.turns[c["turn"]], c["as"]

        async def walk() -> None:
            async for shown in turn.iterate():
                self.event({"ev": "item", "turn": c["turn"], "as": name, **shown})

        self._run(name, walk())

    async def _cmd_textstream(self, c: Tree) -> None:
        turn, name = self.turns[c["turn"]], c["as"]

        def piece(text: str) -> None:
            cut = "control-text-in-pieces" in self.faults
            for part in text if cut else [text]:
                self.event({"ev": "text", "turn": c["turn"], "as": name, "piece": part})

        async def walk() -> None:
            failure: RefError | None = None
            streamed = False
            try:
                async for shown in turn.iterate():
                    streamed = streamed or shown["type"] == "stream_token"
            except RefError as error:
                failure = error
            if streamed:
                piece(whole(turn.streamed))  # halves of a pair meet
            final = (turn.body or {}).get("text", "")
            if not streamed and final and "text-stream-without-fallback" not in self.faults:
                piece(final)
            if failure:
                raise failure

        self._run(name, walk())

    async def _cmd_await(self, c: Tree) -> None:
        turn = self.turns[c["turn"]]

        async def wait() -> Tree:
            await turn.result()
            return self._body(turn)

        if c.get("abandon"):
            if "unhandled-rejection" in self.faults:
                self.event({"ev": "unhandled", "what": "nobody awaited the error"})
            return
        self._run(c["as"], wait())
        await asyncio.sleep(0)

    async def _cmd_hold(self, c: Tree) -> None:
        self.permits[c["turn"]] = asyncio.Semaphore(0)

    _cmd_drop = _cmd_hold

    async def _cmd_take(self, c: Tree) -> None:
        name = c["turn"]
        if name not in self.permits:
            self._watch(name, asyncio.Semaphore(0))
        permits = self.permits[name] or asyncio.Semaphore(0)
        self.permits[name] = permits
        for _ in range(c["count"]):
            permits.release()

    async def _cmd_leave(self, c: Tree) -> None:
        name = c["turn"]
        turn = self.turns[name]
        self.permits.pop(name, None)
        task = self.tasks.pop(name, None)
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if turn.readers == 0 and not turn.detached and turn.body is None:
            turn.send_cancel()

    async def _cmd_detach(self, c: Tree) -> None:
        self.turns[c["turn"]].detached = True

    # --- codec ------------------------------------------------------------------------------

    async def _cmd_decode(self, c: Tree) -> Tree:
        frame = self.reader.read(c["text"])
        if frame is None:
            return {"malformed": True}
        if frame.known and frame.fault:
            fault = {"type": frame.wire_type, "kind": frame.fault.kind}
            return {"problem": {**fault, "pointer": frame.fault.pointer}}
        if not frame.known:
            return {
                "type": "unknown",
                "unknown": True,
                "wireType": frame.wire_type,
                "raw": frame.raw,
            }
        flat = self.reader.flat(frame.wire_type, frame.tree)
        return {"type": frame.wire_type, "data": frame.tree, "flat": flat}

    async def _cmd_encode(self, c: Tree) -> Tree:
        return {"text": json.dumps({"action": c["op"], **c["args"]}, ensure_ascii=False)}

    async def _cmd_check(self, c: Tree) -> Tree:
        frame = self.reader.read(c["text"])
        if frame is None:
            return {"valid": False}
        if frame.fault:
            return {"valid": False, "pointer": frame.fault.pointer}
        return {"valid": True}


def _sound(c: Tree, spec: Spec) -> bool:
    times = all(v >= 0 for v in c.get("timeouts", {}).values())
    limits = all(v >= 1 for v in c.get("limits", {}).values())
    options = all(_fits(spec.options[n], v) for n, v in c.get("options", {}).items())
    return urlsplit(c["url"]).scheme in ("ws", "wss") and times and limits and options


def _fits(row: Tree, value: Any) -> bool:
    """Whether an option may have a value (REQ-CONN-01)."""
    if value is None or isinstance(value, bool):
        return value is row["default"] or (value is not None and row["type"] == "boolean")
    if isinstance(value, str):
        return value in row.get("words", ())
    return bool(row["type"] in ("time", "count") and value >= row.get("min", 0))


async def _nothing() -> None:
    return None
