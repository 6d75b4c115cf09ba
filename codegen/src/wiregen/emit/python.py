"""Python: pydantic models with one property per fact, tables as data, a strict codec with repair.

The models are printed here and not by datamodel-code-generator: an event has one property per
fact over its nested payload, keeps the text it was read from, reads null as absent, and takes
`MISSING` only where absent and null differ. The tool has no form for the first three.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wiregen import escape
from wiregen.config import Target
from wiregen.emit import base
from wiregen.emit._python_arguments import bounds, is_decimal
from wiregen.emit._python_learned import learned_events, tag_first
from wiregen.errors import refuse
from wiregen.graph import neighbours, reach
from wiregen.hidden import secret_places, secret_table
from wiregen.ir import (
    Accessor,
    AnyJson,
    Array,
    Check,
    Const,
    Enum,
    Field,
    Map,
    Message,
    Opaque,
    Path,
    Ref,
    Scalar,
    Spec,
    Struct,
    Type,
    TypeDef,
    Union,
    UnionShape,
)
from wiregen.naming import collisions, enum_member, member_name, type_name
from wiregen.shapes import build_unions
from wiregen.words import word_set

WIDTH = 92
_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_CHECKED = _SCALARS | {"integer": "Int64"}
_RAW = _SCALARS | {"integer": "Whole"}
_KINDS = {"object": "dict[str, Any]", "array": "list[Any]"}
# Names that pydantic's models or ours have a meaning for.
_TAKEN = word_set(
    "copy json dict schema construct validate raw raw_text of wire_type problem model_config "
    "parse_obj parse_raw parse_file from_orm schema_json update_forward_refs to_wire containers "
    "correlation correlated merged absent build cast cls facts self str int float bool list "
    "property classmethod"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One field of a model, fully decided."""

    name: str
    annotation: str
    default: str
    doc: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Property:
    """One accessor that is not a field of the event itself."""

    name: str
    annotation: str
    body: tuple[str, ...]
    doc: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an event's `of`."""

    name: str
    annotation: str
    default: str
    given: str
    places: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """One class."""

    name: str
    base: str
    doc: tuple[str, ...]
    fields: tuple[Line, ...]
    wire: str = ""
    call: str = ""
    properties: tuple[Property, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    containers: tuple[Path, ...] = ()
    correlation: tuple[Path, ...] = ()


def emit(spec: Spec, target: Target) -> dict[str, str]:
    """Return the modules of the wire package."""
    printer = _Printer(spec, target)
    context = printer.context()
    names = (
        *("__init__", "enums", "types", "events", "actions", "tables", "frames", "codec"),
        *("model", "reading", "repair", "unions", "learned"),  # of no specification
    )
    files = {f"{name}.py": base.render("python", f"{name}.py.j2", **context) for name in names}
    if spec.errors is not None:
        files["errors.py"] = base.render("python", "errors.py.j2", **context)
    return files


def literal(value: Any) -> str:
    """Print a value as a Python literal with double quotes."""
    if isinstance(value, tuple | list):
        items = ", ".join(literal(item) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, str):
        return escape.python(value)
    return repr(value)


def doc_lines(text: str, indent: int = 4) -> tuple[str, ...]:
    """Return text as the lines of a docstring, quotes included; nothing for no text."""
    safe = text.replace("\\", "\\\\").replace('"""', "'''")
    if safe.rstrip().endswith('"'):
        safe = safe.rstrip()[:-1] + '\\"'
    lines = base.wrap(safe, WIDTH - indent)
    if not lines:
        return ()
    if len(lines) == 1:
        return (f'"""{lines[0]}"""',)
    return (f'"""{lines[0]}', *lines[1:], '"""')


def attribute_name(word: str) -> str:
    """Return the name of a field or property: none that a model has already."""
    name = member_name("python", word)
    return f"{name}_" if name in _TAKEN or name.startswith("model_") else name


class _Printer:
    def __init__(self, spec: Spec, target: Target) -> None:
        self.spec = spec
        self.target = target
        self.messages: dict[str, Message] = {item.name: item for item in spec.events}

    def context(self) -> dict[str, Any]:
        """Return everything that the templates print."""
        spec = self.spec
        structs = [item for item in self._ordered() if isinstance(item, Struct)]
        types = [self.model(item) for item in structs if item.role in ("type", "result")]
        results = self._results()
        named = {name for _, name, _, _ in results}
        shown = {self.name(item.name) for item in spec.events}
        learned = learned_events(spec, self.name, self.accessor_name, self._plain)
        return {
            "spec": spec,
            "enums": [self._enum(item) for item in spec.enums],
            "types": types,
            "forward": self._forward(structs),
            "unions": self._unions(),
            "union_rows": [(self.name(u.name), self._union_row(u)) for u in self._union_shapes()],
            "events": [self.event(item) for item in spec.events],
            "actions": [self._action(item) for item in spec.actions],
            "event_rows": [self._event_row(item) for item in spec.events],
            "action_rows": self._action_rows(),
            "results": results,
            "answers": {
                "events": sorted(name for name in named if name in shown),
                "types": sorted(name for name in named if name not in shown),
            },
            "shapes": [(self.name(item.name), self._rows(item.fields)) for item in spec.shapes],
            "mirrors": self._mirrors(),
            "secrets": (
                ("ACTION_SECRETS", secret_table(spec, spec.actions)),
                ("EVENT_SECRETS", secret_table(spec, spec.events)),
            ),
            "guards": self._guards(),
            "learned": learned,
            "framed": sorted({*self._guards(), *(item.name for item in learned)}),
            "correlation": literal(spec.correlation),
            "tag": literal(spec.event_tag),
            "tag_attribute": self._tag_name(),
            "tag_first": literal(tag_first(spec.event_tag)),
            "errors": spec.errors,
            "machines": spec.machines,
            "literal": literal,
            "doc_lines": doc_lines,
            "imports": sorted(
                [*(item.name for item in types), *(self.name(item.name) for item in spec.unions)]
            ),
            "enum_names": sorted(self.name(item.name) for item in spec.enums),
        }

    def _tag_name(self) -> str:
        """Return the attribute of the member that names an event."""
        return self.attribute("", self.spec.event_tag)

    def name(self, name: str) -> str:
        """Return the class name of a named type."""
        found = self.spec.type(name)
        return type_name("python", name, found.role if isinstance(found, Struct) else "type")

    def _ordered(self) -> list[TypeDef]:
        """Named types, each after those that it leads to, else by name."""
        done: dict[str, TypeDef] = {}
        waiting: set[str] = set()

        def visit(item: TypeDef) -> None:
            if item.name in done or item.name in waiting:
                return
            waiting.add(item.name)
            for name in neighbours(item):
                visit(self.spec.type(name))
            done[item.name] = item

        for item in self.spec.types:
            visit(item)
        return list(done.values())

    def text(self, type_: Type, scalars: Mapping[str, str] = _SCALARS) -> str:
        """Return the annotation of a type without null."""
        match type_:
            case Scalar(kind=kind) | Const(kind=kind):
                return scalars[kind]
            case Ref(name=name):
                return self.name(name)
            case Array(items=items, nullable_items=nullable):
                return f"list[{self._maybe(items, nullable, scalars)}]"
            case Map(values=values, nullable_values=nullable):
                return f"dict[str, {self._maybe(values, nullable, scalars)}]"
            case Opaque(kinds=kinds):
                raw = _RAW if scalars is _CHECKED else scalars
                return " | ".join(_KINDS.get(kind) or raw[kind] for kind in kinds)
            case AnyJson():
                return "Any"

    def _maybe(self, type_: Type, nullable: bool, scalars: Mapping[str, str]) -> str:
        text = self.text(type_, scalars)
        return f"{text} | None" if nullable and not isinstance(type_, AnyJson) else text

    def attribute(self, owner: str, wire: str) -> str:
        """Return the attribute of a member; the top copy of a mirror steps back."""
        message = self.messages.get(owner)
        if message is not None and any(m.top == (wire,) for m in message.mirrors):
            return "top_" + member_name("python", wire).rstrip("_")
        found = self.spec.struct(owner).field(wire) if owner else None
        return attribute_name(wire if found is None else found.word)

    def line(self, owner: Struct, field: Field) -> Line:
        """Decide one field of a model."""
        message = self.messages.get(owner.name)
        name = self.attribute(owner.name, field.wire)
        written = owner.direction == "write"
        presence = field.presence if written else field.read_presence
        tag = isinstance(field.type, Const) and self._is_tag(owner, field)
        text = self.text(field.type, _CHECKED)
        default = ""
        if tag and isinstance(field.type, Const):
            text, default = f"Literal[{literal(field.type.value)}]", literal(field.type.value)
        elif isinstance(field.type, Const) and written and not is_decimal(field.type):
            text = f"Literal[{literal(field.type.value)}]"
        if presence == "required":
            text = self._nullable(text, field.nullable)
        elif presence == "optional":
            text, default = f"{text} | None", "None"
        else:
            text, default = f"{self._nullable(text, True)} | MISSING", "MISSING"
        details = [f"alias={literal(field.wire)}"] if name != field.wire else []
        if self._hidden(owner, field):
            details.append("repr=False")
        if written:
            details += bounds(field.type)
        if details:
            text = f"Annotated[{text}, Field({', '.join(details)})]"
        doc = base.documentation(field)
        if message is not None and any(m.top == (field.wire,) for m in message.mirrors):
            nested = next(m.nested for m in message.mirrors if m.top == (field.wire,))
            doc = f"Top copy of `{member_name('python', nested[-1])}`, as received."
        return Line(name, text, default, doc_lines(doc))

    def _nullable(self, text: str, nullable: bool) -> str:
        return f"{text} | None" if nullable and text != "Any" else text

    def _hidden(self, owner: Struct, field: Field) -> bool:
        """Whether the text of an object leaves a member out; of an event what a secret is below."""
        message = self.messages.get(owner.name)
        places = secret_places(self.spec, message) if message is not None else ()
        return field.secret or any(place[0] == field.wire for place in places)

    def _is_tag(self, owner: Struct, field: Field) -> bool:
        tags = {"event": self.spec.event_tag, "action": self.spec.action_tag}
        return tags.get(owner.role) == field.wire

    def model(self, struct: Struct) -> Model:
        """Decide one class."""
        lines = tuple(self.line(struct, field) for field in struct.fields)
        self._refuse_clashes(struct, [(line.name, line.name) for line in lines])
        kind = "ActionModel" if struct.direction == "write" else "WireModel"
        if struct.role == "event":
            kind = "EventModel"
        doc = doc_lines(struct.doc or f"`{struct.name}`.")
        return Model(self.name(struct.name), kind, doc, lines)

    def _action(self, message: Message) -> Model:
        """Decide the class of an action; one with a typed result is a call."""
        struct = self.spec.struct(message.name)
        model = replace(self.model(struct), wire=message.wire)
        operation = next((o for o in self.spec.operations if o.action == message.wire), None)
        if operation is None or operation.result is None:
            return model
        ids = [place[0] for place in self.spec.correlation if len(place) == 1]
        found = [self.attribute(struct.name, wire) for wire in ids if struct.field(wire)]
        facts = (message.wire, operation.result.event, found[0] if found else None)
        call = f"CallInfo({', '.join(literal(fact) for fact in facts)})"
        base = f"CallModel[{self.name(operation.result.type.name)}]"
        return replace(model, base=base, call=call)

    def _refuse_clashes(self, struct: Struct, names: list[tuple[str, str]]) -> None:
        pairs = {f"{index}:{source}": name for index, (source, name) in enumerate(names)}
        for name in collisions(pairs):
            file, _, pointer = struct.uri.partition("#")
            said = f'two members would be {name} in Python; give one another "x-name"'
            raise refuse(file, pointer, "name-clash", said)

    def event(self, message: Message) -> Model:
        """Decide the class of an event with its accessors."""
        struct = self.spec.struct(message.name)
        model = self.model(struct)
        properties = tuple(
            self._property(struct, item)
            for item in message.accessors
            if any(len(place) > 1 for place in item.places)
        )
        names = [(line.name, line.name) for line in model.fields]
        self._refuse_clashes(struct, names + [(item.name, item.name) for item in properties])
        return Model(
            model.name,
            model.base,
            model.doc,
            model.fields,
            wire=message.wire,
            properties=properties,
            parameters=self._parameters(message),
            containers=self._containers(struct),
            correlation=self._correlation(struct),
        )

    def _correlation(self, struct: Struct) -> tuple[Path, ...]:
        """Attribute paths of the correlation id, for the places that this event has."""
        found: list[Path] = []
        for place in self.spec.correlation:
            names: list[str] = []
            owner: Struct | None = struct
            for segment in place:
                field = owner.field(segment) if owner else None
                if owner is None or field is None:
                    break
                names.append(self.attribute(owner.name, segment))
                inner = self.spec.type(field.type.name) if isinstance(field.type, Ref) else None
                owner = inner if isinstance(inner, Struct) else None
            else:
                found.append(tuple(names))
        return tuple(found)

    def _event_row(self, item: Message) -> tuple[str, str, str | None, str]:
        facts = "".join(
            f"Fact({literal(fact.name)}, {literal(self.accessor_name(fact))}, "
            f"{fact.nullable or isinstance(fact.type, AnyJson)}), "
            for fact in item.accessors
        )
        return item.wire, self.name(item.name), item.turn, f"({facts})"

    def accessor_name(self, item: Accessor) -> str:
        """Return the name of an accessor's property or parameter."""
        return attribute_name(item.word)

    def _property(self, struct: Struct, item: Accessor) -> Property:
        tristate = item.optional and item.nullable
        text = self._nullable(self.text(item.type), item.nullable)
        if tristate:
            text = f"{text} | MISSING"
        elif item.optional:
            text = f"{text} | None"
        empty = "MISSING" if tristate else "None"
        body: list[str] = []
        for index, place in enumerate(item.places):
            expression, around, own = self._walk(struct, place)
            last = index == len(item.places) - 1
            if not (around or own):
                body.append(f"return {expression}")
                break
            if last and not around and not item.optional:
                # The decoder made sure that one of the two places holds something.
                body.append(f"return cast({literal(text)}, {expression})")
                break
            if last and not around and own == f"{expression} is not {empty}":
                body.append(f"return {expression}")
                break
            body.append(f"if {' and '.join([*around, *([own] if own else [])])}:")
            body.append(f"    return {expression}")
            if last:
                body.append(f"return {empty if item.optional else self._never(text)}")
        return Property(self.accessor_name(item), text, tuple(body), doc_lines(item.doc, 8))

    def _never(self, text: str) -> str:
        """Return what is never reached: the decoder made sure that one place holds something."""
        return f"cast({literal(text)}, None)"

    def _walk(self, struct: Struct, place: Path) -> tuple[str, list[str], str]:
        """Return the expression of a place, what must be around it, and that it is there itself."""
        expression, around, own = "self", [], ""
        owner: Struct | None = struct
        for depth, segment in enumerate(place, 1):
            field = owner.field(segment) if owner else None
            assert owner is not None
            assert field is not None
            expression += f".{self.attribute(owner.name, segment)}"
            found = self.spec.type(field.type.name) if isinstance(field.type, Ref) else None
            owner = found if isinstance(found, Struct) else None
            if depth == len(place):
                none = "MISSING" if field.read_presence == "tristate" else "None"
                own = "" if field.read_required else f"{expression} is not {none}"
            elif field.read_presence == "tristate":
                assert owner is not None
                around.append(f"isinstance({expression}, {self.name(owner.name)})")
            elif field.nullable or not field.read_required:
                around.append(f"{expression} is not None")
        return expression, around, own

    def _parameters(self, message: Message) -> tuple[Parameter, ...]:
        """Arguments of `of`: every fact but the tag and the payload objects themselves."""
        found: list[Parameter] = []
        for item in message.accessors:
            if item.name == message.tag or item.places[0] in message.payloads:
                continue
            text = self._nullable(self.text(item.type), item.nullable)
            default = ""
            if isinstance(item.type, Const):
                default = literal(item.type.value)
            elif item.optional:
                default = "MISSING" if item.nullable else "None"
                text = f"{text} | {default}"
            name = self.accessor_name(item)
            given = f"absent({name})" if default == "None" else name
            found.append(Parameter(name, text, default, given, item.places))
        return tuple(sorted(found, key=lambda item: item.default != ""))

    def _containers(self, struct: Struct, at: Path = ()) -> tuple[Path, ...]:
        """Objects that are always inside an event, parents first; `of` makes them."""
        found: list[Path] = []
        for field in struct.fields:
            inner = self.spec.type(field.type.name) if isinstance(field.type, Ref) else None
            if field.read_required and not field.nullable and isinstance(inner, Struct):
                found += [(*at, field.wire), *self._containers(inner, (*at, field.wire))]
        return tuple(found)

    def _enum(self, item: Enum) -> dict[str, Any]:
        members = [
            (enum_member("python", item.name, word), literal(value)) for value, word in item.words
        ]
        return {
            "name": self.name(item.name),
            "doc": doc_lines(f"{item.doc or item.name} Open: an unknown value is kept."),
            "members": members,
        }

    def _unions(self) -> list[dict[str, Any]]:
        """Unions, each after those that it holds; one that holds itself is a recursive alias."""
        ordered = [item for item in self._ordered() if isinstance(item, Union)]
        names = {item.name for item in ordered}
        held = {
            item.name: names & reach(self._aliases(), set(neighbours(item))) for item in ordered
        }
        return [self._union(item, item.name in held[item.name]) for item in ordered]

    def _forward(self, structs: list[Struct]) -> list[str]:
        """Return the classes that name a later one: pydantic completes them only when told to."""
        shown = [item for item in structs if item.role in ("type", "result")]
        places = {item.name: index for index, item in enumerate(shown)}
        return [
            self.name(item.name)
            for index, item in enumerate(shown)
            if any(places.get(name, -1) >= index for name in neighbours(item))
        ]

    def _aliases(self) -> dict[str, TypeDef]:
        """Types that are looked into when an alias is made: a class is only named."""
        return {item.name: item for item in self.spec.unions}

    def _union(self, item: Union, recursive: bool) -> dict[str, Any]:
        name = self.name(item.name)
        parts = [
            f"Annotated[{self.text(branch.type, _CHECKED)}, Tag({literal(branch.mark)})]"
            for branch in item.branches
        ]
        if item.kind != "typed":
            parts.append('Annotated[JsonObject, Tag("")]')
        text = f"Annotated[{' | '.join(parts)}, Discriminator(branch_of({literal(name)}))]"
        if recursive:
            text = f"TypeAliasType({literal(name)}, {json.dumps(text)})"
        said = base.clean(f"{item.doc} A value of none of the branches stays plain JSON.")
        return {"name": name, "text": text, "doc": base.wrap(said, WIDTH)}

    def _union_shapes(self) -> tuple[UnionShape, ...]:
        return build_unions(self.spec.types, written=True)

    def _union_row(self, item: UnionShape) -> str:
        rows = "".join(
            f"({literal(mark)}, {self._check(check)}), " for mark, check in item.branches
        )
        return f"({literal(item.kind)}, {literal(item.tag)}, {literal(item.tag_kind)}, ({rows}))"

    def _action_rows(self) -> list[tuple[str, str, str | None, tuple[str, ...]]]:
        rows = []
        for item in self.spec.actions:
            replies = next((o.replies for o in self.spec.operations if o.action == item.wire), ())
            rows.append((item.wire, self.name(item.name), item.turn, replies))
        return rows

    def _results(self) -> list[tuple[str, str, Path, str]]:
        return [
            (item.action, self.name(item.result.type.name), item.result.at, item.result.event)
            for item in self.spec.operations
            if item.result is not None
        ]

    def _rows(self, fields: Iterable[Any]) -> list[str]:
        return [
            f"({literal(f.wire)}, {f.required}, {f.nullable}, {self._check(f.check)})"
            for f in fields
        ]

    def _check(self, check: Check) -> str:
        if check.kind == "struct":
            return f'("struct", {literal(self.name(check.ref))})'
        if check.kind == "union":
            return f'("union", {literal(self.name(check.ref))})'
        if check.kind in ("array", "map") and check.item is not None:
            inner = self._check(check.item)
            return f'("{check.kind}", {inner}, {check.nullable_item})'
        if check.kind == "const":
            return f'("const", {literal(check.value)})'
        if check.kind == "kinds":
            return f'("kinds", {literal(check.kinds)})'
        return f'("{check.kind}",)'

    def _mirrors(self) -> list[tuple[str, list[str]]]:
        return [
            (
                self.name(item.name),
                [
                    f"({literal(m.nested)}, {literal(m.top)}, {m.fill}, {m.needed})"
                    for m in item.mirrors
                ],
            )
            for item in self.spec.events
            if item.mirrors
        ]

    def _guards(self) -> list[str]:
        """Classes whose mirrors the types alone do not ensure."""
        return [
            self.name(item.name)
            for item in self.spec.events
            if any(mirror.guard for mirror in item.mirrors)
        ]

    def _plain(self, message: Message) -> bool:
        """Whether no member of an event can hold a fraction, nor what the types do not tell."""
        if self.name(message.name) in self._guards():
            return False
        names = reach({item.name: item for item in self.spec.types}, [message.name])
        found = [self.spec.type(name) for name in names]
        return all(
            isinstance(item, Enum) or (isinstance(item, Struct) and _of_words(item))
            for item in found
        )


def _of_words(struct: Struct) -> bool:
    """Whether the members of an object are strings, integers, booleans and objects alone."""
    return all(
        isinstance(field.type, Const | Ref)
        or (isinstance(field.type, Scalar) and field.type.kind != "number")
        for field in struct.fields
    )
