"""The reference client: link, calls, routing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import ssl
from collections.abc import Callable
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from conform.reader import Frame, Reader, whole
from conform.reference.clock import Clock, RealClock, VirtualClock
from conform.reference.errors import RefError, from_info
from conform.reference.handshake import (
    Connect,
    context,
    headers_of,
    mute_pongs,
    refused,
    with_token,
)
from conform.reference.turn import RefTurn
from conform.reference.verbs import VERB_EVENTS, VERBS, Out, verb_answer

Tree = dict[str, Any]
TIMES = {"connect": 10_000, "close": 5_000, "request": 30_000, "turn": 0}
TIMES |= {"turnIdle": 120_000, "question": 330_000, "cancel": 5_000}
MALFORMED_LIMIT = 10
RESULTS = {"ping": "pong"}


class Wait:
    """One call that waits."""

    def __init__(self, op: str, request: str, session: str | None = None) -> None:
        self.op = op
        self.request = request
        self.named = {"requestId": request, "sessionId": session}
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class RefClient:
    """A minimal client of the protocol. ``faults`` switches defects on, for mutants."""

    def __init__(
        self, options: Tree, reader: Reader, report: Callable[[Tree], None], faults: frozenset[str]
    ) -> None:
        self.options = options
        self.name: str = options["as"]
        self.reader = reader
        self.report = report
        self.faults = faults
        self.clock: Clock = VirtualClock() if options.get("clock") == "virtual" else RealClock()
        self.state = "idle"
        self.turns: dict[str, RefTurn] = {}
        self.latest: RefTurn | None = None
        self.waits: dict[str, Wait] = {}
        self.late: dict[str, None] = {}  # ids that are over, the oldest first
        self.granted: dict[str, list[str]] = {}
        self._ids = iter(options["ids"])
        self._auto = itertools.count(1)
        self._ws: ClientConnection | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._outbox: asyncio.Queue[Out] = asyncio.Queue()
        self._malformed = 0
        self._closing = False
        self._close_reason = ""

    # --- small things -----------------------------------------------------------------------

    def time(self, name: str) -> int:
        """A timeout in ms; 0 = off."""
        return int(self.options.get("timeouts", {}).get(name, TIMES[name]))

    def draw(self) -> str:
        """The next requestId."""
        if "request-id-reused" in self.faults and self.latest:
            return self.latest.id
        drawn = next(self._ids, None)
        return drawn if drawn is not None else f"req-auto-{next(self._auto)}"

    def closed(self, code: int | None) -> Tree:
        """What an error says of the close that caused it."""
        return {"closeCode": code, "closeReason": self._close_reason if code else ""}

    def _move(self, to: str, reason: str, code: int | None = None) -> None:
        shown: Tree = {"ev": "state", "on": self.name, "from": self.state, "to": to}
        self.state = to
        shown["reason"] = reason
        if code is not None:
            shown["code"] = code
        self.report(shown)

    def _tap(self, direction: str, tree: Tree | None) -> None:
        if not self.options.get("tap"):
            return
        shown: Tree = {"ev": "frame", "on": self.name, "direction": direction}
        for word, keys in (("type", ("action", "type")), ("requestId", ("requestId",))):
            for key in keys:
                if tree and isinstance(tree.get(key), str):
                    shown[word] = tree[key]
        if tree and "requestId" not in shown and isinstance(tree.get("data"), dict):
            nested = tree["data"].get("requestId")
            if isinstance(nested, str):
                shown["requestId"] = nested
        self.report(shown)

    # --- link -------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the link; concurrent calls share one attempt."""
        if self.state == "open":
            return
        if self._attempt is None:
            self._move("connecting", "connect")
            self._closing = False
            self._attempt = asyncio.create_task(self._open())
        try:
            await asyncio.shield(self._attempt)
        except asyncio.CancelledError:
            if self._closing:
                raise RefError("client_closed") from None
            raise

    async def _open(self) -> None:
        limit = self.time("connect") / 1000 or None
        try:
            self._ws = await Connect(
                with_token(self.options),
                ssl=context(self.options),
                additional_headers=headers_of(self.options),
                origin=self.options.get("origin"),
                compression=None,
                ping_interval=None,
                proxy=None,
                max_queue=None,
                open_timeout=limit,
                close_timeout=self.time("close") / 1000,
                max_size=self.options.get("limits", {}).get("maxMessageBytes", 16 << 20),
            )
        except InvalidStatus as error:
            self._failed(refused(self.reader.spec, error, with_token(self.options)))
        except ssl.SSLCertVerificationError:
            leak = with_token(self.options)
            self._failed(RefError("connect_failed", retryable=False, leak=leak))
        except (OSError, TimeoutError, websockets.exceptions.WebSocketException):
            self._failed(RefError("connect_failed", leak=with_token(self.options)))
        else:
            if "no-pong-to-ping" in self.faults:
                mute_pongs(self._ws)
            self._malformed = 0
            self._attempt = None
            self._move("open", "opened")
            self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]

    def _failed(self, error: RefError) -> None:
        self._attempt = None
        self._move("idle", "connect_failed")
        self._outbox = asyncio.Queue()
        self._settle_all(
            lambda t: error.under(requestId=t.id, sessionId=t.session),
            lambda w: error.under(**w.named),
        )
        raise error

    async def close(self) -> None:
        """End everything; never raises."""
        if self.state not in ("open", "connecting"):
            return
        self._closing = True
        was_open = self.state == "open"
        self._move("closed", "close", 1000 if was_open else None)
        if "close-hangs-turn" not in self.faults:
            self._settle_all(
                lambda t: t.error("client_closed"),
                lambda w: RefError("client_closed", **w.named),
            )
        if self._attempt:
            self._attempt.cancel()
            await asyncio.gather(self._attempt, return_exceptions=True)
            self._attempt = None
        if self._ws:
            await self._flush()
            await self._ws.close(1000)
        await self._end_tasks()

    async def _flush(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._outbox.join(), 1.0)

    async def _end_tasks(self) -> None:
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _settle_all(
        self, turn_error: Callable[[RefTurn], RefError], wait_error: Callable[[Wait], RefError]
    ) -> None:
        for turn in list(self.turns.values()):
            turn.local(turn_error(turn))
            turn.link_gone(lambda t: wait_error(Wait("", t.id, t.session)))
        for wait in list(self.waits.values()):
            self._answer(wait, None, wait_error(wait))

    async def _lost(self, reason: str, code: int, kind: str | None = None) -> None:
        if self.state != "open":
            return
        self._move("closed", reason, code)
        turn_kind, call_kind = kind or "turn_interrupted", kind or "connection_lost"
        if code == 4401:
            turn_kind = call_kind = "authentication"
        if "close-as-completed" in self.faults:
            for turn in self.turns.values():
                turn.settle({"outcome": "completed", "text": whole(turn.tokens)})
        self._settle_all(
            lambda t: t.interrupted(turn_kind, code),
            lambda w: RefError(call_kind, **w.named, **self.closed(code)),
        )
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()

    async def _read(self) -> None:
        assert self._ws is not None
        try:
            while True:
                await self._message(await self._receive())
        except websockets.exceptions.ConnectionClosed as closed:
            await self._ended(closed)

    async def _receive(self) -> str | bytes:
        assert self._ws is not None
        if "utf8-decoded-per-fragment" not in self.faults:
            return await self._ws.recv()
        pieces = [p async for p in self._ws.recv_streaming(decode=False)]
        return "".join(p.decode("utf-8", "replace") for p in pieces)

    async def _ended(self, closed: websockets.exceptions.ConnectionClosed) -> None:
        sent, received = closed.sent, closed.rcvd
        self._close_reason = received.reason if received is not None else ""
        if received is not None and closed.rcvd_then_sent is not False:
            await self._lost("closed_by_peer", received.code)
        elif sent is not None and sent.code == 1007:
            await self._lost("invalid_utf8", 1007)
        elif sent is not None and sent.code == 1009:
            await self._lost("too_large", 1009, "message_too_large")
        else:
            violated = sent is not None and sent.code == 1002 and "1002-untold" not in self.faults
            await self._lost("lost", 1002 if violated else 1006)

    async def _write(self) -> None:
        assert self._ws is not None
        while True:
            out = await self._outbox.get()
            if not out.dropped:
                out.written = True
                await self._send(out.text)
            self._outbox.task_done()

    async def _send(self, text: str) -> None:
        assert self._ws is not None
        with contextlib.suppress(websockets.exceptions.ConnectionClosed):
            pieces = [text[:9], "", text[9:]]
            await self._ws.send(pieces if "control-fragmented" in self.faults else text)

    def write(self, frame: Tree) -> Out:
        """Queue one action; it leaves in the order of the calls."""
        if "null-for-absent" in self.faults:
            unset = {"send_message": "model", "create_conversation_session": "userEmail"}
            name = unset.get(frame["action"])
            frame = {name: None, **frame} if name else frame
        if "wrong-session" in self.faults and frame["action"] == "confirm_tool_action":
            frame = {**frame, "sessionId": "00000000-0000-4000-8000-000000000099"}
        self._tap("out", frame)
        if "control-key-order" in self.faults:
            frame = dict(reversed(frame.items()))
        indent = 2 if "control-spaced-json" in self.faults else None
        escape = "control-ascii-json" in self.faults
        kept = "cancelled-turn-still-sent" in self.faults
        out = Out(json.dumps(frame, ensure_ascii=escape, indent=indent), kept)
        self._outbox.put_nowait(out)
        return out

    async def drain(self) -> None:
        """Wait until every queued frame is on the socket."""
        if self.state == "open":
            await self._outbox.join()

    # --- calls ------------------------------------------------------------------------------

    def usable(self) -> bool:
        """Whether an action may start now."""
        if self.state in ("idle", "closed") and self.options.get("lazy"):
            self._move("connecting", "connect")
            self._attempt = asyncio.create_task(self._open())
            self._attempt.add_done_callback(lambda t: t.cancelled() or t.exception())
        return self.state in ("open", "connecting")

    async def call(self, op: str, args: Tree) -> Any:
        """One action with one answer."""
        drawn = self.draw()
        if not self.usable():
            if "send-after-close-ignored" in self.faults:
                await asyncio.Event().wait()
            self.late[drawn] = None
            raise RefError("not_connected", requestId=drawn, sessionId=args.get("sessionId"))
        if op == "create_conversation_session":
            words = {"otp_park", "spec_1_1"}
            words |= {*self.options.get("supports", []), *args.get("supports", [])}
            args = {**args, "supports": sorted(words)}
        if "default-written-to-wire" in self.faults and op == "get_conversation_messages":
            args = {"limit": 50, **args}
        frame = {"action": op, "requestId": drawn, **args}
        return await self._exchange(op, frame)

    async def low_verb(self, op: str, args: Tree) -> Any:
        """A verb without a live turn."""
        named = {"requestId": args.get("requestId"), "sessionId": args.get("sessionId")}
        parks = "otp_park" in self.granted.get(args["sessionId"], [])
        if op == "verify_otp" and args.get("declined") and not parks:
            raise RefError("unsupported", **named)
        if not self.usable():
            raise RefError("not_connected", **named)
        if op == "cancel":
            self.write({"action": op, **args})
            return None
        return await self._exchange(op, {"action": op, **args})

    async def _exchange(self, op: str, frame: Tree) -> Any:
        wait = Wait(op, frame["requestId"], frame.get("sessionId"))
        self.waits[wait.request] = wait
        limit = 0 if "timeout-never-fires" in self.faults else self.time("request")
        expired = RefError("request_timeout", **wait.named)
        fire = lambda: self._answer(wait, None, expired)  # noqa: E731
        timer = self.clock.later(limit, fire) if limit else None
        out = self.write(frame)
        try:
            return await wait.future
        finally:
            out.drop()
            if self.waits.pop(wait.request, None):
                self.late[wait.request] = None
            if timer and "timer-leak" not in self.faults:
                timer.cancel()

    def _answer(self, wait: Wait, value: Any, error: RefError | None) -> None:
        if self.waits.pop(wait.request, None):
            self.late[wait.request] = None
        if wait.future.done():
            return
        if error:
            wait.future.set_exception(error)
            wait.future.exception()
        else:
            wait.future.set_result(value)

    def _call_frame(self, wait: Wait, frame: Frame) -> None:
        kind = frame.wire_type
        wanted = RESULTS.get(wait.op, "immediate_response")
        if wait.op in VERBS:
            self._verb_frame(wait, frame)
        elif not frame.known or (frame.fault and kind not in (wanted, "error")):
            self.push(frame)
        elif frame.fault:
            fault = frame.fault.pointer
            self._answer(wait, None, RefError("invalid_frame", **wait.named, at=fault))
        elif kind == "error":
            info = self.reader.flat("error", frame.tree)
            self._answer(wait, None, from_info(self.reader.spec, info, **wait.named))
        elif kind == "keepalive":
            return
        elif kind != wanted:
            self._answer(wait, None, RefError("unexpected_event", **wait.named))
        elif frame.tree.get("status", 0) >= 400 and "error-as-success" not in self.faults:
            status = frame.tree["status"]
            self._answer(wait, None, RefError("protocol", **wait.named, status=status))
        else:
            self._result(wait, frame)

    def _result(self, wait: Wait, frame: Frame) -> None:
        if wait.op == "ping":
            time = self.reader.flat("pong", frame.tree).get("timestamp")
            value = {"roundTripMs": 0.1, **({} if time is None else {"serverTime": time})}
            self._answer(wait, value, None)
            return
        value, fault = self.reader.result(wait.op, frame.tree["data"])
        if fault:
            failed = RefError("invalid_frame", **wait.named, at=fault.pointer)
            self._answer(wait, None, failed)
            return
        if "sessionId" in value:
            self.granted[value["sessionId"]] = value.get("capabilities", [])
        self._answer(wait, value, None)

    def _verb_frame(self, wait: Wait, frame: Frame) -> None:
        if _alive(frame):
            return
        kind = VERBS[wait.op]
        if frame.fault and frame.known and frame.wire_type in (*VERB_EVENTS[kind], "error"):
            fault = frame.fault.pointer
            self._answer(wait, None, RefError("invalid_frame", **wait.named, at=fault))
            return
        if not frame.good:
            self.push(frame)
            return
        facts = self.reader.flat(frame.wire_type, frame.tree)
        if frame.wire_type == "error":
            self._answer(wait, None, from_info(self.reader.spec, facts, **wait.named))
            return
        found = verb_answer(kind, frame.wire_type, facts)
        if found is None:
            self.push(frame)
        elif (status := facts.get("status") or 0) >= 400:
            self._answer(wait, None, RefError("protocol", **wait.named, status=status))
        else:
            self._answer(wait, found[0], None)

    # --- turns ------------------------------------------------------------------------------

    def send(self, session: str, message: str, extra: Tree, request: str | None) -> RefTurn:
        """Send a message; the turn settles whatever happens."""
        for other in self.turns.values():
            if other.session == session or "any-send-closes-code" in self.faults:
                other.next_send()
        allowed = self.usable()
        if "stream-flag-lost" in self.faults:
            extra = {k: v for k, v in extra.items() if k != "stream"}
        turn = RefTurn(self, session, request or self.draw())
        turn.leak = message
        self.turns[turn.id] = turn
        if not allowed:
            turn.settle(turn.failed(turn.error("not_connected")))
            return turn
        self.latest = turn
        body = {"sessionId": session, "message": message, **extra}
        if "default-written-to-wire" in self.faults:
            body = {**body, "stream": body.get("stream", True)}
        turn.out = self.write({"action": "send_message", "requestId": turn.id, **body})
        return turn

    # --- reading ----------------------------------------------------------------------------

    def shown(self, frame: Frame) -> Tree:
        """An event as ``item`` and ``pushed`` report it."""
        if frame.good:
            flat = self.reader.flat(frame.wire_type, frame.tree)
            return {"type": frame.wire_type, "data": frame.tree, "flat": flat}
        shown = {"type": "unknown", "unknown": True, "wireType": frame.wire_type, "raw": frame.raw}
        if frame.fault:
            shown["problem"] = {"kind": frame.fault.kind, "pointer": frame.fault.pointer}
        return shown

    def push(self, frame: Frame) -> None:
        """To the event listeners."""
        self.report({"ev": "pushed", "on": self.name, **self.shown(frame)})

    async def _message(self, message: str | bytes) -> None:
        if isinstance(message, bytes) and "binary-treated-as-text" in self.faults:
            message = message.decode("utf-8", "replace")
        if "control-slow" in self.faults:
            await asyncio.sleep(0.002)
        frame = self.reader.read(message) if isinstance(message, str) else None
        self._tap("in", frame.raw if frame else None)
        if frame is None:
            await self._malformed_frame()
            return
        self._malformed = 0
        if "unknown-field-drops-frame" in self.faults and _has_unknown(self.reader, frame):
            return
        self._route(frame)

    async def _malformed_frame(self) -> None:
        self._malformed += 1
        limit = 1 if "bad-json-kills-connection" in self.faults else MALFORMED_LIMIT
        if "bad-json-swallowed-forever" in self.faults or self._malformed != limit:
            return
        assert self._ws is not None
        await self._lost("malformed_limit", 4400)
        await self._ws.close(4400)

    def _route(self, frame: Frame) -> None:
        request = frame.request_id
        if "pong-resolves-first-pending" in self.faults and frame.wire_type == "pong":
            request = next(iter(self.waits), request)
        turn = None if request in self.waits else self.turns.get(request or "")
        if turn and "crosstalk-latest-turn" in self.faults:
            turn = self.latest
        if turn and (turn.body is None or turn.verbs or self._remembers(turn.id)):
            turn.frame(frame)
        elif request in self.waits:
            self._call_frame(self.waits[request], frame)
        elif request in self.late and "settled-ids-few" in self.faults:
            if request not in list(self.late)[-20:]:
                self.push(frame)
        elif not _alive(frame) and (not self._remembers(request) or self._forgets):
            self.push(frame)

    def _remembers(self, request: str | None) -> bool:
        """Whether an id is among the last 1,024 that are over (REQ-TURN-06)."""
        kept = len(self.late) if "settled-ids-unbounded" in self.faults else 1024
        return request in list(self.late)[-kept:]

    @property
    def _forgets(self) -> bool:
        return "late-answer-pushed" in self.faults


def _alive(frame: Frame) -> bool:
    return frame.good and frame.wire_type == "keepalive"


def _has_unknown(reader: Reader, frame: Frame) -> bool:
    if not frame.known:
        return False
    _, schema = reader.spec.events[frame.wire_type]
    return bool(set(frame.raw) - set(schema["properties"]))
