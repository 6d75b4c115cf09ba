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

from bodies import (
    ask_body,
    counters_body,
    error_body,
    frame_body,
    further_options,
    item_body,
    keywords,
    provider,
    recovery_body,
    result_body,
    state_body,
    value_body,
)

import smooth_operator as so
from smooth_operator import wire
from smooth_operator.testing import VirtualClock

FEATURES = (
    "virtual_clock conversation paging text_stream tee hold leave abort tls headers tap "
    "census reconnect handlers policy replay codec"
)
CANARIES = ("drop-3rd-item", "alter-text", "drop-error-code")
TIMEOUTS = {"turnIdle": "turn_idle_timeout"}
OPTIONS = {"token": "token", "tokenIn": "token_in", "headers": "headers", "origin": "origin",
           "supports": "supports", "lazy": "lazy", "ca": "ca_file"}  # fmt: skip
VERBS = ("confirm_tool_action", "verify_otp", "submit_interaction", "cancel")
FIELDS = ("message", "stream", "model", "skill", "images", "files", "requestId")


class RefusedError(Exception):
    """A command that cannot be taken."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Warnings(logging.Handler):
    """Tells of each line at warning."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self.tell = tell

    def emit(self, _: logging.LogRecord) -> None:
        self.tell()


class Watch:
    """One iteration that can be held."""

    def __init__(self, turn: so.Turn) -> None:
        self.iterator, self.left, self.count, self.go = turn.__aiter__(), False, -1, asyncio.Event()
        self.go.set()

    def hold(self, count: int) -> None:
        self.count = count
        _ = self.go.set() if count else self.go.clear()

    async def next(self) -> Any:
        await self.go.wait()
        event = await anext(self.iterator)
        if self.count > 0:
            self.hold(self.count - 1)
        return event


