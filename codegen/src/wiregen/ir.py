"""The intermediate representation: all that an emitter may know of a protocol.

Everything here is frozen, plain data. Names are the wire's own words; turning them into the
identifiers of a language is the business of :mod:`wiregen.naming`. Order is the order of the
specification, except `Spec.types`, which is sorted by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from wiregen.errors import Diagnostic

Json = Any
ScalarKind = Literal["string", "integer", "number", "boolean"]
Role = Literal["event", "action", "result", "type"]
Direction = Literal["read", "write", "both"]
Presence = Literal["required", "optional", "tristate"]
Path = tuple[str, ...]
Names = tuple[tuple[str, str], ...]
"""What `x-name` calls something: `(language, name)`, or `("*", name)` for all others."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A JSON string, integer, number or boolean. Bounds are promises of the writer."""

    kind: ScalarKind
    format: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Const:
    """Exactly one value. Readers hold on to it only for the discriminator of a message."""

    kind: ScalarKind
    value: Json


@dataclass(frozen=True, slots=True)
class Ref:
    """A named type of `Spec.types`."""

    name: str


@dataclass(frozen=True, slots=True)
class Array:
    """A JSON array; `nullable_items` when an item may be null."""

    items: Type
    nullable_items: bool = False
    min_items: int | None = None
    max_items: int | None = None
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Map:
    """A JSON object without named members; `values` is `AnyJson` for free-form objects."""

    values: Type
    nullable_values: bool = False


@dataclass(frozen=True, slots=True)
class AnyJson:
    """Any JSON value, null included."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """One of several JSON kinds (sorted, without null) that no typed union stands for."""

    kinds: tuple[str, ...]


Type = Scalar | Const | Ref | Array | Map | AnyJson | Opaque


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One named member of a struct.

    `required` and `nullable` are the writer's view. `read_required` is the reader's view after
    the repair pass: false as well for `x-reader-optional` members and for the top copy of a
    mirror. `boxed` marks a direct reference that closes a cycle of structs. `secret` marks a value
    that no log and no textual form of a type shows.
    """

    wire: str
    type: Type
    required: bool
    nullable: bool
    read_required: bool
    doc: str = ""
    default: Json = None
    has_default: bool = False
    deprecated: bool = False
    boxed: bool = False
    secret: bool = False
    names: Names = ()
    label: str = ""

    @property
    def word(self) -> str:
        """The word from which its name in a language is made."""
        return self.label or self.wire

    @property
    def presence(self) -> Presence:
        """How a writer may leave the member out; `tristate` tells absent, null and value apart."""
        if self.required:
            return "required"
        return "tristate" if self.nullable else "optional"

    @property
    def read_presence(self) -> Presence:
        """The same for a reader; a null at an `optional` member reads as absent."""
        if self.read_required:
            return "required"
        return "tristate" if self.nullable else "optional"


