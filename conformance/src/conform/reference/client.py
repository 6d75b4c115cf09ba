"""The reference client: link, calls, routing."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any

from conform.reader import Frame, Reader
from conform.reference.errors import RefError, from_info
from conform.reference.handling import Handler
from conform.reference.inquiry import Inquiry, fate
from conform.reference.line import RefLine
from conform.reference.link import RefLink, Wait
from conform.reference.turn import RefTurn
from conform.reference.verbs import VERB_EVENTS, VERBS, Out, verb_answer

Tree = dict[str, Any]
MALFORMED_LIMIT = 10
FORMS = {"interaction identity_intake": "identity_form", "interaction choices": "choice_chips"}
RESULTS = {"ping": "pong"}


class RefClient(RefLink):
    """A minimal client of the protocol. ``faults`` switches defects on, for mutants."""

    def __init__(
        self, options: Tree, reader: Reader, report: Callable[[Tree], None], faults: frozenset[str]
    ) -> None:
        super().__init__(options, reader, report, faults)
        self.latest: RefTurn | None = None
        self.handlers: dict[str, Handler] = {}
        self.line = RefLine(self)
        self.late: dict[str, None] = {}  # ids that are over, the oldest first
        self._ids = iter(options["ids"])
        self._auto = itertools.count(1)

    # --- small things -----------------------------------------------------------------------

    def draw(self) -> str:
        """The next requestId."""
        if "request-id-reused" in self.faults and self.latest:
            return self.latest.id
        drawn = next(self._ids, None)
        return drawn if drawn is not None else f"req-auto-{next(self._auto)}"

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

    # --- writing ----------------------------------------------------------------------------

    def write(self, frame: Tree, lasts: float = 0) -> Out:
        """Queue one action; it leaves in the order of the calls, within ``lasts`` ms or never."""
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
        if lasts and "kept-cancel-never-late" not in self.faults:
            out.until = self.clock.now + lasts
        self.put(out)
        return out

    def ping(self) -> None:
        """Write a ping of the client's own; its answer reaches the tap alone (REQ-CONN-38)."""
        drawn = self.draw()
        if "own-pong-pushed" not in self.faults:
            self.late[drawn] = None
        self.write({"action": "ping", "requestId": drawn})

    # --- calls ------------------------------------------------------------------------------

    async def call(self, op: str, args: Tree, handlers: Iterable[str] = ()) -> Any:
        """One action with one answer; ``handlers`` are those of the conversation."""
        drawn = self.draw()
        refusal = self.refuses()
        if refusal:
            if "send-after-close-ignored" in self.faults:
                await asyncio.Event().wait()
            self.late[drawn] = None
            raise RefError(refusal, requestId=drawn, sessionId=args.get("sessionId"))
        if op == "create_conversation_session":
            words = {*self.reader.spec.listed(self.options.get("options", {}))}
            words |= {*self.options.get("supports", []), *args.get("supports", [])}
            answered = {*self.handlers, *handlers}
            if "handler-words-lost" not in self.faults:
                words |= {word for kind, word in FORMS.items() if kind in answered}
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
        refusal = self.refuses()
        if refusal:
            raise RefError(refusal, **named)
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
        wait.out = self.write(frame)
        try:
            return await wait.future
        finally:
            wait.out.drop()
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
        if isinstance(wait, Inquiry):
            wait.frame(frame)
        elif wait.op in VERBS:
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
            known = self.granted.get(value["sessionId"], [])
            known = [] if "capabilities-forgotten" in self.faults else known
            self.granted[value["sessionId"]] = value.get("capabilities", known)
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

    async def recover(self, turn: RefTurn) -> Tree:
        """What became of an interrupted turn (REQ-TURN-30, REQ-RESUME-12)."""
        if self.replays(turn.session) and "recovery-reads-at-once" not in self.faults:
            status = await fate(self, turn)
            if status:
                return {"status": status}
        answer: Tree | None = None
        args: Tree = {"sessionId": turn.session}
        for _ in range(1 if "recovery-reads-one-page" in self.faults else 10):
            page = await self.call("get_conversation_messages", args)
            for message in page["messages"]:
                if message.get("requestId") != turn.id:
                    continue
                if message["direction"] == "inbound":
                    return self._fate(message.get("turn"), answer)
                answer = answer or message
            if not page["hasMore"] or not page.get("nextCursor"):
                told = "spec_1_2" in self.granted.get(turn.session, [])
                told = told or "silence-is-not-delivered" in self.faults
                return {"status": "not_delivered" if told and answer is None else "unknown"}
            args = {"sessionId": turn.session, "cursor": page["nextCursor"]}
        return {"status": "unknown"}

    def _fate(self, state: Any, answer: Tree | None) -> Tree:
        if state == "completed" and answer:
            return {"status": "answered", "message": answer}
        over: tuple[str, ...] = ("completed", "cancelled", "failed")
        over = (*over, "running") if "running-is-not-answered" in self.faults else over
        return {"status": "not_answered" if state in over else "unknown"}

    def counters(self) -> Tree:
        """What the client has counted (REQ-LOG-03)."""
        turns = sum(turn.body is None for turn in self.turns.values())
        return {**self.counted, "openTurns": turns}

    def replays(self, session: str) -> bool:
        """Whether a session is a replay session (REQ-RESUME-01)."""
        if "replay-unasked" in self.faults:
            return True
        listed = "replay" in self.reader.spec.listed(self.options.get("options", {}))
        return listed and "replay" in self.granted.get(session, [])

    def open_turn(
        self, session: str, request: str, handlers: dict[str, Handler]
    ) -> tuple[RefTurn, bool]:
        """The turn that a conversation runs (REQ-RESUME-11), and whether it is new here."""
        known = self.turns.get(request)
        if known and known.body is None and "open-turn-twice" not in self.faults:
            return known, False
        asked = self.waits.get(request)
        if asked and "inquiry-not-displaced" not in self.faults:
            self.waits.pop(request)
            asked.future.cancel()
        self.turns.pop(request, None)
        turn = self.turns[request] = RefTurn(
            self, session, request, [self.handlers, handlers], taken_up=True
        )
        turn.resuming.suspend()
        turn.resuming.ask()
        return turn, True

    # --- turns ------------------------------------------------------------------------------

    def send(
        self,
        session: str,
        message: str,
        extra: Tree,
        request: str | None,
        handlers: list[dict[str, Handler]],
    ) -> RefTurn:
        """Send a message; the turn settles whatever happens.

        ``handlers`` are those of the conversation and those of the message.
        """
        if "stream-flag-lost" in self.faults:
            extra = {k: v for k, v in extra.items() if k != "stream"}
        turn = RefTurn(self, session, request or self.draw(), [self.handlers, *handlers])
        turn.leak = message
        self.turns[turn.id] = turn
        body = {"sessionId": session, "message": message, **extra}
        if "default-written-to-wire" in self.faults:
            body = {**body, "stream": body.get("stream", True)}
        turn.frame_sent = {"action": "send_message", "requestId": turn.id, **body}
        self.line.send(turn)
        return turn

    def send_again(self, turn: RefTurn) -> Out:
        """Send the message of a turn again, under a new id."""
        self.renew(turn)
        for other in list(self.turns.values()):
            if other.session == turn.session and other is not turn:
                other.next_send()
        return self.write(turn.frame_sent)

    def renew(self, turn: RefTurn) -> None:
        """The turn goes on under a new id."""
        self.late[turn.id] = None
        del self.turns[turn.id]
        turn.id = self.draw()
        self.turns[turn.id] = turn
        turn.frame_sent = {**turn.frame_sent, "requestId": turn.id}

    def warned(self) -> None:
        """A line of the log at warning."""
        if self.options.get("warnings"):
            self.report({"ev": "warned", "on": self.name})

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
        self.counted["droppedFrames"] += "dropped-uncounted" not in self.faults
        limit = 1 if "bad-json-kills-connection" in self.faults else MALFORMED_LIMIT
        if "bad-json-swallowed-forever" in self.faults or self._malformed != limit:
            return
        assert self._ws is not None
        ws = self._ws
        self._lost("malformed_limit", 4400)
        await ws.close(4400)

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
