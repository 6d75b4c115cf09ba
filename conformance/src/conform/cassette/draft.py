"""A case made of a cassette: what its client did as `do` and `recv`, what came back as `send`.

It is a draft. Ids are given the names that cases use, commands are read from the frames that they
caused; why the session matters, and which rule it proves, only its author knows.
"""

from __future__ import annotations

from typing import Any

import yaml

from conform.cassette.file import Cassette, Line
from conform.documents import CaseError
from conform.patterns import UUID
from conform.spec import Spec, Tree

SCHEMA = "# yaml-language-server: $schema=../../schema/case.schema.json\n"
ID_MEMBERS = frozenset(["action", "requestId", "sessionId"])


class _Names:
    """Gives ids of a recording the names that they have in cases."""

    def __init__(self) -> None:
        self._uuids: dict[str, str] = {}
        self.requests: dict[str, str] = {}

    def given(self, node: Any) -> Any:
        """Return a frame with `$uuid(n)` and `req-…` in place of the recorded ids."""
        if isinstance(node, dict):
            return {key: self.given(value) for key, value in node.items()}
        if isinstance(node, list):
            return [self.given(value) for value in node]
        if not isinstance(node, str):
            return node
        if node in self.requests:
            return self.requests[node]
        if UUID.fullmatch(node):
            return self._uuids.setdefault(node, f"$uuid({len(self._uuids) + 1})")
        return node


class _Draft:
    """Turns the lines of one cassette into steps."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._names = _Names()
        self._turns: dict[str, str] = {}  # recorded requestId -> handle of the turn
        self._calls = 0
        self.steps: list[Tree] = []

    def add(self, line: Line) -> None:
        """Append the steps of one line."""
        client = {} if line.link == 1 else {"on": f"c{line.link}"}
        if line.way == "end":
            if line.code not in (1000, 1005):
                verb = {"drop": True} if line.code == 1006 else {"close": {"code": line.code}}
                self.steps.append({"wire": verb, **client})
        elif line.way == "out":
            self._out(line.frame, client)
        elif isinstance(line.frame, dict) and self._spec.strict_fault(line.frame) is None:
            self.steps.append({"send": self._names.given(line.frame), **client})
        elif isinstance(line.frame, str):
            self.steps.append({"wire": {"raw": line.frame}, **client})
        else:
            self.steps.append({"wire": {"json": self._names.given(line.frame)}, **client})

    def _out(self, frame: Any, client: Tree) -> None:
        if not isinstance(frame, dict) or "action" not in frame:
            raise CaseError("the recorded client sent what is no action: no case can be made of it")
        action, request = frame["action"], str(frame.get("requestId", ""))
        on = client.get("on", "c1")
        rest = {k: v for k, v in frame.items() if k not in ID_MEMBERS}
        turn = self._turns.get(request)
        if action == "send_message":
            handle = self._turns[request] = f"t{len(self._turns) + 1}"
            self._names.requests[request] = f"req-{handle}"
            do: Tree = {"turn": on, "session": frame.get("sessionId"), **rest, "as": handle}
        elif turn and action in VERBS:
            do = VERBS[action](turn, rest)
        else:
            self._calls += 1
            handle = f"a{self._calls}"
            self._names.requests[request] = f"req-{handle}"
            args = {k: v for k, v in frame.items() if k not in ("action", "requestId", "supports")}
            do = {"call": on, "op": action, "args": args, "as": handle}
        self.steps.append({"do": self._names.given(do)})
        awaited = self._names.given(frame)
        if "supports" in awaited:
            awaited["supports"] = "$supports"
        self.steps.append({"recv": awaited, **client})


def _confirm(turn: str, rest: Tree) -> Tree:
    return {"confirm": turn, "approved": rest.get("approved")}


def _otp(turn: str, rest: Tree) -> Tree:
    if rest.get("declined"):
        return {"decline": turn, "question": "otp"}
    return {"otp": turn, "code": rest.get("code")}


def _submit(turn: str, rest: Tree) -> Tree:
    if rest.get("declined"):
        return {"decline": turn, "question": "interaction"}
    return {"submit": turn, "values": rest.get("values")}


def _cancel(turn: str, _: Tree) -> Tree:
    return {"cancel": turn}


VERBS = {
    "confirm_tool_action": _confirm,
    "verify_otp": _otp,
    "submit_interaction": _submit,
    "cancel": _cancel,
}


def draft(spec: Spec, cassette: Cassette, name: str) -> str:
    """Return the text of a case file of that name (``AREA/NAME``) that tells the session."""
    told = _Draft(spec)
    for link in range(2, max(line.link for line in cassette.lines) + 1):
        told.steps.append({"do": {"open": f"c{link}"}})
    for line in cassette.lines:
        told.add(line)
    tree = {
        "case": name,
        "title": "A recorded session: say what it shows",
        "why": "Say what goes wrong for a user when it does not hold.",
        "level": "must",
        "proves": ["REQ-TURN-01"],
        "given": "open",
    }
    return SCHEMA + _yaml(tree) + "steps:\n" + "".join(map(_step, told.steps))


def _step(step: Tree) -> str:
    """One step a line, as case files are written."""
    text = yaml.safe_dump(
        step, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    )
    return f"  - {text.strip()[1:-1]}\n"


def _yaml(tree: Tree) -> str:
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=10**6)
