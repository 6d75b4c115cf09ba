"""What every frame of a turn must obey, whichever check is on: order, numbers, one terminal event.

The turns are stepped through the machines of the specification, as a client steps through them;
what no client could make sense of is a fault of the server. Nothing of it is written here by hand:
which event ends a turn, which one answers which verb, what may still come after the end and which
number follows is read from ``machine.yaml`` and ``errors.yaml``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from conform.interpreter import Group, Tables, load_tables
from conform.reader import Reader, final_text, whole
from conform.spec import Spec, Tree

GOES_ON = ("running", "settled")


@dataclass(frozen=True)
class Fault:
    """A rule that a frame breaks."""

    rule: str
    why: str


@dataclass
class _Turn:
    """One turn as all links of a check have seen it; ``last`` and ``numbers`` are by link."""

    machines: Group
    replays: bool
    session: str
    verbs: list[str] = field(default_factory=list)
    accepted: bool = False
    tokens: list[str] = field(default_factory=list)
    kept: dict[int, str] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    moved: set[int] = field(default_factory=set)
    due: dict[str, int] = field(default_factory=dict)
    asked: dict[int, list[int]] = field(default_factory=dict)  # after which seq, unanswered

    def ask(self, link: int, after: int) -> None:
        """A link asks for the turn: what follows the answer begins behind ``after``."""
        self.asked.setdefault(link, []).append(after)
        self.moved.discard(link)

    def told(self, link: int) -> int | None:
        """The answer has come: behind which number it begins."""
        asked = self.asked.get(link)
        return asked.pop(0) if asked else None


class Trace:
    """The turns of the links of one check."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.tables: Tables = load_tables(spec)
        self.reader = Reader(spec)
        self.turns: dict[str, _Turn] = {}
        self._supports: dict[str, bool] = {}
        self._replays: dict[str, bool] = {}

    def sent(self, link: int, frame: Tree) -> None:
        """An action goes out."""
        request, word = str(frame.get("requestId", "")), frame.get("action")
        if word == "create_conversation_session":
            listed = frame.get("supports")
            self._supports[request] = isinstance(listed, list) and "replay" in listed
        elif word == "send_message":
            self._begin(request, str(frame.get("sessionId", "")), link)
        elif word == "resume_turn" and (turn := self.turns.get(request)):
            after = frame.get("afterSeq")
            turn.ask(link, after if isinstance(after, int) else 0)
        else:
            self._verb(request, frame)

    def _begin(self, request: str, session: str, link: int) -> None:
        known = self.turns.get(request)
        if known is not None and (not known.machines.settled or known.replays):
            if known.accepted:
                known.ask(link, 0)
            known.last.setdefault(link, 0)
            return
        group = Group(self.tables, "turn", questions=True)
        turn = _Turn(group, self._replays.get(session, False), session)
        turn.last[link] = 0
        self.turns[request] = turn

    def _verb(self, request: str, frame: Tree) -> None:
        declines = bool(frame.get("declined"))
        rows = [v for v in self.tables.verbs.values() if v["action"] == frame.get("action")]
        name = next((v["name"] for v in rows if v["declines"] == declines), None)
        if name is None and rows:
            name = rows[0]["name"]
        turn = self.turns.get(request) or self._latest(frame.get("sessionId"))
        if name is None or turn is None:
            return
        turn.verbs.append(name)
        question = self.tables.verbs[name]["question"]
        if question:
            turn.machines.local("answer", {}, of=question)

    def _latest(self, session: object) -> _Turn | None:
        found = [turn for turn in self.turns.values() if turn.session == session]
        return found[-1] if found else None

    def got(self, link: int, frame: Tree, text: str) -> Fault | None:
        """An event came; says which rule it breaks, if any."""
        request, word = str(frame.get("requestId", "")), str(frame["type"])
        if request in self._supports and word == "immediate_response":
            self._opened(request, frame.get("data") or {})
        turn = self.turns.get(request)
        if turn is None:
            return None
        if link in turn.moved and word != "turn_resumed":
            return Fault("REQ-SRV-30", f"{word} came by a link that had been told moved")
        if word == "turn_resumed":
            return self._resumed(link, turn, frame)
        if word == "keepalive":
            late = turn.machines.settled
            return Fault("REQ-SRV-18", "keepalive came after the terminal event") if late else None
        if "seq" in frame:
            return self._numbered(link, turn, frame, text)
        return self._unnumbered(link, turn, frame)

    def _opened(self, request: str, data: Tree) -> None:
        told = data.get("capabilities")
        listed = self._supports.pop(request)
        if "sessionId" in data:
            self._replays[data["sessionId"]] = listed and "replay" in (told or [])

    def _resumed(self, link: int, turn: _Turn, frame: Tree) -> Fault | None:
        if "seq" in frame:
            return Fault("REQ-SRV-24", "turn_resumed carries seq")
        details = frame["data"]["data"]
        if details["state"] == "moved":
            turn.moved.add(link)
            return None
        after = turn.told(link)
        if details["state"] in GOES_ON:
            turn.last[link] = after or 0
        newest = max(turn.kept, default=0)
        if details["state"] in GOES_ON and details["lastSeq"] < newest:
            return Fault("REQ-SRV-26", f"lastSeq is {details['lastSeq']}, {newest} came before")
        return None

    def _unnumbered(self, link: int, turn: _Turn, frame: Tree) -> Fault | None:
        """On a replay session: refusals, and what answers a link that does not have the turn."""
        word = str(frame["type"])
        if turn.replays and word == "error" and turn.told(link) is not None:
            return None
        if link not in turn.last:
            facts = self._facts(turn, frame, word)
            self._answered(turn, word, facts)
            return None
        free = word == "error" or turn.machines.settled
        if turn.replays and not free and self._number(link, turn, word, None)[0]:
            return Fault("REQ-SRV-24", f"{word} carries no seq")
        return self._step(turn, frame, word)

    def _numbered(self, link: int, turn: _Turn, frame: Tree, text: str) -> Fault | None:
        word, seq = str(frame["type"]), int(frame["seq"])
        if not turn.replays:
            return Fault("REQ-SRV-24", f"{word} carries seq on a session without replay")
        is_new = seq not in turn.kept
        if turn.kept.setdefault(seq, text) != text:
            return Fault("REQ-SRV-25", f"seq {seq} is another text than the first time")
        taken, last = self._number(link, turn, word, seq)
        if taken:
            return Fault("REQ-SRV-24", f"seq {seq} came after {last}: {taken}")
        turn.last[link] = seq
        return self._step(turn, frame, word) if is_new else None

    def _number(self, link: int, turn: _Turn, word: str, seq: int | None) -> tuple[str, int]:
        """What the machine ``sequence`` takes the event for; nothing when its number follows."""
        last = turn.last.get(link, 0)
        said = "none" if seq is None else "old" if seq <= last else "gap"
        facts = {"turn": turn.machines.state, "seq": "next" if seq == last + 1 else said}
        table = self.tables.machines["sequence"]
        _, effects = self.tables.step("sequence", table.initial, word, facts)
        return (effects[0].args[0] if effects else ""), last

    def _step(self, turn: _Turn, frame: Tree, word: str) -> Fault | None:
        facts = self._facts(turn, frame, word)
        answered, verb = self._answered(turn, word, facts)
        facts["verb"] = verb
        was, before = turn.machines.settled, dict(turn.machines.states)
        effects = turn.machines.frame(word, facts)
        if was:
            moved = verb or any(e.machine in self.tables.questions for e in effects)
            late = not moved and word not in ("error", "pong")
            return Fault("REQ-SRV-03", f"{word} came after the terminal event") if late else None
        return (
            self._first(turn, facts, word)
            or self._unasked(facts, word, bool(answered) and verb is None)
            or self._early(turn, facts, word, before)
            or self._ended(turn, frame, facts, word)
        )

    def _answered(self, turn: _Turn, word: str, facts: Tree) -> tuple[tuple[str, ...], str | None]:
        """Which verbs the event answers, and the one of them that was sent and waits."""
        answered = self.tables.answer(word, facts, turn.machines.state)
        verb = next((v for v in turn.verbs if v in answered), None)
        if verb:
            turn.verbs.remove(verb)
        return answered, verb

    def _first(self, turn: _Turn, facts: Tree, word: str) -> Fault | None:
        accepts = word == "immediate_response" and facts.get("status") == 202
        if accepts and turn.accepted:
            return Fault("REQ-SRV-03", "a turn was accepted by 202 twice")
        if not turn.accepted and not accepts and word != "error":
            return Fault("REQ-SRV-03", f"{word} came before the 202")
        turn.accepted = turn.accepted or accepts
        return None

    @staticmethod
    def _unasked(facts: Tree, word: str, unasked: bool) -> Fault | None:
        if word == "error" or not unasked:
            return None
        told = f" {facts['status']}" if facts.get("status") else ""
        return Fault("REQ-SRV-01", f"{word}{told} answers nothing that was sent")

    def _early(self, turn: _Turn, facts: Tree, word: str, before: dict[str, str]) -> Fault | None:
        """The stream goes on though its question waits, and is not over yet."""
        for kind, row in self.tables.questions.items():
            if word == row["shows"]:
                turn.due[kind] = int(facts.get(row["duration"]) or 0)
            waits = before[kind] == "open" and turn.due.get(kind, 0) > facts["timestamp"]
            if waits and word in row["lapses_by"]:
                return Fault("REQ-SRV-09", f"{word} came while the {kind} waits")
        return None

    def _ended(self, turn: _Turn, frame: Tree, facts: Tree, word: str) -> Fault | None:
        if word == "stream_token":
            turn.tokens.append(str(facts.get("token", "")))
        if not turn.machines.settled or word != "eventual_response":
            return None
        text = whole(turn.tokens)
        data = frame["data"].get("data") or {}
        if text and text != final_text(data.get("response"), text):
            return Fault("REQ-SRV-10", "the tokens joined are not the text of the answer")
        return None

    def _facts(self, turn: _Turn, frame: Tree, word: str) -> Tree:
        told = self.reader.flat(word, frame)
        code = told.get("code") if word == "error" else None
        return {
            **told,
            "timestamp": int(frame.get("timestamp", 0)),
            "code": code,
            "code_terminal": None if code is None else self.spec.code(code).terminal,
            "said_terminal": told.get("terminal"),
            "attempts_remaining": told.get("attemptsRemaining"),
            "tool_result": "toolResult" in told or None,
            "turn": turn.machines.state,
            "expired": set(self.tables.questions),
        }