@dataclass(frozen=True, slots=True)
class Choice:
    """A writer's promise over several members: at least one alternative must hold.

    Every alternative is the tuple of members that must be there, with the value that each must
    have, or ``...`` for any.
    """

    alternatives: tuple[tuple[tuple[str, Json], ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Struct:
    """A JSON object with named members.

    `closed` says that a writer may add nothing. Readers keep unknown members all the same.
    """

    name: str
    role: Role
    fields: tuple[Field, ...]
    doc: str = ""
    closed: bool = False
    direction: Direction = "both"
    choices: tuple[Choice, ...] = ()
    recursive: bool = False
    uri: str = ""
    names: Names = ()

    def field(self, wire: str) -> Field | None:
        """Return the member with that wire name."""
        return next((item for item in self.fields if item.wire == wire), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enum:
    """A set of strings that may grow: readers keep a value that they do not know."""

    name: str
    values: tuple[str, ...]
    doc: str = ""
    direction: Direction = "both"
    uri: str = ""
    names: Names = ()
    names_of_values: tuple[tuple[str, Names], ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[tuple[str, str], ...]:
        """Every value with the word from which its name in a language is made."""
        return tuple(zip(self.values, self.labels or self.values, strict=True))


UnionKind = Literal["tagged", "keyed", "typed"]


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch of a union; `mark` is the tag's value, the key, or the JSON kind."""

    mark: str
    type: Type
    names: Names = ()
    label: str = ""

    @property
    def word(self) -> str:
        """The word from which its name in a language is made."""
        return self.label or self.mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Union:
    """A value that is exactly one of its branches. `tag` names the member that tells them apart.

    `other` is the place of a branch that stands for all further tags; it is none of `branches`,
    as a reader keeps a tag that it does not know anyway. A tag that is no string (`tag_kind`) has
    its JSON as mark. Several words may lead to one type. `null` says that null is a value, too.
    """

    name: str
    kind: UnionKind
    branches: tuple[Branch, ...]
    tag: str | None = None
    other: int | None = None
    tag_kind: ScalarKind = "string"
    null: bool = False
    doc: str = ""
    direction: Direction = "both"
    uri: str = ""
    names: Names = ()


TypeDef = Struct | Enum | Union


@dataclass(frozen=True, slots=True)
class Mirror:
    """The same fact at two places of an event: a nested one, read first, and a top copy.

    `fill` asks the repair pass to write a missing nested place from the top copy (its parent
    must be there); `needed` says that one of the two places must be present. `guard` says that
    the types alone do not ensure that, so that a decoder has to look after decoding.
    """

    nested: Path
    top: Path
    fill: bool
    needed: bool
    guard: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Accessor:
    """One fact of an event under one name.

    The value is the one at the first of `places` where something is present. With `optional`
    there may be none; with `nullable` the value may be null. `places` has two entries for a
    mirrored fact: the nested one first, but for the id of `correlation`, which is shown as it
    routes.
    """

    name: str
    type: Type
    optional: bool
    nullable: bool
    places: tuple[Path, ...]
    doc: str = ""
    label: str = ""

    @property
    def word(self) -> str:
        """The word from which its name in a language is made."""
        return self.label or self.name

    @property
    def mirrored(self) -> bool:
        """Whether the fact has two places."""
        return len(self.places) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An action or an event. Its members are those of the struct `name`."""

    wire: str
    role: Literal["event", "action"]
    name: str
    tag: str
    doc: str = ""
    turn: str | None = None
    mirrors: tuple[Mirror, ...] = ()
    payloads: tuple[Path, ...] = ()
    accessors: tuple[Accessor, ...] = ()
    file: str = ""
    label: str = ""

    @property
    def word(self) -> str:
        """The word from which its constants in a language are made."""
        return self.label or self.wire

    def accessor(self, name: str) -> Accessor | None:
        """Return the accessor with that name (the wire's word)."""
        return next((item for item in self.accessors if item.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The typed result of a call: a struct carried in an event at a place (empty = the event)."""

    event: str
    at: Path
    type: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An action with the events that may answer it, in the order of the document."""

    action: str
    replies: tuple[str, ...]
    result: Result | None = None


CheckKind = Literal[
    "any",
    "string",
    "integer",
    "number",
    "boolean",
    "array",
    "map",
    "struct",
    "union",
    "const",
    "kinds",
]


@dataclass(frozen=True, slots=True)
class Check:
    """What the reader view asks of one value. Enums are strings here, bounds are gone.

    `ref` names the shape of a struct or of a union; `item` is the check of array items or map
    values;
    `value` the constant of a `const`; `kinds` the JSON kinds of a `kinds` check.
    """

    kind: CheckKind
    ref: str = ""
    item: Check | None = None
    nullable_item: bool = False
    value: Json = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShapeField:
    """One row of a repair table. `required` is `Field.read_required`."""

    wire: str
    required: bool
    nullable: bool
    check: Check


@dataclass(frozen=True, slots=True)
class Shape:
    """The repair table of one struct, in the order in which faults are looked for."""

    name: str
    fields: tuple[ShapeField, ...]


@dataclass(frozen=True, slots=True)
class UnionShape:
    """How a reader chooses the branch of a union, and what it asks of the value then.

    `tagged`: the value is an object with a `tag_kind` at `tag`; a tag of no branch is kept.
    `keyed`: the value is an object; the first branch whose key is there counts; none is kept.
    `typed`: the branch of the value's JSON kind counts; a kind that no branch has is a fault.
    """

    name: str
    kind: UnionKind
    tag: str
    branches: tuple[tuple[str, Check], ...]
    tag_kind: ScalarKind = "string"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCode:
    """One code of the error table (`x-error-codes`)."""

    code: str
    kind: str
    leaf: str
    retryable: bool
    terminal: str
    actions: tuple[str, ...] = ()
    servers: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorKind:
    """A kind of error with the kind it derives from."""

    kind: str
    leaf: str
    parent: str | None
    retryable: bool
    when: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class ErrorLeaf:
    """A class that derives from another class of its kind."""

    leaf: str
    base: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTable:
    """All errors that a client can show."""

    codes: tuple[ErrorCode, ...]
    unknown: ErrorCode
    kinds: tuple[ErrorKind, ...]
    leaves: tuple[ErrorLeaf, ...] = ()
    native: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a closed list with its meaning."""

    name: str
    doc: str


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect with its arguments: `settle(failed, by_code)`."""

    name: str
    args: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.args)})" if self.args else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row of a machine. Empty `sources` = every state; `target` None = the state stays."""

    sources: tuple[str, ...]
    events: tuple[str, ...]
    guards: tuple[str, ...] = ()
    target: str | None = None
    effects: tuple[Effect, ...] = ()
    pending: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A state machine; the first transition that fits is taken."""

    name: str
    initial: str
    states: tuple[Word, ...]
    transitions: tuple[Transition, ...]

    def events(self) -> tuple[str, ...]:
        """Return every event that moves the machine, in order of first use."""
        return tuple(dict.fromkeys(name for row in self.transitions for name in row.events))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Which outstanding verb a frame answers: the oldest of `verbs`.

    The row holds for frames of type `event`, with the error code `code` if there is one, not when
    the guard `unless` holds, and only while each machine of `states` is in the state named there.
    """

    event: str
    verbs: tuple[str, ...]
    code: str | None = None
    unless: str | None = None
    states: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """The state tables of a client (`x-state-machines`)."""

    local_events: tuple[Word, ...]
    guards: tuple[Word, ...]
    effects: tuple[Word, ...]
    answers: tuple[Answer, ...]
    machines: tuple[Machine, ...]

    def machine(self, name: str) -> Machine:
        """Return the machine with that name; KeyError when there is none."""
        for item in self.machines:
            if item.name == name:
                return item
        raise KeyError(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A whole protocol.

    `correlation` are the places of the id that says which action a frame belongs to; the first
    one that holds a string counts. `store` holds the files as read, `folded` the schemas that stand
    in no file because an `allOf` made them, `read` every schema as it was read, by its place. None
    of these is part of the value.
    """

    title: str
    version: str
    doc: str
    action_tag: str
    event_tag: str
    actions: tuple[Message, ...]
    events: tuple[Message, ...]
    operations: tuple[Operation, ...]
    correlation: tuple[Path, ...]
    types: tuple[TypeDef, ...]
    shapes: tuple[Shape, ...]
    asked: tuple[str, ...] = ()
    """Types that `x-emit` asks for, though no message leads to them."""
    union_shapes: tuple[UnionShape, ...] = ()
    errors: ErrorTable | None = None
    machines: Machines | None = None
    contract: Any = None
    """The tables beside the schemas, a `wiregen.contract.Contract`."""
    diagnostics: tuple[Diagnostic, ...] = ()
    sha256: str = ""
    store: Any = field(default=None, compare=False, repr=False)
    folded: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    noted: tuple[Diagnostic, ...] = field(default=(), compare=False, repr=False)
    """The diagnostics of schemas, by the places that `read` has."""
    read: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    _by_name: dict[str, TypeDef] = field(default_factory=dict, compare=False, repr=False)

    def type(self, name: str) -> TypeDef:
        """Return the named type; KeyError when there is none."""
        return self._by_name[name]

    def struct(self, name: str) -> Struct:
        """Return the named struct; KeyError when there is none or it is no struct."""
        found = self._by_name[name]
        if not isinstance(found, Struct):
            raise KeyError(name)
        return found

    def event(self, wire: str) -> Message:
        """Return the event with that wire type; KeyError when there is none."""
        return _message(self.events, wire)

    def action(self, wire: str) -> Message:
        """Return the action with that wire name; KeyError when there is none."""
        return _message(self.actions, wire)

    def operation(self, action: str) -> Operation:
        """Return the operation of an action; KeyError when there is none."""
        for item in self.operations:
            if item.action == action:
                return item
        raise KeyError(action)

    def shape(self, name: str) -> Shape:
        """Return the repair table of a struct; KeyError when there is none."""
        for item in self.shapes:
            if item.name == name:
                return item
        raise KeyError(name)

    @property
    def structs(self) -> tuple[Struct, ...]:
        """Structs of `types`, sorted by name."""
        return tuple(item for item in self.types if isinstance(item, Struct))

    @property
    def enums(self) -> tuple[Enum, ...]:
        """Enums of `types`, sorted by name."""
        return tuple(item for item in self.types if isinstance(item, Enum))

    @property
    def unions(self) -> tuple[Union, ...]:
        """Unions of `types`, sorted by name."""
        return tuple(item for item in self.types if isinstance(item, Union))


def _message(messages: tuple[Message, ...], wire: str) -> Message:
    for item in messages:
        if item.wire == wire:
            return item
    raise KeyError(wire)
