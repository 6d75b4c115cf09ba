"""Testee for the Python client: drives it by JSON lines, decides nothing (PROTOCOL.md)."""

from __future__ import annotations

import asyncio
import faulthandler
import itertools
import json
import logging
import platform
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import smooth_operator as so
from smooth_operator import wire
from smooth_operator.testing import VirtualClock

FEATURES = (
    "virtual_clock conversation paging text_stream tee hold leave abort tls headers tap census codec"
).split()
CANARIES = ("drop-3rd-item", "alter-text", "drop-error-code")
TIMEOUTS = {
    "connect": "connect_timeout",
    "close": "close_timeout",
    "request": "request_timeout",
    "turn": "turn_timeout",
    "turnIdle": "turn_idle_timeout",
    "question": "question_timeout",
    "cancel": "cancel_timeout",
}


class Refused(Exception):
    """A command that cannot be taken."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def snake(fields: dict[str, Any], *, drop: tuple[str, ...] = ()) -> dict[str, Any]:
    """Rename wire names to keyword names by the client's own table."""
    return {wire.member_name(name): value for name, value in fields.items() if name not in drop}


def error_body(error: BaseException) -> dict[str, Any]:
    if isinstance(error, asyncio.CancelledError):
        return {"kind": "native_cancelled"}
    if not isinstance(error, so.SmoothAgentError):
        return {
            "kind": "invalid_argument"
            if isinstance(error, ValueError | TypeError)
            else f"escaped {error!r}"
        }
    details = error.details
    body = {
        "kind": error.kind,
        "code": error.code,
        "request": error.request_id,
        "close": error.close_code,
        "at": details.get("pointer"),
        "status": details.get("status"),
        "retryAfterMs": details.get("retryAfterMs"),
        "question": details.get("question"),
        "sent": details.get("sent"),
    }
    return {key: value for key, value in body.items() if value is not None}


def item_body(event: Any) -> dict[str, Any]:
    if event.type == "unknown":
        body = {"type": "unknown", "unknown": True, "wireType": event.wire_type, "raw": event.raw}
        if event.problem is not None:
            body["problem"] = {"kind": event.problem.kind, "pointer": event.problem.pointer}
        return body
    flat = wire.flat(event)
    call, result = so.tool_call(event), so.tool_result(event)
    if call is not None:
        flat["toolCall"] = present(name=call.name, arguments=call.arguments, callId=call.call_id)
    if result is not None:
        flat["toolResult"] = present(
            name=result.name, isError=result.is_error, result=result.result, callId=result.call_id
        )
    return {"type": event.type, "data": wire.encode_event(event), "flat": flat}


def present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def result_body(result: so.TurnResult) -> dict[str, Any]:
    return present(
        outcome=result.outcome,
        confirmed=result.confirmed if result.outcome == "cancelled" else None,
        text=result.text,
        messageId=result.message_id,
        citations=[wire.encode(citation) for citation in result.citations] or None,
        usage=wire.encode(result.usage) if result.usage is not None else None,
    )


def value_body(value: Any) -> Any:
    if isinstance(value, so.Pong):
        return present(serverTime=value.server_time, roundTripMs=value.round_trip_ms)
    if isinstance(value, so.OtpCheck):
        return present(
            verified=value.verified,
            attemptsRemaining=value.attempts_remaining,
            error=value.error,
            message=value.message,
        )
    if isinstance(value, so.SubmitResult):
        errors = [wire.encode(error) for error in value.errors] or None
        return present(accepted=value.accepted, errors=errors, message=value.message)
    if isinstance(value, so.Conversation):
        return {"sessionId": value.session_id, "conversationId": value.conversation_id}
    return (
        wire.encode(value)
        if value is not None and not isinstance(value, so.SmoothAgentClient)
        else None
    )