class Testee:
    """The handles of one case."""

    def __init__(self) -> None:
        self.n, self.canary, self.items, self.muted = itertools.count(), "", 0, False
        self.forget()

    def forget(self) -> None:
        self.handles: dict[str, Any] = {}
        self.clocks: dict[str, VirtualClock] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.watches: dict[str, Watch] = {}
        self.waiting: dict[str, list[asyncio.Future[Any]]] = {}
        self.muted = False

    def write(self, line: dict[str, Any]) -> None:
        print(json.dumps(line, ensure_ascii=False), flush=True)

    def event(self, ev: str, **body: Any) -> None:
        self.items += ev == "item"
        if self.muted or (self.canary == "drop-3rd-item" and ev == "item" and self.items == 3):
            return
        if self.canary == "alter-text" and ev == "ended":
            body["text"] += "!"
        if self.canary == "drop-error-code" and "error" in body:
            body["error"].pop("code", None)
        self.write({"ev": ev, **body, "n": next(self.n)})

    def returned(self, name: str, **body: Any) -> None:
        self.event("returned", **{"as": name}, **body)

    def get(self, name: Any, kind: Any = so.SmoothAgentClient) -> Any:
        if not isinstance(self.handles.get(name), kind):
            raise RefusedError("unknown-handle", f"{name} names no {kind.__name__}")
        return self.handles[name]

    def issue(
        self, name: str, start: Callable[[], Awaitable[Any]], encode: Any = value_body
    ) -> None:
        """Call the SDK, then await beside the command loop what it gave, and report it."""

        async def report(work: Awaitable[Any]) -> None:
            try:
                value = await work
            except (so.SmoothAgentError, ValueError, TypeError, asyncio.CancelledError) as error:
                self.returned(name, error=error_body(error))
                return
            if isinstance(value, so.Conversation):
                self.handles[name] = value
            self.returned(name, value=encode(value))

        try:
            self.tasks[name] = asyncio.create_task(report(start()))
        except (ValueError, TypeError) as error:
            self.returned(name, error=error_body(error))

    def aborted(self, name: str, work: Any) -> None:
        """Start a task that is cancelled before its first step, so that nothing is sent."""
        self.tasks[name] = asyncio.create_task(work)
        self.tasks[name].cancel()
        self.returned(name, error=error_body(asyncio.CancelledError()))

    async def watch(self, name: str, turn: so.Turn, watch: Watch | None) -> None:
        """Report the items of a turn, then its end."""
        raised = {}
        try:
            try:
                while watch is not None:
                    self.item(name, turn, await watch.next())
            except StopAsyncIteration:
                if watch is not None and watch.left:
                    return
            except so.SmoothAgentError as error:
                raised = {"raised": error.kind}
            self.event("ended", turn=name, **result_body(await turn), **raised)
        except asyncio.CancelledError as error:
            self.returned(name, error=error_body(error))
        except so.SmoothAgentError as error:
            body = {"text": turn.partial_text, "error": error_body(error), **raised}
            self.event("ended", turn=name, outcome="failed", **body)

    async def follow(self, name: str, turn: str, watch: Watch) -> None:
        try:
            while True:
                self.item(turn, self.get(turn, so.Turn), await watch.next(), **{"as": name})
        except StopAsyncIteration:
            pass

    async def text(self, name: str, turn: str) -> None:
        async for piece in self.get(turn, so.Turn).text_stream:
            self.event("text", turn=turn, **{"as": name}, piece=piece)

    async def pages(
        self, name: str, chat: so.Conversation, limit: int | None, take: int | None
    ) -> None:
        messages, count = chat.messages(limit=limit), 0
        while count != take and (message := await anext(messages, None)) is not None:
            self.event("message", **{"as": name}, data=value_body(message))
            count += 1

    def item(self, name: str, turn: so.Turn, event: Any, **body: Any) -> None:
        handled = {"handled": True} if turn.handled(event) else {}
        self.event("item", turn=name, **body, **item_body(event), **handled)

    def handlers(self, c: dict[str, Any]) -> dict[str, Any]:
        """Make the scripted handlers of a command, as a keyword."""
        if "handlers" not in c:
            return {}
        told = dict(c["handlers"])
        forms = {kind: self.script(it) for kind, it in told.pop("interaction", {}).items()}
        named = {word: self.script(it) for word, it in told.items()}
        return {"handlers": so.Handlers(**named, interaction=forms)}

    def script(self, told: dict[str, Any]) -> Callable[[Any], Awaitable[Any]]:
        name, gives = told["as"], told["gives"]
        following = itertools.chain(gives, itertools.repeat(gives[-1]))

        async def handler(ask: Any) -> Any:
            self.event("called", **{"as": name}, **ask_body(ask))
            given = next(following)
            if "wait" in given:
                future = asyncio.get_running_loop().create_future()
                self.waiting.setdefault(name, []).append(future)
                try:
                    given = await future
                except asyncio.CancelledError:
                    self.event("signalled", **{"as": name})
                    raise
            if "raise" in given:
                raise RuntimeError("as the case says")
            return 7 if "nonsense" in given else given.get("value")

        return handler

    # commands: each gives the body of its reply, or nothing for {} ---------------------

    async def do_hello(self, c: dict[str, Any]) -> Any:
        self.canary = c.get("canary", "")
        if 2 not in c["protocol"] or self.canary not in ("", *CANARIES):
            raise RefusedError("bad-request", "unknown protocol or canary")
        about = {"name": "smooth-operator", "version": so.__version__, "language": "python"}
        about |= {"runtime": platform.python_version(), "spec": ["1.1"], "clientsMax": 8}
        features = dict.fromkeys(FEATURES.split(), True)
        return {"protocol": 2, "nonce": c["nonce"], "features": features, **about}

    async def do_open(self, c: dict[str, Any]) -> Any:
        name, ids = (
            c["as"],
            itertools.chain(c["ids"], (f"req-auto-{i}" for i in itertools.count(1))),
        )
        options = {OPTIONS[key]: value for key, value in c.items() if key in OPTIONS}
        for key, ms in c.get("timeouts", {}).items():
            options[TIMEOUTS.get(key, f"{key}_timeout")] = ms / 1000
        if "maxMessageBytes" in c.get("limits", {}):
            options["max_message_bytes"] = c["limits"]["maxMessageBytes"]
        options |= further_options(c.get("options", {}))
        draws = itertools.chain(c.get("random", ()), itertools.repeat(0.5))
        if "tokens" in c:
            options["token"] = provider(
                c["tokens"], lambda reason: self.event("asked", on=name, reason=reason)
            )
        options |= self.handlers(c)
        if c.get("warnings"):
            options["logger"] = logging.Logger(name, logging.WARNING)
            options["logger"].addHandler(Warnings(lambda: self.event("warned", on=name)))
        if c.get("clock") == "virtual":
            options["clock"] = self.clocks[name] = VirtualClock()

        async def build() -> None:
            client = self.handles[name] = so.SmoothAgentClient(
                c["url"], id_generator=lambda: next(ids), random=lambda: next(draws), **options
            )
            client.on_state(lambda s: self.event("state", on=name, **state_body(s)))
            client.on_event(lambda e: self.event("pushed", on=name, **item_body(e)))
            if c.get("tap"):
                client.on_frame(lambda f: self.event("frame", on=name, **frame_body(f)))
            if c.get("connect", True):
                await client.connect()

        self.issue(name, build)

    async def do_connect(self, c: dict[str, Any]) -> Any:
        self.issue(c["as"], self.get(c["on"]).connect)

    async def do_close(self, c: dict[str, Any]) -> Any:
        self.issue(c["as"], self.get(c["on"]).close)

    async def do_call(self, c: dict[str, Any]) -> Any:
        client, op = self.get(c["on"]), c["op"]
        if op not in wire.ACTIONS or op == "send_message":
            raise RefusedError("unknown-op", op)
        fields = keywords(op, c.get("args", {}), *(() if op in VERBS else ("requestId",)))
        if c.get("aborted"):
            self.aborted(c["as"], getattr(client, op)(**fields))
        else:
            self.issue(c["as"], lambda: getattr(client, op)(**fields))

    async def do_start(self, c: dict[str, Any]) -> Any:
        begin = getattr(self.get(c["on"]), f"{c['cmd']}_conversation")
        if "sessionId" in c["args"]:
            fields = {"session_id": c["args"]["sessionId"]}
        else:
            fields = keywords("create_conversation_session", c["args"])
        self.issue(c["as"], lambda: begin(**fields, **self.handlers(c)))

    do_resume = do_start

    async def do_turn(self, c: dict[str, Any]) -> Any:
        name, how = c["as"], c.get("watch", "items")
        fields = {key: c[key] for key in FIELDS if key in c}
        if c.get("via") == "conversation":
            send = self.get(c["on"], so.Conversation).send
        else:
            send, fields["sessionId"] = self.get(c["on"]).send_message, c["session"]

        def begin() -> Awaitable[None]:
            fields_of = keywords("send_message", fields)
            turn = self.handles[name] = send(**fields_of, **self.handlers(c))
            if how == "items":
                self.watches[name] = Watch(turn)
            return (
                self.watch(name, turn, self.watches.get(name))
                if how != "none"
                else asyncio.sleep(0)
            )

        async def late() -> None:
            await begin()

        if c.get("aborted"):
            self.aborted(name, late())
            return
        try:
            self.tasks[name] = asyncio.create_task(begin())  # type: ignore[arg-type]
        except (ValueError, TypeError) as error:
            self.returned(name, error=error_body(error))

    async def do_openturn(self, c: dict[str, Any]) -> Any:
        name, how = c["as"], c.get("watch", "items")
        turn = self.get(c["on"], so.Conversation).open_turn()
        known = turn is not None and turn in self.handles.values()
        self.returned(name, value=None if turn is None else {"requestId": turn.request_id})
        if turn is None:
            return
        self.handles[name] = turn
        if known:
            old = next(it for it, handle in self.handles.items() if handle is turn)
            if old in self.watches:
                self.watches[name] = self.watches[old]
        elif how != "none":
            watch = self.watches[name] = Watch(turn) if how == "items" else None
            self.tasks[name] = asyncio.create_task(self.watch(name, turn, watch))

    async def do_confirm(self, c: dict[str, Any]) -> Any:
        turn = self.get(c["turn"], so.Turn)
        verbs: dict[str, Callable[[], Awaitable[Any]]] = {
            "confirm": lambda: turn.confirm(c["approved"]),
            "otp": lambda: turn.verify_otp(c["code"]),
            "submit": lambda: turn.submit(c["values"]),
            "decline": lambda: turn.decline(c["question"]),
            "cancel": turn.cancel,
        }
        self.issue(c["as"], verbs[c["cmd"]])

    do_otp = do_submit = do_decline = do_cancel = do_confirm

    async def do_iterate(self, c: dict[str, Any]) -> Any:
        watch = self.watches[c["as"]] = Watch(self.get(c["turn"], so.Turn))
        self.issue(c["as"], lambda: self.follow(c["as"], c["turn"], watch))

    async def do_textstream(self, c: dict[str, Any]) -> Any:
        self.issue(c["as"], lambda: self.text(c["as"], c["turn"]))

    async def do_await(self, c: dict[str, Any]) -> Any:
        turn = self.get(c["turn"], so.Turn)
        if c.get("abandon"):
            asyncio.ensure_future(turn.result()).add_done_callback(
                lambda f: f.cancelled() or f.exception()
            )
        else:
            self.issue(c["as"], turn.result, result_body)

    async def do_messages(self, c: dict[str, Any]) -> Any:
        chat = self.get(c["on"], so.Conversation)
        self.issue(c["as"], lambda: self.pages(c["as"], chat, c.get("limit"), c.get("take")))

    async def do_hold(self, c: dict[str, Any]) -> Any:
        name = c.get("as", c["turn"])
        if name not in self.watches and c["cmd"] == "take":
            turn = self.get(c["turn"], so.Turn)
            self.watches[name] = Watch(turn)
            self.watches[name].hold(0)
            self.tasks[name] = asyncio.create_task(self.watch(name, turn, self.watches[name]))
        watch = self.watches.get(name)
        if watch is None:
            raise RefusedError("unknown-handle", f"{c['turn']} is not iterated")
        if c["cmd"] == "leave":
            watch.left = True
            await watch.iterator.aclose()
        watch.hold({"take": c.get("count", 0), "leave": -1}.get(c["cmd"], 0))

    do_take = do_drop = do_leave = do_hold

    async def do_detach(self, c: dict[str, Any]) -> Any:
        self.get(c["turn"], so.Turn).detach()

    async def do_abort(self, c: dict[str, Any]) -> Any:
        name = c.get("as") or c["turn"]
        if name not in self.tasks:
            raise RefusedError("unknown-handle", f"nothing waits for {name}")
        self.tasks[name].cancel()

    async def do_advance(self, c: dict[str, Any]) -> Any:
        await self.clocks[c["on"]].advance(c["ms"])

    async def do_wake(self, c: dict[str, Any]) -> Any:
        self.get(c["on"]).wake()

    async def do_recover(self, c: dict[str, Any]) -> Any:
        self.issue(c["as"], self.get(c["turn"], so.Turn).recover, recovery_body)

    async def do_counters(self, c: dict[str, Any]) -> Any:
        self.returned(c["as"], value=counters_body(self.get(c["on"]).counters))

    async def do_give(self, c: dict[str, Any]) -> Any:
        waiting = [it for it in self.waiting.get(c["handler"], ()) if not it.done()]
        if not waiting:
            raise RefusedError("unknown-handle", f"{c['handler']} waits for nothing")
        waiting[0].set_result(c)

    async def do_sync(self, c: dict[str, Any]) -> Any:
        for _ in range(20):  # every event that was handed over needs a round of the loop or two
            await asyncio.sleep(0)
        return {"nonce": c["nonce"]}

    async def do_census(self, _: dict[str, Any]) -> Any:
        tasks = [
            task for task in asyncio.all_tasks() if task.get_name().startswith("smooth-operator")
        ]
        clients = [h for h in self.handles.values() if isinstance(h, so.SmoothAgentClient)]
        alive = [client for client in clients if client.state not in ("idle", "closed")]
        timers = sum(clock.armed for clock in self.clocks.values())
        return {"clients": len(alive), "timers": timers, "tasks": len(tasks)}

    async def do_dump(self, _: dict[str, Any]) -> Any:
        faulthandler.dump_traceback(file=sys.stderr)
        for task in asyncio.all_tasks():
            task.print_stack(file=sys.stderr)

    async def do_reset(self, _: dict[str, Any]) -> Any:
        clients = [h for h in self.handles.values() if isinstance(h, so.SmoothAgentClient)]
        closing = [asyncio.create_task(client.close()) for client in clients]
        for clock in self.clocks.values():
            await clock.advance(60_000)
        if waiting := [*closing, *self.tasks.values()]:
            _, running = await asyncio.wait(waiting, timeout=0.5)
            self.muted = True  # what is held or dropped reports nothing more
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        self.forget()

    do_bye = do_reset

    async def do_decode(self, c: dict[str, Any]) -> Any:
        try:
            return item_body(wire.decode_event(c["text"]))
        except wire.MalformedFrame:
            return {"malformed": True}
        except wire.DecodeError as fault:
            return {"problem": {"type": fault.type, "kind": fault.kind, "pointer": fault.pointer}}

    async def do_encode(self, c: dict[str, Any]) -> Any:
        if c["op"] not in wire.ACTIONS:
            raise RefusedError("unknown-op", c["op"])
        return {"text": wire.encode_action(wire.ACTIONS[c["op"]].model(**c["args"]))}

    async def do_check(self, c: dict[str, Any]) -> Any:
        body = await self.do_decode(c)
        return (
            {"valid": True}
            if "type" in body
            else {"valid": False, "pointer": body.get("problem", {}).get("pointer", "")}
        )

    async def take(self, line: bytes) -> bool:
        """Carry out one command line; return whether it was the last."""
        command = json.loads(line)
        action = getattr(self, f"do_{command['cmd']}", None)
        try:
            if action is None:
                raise RefusedError("unknown-command", command["cmd"])
            reply = {"ok": await action(command) or {}}
        except RefusedError as refusal:
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
        lambda _, context: testee.write({"ev": "unhandled", "what": str(context)})
    )
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if await testee.take(line):
            return
    await testee.do_reset({})


if __name__ == "__main__":
    asyncio.run(main())
