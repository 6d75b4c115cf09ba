"""Short forms of case files, turned into plain steps.

``given`` sets the scene; ``ask``, ``accept``, ``tell`` and ``finish`` stand for the commonest
steps of a turn; ``use`` splices the steps of a table row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conform.documents import CaseError, Lines
from conform.frames import build
from conform.spec import Spec, Tree

Plain = tuple[str, Tree, str, int]

TURN_VERBS = [
    "confirm",
    "otp",
    "submit",
    "decline",
    "cancel",
    "iterate",
    "textstream",
    "await",
    "hold",
    "take",
    "drop",
    "leave",
    "detach",
    "abort",
    "recover",
]
CLIENT_VERBS = [
    "open",
    "connect",
    "close",
    "call",
    "start",
    "resume",
    "turn",
    "messages",
    "advance",
    "wake",
    "counters",
    "openturn",
]
WIRE_VERBS = frozenset(
    "json raw octets binary bad-utf8 bom fragment bytewise mid-utf8 coalesce ping pong big deaf "  # noqa: SIM905
    "close close-no-status drop reset handshake".split()
)
NAMED = frozenset(
    ["recover", "confirm", "otp", "submit", "decline", "cancel", "await", "textstream"]
)


def milliseconds(value: int | str) -> int:
    """``2s`` and ``250ms`` as milliseconds; a bare number is milliseconds already."""
    if isinstance(value, int):
        return value
    return int(value[:-2]) if value.endswith("ms") else int(value[:-1]) * 1000


def _counted(node: Any, count: str) -> Any:
    """Replace ``$i()`` by the number of the round."""
    if isinstance(node, dict):
        return {_counted(k, count): _counted(v, count) for k, v in node.items()}
    if isinstance(node, list):
        return [_counted(v, count) for v in node]
    return node.replace("$i()", count) if isinstance(node, str) else node


class Expander:
    """Expands the steps of one case; knows which handle belongs to which client and id."""

    def __init__(
        self, spec: Spec, client: Tree, row: Tree, fill: Callable[[Any, Tree], Any]
    ) -> None:
        self.spec = spec
        self.defaults = client
        self.row = row
        self.fill = fill
        self.owner: dict[str, str] = {}  # handle -> client
        self.turn_ids: dict[str, str] = {}
        self.unsent: list[str] = []  # turns whose frame no recv has named yet
        self.clients: list[str] = []
        self.closed: set[str] = set()
        self.counts: dict[str, int] = {}
        self.out: list[Plain] = []

    def expand(self, given: Any, steps: list[Tree], lines: Lines) -> list[Plain]:
        """Return the plain steps; every client that is still there is closed at the end."""
        line = lines.at(("given",)) if given else 1
        for step in self._given(given):
            self._one({**step, "line": line})
        for step in steps:
            try:
                self._one(step)
            except CaseError as error:
                raise CaseError(f"{step['line']}: {error}") from None
            except (KeyError, TypeError, ValueError) as error:
                raise CaseError(f"{step['line']}: step is incomplete ({error!r})") from None
        for client in self.clients:
            if client not in self.closed:
                # `auto`: left out when the oracle knows no such client (its options were refused)
                self._do({"close": client, "auto": True}, steps[-1]["line"] if steps else 1)
        return self.out

    def _given(self, given: Any) -> list[Tree]:
        if given is None:
            return []
        word, extra = (given, {}) if isinstance(given, str) else next(iter(given.items()))
        steps: list[Tree] = [{"do": {"open": "c1"}}]
        if word == "open":
            return steps
        uuid = [self.fill(f"$uuid({n})", {}) for n in range(6)]
        args = {"agentId": uuid[1], "userName": "Ada"}
        descriptor = {
            "sessionId": uuid[2],
            "conversationId": uuid[3],
            "agentId": uuid[1],
            "agentName": "Aria",
            "userParticipantId": uuid[4],
            "agentParticipantId": uuid[5],
            **(extra or {}),
        }
        action = "create_conversation_session"
        begin = {"start": "c1", "as": "h1"}
        if word == "session":
            begin = {"call": "c1", "op": action, "as": "s1"}
        words = {*self.spec.listed(self.defaults.get("options", {}))}
        words.update(self.defaults.get("supports", []))
        for kind in self.defaults.get("handlers", {}).get("interaction", {}):
            words |= self.spec.implied_by_handler(kind)
        supports = sorted(words)
        sent = {"action": action, "requestId": "req-create", **args, "supports": supports}
        answer = {"type": "immediate_response", "requestId": "req-create", "status": 200}
        return [
            *steps,
            {"do": {**begin, "args": args}},
            {"recv": sent},
            {"send": {**answer, "data": descriptor}},
        ]

    def _one(self, step: Tree) -> None:
        line, on = step["line"], step.get("on")
        if "repeat" in step:
            for count in range(step["repeat"]):
                for inner in step["steps"]:
                    self._one({**_counted(inner, str(count)), "line": line})
        elif "use" in step:
            for inner in self.row.get(step["use"], []):
                self._one({**self.fill(inner, self.row), "line": line})
        elif "do" in step:
            self._do(step["do"], line)
        elif "ask" in step:
            self._ask(step, line)
        elif "accept" in step or "finish" in step or "tell" in step:
            self._tell(step, line)
        elif "fence" in step:
            self._fence(step["fence"], line)
        elif "see" in step:
            self.out.append(("see", step["see"], on or self._client(), line))
        else:
            kind = next(k for k in ("recv", "send", "wire") if k in step)
            body = step[kind]
            if kind == "wire" and (len(body) != 1 or next(iter(body)) not in WIRE_VERBS):
                raise CaseError(f"wire needs one of {', '.join(sorted(WIRE_VERBS))}")
            if kind == "recv" and body.get("action") == "send_message" and self.unsent:
                self.turn_ids[self.unsent.pop(0)] = str(body.get("requestId"))
            self.out.append((kind, body, on or self._client(), line))

    def _client(self) -> str:
        return (
            self.clients[-1]
            if len(self.clients) == 1
            else self.clients[0]
            if self.clients
            else "c1"
        )

    def _ask(self, step: Tree, line: int) -> None:
        turn, client = step["ask"], step.get("on") or self._client()
        session = self.fill("$uuid(2)", {})
        message, extra = step.get("message", "hello"), step.get("with", {})
        command = {"turn": client, "session": session, "message": message, "as": turn, **extra}
        command |= {name: step[name] for name in ("watch", "handlers") if name in step}
        self._do(command, line)
        sent = {"action": "send_message", "requestId": f"req-{turn}", "sessionId": session}
        self._one({"recv": {**sent, "message": message, **extra}, "on": client, "line": line})

    def _tell(self, step: Tree, line: int) -> None:
        if "accept" in step:
            target, word = step["accept"], "immediate_response"
            facts: Tree = {"status": 202}
        elif "finish" in step:
            target, word = step["finish"], "eventual_response"
            facts = {"text": step["text"]} if "text" in step else {}
        else:
            facts = dict(step["tell"])
            target = next(iter(facts))
            word = facts.pop(target)
        facts |= {"seq": step["seq"]} if "seq" in step else {}
        client = step.get("on") or self.owner.get(target) or self._client()
        request_id = self.turn_ids.get(target, target)
        frame = build(self.spec, word, None if request_id == "nobody" else request_id, facts)
        self.out.append(("send", frame, client, line))

    def _fence(self, body: Any, line: int) -> None:
        words = [body] if isinstance(body, str) else body
        claims = [w.split() for w in words if " " in w]
        first = words[0].split()[0]
        client = self.owner.get(first, first)
        self.out.append(("fence", {"claims": claims}, client, line))

    def _do(self, body: Tree, line: int) -> None:
        cmd = next(iter(body))
        target = body[cmd]
        rest = {k: v for k, v in body.items() if k != cmd}
        if cmd in CLIENT_VERBS:
            command = self._client_command(cmd, target, rest)
            client = str(self.owner.get(target, target))
        elif cmd == "give":
            command, client = {"cmd": cmd, "handler": target, **rest}, self._client()
        elif cmd in TURN_VERBS:
            command = {"cmd": cmd, "turn": target, **rest}
            if cmd == "abort" and target not in self.turn_ids and target not in self.unsent:
                command = {"cmd": cmd, "as": target}
            client = self.owner.get(target) or self._client()
            if cmd in NAMED:
                command.setdefault("as", self._name(f"{target}.{cmd}"))
        else:
            raise CaseError(f"{cmd!r} is no command of PROTOCOL.md")
        if "as" in command:
            self.owner.setdefault(command["as"], client)
        self.out.append(("do", command, client, line))

    def _client_command(self, cmd: str, target: str, rest: Tree) -> Tree:
        if cmd == "open":
            return self._open(target, rest)
        command: Tree = {"cmd": cmd, "on": target, **rest}
        if cmd in ("connect", "close", "counters"):
            command.setdefault("as", self._name(f"{target}.{cmd}"))
        if cmd == "close":
            self.closed.add(target)
        if cmd == "connect":
            self.closed.discard(target)
        if cmd == "turn":
            self.unsent.append(rest["as"])
            if "requestId" in rest:
                self.turn_ids[rest["as"]] = rest["requestId"]
        if cmd == "openturn":
            self.turn_ids[rest["as"]] = command.pop("requestId")
        if cmd == "advance":
            command["ms"] = milliseconds(rest["ms"])
        return command

    def _open(self, name: str, rest: Tree) -> Tree:
        options = {"url": "{server}", **self.defaults, **rest}
        options.pop("ids", None)
        if "timeouts" in options:
            options["timeouts"] = {k: milliseconds(v) for k, v in options["timeouts"].items()}
        if "options" in options:
            options["options"] = {k: self._option(k, v) for k, v in options["options"].items()}
        self.clients.append(name)
        self.owner[name] = name
        return {"cmd": "open", "as": name, **options}

    def _option(self, name: str, value: Any) -> Any:
        if name not in self.spec.options:
            raise CaseError(f"{name!r} is no option of options.yaml")
        timed = self.spec.options[name]["type"] == "time" and isinstance(value, str)
        return milliseconds(value) if timed else value

    def _name(self, base: str) -> str:
        count = self.counts[base] = self.counts.get(base, 0) + 1
        return base if count == 1 else f"{base}#{count}"
