"""Turns as pictures: who says what, in order, drawn from roles and state tables as plain SVG."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from wiregen.ir import Machine, Message, Spec

WIDTH, LEFT, RIGHT, STEP, TOP = 640, 110, 530, 38, 56


@dataclass(frozen=True, slots=True)
class Arrow:
    """One frame of a sequence."""

    word: str
    up: bool
    """From client to server."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A titled sequence of frames."""

    title: str
    arrows: tuple[Arrow, ...]


def sequences(spec: Spec) -> list[Sequence]:
    """Return the plain turn, one turn a question, and the stopped turn, as far as there are any."""
    opens = _first(spec.actions, "opens")
    if opens is None:
        return []
    begin = [Arrow(opens.wire, True), *_down(spec, "acknowledges", "accepted")]
    streams = [Arrow(_some(spec, "streams"), False, "any number")] if _some(spec, "streams") else []
    end = _down(spec, "terminal", "exactly one terminal event")[:1]
    found = [Sequence("A turn", (*begin, *streams, *end))]
    for machine in spec.machines.machines if spec.machines else ():
        asked, answer = _asks(machine), _sends(machine)
        if not asked or not answer:
            continue
        questions = [Arrow(" or ".join(asked), False, "a human is asked")]
        replies = [Arrow(word, False, "taken") for word in _resolves(machine)[:1]]
        arrows = (*begin, *questions, Arrow(answer, True), *replies, *streams, *end)
        found.append(Sequence(f"A turn with a question: {machine.name}", arrows))
    stops = _first(spec.actions, "stops")
    if stops is not None:
        terminal = _down(spec, "terminal", "the turn has ended")[-1:]
        found.append(
            Sequence("A stopped turn", (*begin, *streams, Arrow(stops.wire, True), *terminal))
        )
    return found


def svg(sequence: Sequence) -> str:
    """Draw a sequence; the text stays text, so that it can be searched and read aloud."""
    height = TOP + STEP * len(sequence.arrows) + 24
    head = (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(sequence.title)}"'
        ' style="max-width:42rem;width:100%;font:13px sans-serif" fill="currentColor"'
        ' stroke="currentColor" stroke-width="0">'
    )
    lines = [head]
    for x, who in ((LEFT, "client"), (RIGHT, "server")):
        lines.append(f'<text x="{x}" y="20" text-anchor="middle" font-weight="bold">{who}</text>')
        lines.append(f'<path d="M{x} 30V{height - 8}" stroke-width="1" opacity=".4"/>')
    for index, arrow in enumerate(sequence.arrows):
        lines += _arrow(arrow, TOP + STEP * index)
    return "".join([*lines, "</svg>"])


def _arrow(arrow: Arrow, y: int) -> list[str]:
    start, end = (LEFT, RIGHT) if arrow.up else (RIGHT, LEFT)
    tip = -7 if arrow.up else 7
    middle = (LEFT + RIGHT) // 2
    note = f' <tspan opacity=".6">{escape(arrow.note)}</tspan>' if arrow.note else ""
    return [
        f'<path d="M{start} {y}H{end}" stroke-width="1.4"/>',
        f'<path d="M{end} {y}l{tip} -4v8z"/>',
        f'<text x="{middle}" y="{y - 6}" text-anchor="middle">{escape(arrow.word)}{note}</text>',
    ]


def _first(messages: tuple[Message, ...], turn: str) -> Message | None:
    return next((item for item in messages if item.turn == turn), None)


def _some(spec: Spec, turn: str) -> str:
    found = [item.wire for item in spec.events if item.turn == turn]
    return f"{found[0]}, …" if len(found) > 1 else "".join(found)


def _down(spec: Spec, turn: str, note: str) -> list[Arrow]:
    return [Arrow(item.wire, False, note) for item in spec.events if item.turn == turn]


def _asks(machine: Machine) -> list[str]:
    """Return the events that open the question of a machine."""
    return [
        event
        for row in machine.transitions
        if any(effect.name == "open" for effect in row.effects)
        for event in row.events
    ]


def _sends(machine: Machine) -> str:
    """Return the action that answers the question, and nothing for other machines."""
    for row in machine.transitions:
        for effect in row.effects:
            if effect.name == "send" and "answer" in row.events:
                return effect.args[0]
    return ""


def _resolves(machine: Machine) -> list[str]:
    return [
        event
        for row in machine.transitions
        if any(effect.name == "resolve" for effect in row.effects)
        for event in row.events
    ]
