"""Read the tables that a document names, and what errors.yaml says beside its codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wiregen.contract.machines import MachineTables
from wiregen.contract.model import Capability, CloseCode, Contract, Limit, Option, Outcome, Text
from wiregen.contract.nodes import fail, keys, known, number, once, rows, strings, text
from wiregen.ir import Answer
from wiregen.load import Node, Store

OPTION_TYPES = ("boolean", "time", "count", "bytes", "words", "string", "object")
PLACES = frozenset(
    {"host", "code", "close", "status", "request_id", "session_id", "limit", "reason"}
)
FACTS = frozenset(
    {
        *("body", "closeCode", "closeReason", "code", "event", "limit", "partialText", "pointer"),
        *("question", "requestId", "retryAfterMs", "sent", "serverMessage", "sessionId", "size"),
        *("state", "status", "wireType"),
    }
)
_UNIT = {"time": "ms", "bytes": "bytes"}
_PLACE = re.compile(r"\{(\w*)\}")


def read_contract(
    store: Store,
    files: Mapping[str, str],
    *,
    frames: tuple[str, ...],
    actions: frozenset[str],
    answers: tuple[Answer, ...],
) -> Contract:
    """Return the tables of a specification; those that it does not have are empty.

    ``files`` are the tables' files by the words that name them (`x-options` and the like),
    ``frames`` are the words of the wire that may move a machine, ``answers`` the rows read already.
    Raises SpecError with file and pointer for a row that says nothing or contradicts itself.
    """
    tables: dict[str, Any] = {}
    if name := files.get("x-state-machines"):
        found = MachineTables(store.document(name), frames, actions)
        same = ("facts", "guards", "effects", "machines", "verbs", "questions", "timers", "routing")
        tables = {key: getattr(found, key) for key in (*same, "reads")}
        tables |= {"local_events": found.local, "events": found.events, "answers": answers}
    if name := files.get("x-error-codes"):
        errors = store.document(name)
        tables["close_codes"] = tuple(_close(node) for node in rows(errors, "close_codes"))
        tables["outcomes"] = tuple(_outcome(node) for node in rows(errors, "outcomes"))
        spoken = [*rows(errors, "kinds"), *rows(errors, "leaves")]
        tables["texts"] = tuple(_text(node) for node in spoken if "text" in node.value)
    if name := files.get("x-options"):
        options = store.document(name)
        keys(options, "options", "limits")
        tables["options"] = tuple(_option(node) for node in rows(options, "options"))
        tables["limits"] = tuple(_limit(node) for node in rows(options, "limits"))
        both = [*rows(options, "options"), *rows(options, "limits")]
        once(((text(node, "name"), node) for node in both), "option")
    if name := files.get("x-capabilities"):
        words = store.document(name)
        tables["capabilities"] = tuple(_capability(node) for node in rows(words, "capabilities"))
        once(((text(node, "word"), node) for node in rows(words, "capabilities")), "capability")
    return Contract(**tables)


def _option(node: Node) -> Option:
    keys(
        node,
        *("name", "type", "unit", "default", "off", "min", "max", "words", "doc", "rule"),
        "pending",
    )
    type_ = known(node, text(node, "type"), OPTION_TYPES, "type of an option")
    unit = text(node, "unit", None)
    if (type_ in ("time", "count", "bytes")) != bool(unit):
        fail(node, f"an option of type {type_} {'needs a' if not unit else 'has no'} unit")
    if unit and unit != _UNIT.get(type_, unit):
        fail(node, f"the unit of type {type_} is {_UNIT[type_]}; found {unit!r}")
    words = strings(node, "words")
    if (type_ == "words") != bool(words):
        fail(node, "words are for an option of type words, which needs them")
    option = Option(
        name=text(node, "name"),
        type=type_,
        unit=unit,
        default=_value(node, "default", type_, words),
        off=_value(node, "off", type_, words),
        min=number(node, "min", None),
        max=number(node, "max", None),
        words=words,
        doc=text(node, "doc"),
        rule=text(node, "rule"),
        pending=text(node, "pending", None),
    )
    _bounded(node, option)
    return option


def _bounded(node: Node, option: Option) -> None:
    """Refuse bounds that contradict each other or the default."""
    low, high = option.min, option.max
    if (low is not None or high is not None) and option.unit is None:
        fail(node, f"an option of type {option.type} has no bounds")
    if low is not None and high is not None and low > high:
        fail(node, f"min {low} is above max {high}", "table-contradiction")
    for key, value in (("default", option.default), ("off", option.off)):
        if isinstance(value, bool) or not isinstance(value, int):
            continue
        if (low is not None and value < low) or (high is not None and value > high):
            fail(node, f"{key} {value} is outside the bounds", "table-contradiction")


def _value(node: Node, key: str, type_: str, words: tuple[str, ...]) -> Any:
    value = node.value.get(key)
    if key == "default" and key not in node.value:
        fail(node, "needs 'default'; null where there is none")
    if value is None:
        return None
    kinds: dict[str, type] = {"boolean": bool, "words": str, "string": str}
    if type_ == "object" or type(value) is not kinds.get(type_, int):
        fail(node, f"{key!r} is no value of type {type_}; found {value!r}")
    if words:
        known(node, str(value), words, "word of this option")
    return value


def _limit(node: Node) -> Limit:
    keys(node, "name", "unit", "value", "doc", "rule")
    return Limit(
        text(node, "name"),
        text(node, "unit"),
        number(node, "value"),
        text(node, "doc"),
        text(node, "rule"),
    )


def _close(node: Node) -> CloseCode:
    keys(node, "code", "http", "name", "side", "retry", "backoff_from", "kind", "when")
    http = "http" in node.value
    if http == ("code" in node.value):
        fail(node, "a row has either 'code' or 'http'")
    value = node.value["http" if http else "code"]
    span = value if isinstance(value, list) else [value, value]
    if len(span) != 2 or not all(type(it) is int for it in span) or span[0] > span[1]:
        fail(node, f"a code is an integer or [first, last]; found {value!r}")
    return CloseCode(
        first=span[0],
        last=span[1],
        http=http,
        name=text(node, "name"),
        side=known(node, text(node, "side"), ("peer", "self", "both", "local"), "side"),
        retry=known(node, text(node, "retry"), ("yes", "no", "renew"), "word for retry"),
        backoff_from=number(node, "backoff_from"),
        kind=text(node, "kind"),
        when=text(node, "when"),
    )


def _outcome(node: Node) -> Outcome:
    keys(node, "kind", "always", "maybe")
    outcome = Outcome(text(node, "kind"), strings(node, "always"), strings(node, "maybe"))
    for fact in (*outcome.always, *outcome.maybe):
        known(node, fact, FACTS, "fact of an error")
    if both := set(outcome.always) & set(outcome.maybe):
        fail(node, f"{min(both)!r} is both always and maybe there", "table-contradiction")
    return outcome


def _text(node: Node) -> Text:
    said = text(node, "text")
    for place in _PLACE.findall(said):
        known(node, place, PLACES, "place of a text")
    depth = 0
    for sign in said:
        depth += (sign == "[") - (sign == "]")
        if depth not in (0, 1):
            fail(node, "brackets of a text are closed and do not nest")
    if depth:
        fail(node, "brackets of a text are closed and do not nest")
    return Text(text(node, "leaf"), said)


def _capability(node: Node) -> Capability:
    keys(node, "word", "since", "asks_for", "implied_by", "pending")
    implied = strings(node, "implied_by")
    for item in implied:
        if item != "always" and item.partition(" ")[0] not in ("option", "handler"):
            fail(node, f"{item!r} is neither always, option NAME nor handler KIND", "table-word")
    return Capability(
        text(node, "word"),
        text(node, "since"),
        text(node, "asks_for"),
        implied,
        text(node, "pending", None),
    )
