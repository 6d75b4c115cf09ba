"""Rules, grades and changes: what the comparison finds and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal


class Grade(IntEnum):
    """How bad a change is; greater is worse."""

    OK = 0
    SOURCE = 1
    """Only who compiles against the generated code has to change something."""
    DANGEROUS = 2
    """Accepted on the wire, but somebody may behave differently."""
    BREAKING = 3
    """A peer of the old version rejects what a peer of the new one sends, or the other way."""

    @property
    def word(self) -> str:
        """The grade in reports and options."""
        return self.name.lower()


Party = Literal["open", "closed"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the peers of the old version do with members that they do not know.

    ``clients`` read events, ``servers`` read actions; ``closed`` ones refuse the frame.
    """

    clients: Party = "open"
    servers: Party = "closed"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of change. Grades hold for open clients and closed servers; see `closed_s2c`."""

    id: str
    number: int
    title: str
    c2s: Grade
    """When old clients write what the new server reads."""
    s2c: Grade
    """When the new server writes what old clients read."""
    api: Grade = Grade.OK
    """For the generated code."""
    closed_s2c: Grade | None = None
    """`s2c` where clients are closed; None = the same."""
    open_c2s: Grade | None = None
    """`c2s` where servers are open; None = the same."""


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One finding: where, which rule, what it means."""

    where: str
    """Message or type and the path below it: `stream_token/data/token`."""
    rule: str
    message: str
    wire: Grade
    api: Grade
    file: str = ""
    """File of the new specification, for annotations; empty when the place is gone."""

    @property
    def grade(self) -> Grade:
        """The worse of the two."""
        return max(self.wire, self.api)


OK, S, D, B = Grade.OK, Grade.SOURCE, Grade.DANGEROUS, Grade.BREAKING

