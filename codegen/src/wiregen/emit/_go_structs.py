"""View models of structs, events and actions in Go."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wiregen.emit._asked import bounds_of, inner_struct
from wiregen.emit._go_types import Named, field_name
from wiregen.emit.base import clean, documentation, wrap
from wiregen.escape import go as quote
from wiregen.ir import (
    Accessor,
    Choice,
    Field,
    Message,
    Path,
    Presence,
    Ref,
    Spec,
    Struct,
)
from wiregen.naming import escaped, member_name, type_name, word_name

WIDTH = 95


@dataclass(frozen=True, slots=True)
class GoField:
    """One line of a Go struct, with its comment."""

    name: str
    type: str
    doc: tuple[str, ...]
    tag: str = ""


@dataclass(frozen=True, slots=True)
class GoStruct:
    """One Go struct; ``base`` is what it embeds or keeps of the text."""

    name: str
    doc: tuple[str, ...]
    fields: tuple[GoField, ...]
    base: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """What to do with one member."""

    key: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A decode method for one JSON object: a struct, or an envelope inside an event."""

    receiver: str
    type: str
    method: str
    cases: tuple[Case, ...]
    after: tuple[str, ...]
    verdict: str
    own: bool
    shared: bool
    keeps: bool


@dataclass(frozen=True, slots=True)
class Written:
    """An append method of one struct."""

    name: str
    receiver: str
    lines: tuple[str, ...]
    reads: bool
    shape: str
    pointer: str = "*"


def type_doc(name: str, doc: str, verb: bool) -> tuple[str, ...]:
    """Return the comment of a type; with ``verb`` the text lacks its subject, the name."""
    text = clean(doc)
    if not text:
        return (f"{name} is one of the types of the wire.",)
    said = f"{name} {text[0].lower()}{text[1:]}" if verb else f"{name}: {text[0].lower()}{text[1:]}"
    return wrap(said, WIDTH)


def receiver(name: str) -> str:
    """Return the receiver's name; e, d, v and w are taken inside the methods."""
    letter = name[0].lower()
    return letter if letter.isascii() and letter not in "edvw" else "x"


def struct_view(named: Named, struct: Struct) -> GoStruct:
    """Return the Go struct of a type that is read, or read and written."""
    name = named.of(struct.name)
    fields = tuple(
        GoField(
            field_name(field.word),
            named.member(field.type, field.read_presence, field.nullable),
            wrap(documentation(field), WIDTH),
        )
        for field in struct.fields
    )
    return GoStruct(name, type_doc(name, struct.doc, False), fields, "raw json.RawMessage")


def struct_level(named: Named, struct: Struct) -> Level:
    """Return the decode method of a struct that is read."""
    name = named.of(struct.name)
    me = receiver(name)
    cases: list[Case] = []
    required = 0
    for field in struct.fields:
        go_type = named.member(field.type, field.read_presence, field.nullable)
        target = f"{me}.{field_name(field.word)}"
        lines = named.read_into(target, field.type, go_type, field.nullable)
        if field.read_required:
            lines = [f"has |= 1 << {required.bit_count()}", *lines]
            required = required << 1 | 1
        cases.append(Case(quote(field.wire), tuple(lines)))
    return Level(
        receiver=me,
        type=name,
        method="decode",
        cases=tuple(cases),
        after=(f"{me}.raw = d.b[start:d.i:d.i]",),
        verdict=f"has&{required:#x} == {required:#x}" if required else "true",
        own=bool(required),
        shared=False,
        keeps=True,
    )


def struct_append(named: Named, struct: Struct) -> Written:
    """Return the append method of a struct that is read, or read and written."""
    name = named.of(struct.name)
    me = receiver(name)
    lines: list[str] = []
    for field in struct.fields:
        go_type = named.member(field.type, field.read_presence, field.nullable)
        lines += _member(
            named, f"{me}.{field_name(field.word)}", field, go_type, field.read_required
        )
    known = "".join(", " + quote(field.wire) for field in struct.fields)
    lines.append(f"e.extras({me}.raw{known})")
    return Written(name, me, tuple(lines), True, quote(struct.name))


