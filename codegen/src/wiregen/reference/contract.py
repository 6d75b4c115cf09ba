"""The tables beside the schemas, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from wiregen.contract.model import CloseCode, Contract, Option, StateMachine
from wiregen.reference.tables import code, prose


def _code(word: object) -> str:
    return code(str(word))


def _codes(words: Iterable[object]) -> str:
    return ", ".join(_code(word) for word in words)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def machine(item: StateMachine) -> list[str]:
    """Return the states and rows of a machine."""
    lines = [f"- {code(it.name)}: {prose(it.doc)}" for it in item.states]
    rows = [
        (
            _codes(row.sources or ("any",)),
            _codes(row.events),
            _codes(row.guards),
            _code(row.target or "="),
            _codes(row.effects) + (f" *(pending: {prose(row.pending)})*" if row.pending else ""),
        )
        for row in item.rows
    ]
    return [*lines, "", *_table(("from", "on", "if", "to", "then"), rows)]


def questions(contract: Contract) -> list[str]:
    """Return what a human is asked and answers, and the timers."""
    lines: list[str] = []
    if contract.questions:
        lines += ["", "## Questions", ""]
        lines += _table(
            ("question", "opened by", "answered by", "nothing waits", "outlives its turn"),
            (
                (
                    _code(it.kind),
                    _codes(it.opened_by),
                    _codes(it.verbs),
                    _code(it.no_pending) if it.no_pending else "",
                    "yes" if it.outlives_turn else "no",
                )
                for it in contract.questions
            ),
        )
        lines += ["", "## Verbs", ""]
        lines += _table(
            ("verb", "action", "answers", "copies", "needs"),
            (
                (
                    _code(it.name),
                    _code(it.action) + (" declined" if it.declines else ""),
                    _code(it.question) if it.question else "",
                    _codes(it.echo),
                    _code(it.needs) if it.needs else "",
                )
                for it in contract.verbs
            ),
        )
    if contract.timers:
        lines += ["", "## Timers", ""]
        lines += _table(
            ("timer", "of", "option", "armed by", "cleared by", "says"),
            (
                (
                    *(_code(it.name), prose(it.of), _code(it.option)),
                    *(_codes(it.armed_by), _codes(it.cleared_by), _code(it.on_expiry)),
                )
                for it in contract.timers
            ),
        )
    return lines


def options(contract: Contract) -> list[str]:
    """Return the page of options, limits and capabilities."""
    lines = ["# Options", "", "Of every client; names take the casing of the language.", ""]
    head = ("option", "default", "off", "meaning", "rule")
    lines += _table(head, (_option(it) for it in contract.options))
    if contract.limits:
        lines += ["", "## Limits", "", "Bounds that nobody sets.", ""]
        lines += _table(
            ("limit", "value", "meaning", "rule"),
            (
                (_code(it.name), f"{it.value:,} {it.unit}", prose(it.doc), _code(it.rule))
                for it in contract.limits
            ),
        )
    return lines


def _option(item: Option) -> tuple[str, ...]:
    unit = f" {item.unit}" if item.unit else ""
    default = "" if item.default is None else f"`{_shown(item.default)}`{unit}"
    off = "" if item.off is None else f"`{_shown(item.off)}`"
    pending = f" *(pending: {prose(item.pending)})*" if item.pending else ""
    return _code(item.name), default, off, prose(item.doc) + pending, _code(item.rule)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def capabilities(contract: Contract) -> list[str]:
    """Return the words that two sides list to each other."""
    lines = ["# Capabilities", "", "Words that the two sides list to each other.", ""]
    rows = ((_code(it.word), it.since, prose(it.asks_for)) for it in contract.capabilities)
    return [*lines, *_table(("word", "since", "asks for"), rows)]


def close_codes(contract: Contract) -> list[str]:
    """Return what the end of a link means, and what errors say."""
    lines: list[str] = []
    if contract.close_codes:
        lines += ["", "## Close codes", ""]
        rows = (_close(it) for it in contract.close_codes)
        lines += _table(("code", "name", "retry", "kind", "when"), rows)
    if contract.texts:
        lines += ["", "## Texts", "", "A part in brackets is there when its place has a value.", ""]
        rows = ((_code(it.leaf), prose(it.text)) for it in contract.texts)
        lines += _table(("error", "says"), rows)
    return lines


def _close(item: CloseCode) -> tuple[str, ...]:
    span = str(item.first) if item.first == item.last else f"{item.first} to {item.last}"
    name = f"HTTP {span}" if item.http else span
    return name, _code(item.name), item.retry, _code(item.kind), prose(item.when)