_TABLE = (
    Rule("MESSAGE_REMOVED", 1, "an action or event is gone", B, D, S),
    Rule("MESSAGE_ADDED", 2, "a new action or event", OK, OK, closed_s2c=D),
    Rule("TAG_CHANGED", 3, "the word that names a message changed", B, B, S),
    Rule("TAG_KEY_CHANGED", 4, "the member that names a message changed", B, B, S),
    Rule("TAG_NOT_UNIQUE", 5, "two messages share a word", B, B, S),
    Rule("ENVELOPE_ENUM_DRIFT", 6, "a list of all messages differs from the messages", B, D),
    Rule("DIRECTION_CHANGED", 7, "a message goes the other way", B, B, S),
    Rule("PROP_REMOVED_REQUIRED", 8, "a required member is gone", B, B, S, open_c2s=D),
    Rule("PROP_REMOVED_OPTIONAL", 9, "an optional member is gone", B, D, S, open_c2s=D),
    Rule("PROP_ADDED_REQUIRED", 10, "a new required member", B, OK, S, closed_s2c=B),
    Rule("PROP_ADDED_OPTIONAL", 11, "a new optional member", OK, OK, closed_s2c=B),
    Rule("PROP_BECAME_REQUIRED", 12, "a member must be given now", B, OK, S),
    Rule("PROP_BECAME_OPTIONAL", 13, "a member may be missing now", OK, B, S),
    Rule("PRESENCE_CHANGED", 13, "readers may or must find a member now", OK, OK, S),
    Rule("PROP_RENAMED", 14, "a member has another name", B, B, S),
    Rule("NULL_ADDED", 15, "null is allowed now", OK, B, S),
    Rule("NULL_REMOVED", 16, "null is no longer allowed", B, OK, S),
    Rule("TYPE_CHANGED", 17, "another JSON type", B, B, S),
    Rule("TYPE_WIDENED", 18, "more JSON types or values", OK, B, S),
    Rule("TYPE_NARROWED", 19, "fewer JSON types or values", B, OK, S),
    Rule("ENUM_VALUE_ADDED", 20, "a new value", OK, OK, closed_s2c=B),
    Rule("ENUM_VALUE_REMOVED", 21, "a value is gone", B, D, S),
    Rule("ENUM_OPENED", 22, "any string is allowed now", OK, OK, S, closed_s2c=B),
    Rule("ENUM_CLOSED", 22, "only listed strings are allowed now", B, OK, S),
    Rule("CONST_CHANGED", 23, "another fixed value", B, B, S),
    Rule("BOUND_TIGHTENED", 24, "a bound is tighter", B, OK),
    Rule("BOUND_LOOSENED", 25, "a bound is looser", OK, D),
    Rule("BOUND_UNSAFE", 25, "an integer may exceed what every language holds", OK, B),
    Rule("PATTERN_CHANGED", 26, "another pattern", B, D),
    Rule("PATTERN_ADDED", 26, "a pattern where there was none", B, OK),
    Rule("PATTERN_REMOVED", 26, "no pattern any more", OK, D),
    Rule("FORMAT_ADDED", 27, "a format where there was none", B, D, S),
    Rule("FORMAT_CHANGED", 27, "another format", D, B, S),
    Rule("FORMAT_REMOVED", 27, "no format any more", OK, D, S),
    Rule("CLOSED_ADDED", 28, "unknown members are refused now", B, OK, open_c2s=OK),
    Rule("CLOSED_REMOVED", 29, "unknown members are allowed now", OK, D, closed_s2c=B),
    Rule("ADDITIONAL_SCHEMA_CHANGED", 30, "the values of a map changed", B, B, S),
    Rule("DEFAULT_CHANGED", 31, "another default", D, D, D),
    Rule("UNION_BRANCH_ADDED", 32, "a new branch", OK, OK, closed_s2c=B),
    Rule("UNION_BRANCH_REMOVED", 33, "a branch is gone", B, D, S),
    Rule("UNION_TAG_LOST", 34, "branches can no longer be told apart", D, B, S),
    Rule("UNION_TAG_CHANGED", 34, "branches are told apart by something else", B, B, S),
    Rule("ARRAY_SCALAR", 35, "one value became a list, or a list one value", B, B, S),
    Rule("NESTING_CHANGED", 36, "a member moved", B, B, S),
    Rule("TYPE_NAME_CHANGED", 37, "a type has another name", OK, OK, S),
    Rule("FACT_CHANGED", 37, "an event shows other facts flat", OK, OK, S),
    Rule("ID_OR_REF_CHANGED", 38, "a schema has another id or file", OK, OK),
    Rule("DEPRECATED_ADDED", 39, "marked as deprecated", OK, OK),
    Rule("DEPRECATED_REMOVED", 39, "no longer deprecated", OK, OK),
    Rule("SECRET_ADDED", 39, "marked as secret", OK, OK),
    Rule("SECRET_REMOVED", 39, "no longer secret: logs may show it", D, D),
    Rule("DOC_CHANGED", 40, "another description", OK, OK),
    Rule("DOC_NORMATIVE", 40, "another description, in words that bind", D, D),
    Rule("DRAFT_CHANGED", 41, "another dialect of JSON Schema", D, D),
    Rule("ERROR_CODE_ADDED", 42, "a new error code", OK, OK),
    Rule("ERROR_CODE_REMOVED", 42, "an error code is gone", OK, D, S),
    Rule("ERROR_CODE_CHANGED", 42, "an error code means something else", OK, D, S),
    Rule("FLOW_CHANGED", 43, "what answers or ends an action changed", B, B, S),
    Rule("MACHINE_CHANGED", 43, "the state tables changed", D, D),
    Rule("SENTENCE_ADDED", 45, "a new sentence of behaviour.md", OK, OK),
    Rule("SENTENCE_REMOVED", 45, "a sentence of behaviour.md is gone", D, D),
    Rule("SENTENCE_CHANGED", 45, "a sentence of behaviour.md reads otherwise", D, D),
    Rule("SENTENCE_LEVEL", 45, "a sentence of behaviour.md binds otherwise", D, D),
    Rule("TABLE_ADDED", 46, "a new table, or a new row of one", OK, OK),
    Rule("TABLE_CHANGED", 46, "a row of a table is gone or says something else", D, D),
    Rule("UNDECIDED", 44, "a construct differs that is not understood", D, D, D),
)
RULES = {rule.id: rule for rule in _TABLE}
"""Every rule by id; numbers group the rows of one rule."""


def grade(
    rule: Rule,
    direction: str,
    policy: Policy,
    c2s: Grade | None = None,
    s2c: Grade | None = None,
) -> Grade:
    """Return what the change means on the wire for ``read`` (S2C), ``write`` (C2S) or both.

    ``c2s`` and ``s2c`` are grades of this one occurrence, where it is known to be another case.
    """
    if c2s is None:
        opened = policy.servers == "open" and rule.open_c2s is not None
        c2s = rule.open_c2s if opened else rule.c2s
    if s2c is None:
        closed = policy.clients == "closed" and rule.closed_s2c is not None
        s2c = rule.closed_s2c if closed else rule.s2c
    assert c2s is not None
    assert s2c is not None
    if direction == "write":
        return c2s
    return s2c if direction == "read" else max(c2s, s2c)