def _member(
    named: Named, value: str, field: Field, go_type: str, required: bool, *, writes: bool = False
) -> list[str]:
    key = f"e.key({quote(field.wire)})"
    if required and not go_type.startswith("Opt["):
        return [key, *_unless_hiding(field, named.write(value, field.type, writes=writes))]
    condition, inner = named.present(value, field.type, go_type)
    opt = go_type.startswith("Opt[")
    body = _unless_hiding(
        field,
        named.write_opt(value, field.type)
        if opt
        else named.write(inner, field.type, writes=writes),
    )
    return [f"if {condition} {{", "\t" + key, *("\t" + line for line in body), "}"]


def _unless_hiding(field: Field, lines: list[str]) -> list[str]:
    """Return the statements that write a value; a secret one is left out of textual forms."""
    if not field.secret:
        return lines
    inside = ["\t" + line for line in lines]
    return ["if e.hiding {", f"\te.string({quote('…')})", "} else {", *inside, "}"]


# events -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FactView:
    """How one accessor is told: its row in the table and the statements that write its value."""

    name: str
    row: str
    lines: tuple[str, ...]


class EventView:
    """Everything that is printed for one event: one Go field a fact, decoded without detours."""

    def __init__(self, named: Named, spec: Spec, message: Message) -> None:
        self.named = named
        self.spec = spec
        self.message = message
        self.name = type_name("go", message.name, "event")
        self.constant = "Type" + word_name("go", message.name)
        self.accessors = tuple(a for a in message.accessors if a.places != ((message.tag,),))
        self.bits: dict[Path, int] = {}
        self._methods: dict[Path, str] = {}
        self.levels: list[Level] = []
        self._level((), spec.struct(message.name))

    def field(self, accessor: Accessor) -> str:
        """Return the Go type of an accessor."""
        presence: Presence = "optional" if accessor.optional else "required"
        return self.named.member(accessor.type, presence, accessor.nullable)

    def struct(self) -> GoStruct:
        """Return the Go struct of the event."""
        fields = tuple(
            GoField(member_name("go", a.word), self.field(a), wrap(self._doc(a), WIDTH))
            for a in self.accessors
        )
        return GoStruct(self.name, type_doc(self.name, self.message.doc, True), fields, "received")

    def _doc(self, accessor: Accessor) -> str:
        fields = [field for place in accessor.places if (field := self._field_at(place))]
        # One of two copies says "once more"; the longer text is the one that explains.
        return max(map(documentation, fields), key=len, default=clean(accessor.doc))

    def _field_at(self, path: Path) -> Field | None:
        struct: Struct | None = self.spec.struct(self.message.name)
        field: Field | None = None
        for step in path:
            field = struct.field(step) if struct is not None else None
            struct = self._struct(field)
        return field

    def _struct(self, field: Field | None) -> Struct | None:
        if field is None or not isinstance(field.type, Ref):
            return None
        found = self.spec.type(field.type.name)
        return found if isinstance(found, Struct) else None

    def outer(self, accessor: Accessor) -> Accessor | None:
        """Return the accessor whose object holds this one as a member, if there is one."""
        for other in self.accessors:
            inside = tuple((*place, accessor.places[0][-1]) for place in other.places)
            if inside == accessor.places:
                return other
        return None

    def _bit(self, path: Path) -> int:
        return self.bits.setdefault(path, len(self.bits))

    def _level(self, path: Path, struct: Struct) -> None:
        """Make the decode method of the object at ``path``, after those of the objects inside."""
        cases: list[Case] = []
        required: list[Path] = []
        for field in struct.fields:
            here = (*path, field.wire)
            if field.read_required and here != (self.message.tag,):
                required.append(here)
            lines = self._case(here, field)
            if here in required or here in self._watched():
                lines = [self._mark(path, here), *lines]
            cases.append(Case(quote(field.wire), tuple(lines)))
        mask = sum(1 << self._bit(item) for item in required)
        test = self._has(path)
        checks = [f"{test}&{mask:#x} == {mask:#x}"] if mask else []
        if not path:
            checks += self._guards()
        self.levels.append(
            Level(
                receiver="e",
                type=self.name,
                method=self._method(path),
                cases=tuple(cases),
                after=tuple(self._derived()) if not path else (),
                verdict=" && ".join(checks) or "true",
                own=not path and bool(self.bits),
                shared=bool(path),
                keeps=False,
            )
        )

    def _method(self, path: Path) -> str:
        name = "decode" + "".join(field_name(step) for step in path)
        others = {self._methods[known] for known in self._methods if known != path}
        return self._methods.setdefault(path, escaped(name, others, "_"))

    def _has(self, path: Path) -> str:
        return "*has" if path else "has"

    def _mark(self, path: Path, here: Path) -> str:
        return f"{self._has(path)} |= 1 << {self._bit(here)}"

    def _watched(self) -> set[Path]:
        """Return the places whose presence must be known: first places and guarded mirrors."""
        found = {a.places[0] for a in self.accessors if a.mirrored}
        for mirror in self.message.mirrors:
            if mirror.guard:
                found |= {mirror.nested, mirror.top}
        return found

    def _guards(self) -> list[str]:
        out = []
        for mirror in self.message.mirrors:
            if mirror.guard:
                either = 1 << self._bit(mirror.nested) | 1 << self._bit(mirror.top)
                out.append(f"has&{either:#x} != 0")
        return out

    def _case(self, here: Path, field: Field) -> list[str]:
        accessor = next((a for a in self.accessors if here in a.places), None)
        if accessor is not None:
            return self._fact_case(here, accessor)
        inner = self._struct(field)
        if inner is not None and any(
            here == p[: len(here)] for a in self.accessors for p in a.places
        ):
            self._level(here, inner)
            has = "&has" if len(here) == 1 else "has"
            # Bits of the objects inside are known only now; the caller's mask comes later.
            return [f"if !e.{self._method(here)}(d, {has}) {{", "\treturn false", "}"]
        return self.named.skip(field.type)

    def _fact_case(self, here: Path, accessor: Accessor) -> list[str]:
        target = f"e.{member_name('go', accessor.word)}"
        go_type = self.field(accessor)
        if here == accessor.places[0]:
            return self.named.read_into(target, accessor.type, go_type, accessor.nullable)
        bit = 1 << self._bit(accessor.places[0])
        has = self._has(here[:-1])
        value = "&v" if go_type.startswith("*") else "v"
        return [
            *self.named.read(accessor.type),
            f"if {has}&{bit:#x} == 0 {{",
            f"\t{target} = {value}",
            "}",
        ]

    def _derived(self) -> list[str]:
        out = []
        for accessor in self.accessors:
            outer = self.outer(accessor)
            if outer is not None:
                inner, whole = (member_name("go", a.word) for a in (accessor, outer))
                out.append(f"e.{inner} = e.{whole}.{inner}")
        return out

    def facts(self) -> tuple[FactView, ...]:
        """Return how every accessor is written."""
        return tuple(self._fact(a) for a in self.accessors)

    def _fact(self, accessor: Accessor) -> FactView:
        value = f"e.{member_name('go', accessor.word)}"
        go_type = self.field(accessor)
        places = ", ".join(
            "{" + ", ".join(quote(step) for step in place) + "}" for place in accessor.places
        )
        inner = ", inner: true" if self.outer(accessor) else ""
        row = f"{{name: {quote(accessor.name)}, places: [][]string{{{places}}}{inner}}}"
        return FactView(accessor.name, row, self._told(accessor, value, go_type))

    def learned(self) -> tuple[tuple[str, ...], ...]:
        """Return how every accessor is set from the text or number of a learned frame.

        Empty when the event does not stream, or has an accessor that is more than a scalar.
        """
        if self.message.turn != "streams":
            return ()
        found = [_setter(f"e.{member_name('go', a.name)}", self.field(a)) for a in self.accessors]
        return () if () in found else tuple(found)

    def _told(self, accessor: Accessor, value: str, go_type: str) -> tuple[str, ...]:
        body = self._write(accessor, value, go_type)
        if accessor.optional:
            condition, _ = self.named.present(value, accessor.type, go_type)
            body = [f"if !({condition}) {{", "\treturn false", "}", *body]
        return tuple(body)

    def _write(self, accessor: Accessor, value: str, go_type: str) -> list[str]:
        if go_type.startswith("Opt["):
            lines = self.named.write_opt(value, accessor.type)
        elif accessor.optional:
            inner = self.named.present(value, accessor.type, go_type)[1]
            lines = self.named.write(inner, accessor.type)
        else:
            lines = self.named.write(value, accessor.type)
        return [_for_writer(line) for line in lines]


