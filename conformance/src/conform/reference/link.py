"""The link of the reference client: attempts, waits between them, signs of life, its end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from conform.reader import Reader, whole
from conform.reference.clock import Clock, RealClock, Timer, VirtualClock
from conform.reference.errors import RefError
from conform.reference.handshake import Connect, context, headers_of, mute_pongs, refused
from conform.reference.handshake import with_token as url_of
from conform.reference.seeking import Seeking
from conform.reference.turn import RefTurn
from conform.reference.verbs import Out

Tree = dict[str, Any]
TIMES = {"connect": 10_000, "close": 5_000, "request": 30_000, "turn": 0}
TIMES |= {"turnIdle": 120_000, "question": 330_000, "cancel": 5_000}
READS = ("get_session", "get_conversation_messages", "list_conversations", "ping")
COUNTED = ("connects", "reconnects", "framesIn", "framesOut", "droppedFrames", "resumedTurns")
PROBE = 5_000
NATIVE = "invalid_argument"
SEEKS = ("connecting", "reconnecting")
LOSSES = ("closed_by_peer", "lost", "pong_timeout", "probe_failed")


class Wait:
    """One call that waits."""

    def __init__(self, op: str, request: str, session: str | None = None) -> None:
        self.op = op
        self.request = request
        self.named = {"requestId": request, "sessionId": session}
        self.out: Out | None = None
        self.repeats = 0
        self.always = False  # it is written again on every link
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class RefLink(ABC):
    """What of the reference client is its link. ``faults`` switches defects on, for mutants."""

    def __init__(
        self, options: Tree, reader: Reader, report: Callable[[Tree], None], faults: frozenset[str]
    ) -> None:
        self.options = options
        self.name: str = options["as"]
        self.reader = reader
        self.report = report
        self.faults = faults
        self.clock: Clock = VirtualClock() if options.get("clock") == "virtual" else RealClock()
        self.seeking = Seeking(reader.spec, options, faults)
        self.state = "idle"
        self.turns: dict[str, RefTurn] = {}
        self.waits: dict[str, Wait] = {}
        self.granted: dict[str, list[str]] = {}
        self._ws: ClientConnection | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._connecting: list[asyncio.Future[None]] = []
        self._outbox: list[Out] = []
        self._wanted = asyncio.Event()  # the outbox holds something
        self._timers: dict[str, Timer] = {}
        self._malformed = 0
        self._close_reason = ""
        self.last_code: int | None = None
        self.counted = dict.fromkeys(COUNTED, 0)

    # what the rest of the client does

    @abstractmethod
    async def _message(self, message: str | bytes) -> None: ...

    @abstractmethod
    def _answer(self, wait: Wait, value: Any, error: RefError | None) -> None: ...

    @abstractmethod
    def ping(self) -> None:
        """Write a ping of the client's own."""

    def time(self, name: str) -> int:
        """A timeout in ms; 0 = off."""
        return int(self.options.get("timeouts", {}).get(name, TIMES[name]))

    def closed(self, code: int | None) -> Tree:
        """What an error says of the close that caused it."""
        return {"closeCode": code, "closeReason": self._close_reason if code else ""}

    def _move(
        self,
        to: str,
        reason: str,
        code: int | None = None,
        error: RefError | None = None,
        wait: int | None = None,
    ) -> None:
        shown: Tree = {"ev": "state", "on": self.name, "from": self.state, "to": to}
        shown["reason"] = reason
        again = (self.state, to) == ("reconnecting", "open")
        if again and self.granted and "missed-untold" not in self.faults:
            shown["missed"] = True
        self.state = to
        if code is not None:
            shown["code"] = code
        if error is not None and "cause-untold" not in self.faults:
            shown["cause"] = error.kind
        if wait is not None:
            shown |= {"attempt": self.seeking.attempts + 1, "retryInMs": wait}
        self.report(shown)

    # --- timers of the link ---------------------------------------------------------------------

    def _arm(self, name: str, ms: int, fire: Callable[[], Any]) -> None:
        self._disarm(name)
        self._timers[name] = self.clock.later(ms, fire)

    def _disarm(self, *names: str) -> None:
        for name in names:
            timer = self._timers.pop(name, None)
            if timer:
                timer.cancel()

    def _heard(self) -> None:
        """Something came in."""
        if "frame-is-no-life" not in self.faults:
            self._disarm("pong", "probe")
        self._silence()

    def _silence(self) -> None:
        interval = self.seeking.option("pingInterval")
        if interval and self.state == "open" and "ping-never" not in self.faults:
            self._arm("ping", interval, self._ping)

    def _ping(self) -> None:
        self.ping()
        self._silence()
        limit = self.seeking.option("pongTimeout")
        if limit and "pong" not in self._timers and "pong-never-missed" not in self.faults:
            self._arm("pong", limit, lambda: self._give_up("pong_timeout"))

    def wake(self) -> None:
        """The machine slept, or has a network again (REQ-CONN-35, REQ-CONN-39)."""
        if "wake-ignored" in self.faults:
            return
        if self.state == "open":
            self.ping()
            limit = 10_000 if "probe-slow" in self.faults else PROBE
            if "probe" not in self._timers:
                self._arm("probe", limit, lambda: self._give_up("probe_failed"))
        elif "retry" in self._timers:
            self._retry()

    def _give_up(self, reason: str) -> None:
        code = 1000 if "4408-as-1000" in self.faults else 4408
        ws = self._ws
        self._lost(reason, 4408)
        if ws:
            self._tasks.append(asyncio.create_task(ws.close(code)))

    # --- attempts -------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the link; concurrent calls share one attempt."""
        if self.state == "open":
            return
        self.begin()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connecting.append(waiter)
        await waiter

    def begin(self) -> None:
        """The first attempt, or the end of the wait before another one."""
        if self.state not in SEEKS:
            self.seeking.reset()
            self.seeking.reason = "connect"
            self._move("connecting", "connect")
            self._attempt = asyncio.create_task(self._open())
        elif "retry" in self._timers and "connect-keeps-waiting" not in self.faults:
            self._retry()

    def _retry(self) -> None:
        self._disarm("retry")
        self.seeking.attempts += 1
        self._attempt = asyncio.create_task(self._open())

    async def _open(self) -> None:
        try:
            options = self._with_token()
            self._ws = await self._handshake(options)
        except RefError as error:
            self._failed(error, "no" if error.kind in ("authentication", NATIVE) else "yes")
        except InvalidStatus as answer:
            told = refused(self.reader.spec, answer, url_of(self.options))
            row = self.reader.spec.http_row(answer.response.status_code)
            self._failed(told, row["retry"] if row else "no", row, told.facts.get("retryAfterMs"))
        except ssl.SSLCertVerificationError:
            leak = url_of(self.options)
            self._failed(RefError("connect_failed", retryable=False, leak=leak), "no")
        except (OSError, TimeoutError, websockets.exceptions.WebSocketException):
            self._failed(RefError("connect_failed", leak=url_of(self.options)), "yes")
        else:
            self._opened()

    def _with_token(self) -> Tree:
        if self.seeking.tokens is None:
            return self.options
        self.report({"ev": "asked", "on": self.name, "reason": self.seeking.reason})
        given = self.seeking.token()
        if isinstance(given, str):
            return {**self.options, "token": given}
        kinds = {"authentication": "authentication", "value": NATIVE}
        raise RefError(kinds.get(given["fail"], "connect_failed"))

    async def _handshake(self, options: Tree) -> ClientConnection:
        return await Connect(
            url_of(options),
            ssl=context(options),
            additional_headers=headers_of(options),
            origin=options.get("origin"),
            compression=None,
            ping_interval=None,
            proxy=None,
            max_queue=None,
            open_timeout=self.time("connect") / 1000 or None,
            close_timeout=self.time("close") / 1000,
            max_size=options.get("limits", {}).get("maxMessageBytes", 16 << 20),
        )

    def _opened(self) -> None:
        assert self._ws is not None
        if "no-pong-to-ping" in self.faults:
            mute_pongs(self._ws)
        self._malformed = 0
        self._attempt = None
        self.counted["connects"] += 1
        self.counted["reconnects"] += self.state == "reconnecting"
        self._move("open", "opened")
        self._resolve(None)
        at_once = "count-anew-at-open" in self.faults
        self._arm("stable", self.seeking.option("stableAfter"), self.seeking.reset)
        if at_once:
            self.seeking.reset()
        self._silence()
        self._expire()
        queue, self._outbox = self._outbox, []
        for turn in list(self.turns.values()):
            turn.resuming.opened()
        self._outbox = [*queue, *self._outbox] if self._late else [*self._outbox, *queue]
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]

    @property
    def _late(self) -> bool:
        return "resume-behind-the-queue" in self.faults

    def _resolve(self, error: RefError | None) -> None:
        waiters, self._connecting = self._connecting, []
        for waiter in waiters:
            if waiter.done():
                continue
            if error:
                waiter.set_exception(error)
                waiter.exception()
            else:
                waiter.set_result(None)

    def _failed(
        self, error: RefError, retry: str, row: Tree | None = None, hint: int | None = None
    ) -> None:
        self._attempt = None
        first = self.state == "connecting"
        seeks = self.seeking.seeks(first) or not first
        if seeks and retry == "no" and "final-refusal-retried" in self.faults:
            retry = "yes"
        if seeks and retry == "renew" and self.seeking.renewable():
            self.seeking.renew()
            self.seeking.attempts += 1
            self._attempt = asyncio.create_task(self._open())
            if not first:
                self._resolve(error)
        elif seeks and retry == "yes" and self.seeking.left():
            wait = self.seeking.wait(row, hint)
            self._move(self.state, "connect_failed", error=error, wait=wait)
            self._arm("retry", wait, self._retry)
            if not first:
                self._resolve(error)
            if "unwritten-call-lost" in self.faults:
                self._settle_all(
                    lambda t: t.error("connection_lost"), lambda w: error.under(**w.named)
                )
        else:
            if seeks and retry == "yes":
                error = RefError("reconnect_exhausted")
            self._move("idle" if first else "closed", "connect_failed", error=error)
            self._outbox.clear()
            self._resolve(error)
            code = self.last_code
            self._settle_all(
                lambda t: (
                    t.interrupted("turn_interrupted", code)
                    if t.resuming.suspended
                    else error.under(requestId=t.id, sessionId=t.session)
                ),
                lambda w: error.under(**w.named),
            )

    # --- the end --------------------------------------------------------------------------------

    async def close(self) -> None:
        """End everything; never raises."""
        if self.state not in ("open", *SEEKS):
            return
        was_open = self.state == "open"
        self._end_timers(but="retry" if "close-lets-it-retry" in self.faults else "")
        self._move("closed", "close", 1000 if was_open else None)
        if "close-hangs-turn" not in self.faults:
            self._settle_all(
                lambda t: t.error("client_closed"),
                lambda w: RefError("client_closed", **w.named),
            )
        self._resolve(RefError("client_closed"))
        if self._attempt:
            self._attempt.cancel()
            await asyncio.gather(self._attempt, return_exceptions=True)
            self._attempt = None
        if was_open and self._ws:
            await self._flush()
            await self._ws.close(1000)
        self._outbox.clear()
        await self._end_tasks()

    def _end_timers(self, but: str = "") -> None:
        self._disarm(*(name for name in [*self._timers] if name != but))

    async def _flush(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.drain(), 1.0)

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

    def _lost(self, reason: str, code: int, kind: str | None = None) -> None:
        if self.state != "open":
            return
        self._end_timers()
        self.last_code = code
        renews, seeks = self._after_loss(reason, code)
        turn_kind, call_kind = kind or "turn_interrupted", kind or "connection_lost"
        if code == 4401:
            turn_kind = call_kind = "authentication"
        if "close-as-completed" in self.faults:
            for turn in self.turns.values():
                turn.settle({"outcome": "completed", "text": whole(turn.tokens)})
        kept = [t for t in self.turns.values() if t.out and not t.out.written]
        waiting = [w for w in self.waits.values() if seeks and self._waits_on(w)]
        for turn in list(self.turns.values()):
            if seeks and turn not in kept and turn.resuming.on and turn.body is None:
                turn.resuming.suspend()
            elif not (seeks and turn in kept):
                turn.local(turn.interrupted(turn_kind, code))
                turn.link_gone(lambda t: self._gone(call_kind, t, code))
        for wait in list(self.waits.values()):
            if wait not in waiting:
                error = RefError(call_kind, **wait.named, **self.closed(code))
                self._answer(wait, None, error)
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        if renews:
            self._attempt = asyncio.create_task(self._open())

    def _gone(self, kind: str, turn: RefTurn, code: int) -> RefError:
        return RefError(kind, requestId=turn.id, sessionId=turn.session, **self.closed(code))

    def _after_loss(self, reason: str, code: int) -> tuple[bool, bool]:
        """Move the state; whether a token is renewed, and whether a link is sought."""
        row = self.reader.spec.end_row("code", code)
        retry = row["retry"] if row else "yes"
        if reason in ("pong_timeout", "probe_failed") or "final-close-retried" in self.faults:
            retry = "yes"
        wanted = self.seeking.seeks(first=False) and reason in LOSSES
        if wanted and retry == "renew" and self.seeking.renewable():
            self.seeking.renew()
            self._move("reconnecting", reason, code, wait=0)
            self.seeking.attempts += 1
            return True, True
        if wanted and retry == "yes" and self.seeking.left():
            wait = self.seeking.wait(row, None)
            self._move("reconnecting", reason, code, wait=wait)
            self._arm("retry", wait, self._retry)
            return False, True
        spent = wanted and retry == "yes"
        self._move("closed", reason, code, RefError("reconnect_exhausted") if spent else None)
        return False, False

    def _waits_on(self, wait: Wait) -> bool:
        """Whether a call waits for the next link; a read is written again (REQ-CALL-13)."""
        if wait.out is None or not wait.out.written:
            return True
        repeats = wait.always or (wait.op in READS and wait.repeats < 1)
        repeats = repeats or ("call-repeated" in self.faults and wait.op not in READS)
        if "read-repeated-for-ever" in self.faults and wait.op in READS:
            repeats = True
        if not repeats or "read-not-repeated" in self.faults:
            return False
        wait.repeats += 1
        wait.out = Out(wait.out.text, kept=False)
        place = 0 if "read-repeated-first" in self.faults else len(self._outbox)
        self._outbox.insert(place, wait.out)
        return True

    # --- both directions ------------------------------------------------------------------------

    async def _read(self) -> None:
        assert self._ws is not None
        try:
            while True:
                message = await self._receive()
                self._heard()
                self.counted["framesIn"] += 1
                await self._message(message)
        except websockets.exceptions.ConnectionClosed as closed:
            self._ended(closed)

    async def _receive(self) -> str | bytes:
        assert self._ws is not None
        if "utf8-decoded-per-fragment" not in self.faults:
            return await self._ws.recv()
        pieces = [p async for p in self._ws.recv_streaming(decode=False)]
        return "".join(p.decode("utf-8", "replace") for p in pieces)

    def _ended(self, closed: websockets.exceptions.ConnectionClosed) -> None:
        sent, received = closed.sent, closed.rcvd
        self._close_reason = received.reason if received is not None else ""
        if received is not None and closed.rcvd_then_sent is not False:
            self._lost("closed_by_peer", received.code)
        elif sent is not None and sent.code == 1007:
            self._lost("invalid_utf8", 1007)
        elif sent is not None and sent.code == 1009:
            self._lost("too_large", 1009, "message_too_large")
        else:
            violated = sent is not None and sent.code == 1002 and "1002-untold" not in self.faults
            self._lost("lost", 1002 if violated else 1006)

    async def _write(self) -> None:
        assert self._ws is not None
        ws = self._ws
        while True:
            while self._outbox:
                out = self._outbox.pop(-1 if "queue-reversed" in self.faults else 0)
                if not out.dropped:
                    out.written = True
                    self.counted["framesOut"] += 1
                    await self._send(ws, out.text)
            self._wanted.clear()
            await self._wanted.wait()

    async def _send(self, ws: ClientConnection, text: str) -> None:
        with contextlib.suppress(websockets.exceptions.ConnectionClosed):
            pieces = [text[:9], "", text[9:]]
            await ws.send(pieces if "control-fragmented" in self.faults else text)

    def put(self, out: Out) -> None:
        """Queue one frame; frames leave in the order of the calls."""
        self._outbox.append(out)
        self._wanted.set()

    def _expire(self) -> None:
        """Forget what has waited long enough."""
        self._outbox = [out for out in self._outbox if self.clock.now < out.until]

    async def drain(self) -> None:
        """Wait until every queued frame is on the socket."""
        while self.state == "open" and self._outbox:
            self._wanted.set()
            await asyncio.sleep(0)

    def refuses(self) -> str:
        """What an action that starts now fails with; a lazy client begins to connect."""
        if self.state == "open":
            return ""
        policy = self.seeking.option("queuePolicy")
        fails = policy == "fail_fast" and "fail-fast-waits" not in self.faults
        if self.state == "reconnecting" and fails:
            return "not_connected"
        if self.state not in SEEKS and not self.options.get("lazy"):
            return "not_connected"
        self._expire()
        waiting = sum(not out.dropped for out in self._outbox)
        if waiting >= self.seeking.option("queueLimit") and "queue-unbounded" not in self.faults:
            return "queue_full"
        if self.state not in SEEKS:
            self.begin()
        return ""