class Watch:
    """One iteration that can be held."""

    def __init__(self, turn: so.Turn, name: str | None) -> None:
        self.iterator, self.name, self.allowed, self.go = (
            turn.__aiter__(),
            name,
            -1,
            asyncio.Event(),
        )
        self.go.set()

    def hold(self, count: int = 0) -> None:
        self.allowed = count
        self.go.set() if count else self.go.clear()

    async def next(self) -> Any:
        await self.go.wait()
        event = await anext(self.iterator)
        if self.allowed > 0:
            self.hold(self.allowed - 1)
        return event


class Testee:
    """Names of one case and what they stand for."""

    def __init__(self) -> None:
        self.n, self.canary, self.items = itertools.count(), "", 0
        self.forget()

    def forget(self) -> None:
        self.handles: dict[str, Any] = {}
        self.clocks: dict[str, VirtualClock] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.watches: dict[str, Watch] = {}
        self.left: set[str] = set()

    def write(self, line: dict[str, Any]) -> None:
        print(json.dumps(line, ensure_ascii=False), flush=True)

    def event(self, ev: str, **body: Any) -> None:
        self.items += ev == "item"
        if self.canary == "drop-3rd-item" and ev == "item" and self.items == 3:
            return
        if self.canary == "alter-text" and ev == "ended":
            body["text"] += "!"
        if self.canary == "drop-error-code" and "error" in body:
            body["error"].pop("code", None)
        self.write({"ev": ev, **body, "n": next(self.n)})

    def get(self, name: Any, kind: type) -> Any:
        found = self.handles.get(name)
        if not isinstance(found, kind):
            raise Refused("unknown-handle", f"{name} names no {kind.__name__}")
        return found

    def run(
        self, name: str, work: Awaitable[Any], encode: Callable[[Any], Any] = value_body
    ) -> None:
        """Await ``work`` beside the command loop and report what came of it as ``name``."""

        async def report() -> None:
            try:
                value = await work
                if isinstance(value, so.Conversation):
                    self.handles[name] = value
                self.event("returned", **{"as": name}, value=encode(value))
            except (Exception, asyncio.CancelledError) as error:
                self.event("returned", **{"as": name}, error=error_body(error))

        self.tasks[name] = asyncio.create_task(report())

    def issue(self, name: str, start: Callable[[], Awaitable[Any]]) -> None:
        """Call an SDK function that refuses its arguments by raising, then await what it gave."""
        try:
            work = start()
        except (ValueError, TypeError) as error:
            self.event("returned", **{"as": name}, error=error_body(error))
        else:
            self.run(name, work)

    async def watch(self, name: str, turn: so.Turn, iterate: bool) -> None:
        """Report the items of a turn, then its end."""
        raised: dict[str, Any] = {}
        aborted = False
        try:
            try:
                while iterate:
                    self.event("item", turn=name, **item_body(await self.watches[name].next()))
            except StopAsyncIteration:
                pass
            except so.SmoothAgentError as error:
                raised = {"raised": error.kind}
            except asyncio.CancelledError:
                aborted = name not in self.left
            if aborted:
                raise asyncio.CancelledError
            self.event("ended", turn=name, **result_body(await turn), **raised)
        except asyncio.CancelledError as error:
            self.event("returned", **{"as": name}, error=error_body(error))
        except so.SmoothAgentError as error:
            self.event(
                "ended",
                turn=name,
                outcome="failed",
                text=turn.partial_text,
                error=error_body(error),
                **raised,
            )

    async def follow(self, name: str, watch: Watch, turn: str) -> None:
        try:
            while True:
                self.event("item", turn=turn, **{"as": name}, **item_body(await watch.next()))
        except StopAsyncIteration:
            pass

    async def text(self, name: str, stream: so.TextStream, turn: str) -> None:
        async for piece in stream:
            self.event("text", turn=turn, **{"as": name}, piece=piece)

    async def pages(
        self, name: str, chat: so.Conversation, limit: int | None, take: int | None
    ) -> None:
        count = 0
        async for message in chat.messages(limit=limit):
            self.event("message", **{"as": name}, data=wire.encode(message))
            count += 1
            if count == take:
                break

    # commands: each returns the body of its reply ------------------------------------------------

    async def do_hello(self, c: dict[str, Any]) -> dict[str, Any]:
        if 1 not in c["protocol"]:
            raise Refused("bad-request", "this testee speaks version 1")
        self.canary = c.get("canary", "")
        if self.canary and self.canary not in CANARIES:
            raise Refused("bad-request", f"unknown canary {self.canary}")
        return {
            "protocol": 1,
            "nonce": c["nonce"],
            "name": "smooth-operator",
            "version": so.__version__,
            "language": "python",
            "runtime": platform.python_version(),
            "spec": ["1.1"],
            "clientsMax": 8,
            "features": dict.fromkeys(FEATURES, True),
        }

    async def do_open(self, c: dict[str, Any]) -> dict[str, Any]:
        name, ids, extra = (
            c["as"],
            itertools.chain(c["ids"], (f"req-auto-{i}" for i in itertools.count(1))),
            {},
        )
        for key, option in (
            ("token", "token"),
            ("tokenIn", "token_in"),
            ("headers", "headers"),
            ("origin", "origin"),
            ("supports", "supports"),
            ("lazy", "lazy"),
            ("ca", "ca_file"),
        ):
            if key in c:
                extra[option] = c[key]
        extra |= {TIMEOUTS[key]: ms / 1000 for key, ms in c.get("timeouts", {}).items()}
        if "maxMessageBytes" in c.get("limits", {}):
            extra["max_message_bytes"] = c["limits"]["maxMessageBytes"]
        if c.get("clock") == "virtual":
            extra["clock"] = self.clocks[name] = VirtualClock()

        async def build() -> so.SmoothAgentClient:
            client = self.handles[name] = so.SmoothAgentClient(
                c["url"], ids=lambda: next(ids), **extra
            )
            client.on_state(
                lambda s: self.event(
                    "state",
                    on=name,
                    **present(**{"from": s.previous}, to=s.current, reason=s.reason, code=s.code),
                )
            )
            client.on_event(lambda e: self.event("pushed", on=name, **item_body(e)))
            if c.get("tap"):
                client.on_frame(
                    lambda f: self.event(
                        "frame",
                        on=name,
                        direction=f.direction,
                        **present(type=f.type, requestId=f.request_id),
                    )
                )
            if c.get("connect", True):
                await client.connect()
            return client

        self.run(name, build())
        return {}

    async def do_connect(self, c: dict[str, Any]) -> dict[str, Any]:
        self.run(c["as"], self.get(c["on"], so.SmoothAgentClient).connect())
        return {}

    async def do_close(self, c: dict[str, Any]) -> dict[str, Any]:
        self.run(c["as"], self.get(c["on"], so.SmoothAgentClient).close())
        return {}

    async def do_call(self, c: dict[str, Any]) -> dict[str, Any]:
        client, op = self.get(c["on"], so.SmoothAgentClient), c["op"]
        if op not in wire.ACTIONS or op == "send_message":
            raise Refused("unknown-op", op)
        verb = op in ("confirm_tool_action", "verify_otp", "submit_interaction", "cancel")
        self.issue(
            c["as"],
            lambda: getattr(client, op)(
                **snake(c.get("args", {}), drop=() if verb else ("requestId",))
            ),
        )
        return {}

    async def do_start(self, c: dict[str, Any]) -> dict[str, Any]:
        client = self.get(c["on"], so.SmoothAgentClient)
        self.issue(c["as"], lambda: client.start_conversation(**snake(c["args"])))
        return {}

    async def do_resume(self, c: dict[str, Any]) -> dict[str, Any]:
        client = self.get(c["on"], so.SmoothAgentClient)
        self.issue(c["as"], lambda: client.resume_conversation(**snake(c["args"])))
        return {}

    async def do_turn(self, c: dict[str, Any]) -> dict[str, Any]:
        name, watch = c["as"], c.get("watch", "items")
        fields = {
            key: c[key]
            for key in ("message", "stream", "model", "skill", "images", "files", "requestId")
            if key in c
        }
        if c.get("via") == "conversation":
            send: Callable[..., so.Turn] = self.get(c["on"], so.Conversation).send
        else:
            send, fields["sessionId"] = (
                self.get(c["on"], so.SmoothAgentClient).send_message,
                c["session"],
            )
        try:
            turn = self.handles[name] = send(**snake(fields))
        except (ValueError, TypeError) as error:
            self.event("returned", **{"as": name}, error=error_body(error))
            return {}
        if watch == "items":
            self.watches[name] = Watch(turn, None)
        if watch != "none":
            self.tasks[name] = asyncio.create_task(self.watch(name, turn, watch == "items"))
            if c.get("aborted"):
                await asyncio.sleep(0)
                self.tasks[name].cancel()
        return {}

    async def do_confirm(self, c: dict[str, Any]) -> dict[str, Any]:
        self.issue(c["as"], lambda: self.get(c["turn"], so.Turn).confirm(c["approved"]))
        return {}

    async def do_otp(self, c: dict[str, Any]) -> dict[str, Any]:
        self.issue(c["as"], lambda: self.get(c["turn"], so.Turn).verify_otp(c["code"]))
        return {}

    async def do_submit(self, c: dict[str, Any]) -> dict[str, Any]:
        self.issue(c["as"], lambda: self.get(c["turn"], so.Turn).submit(c["values"]))
        return {}

    async def do_decline(self, c: dict[str, Any]) -> dict[str, Any]:
        self.issue(c["as"], lambda: self.get(c["turn"], so.Turn).decline(c["question"]))
        return {}

    async def do_cancel(self, c: dict[str, Any]) -> dict[str, Any]:
        self.issue(c["as"], self.get(c["turn"], so.Turn).cancel)
        return {}

    async def do_iterate(self, c: dict[str, Any]) -> dict[str, Any]:
        watch = self.watches[c["as"]] = Watch(self.get(c["turn"], so.Turn), c["as"])
        self.run(c["as"], self.follow(c["as"], watch, c["turn"]))
        return {}

    async def do_textstream(self, c: dict[str, Any]) -> dict[str, Any]:
        self.run(c["as"], self.text(c["as"], self.get(c["turn"], so.Turn).text_stream, c["turn"]))
        return {}

    async def do_await(self, c: dict[str, Any]) -> dict[str, Any]:
        turn = self.get(c["turn"], so.Turn)
        if c.get("abandon"):
            asyncio.ensure_future(turn.result()).add_done_callback(
                lambda f: f.cancelled() or f.exception()
            )
        else:
            self.run(c["as"], turn.result(), result_body)
        return {}

    async def do_messages(self, c: dict[str, Any]) -> dict[str, Any]:
        self.run(
            c["as"],
            self.pages(c["as"], self.get(c["on"], so.Conversation), c.get("limit"), c.get("take")),
        )
        return {}

    def watch_of(self, c: dict[str, Any]) -> Watch:
        if c.get("as", c["turn"]) not in self.watches:
            raise Refused("unknown-handle", f"{c['turn']} is not iterated")
        return self.watches[c.get("as", c["turn"])]

    async def do_hold(self, c: dict[str, Any]) -> dict[str, Any]:
        self.watch_of(c).hold()
        return {}

    async def do_take(self, c: dict[str, Any]) -> dict[str, Any]:
        self.watch_of(c).hold(c["count"])
        return {}

    do_drop = do_hold

    async def do_leave(self, c: dict[str, Any]) -> dict[str, Any]:
        watch = self.watch_of(c)
        await watch.iterator.aclose()
        watch.hold(-1)
        return {}

    async def do_detach(self, c: dict[str, Any]) -> dict[str, Any]:
        self.get(c["turn"], so.Turn).detach()
        return {}

    async def do_abort(self, c: dict[str, Any]) -> dict[str, Any]:
        name = c.get("turn", c.get("as"))
        if name not in self.tasks:
            raise Refused("unknown-handle", f"nothing waits for {name}")
        self.tasks[name].cancel()
        return {}

    async def do_advance(self, c: dict[str, Any]) -> dict[str, Any]:
        await self.clocks[c["on"]].advance(c["ms"])
        return {}

    async def do_sync(self, c: dict[str, Any]) -> dict[str, Any]:
        for _ in range(20):
            await asyncio.sleep(0)
        return {"nonce": c["nonce"]}

    async def do_census(self, c: dict[str, Any]) -> dict[str, Any]:
        tasks = [
            task for task in asyncio.all_tasks() if task.get_name().startswith("smooth-operator")
        ]
        clients = [
            h
            for h in self.handles.values()
            if isinstance(h, so.SmoothAgentClient) and h.state not in ("idle", "closed")
        ]
        return {
            "clients": len(clients),
            "timers": sum(clock.armed for clock in self.clocks.values()),
            "tasks": len(tasks),
        }

    async def do_dump(self, c: dict[str, Any]) -> dict[str, Any]:
        faulthandler.dump_traceback(file=sys.stderr)
        for task in asyncio.all_tasks():
            task.print_stack(file=sys.stderr)
        return {}

    async def do_reset(self, c: dict[str, Any]) -> dict[str, Any]:
        for handle in list(self.handles.values()):
            if isinstance(handle, so.SmoothAgentClient):
                closing = asyncio.create_task(handle.close())
                await asyncio.wait([closing], timeout=1)
        if self.tasks:
            _, running = await asyncio.wait(self.tasks.values(), timeout=0.2)
            self.event = lambda *a, **b: None  # type: ignore[method-assign]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            del self.event
        self.forget()
        return {}

    do_bye = do_reset

    async def do_decode(self, c: dict[str, Any]) -> dict[str, Any]:
        try:
            return item_body(wire.decode_event(c["text"]))
        except wire.MalformedFrame:
            return {"malformed": True}
        except wire.DecodeError as fault:
            return {"problem": {"type": fault.type, "kind": fault.kind, "pointer": fault.pointer}}

    async def do_encode(self, c: dict[str, Any]) -> dict[str, Any]:
        if c["op"] not in wire.ACTIONS:
            raise Refused("unknown-op", c["op"])
        return {"text": wire.encode_action(wire.ACTIONS[c["op"]](**c["args"]))}

    async def do_check(self, c: dict[str, Any]) -> dict[str, Any]:
        body = await self.do_decode(c)
        problem = body.get("problem", {})
        return (
            {"valid": True}
            if body.get("type")
            else {"valid": False, "pointer": problem.get("pointer", "")}
        )

    async def take(self, line: bytes) -> bool:
        """Carry out one command line; return whether it was the last."""
        command = json.loads(line)
        action = getattr(self, f"do_{command['cmd']}", None)
        try:
            if action is None:
                raise Refused("unknown-command", command["cmd"])
            reply = {"ok": await action(command)}
        except Refused as refusal:
            reply = {"fail": {"kind": refusal.kind, "message": str(refusal)}}
        except KeyError as missing:
            reply = {"fail": {"kind": "bad-request", "message": f"missing or unknown: {missing}"}}
        self.write({"id": command["id"], **reply})
        return bool(command["cmd"] == "bye")


async def main() -> None:
    """Serve commands until stdin ends."""
    logging.basicConfig(stream=sys.stderr)
    loop, testee, reader = asyncio.get_running_loop(), Testee(), asyncio.StreamReader(limit=1 << 26)
    loop.set_exception_handler(
        lambda _, context: testee.write(
            {"ev": "unhandled", "what": str(context.get("exception") or context)}
        )
    )
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if await testee.take(line):
            return
    await testee.do_reset({})


if __name__ == "__main__":
    asyncio.run(main())