def _setter(target: str, go_type: str) -> tuple[str, ...]:
    """Return the statements that set a field of a scalar type; none for other types."""
    match go_type:
        case "string":
            return (f"{target} = text",)
        case "*string":
            return ("value := text", f"{target} = &value")
        case "int64":
            return (f"{target} = number",)
        case "*int64":
            return ("value := number", f"{target} = &value")
    return ()


_CALLS = ("string", "int64", "float64", "bool", "raw", "any", "comma", "key", "branch")


def _for_writer(line: str) -> str:
    """Turn a statement on the encoder e into one on w; in event methods e is the event."""
    text = line
    for call in _CALLS:
        text = text.replace(f"e.{call}(", f"w.{call}(")
    return text.replace("e.b = append(e.b,", "w.b = append(w.b,").replace(
        ".append(e)", ".append(w)"
    )


# actions ------------------------------------------------------------------------------


def action_struct(named: Named, struct: Struct, *, verb: bool) -> GoStruct:
    """Return the Go struct of a type that is only written."""
    name = named.of(struct.name)
    fields = tuple(
        GoField(
            field_name(field.word),
            named.sent(field.type, field.presence, field.nullable),
            wrap(documentation(field), WIDTH),
            _tag(field.wire),
        )
        for field in struct.fields
        if not _constant(field)
    )
    return GoStruct(name, type_doc(name, struct.doc, verb), fields)


