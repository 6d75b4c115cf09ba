"""What a client makes of one frame: malformed, unknown, broken or known (REQ-WIRE-01..07, 13).

Repair, check and flat view come from ``wiregen.api``, the tables as data; the generated decoders
of the five clients are five other readings of the same tables.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from conform.documents import CaseError
from conform.remembered import tables_of
from conform.spec import Spec, Tree
from wiregen import api
from wiregen.errors import SpecError

KEPT_FRAMES = 20_000
KEPT_LENGTH = 16_384
SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True)
class Fault:
    """Why a body is broken, and where (JSON Pointer)."""

    kind: str
    pointer: str


@dataclass(frozen=True)
class Frame:
    """One frame that has a string ``type``. ``tree`` is the repaired body, ``raw`` the received."""

    wire_type: str
    raw: Tree
    tree: Tree
    known: bool
    fault: Fault | None = None
    size: int = 0  # bytes of the text message
    token: str = ""  # of a stream_token, with half pairs as they came

    @property
    def request_id(self) -> str | None:
        """Id by which it is routed: top level first, else under ``data`` (REQ-TURN-02)."""
        data = self.raw.get("data")
        nested = data.get("requestId") if isinstance(data, dict) else None
        for value in (self.raw.get("requestId"), nested):
            if isinstance(value, str):
                return value
        return None

    @property
    def good(self) -> bool:
        """Known type, sound body."""
        return self.known and self.fault is None


def _refuse_constant(word: str) -> Any:
    raise ValueError(word)


def parse_object(text: str) -> Tree | None:
    """Parse a text message; ``None`` when it is malformed (REQ-WIRE-04)."""
    try:
        tree = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tree, dict) or not isinstance(tree.get("type"), str):
        return None
    return tree


def mend_surrogates(value: Any) -> Any:
    """Replace lone surrogates by U+FFFD, in keys and values."""
    if isinstance(value, str):
        return SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [mend_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {mend_surrogates(k): mend_surrogates(v) for k, v in value.items()}
    return value


def whole(tokens: list[str]) -> str:
    """Join tokens; halves of a pair that meet are one character, a lone one is U+FFFD."""
    joined = "".join(tokens)
    if not SURROGATE.search(joined):
        return joined
    return joined.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def final_text(response: Any, streamed: str) -> str:
    """REQ-TURN-09."""
    if isinstance(response, str):
        return response
    parts = response.get("responseParts") if isinstance(response, dict) else None
    if isinstance(parts, list) and parts:
        return "\n\n".join(p for p in parts if isinstance(p, str))
    return streamed


def verb_value(action: str, kind: str, facts: Tree) -> Any:
    """Value that a verb has of the event that answers it."""
    if kind == "otp_verified":
        return {"verified": True, "message": facts["message"]}
    if kind == "otp_invalid":
        names = ("attemptsRemaining", "error", "message")
        return {"verified": False, **{n: facts[n] for n in names if n in facts}}
    if kind == "interaction_invalid":
        return {"accepted": False, "errors": facts["errors"], "message": facts["message"]}
    return {"accepted": True} if action == "submit_interaction" else None


class Reader:
    """Reads frames by the reader view of the specification."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._read: dict[str, Frame | None] = {}
        self._flat: dict[int, tuple[Tree, Tree]] = {}  # by the tree, which is kept alive here
        try:
            self._tables = tables_of(spec.root)
        except SpecError as error:
            raise CaseError(f"{spec.root}: {error.diagnostics[0]}") from None

    def read(self, text: str) -> Frame | None:
        """Return the frame, or ``None`` when the text is malformed; read once for each text."""
        if len(text) > KEPT_LENGTH:
            return self._frame(text)
        if text not in self._read:
            if len(self._read) >= KEPT_FRAMES:
                self._read.clear()
                self._flat.clear()
            self._read[text] = self._frame(text)
        return self._read[text]

    def _frame(self, text: str) -> Frame | None:
        raw = parse_object(text)
        if raw is None:
            return None
        word = raw["type"]
        size = len(text.encode("utf-8", "surrogatepass"))
        if word not in self.spec.events:
            return Frame(word, raw, raw, known=False, size=size)
        tree = api.repair(self._tables, word, mend_surrogates(raw))
        found = api.check(self._tables, word, tree)
        fault = Fault(found.kind, found.pointer) if found else None
        token = api.flat(self._tables, word, raw).get("token") if fault is None else ""
        return Frame(word, raw, tree, True, fault, size, token if isinstance(token, str) else "")

    def result(self, action: str, data: Any) -> tuple[Any, Fault | None]:
        """Read the answer of a call; the pointer counts from the frame, below ``/data``."""
        _, schema = self.spec.result(action)
        tree, found = api.repair_type(self._tables, schema["title"], data)
        return tree, Fault(found.kind, "/data" + found.pointer) if found else None

    def flat(self, word: str, tree: Tree) -> Tree:
        """Flat accessors of a typed event under the wire's words (REQ-WIRE-07, REQ-WIRE-08)."""
        known = self._flat.get(id(tree))
        if known is not None:
            return known[1]
        out: Tree = api.flat(self._tables, word, tree)
        if word == "stream_chunk":
            out.update(tool_parts(out.get("state")))
        self._flat[id(tree)] = (tree, out)
        return out


def tool_parts(state: Any) -> Tree:
    """``toolCall`` and ``toolResult`` of a chunk, arguments as an object (REQ-TURN-19)."""
    raw = state.get("rawResponse") if isinstance(state, dict) else None
    found: Tree = {}
    if not isinstance(raw, dict):
        return found
    call, result = raw.get("toolCall"), raw.get("toolResult")
    if isinstance(call, dict) and isinstance(call.get("name"), str):
        arguments = _object_in(call.get("arguments"))
        found["toolCall"] = {"arguments": arguments, **_members(call, {"name": str, "callId": str})}
    if isinstance(result, dict) and isinstance(result.get("name"), str):
        types = {"name": str, "isError": bool, "result": object, "callId": str}
        found["toolResult"] = _members(result, types)
    return found


def _members(tree: Tree, types: dict[str, type]) -> Tree:
    told = {name: tree.get(name) for name in types}
    return {n: v for n, v in told.items() if v is not None and isinstance(v, types[n])}


def _object_in(arguments: Any) -> Tree:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return {}
    return arguments if isinstance(arguments, dict) else {}