def _tag(wire: str) -> str:
    """Return the struct tag of a member; none for a name that a tag cannot say."""
    return "`json:" + quote(wire) + "`" if re.fullmatch(r"[\w$./]+", wire, re.ASCII) else ""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the schema asks of the members of a type that callers write."""

    name: str
    rows: tuple[str, ...]


def arguments(named: Named, struct: Struct) -> Arguments:
    """Return the rows of a type; members that ask nothing of the caller have none."""
    name = named.of(struct.name)
    rows: list[str] = []
    for field in struct.fields:
        facts = [] if _constant(field) else _asked(named, field)
        if facts:
            title = quote(f"{name}.{field_name(field.word)}")
            rows.append(f"{{wire: {quote(field.wire)}, name: {title}, {', '.join(facts)}}}")
    return Arguments(quote(name), tuple(rows))


def _asked(named: Named, field: Field) -> list[str]:
    facts = ["required: true"] if field.required else []
    bounds = bounds_of(field.type)
    facts += [f"{name}: bound({value:.17g})" for name, value in bounds.named("least", "most")]
    if bounds.pattern is not None:
        facts.append(f"pattern: regexp.MustCompile({quote(bounds.pattern)})")
    if inner := inner_struct(named.spec, field):
        facts.append(f"inner: {quote(named.of(inner.name))}")
    return facts


def action_append(named: Named, struct: Struct) -> Written:
    """Return the append method of a type that is only written: nothing unset, never null."""
    name = named.of(struct.name)
    me = receiver(name)
    lines: list[str] = []
    for field in struct.fields:
        if _constant(field):
            value = getattr(field.type, "value", "")
            lines += [f"e.key({quote(field.wire)})", _constant_call(value)]
            continue
        go_type = named.sent(field.type, field.presence, field.nullable)
        value = f"{me}.{field_name(field.word)}"
        made = _member(named, value, field, go_type, field.required, writes=True)
        if not field.required:
            made = _unless_chosen(struct, field, me, made)
        lines += made
    # An action is an action by value, too.
    return Written(name, me, tuple(lines), False, "", "" if struct.role == "action" else "*")


def _constant(field: Field) -> bool:
    return type(field.type).__name__ == "Const"


def _constant_call(value: object) -> str:
    if isinstance(value, str):
        return f"e.string({quote(value)})"
    return f"e.any({str(value).lower() if isinstance(value, bool) else value})"


def _unless_chosen(struct: Struct, field: Field, me: str, made: list[str]) -> list[str]:
    """Write an empty member of the first alternative, too, unless another alternative holds."""
    for choice in struct.choices:
        first, *others = choice.alternatives
        if any(name == field.wire for name, _ in first) and len(first) == 1:
            held = [_holds(struct, alternative, me) for alternative in others]
            if all(held) and made[0].endswith('!= "" {'):
                condition = made[0].removeprefix("if ").removesuffix(" {")
                spared = " || ".join(text for text in held if text)
                return [f"if {condition} || !({spared}) {{", *made[1:]]
    return made


def _holds(struct: Struct, alternative: tuple[tuple[str, object], ...], me: str) -> str:
    parts = []
    for name, value in alternative:
        field = struct.field(name)
        if field is None or value is not True:
            return ""
        member = f"{me}.{field_name(field.word)}"
        parts.append(f"{member} != nil && *{member}")
    return " && ".join(parts)


__all__ = ["Choice", "EventView", "GoStruct", "Level", "Written"]
