"""Turn JSON Schemas into named types: refs, `allOf`, nullable folding, unions, cycles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from wiregen.alternatives import (
    branch_values,
    choices_of,
    excludes,
    fitting,
    followed,
    listed_marks,
    plain_kinds,
)
from wiregen.constants import listed_words
from wiregen.discriminators import discriminator
from wiregen.errors import refuse
from wiregen.ir import (
    AnyJson,
    Array,
    Branch,
    Const,
    Enum,
    Field,
    Map,
    Opaque,
    Ref,
    Role,
    Scalar,
    ScalarKind,
    Struct,
    Type,
    TypeDef,
    Union,
)
from wiregen.keywords import (
    BOUNDS,
    UNTYPED,
    alias_of,
    alike,
    applies,
    beyond_64_bits,
    branch_hints,
    check_least,
    definitions,
    doc_of,
    free_form,
    is_large,
    is_pure,
    kind_of,
    kinds_of,
    leads_to,
    one_branch,
    only_constrain,
    only_null,
    plain_key,
    raw_kinds,
    same_but_words,
    with_members,
)
from wiregen.load import Node, Store
from wiregen.merge import UNIONS, Merged, listed_values
from wiregen.metaschema import check_schema, compiles
from wiregen.naming import rooted
from wiregen.places import Notes
from wiregen.recursion import MAX_LEVELS, Loops, check_depth, check_endless
from wiregen.spelling import branch_names, ineffective, names_of, type_names, value_names
from wiregen.unions import Hints, Pending, Unions

Json = Any
_BEYOND = "integers beyond 64 bits have no type in most languages; read as opaque JSON"
_BACK = "the schema leads back to itself without a name on the way; read as any JSON"
_CIRCLE = "the $ref leads in a circle"
# What a part of an allOf says of itself alone.
_OWN = frozenset({"title", "x-name", "$id", "$anchor", "$schema", "$defs", "definitions"})
_SHARED = frozenset({"type", "properties", "required", "additionalProperties", "items"})
_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Typed:
    """What a schema stands for: a type, whether null is allowed, and its documentation."""

    type: Type
    nullable: bool = False
    doc: str = ""


class Resolver:
    """Collects the named types that the given schemas lead to."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.types: dict[str, TypeDef] = {}
        self.notes = Notes(store)
        self.unions = Unions(self.types)
        self.read: dict[str, Node] = {}
        self._by_uri: dict[str, Typed] = {}
        self._checked: set[str] = set()
        self._open: list[str] = []
        self._within: list[tuple[Json, str]] = []
        self.folded: list[Node] = []
        self._named: dict[str, Node] = {}
        self._claimed: set[str] = set()
        self.loops = Loops(self._target)

    def struct(self, node: Node, role: Role, hint: str) -> Struct:
        """Return the named struct that ``node`` describes; refuse anything but an object."""
        typed = self.root_type(node, hint, role)
        found = self.types.get(typed.type.name) if isinstance(typed.type, Ref) else None
        if not isinstance(found, Struct) or typed.nullable:
            message = "the payload of a message must be an object with properties"
            if isinstance(node.value, dict) and {"oneOf", "anyOf"} & node.value.keys():
                message += (
                    ": a choice is read when each branch has its own constant at x-discriminator; "
                    "else write one object, with optional members"
                )
            raise refuse(node.file, node.pointer, "schema-not-object", message)
        return found

    def root_type(self, node: Node, hint: str, role: Role = "type") -> Typed:
        """Return the type of a schema that nobody looked at yet; refuse what is no schema."""
        self._check(node)
        return self.type_of(node, hint, role)

    def _check(self, node: Node) -> None:
        if node.uri not in self._checked:
            self._checked.add(node.uri)
            check_schema(node)
        if node.file not in self._claimed:
            self._claimed.add(node.file)
            # Definitions have their names before anything inside others takes them.
            for name, one in definitions(self.store.document(node.file)):
                self._named.setdefault(name, one)

    def _target(self, node: Node, ref: str) -> Node:
        target = self.store.resolve(node, ref)
        self._check(target)
        return target

    def finish(self) -> None:
        """Tell the branches of all unions apart, now that every type is known."""
        for node, whole in self.unions.settle():
            if whole:
                said = "the branches cannot be told apart; only the members beside them are typed"
                self.note(node, "opaque-branches", said)
            else:
                said = "the branches cannot be told apart; read as any JSON"
                self.note(node, "opaque-union", said)
        for node, tag in self.unions.optional_tags:
            said = f"{tag!r} is not required, yet tells the branches apart: read as required"
            self.note(node, "tag-optional", said)
        check_endless(self.types)
        check_depth(self.types)

    def note(self, node: Node, rule: str, message: str, below: str = "") -> None:
        """Record something that types cannot say; the schema itself still says it."""
        self.notes.add(node, rule, message, below)

    def type_of(self, node: Node, hint: str, role: Role = "type") -> Typed:
        """Return the type of a schema; ``hint`` names it when it has no title."""
        self.read.setdefault(node.uri, node)
        if node.value is True or node.value == {}:
            return Typed(AnyJson(), True)
        if node.value is False:
            self.note(node, "opaque-never", "the schema admits nothing; read as any JSON")
            return Typed(AnyJson(), True)
        if not isinstance(node.value, dict):
            raise refuse(node.file, node.pointer, "schema-shape", "a schema must be an object")
        if "$ref" in node.value:
            return self._ref(node, hint, role)
        if node.uri in self._by_uri:
            return replace(self._by_uri[node.uri], doc=doc_of(node))
        place = alias_of(node.value)
        if place is not None:
            return self._alias(node, node.child(*place), hint, role)
        again = (u for value, u in self._within if value == node.value and u != node.uri)
        if (around := next(again, "")) and not self.store.holds(node):
            return self._again(node, around)
        self._told(node)
        self._within.append((node.value, node.uri))
        node = self.read[node.uri] = self.merged(node)
        typed = self._plain(node, hint, role)
        self._within.pop()
        if isinstance(typed.type, Ref):
            self._by_uri[node.uri] = typed
        return typed

    def _again(self, node: Node, around: str) -> Typed:
        """Return the type of a schema that an `allOf` puts inside of itself."""
        if around in self._by_uri:
            return replace(self._by_uri[around], doc=doc_of(node))
        self.note(node, "opaque-recursion", _BACK)
        return Typed(AnyJson(), True, doc_of(node))

    def _told(self, node: Node) -> None:
        """Say which keywords of a schema have no part in its type, or in nothing at all."""
        for keyword in sorted(UNTYPED & node.value.keys()):
            self.note(node, "opaque-keyword", f"{keyword!r} is not reflected in the types")
        for keyword, said in ineffective(node.value):
            self.note(node, "keyword-unknown", f"{keyword!r} {said}", keyword)

    def _ref(self, node: Node, hint: str, role: Role) -> Typed:
        ref = node.value["$ref"]
        if not isinstance(ref, str):
            raise refuse(node.file, node.pointer, "schema-shape", "$ref must be a string")
        target = self._target(node, ref)
        self._told(node)
        if not is_pure(node.value):
            folded = self.merged(node)
            if not alike(folded.value, self.merged(target).value):
                return self.type_of(folded, hint, role)
        doc = doc_of(node)
        seen = {node.uri}
        while isinstance(target.value, dict) and (onward := leads_to(target)) is not None:
            if target.uri in seen:
                raise refuse(node.file, node.pointer, "ref-cycle", _CIRCLE)
            seen.add(target.uri)
            doc = doc or doc_of(target)
            target = self._target(onward, onward.value["$ref"])
        if self.loops.through(node, target):
            self.note(node, "opaque-recursion", _BACK)
            return Typed(AnyJson(), True, doc)
        if self._open.count(target.uri) > _DEPTH and target.uri not in self._by_uri:
            raise refuse(node.file, node.pointer, "ref-cycle", _CIRCLE)
        self._open.append(target.uri)
        try:
            name = target.pointer.rsplit("/", maxsplit=1)[-1] if target.pointer else hint
            typed = self.type_of(target, rooted(plain_key(name)) or hint, role)
        finally:
            self._open.pop()
        return replace(typed, doc=doc or typed.doc)

    def _alias(self, node: Node, only: Node, hint: str, role: Role) -> Typed:
        """Return the type of the one schema that an `allOf` or a union of one adds words to."""
        if node.uri in self._open:
            raise refuse(node.file, node.pointer, "ref-cycle", "allOf leads in a circle")
        self._told(node)
        self._open.append(node.uri)
        try:
            typed = self.type_of(only, hint, role)
        finally:
            self._open.pop()
        return replace(typed, doc=doc_of(node) or typed.doc)

    def merged(self, node: Node, depth: int = 0) -> Node:
        """Fold `allOf`, unions of one and the target of a `$ref` with siblings into one schema."""
        value = node.value
        if not isinstance(value, dict):
            return node
        single = one_branch(value)
        if not ({"$ref", "allOf"} & value.keys() or single):
            return node
        if depth > MAX_LEVELS:
            said = f"allOf in more than {MAX_LEVELS} levels, or one that leads in a circle"
            raise refuse(node.file, node.pointer, "ref-cycle", said)
        gone = {"$ref", "allOf", single}
        parts = [self._target(node, value["$ref"])] if "$ref" in value else []
        parts += [node.child("allOf", index) for index in range(len(value.get("allOf", [])))]
        parts += [node.child(single, 0)] if single else []
        made = Merged(node)
        for part in parts:
            if not isinstance(part.value, dict):
                if part.value is False:
                    self.note(part, "opaque-never", "the schema admits nothing; read as any JSON")
                continue
            self._told(part)
            folded = self.merged(part, depth + 1).value
            own = {k: v for k, v in folded.items() if k not in _OWN or (single and k == "title")}
            self._add(made, own, part)
        self._add(made, {key: item for key, item in value.items() if key not in gone}, node)
        return Node(node.file, node.pointer, made.out)

    def _add(self, made: Merged, part: dict[str, Json], node: Node) -> None:
        before = len(made.lost)
        made.add(part, node)
        for keyword in made.lost[before:]:
            if keyword in UNIONS:  # no type is both: all that is said beside them counts
                made.out.pop(keyword)
                said = f"two {keyword!r} of one allOf: read by what stands beside them"
            else:
                said = f"two {keyword!r} of one allOf: the first is read"
            self.note(node, "opaque-all-of", said)

    def _plain(self, node: Node, hint: str, role: Role) -> Typed:
        value = node.value
        doc = doc_of(node)
        if "const" in value or "enum" in value:
            return self._values(node, hint, doc)
        kinds = kinds_of(node)
        if kinds is None and "properties" in value:
            self.note(node, "object-assumed", "'properties' without a type; read as an object")
            kinds = ("object",)
        for keyword in ("oneOf", "anyOf"):
            if keyword in value:
                found = self._alternatives(node, keyword, hint, role)
                if found is not None:
                    return found
        if kinds is None:
            self.note(node, "opaque-untyped", "the schema names no type; read as any JSON")
            return Typed(AnyJson(), True, doc)
        nullable = "null" in kinds
        rest = tuple(kind for kind in kinds if kind != "null")
        if not rest:
            self.note(node, "opaque-null", "only null fits; read as any JSON")
            return Typed(AnyJson(), True, doc)
        if {"object", "array", "string", "number", "boolean"} <= set(rest) and nullable:
            return Typed(AnyJson(), True, doc)
        rest = tuple(k for k in rest if not (k == "integer" and "number" in rest))
        if len(rest) != 1:
            self.note(node, "opaque-kinds", f"one of {', '.join(rest)}; read as opaque JSON")
            return Typed(Opaque(tuple(sorted(rest))), nullable, doc)
        return Typed(self._single(node, rest[0], hint, role), nullable, doc)

    def _single(self, node: Node, kind: str, hint: str, role: Role) -> Type:
        check_least(node)
        if kind == "array":
            return self._array(node, hint)
        if kind == "object":
            return self._object(node, hint, role)
        said = [it for it in (node.value, *branch_values(node, self.look)) if isinstance(it, dict)]
        if kind == "integer" and any(map(beyond_64_bits, said)):
            self.note(node, "opaque-integer", _BEYOND)
            return Opaque((kind,))
        bounds = {
            ours: node.value[theirs]
            for theirs, ours in BOUNDS.items()
            if theirs in node.value and applies(theirs, kind)
        }
        if not compiles(bounds.get("pattern", "")):
            del bounds["pattern"]
            self.note(node, "opaque-pattern", "the pattern is not understood, nor tried anywhere")
        return Scalar(cast(ScalarKind, kind), **bounds)

    def _values(self, node: Node, hint: str, doc: str) -> Typed:
        """Return the type of a `const` or an `enum`: of the values that its `type` admits."""
        if not isinstance(node.value.get("enum", [0]), list) or node.value.get("enum") == []:
            raise refuse(node.file, node.pointer, "schema-shape", "an enum must list values")
        values = listed_values(node.value)
        rest = [item for item in values if item is not None]
        nullable = len(rest) < len(values)
        if not values:
            self.note(node, "opaque-never", "no value is of the type beside it; read as any JSON")
            return Typed(AnyJson(), True, doc)
        if any(map(is_large, rest)):
            self.note(node, "opaque-integer", _BEYOND)
            return Typed(Opaque(raw_kinds(rest)), nullable, doc)
        if len(rest) == 1 and not nullable and ("const" in node.value or "title" not in node.value):
            return self._const(node, rest[0], doc)
        if not rest or not all(isinstance(item, str) for item in rest):
            self.note(node, "opaque-enum", "only enums of strings have names; read as opaque JSON")
            return Typed(*free_form(frozenset(kind_of(item) for item in values)), doc)
        listed = tuple(dict.fromkeys(rest))
        enum = Enum(
            name=self._name(node, hint),
            values=listed,
            doc=doc,
            uri=node.uri,
            names=type_names(node),
            names_of_values=value_names(node.value, listed),
        )
        return Typed(self._register(node, enum), nullable, doc)

    def _const(self, node: Node, value: Json, doc: str) -> Typed:
        if (kind := kind_of(value)) in ("string", "integer", "number", "boolean"):
            return Typed(Const(cast(ScalarKind, kind), value), False, doc)
        self.note(node, "opaque-const", f"a constant {kind} is not reflected in the types")
        return Typed(*free_form(frozenset({kind})), doc)

    def _array(self, node: Node, hint: str) -> Type:
        value = node.value
        if "items" in value and "prefixItems" not in value:
            item = self.type_of(node.child("items"), f"{hint}Item")
        else:
            item = Typed(AnyJson(), True)
        return Array(
            item.type,
            item.nullable,
            value.get("minItems"),
            value.get("maxItems"),
            bool(value.get("uniqueItems", False)),
        )

    def _object(self, node: Node, hint: str, role: Role) -> Type:
        value = node.value
        extra = value.get("additionalProperties")
        if not value.get("properties") and role not in ("event", "action"):
            if extra is False and "properties" in value:
                return self._struct(node, hint, role)
            if isinstance(extra, dict) and extra:
                values = self.type_of(node.child("additionalProperties"), hint + "Value")
                return Map(values.type, values.nullable)
            return Map(AnyJson(), True)
        return self._struct(node, hint, role)

    def _struct(self, node: Node, hint: str, role: Role) -> Type:
        name = self._name(node, hint)
        # Known before its members are, so that a member may lead back here.
        self._by_uri[node.uri] = Typed(Ref(name), "null" in (kinds_of(node) or ()))
        return self._register(node, self._members_of(node, name, role))

    def _members_of(self, node: Node, name: str, role: Role) -> Struct:
        """Return an object with the members that a schema declares itself."""
        required = node.value.get("required", [])
        if not isinstance(required, list):
            raise refuse(node.file, node.pointer, "schema-shape", "'required' must be a list")
        properties = node.value.get("properties", {})
        fields = tuple(
            self._field(node.child("properties", wire), wire, wire in required, name)
            for wire in properties
        )
        missing = [wire for wire in required if wire not in properties]
        if missing:
            self.note(node, "required-undeclared", f"required but not declared: {missing[0]!r}")
        if isinstance(node.value.get("additionalProperties"), dict):
            self.note(node, "opaque-keyword", "additional members are kept but not typed")
        return Struct(
            name=name,
            role=role,
            fields=fields,
            doc=doc_of(node),
            closed=node.value.get("additionalProperties") is False,
            choices=choices_of(node, self.note),
            uri=node.uri,
            names=type_names(node),
        )

    def _field(self, node: Node, wire: str, required: bool, owner: str) -> Field:
        typed = self.type_of(node, owner + rooted(wire))
        value = node.value if isinstance(node.value, dict) else {}
        return Field(
            wire=wire,
            type=typed.type,
            required=required,
            nullable=typed.nullable,
            read_required=required and value.get("x-reader-optional") is not True,
            doc=typed.doc,
            default=value.get("default"),
            has_default="default" in value,
            deprecated=value.get("deprecated") is True,
            secret=value.get("x-secret") is True,
            names=names_of(value.get("x-name")),
        )

    def _alternatives(self, node: Node, keyword: str, hint: str, role: Role) -> Typed | None:
        """Return the type of a `oneOf`/`anyOf`, or None when it only constrains members."""
        branches = node.value[keyword]
        if not isinstance(branches, list) or not branches:
            raise refuse(node.file, node.pointer, "schema-shape", f"{keyword} must be a list")
        members = node.value.get("properties")
        if members is not None and only_constrain(branches, members):
            return None
        if members and role != "type":
            self.note(node, "opaque-branches", f"of {keyword} only the members beside it are read")
            return None
        kinds = kinds_of(node)
        nodes = [node.child(keyword, index) for index in range(len(branches))]
        solid = [item for item in nodes if not only_null(self._followed(item).value)]
        null = kinds is None or "null" in kinds
        nullable = null and len(solid) < len(nodes)
        if not solid:
            self.note(node, "opaque-null", "only null fits; read as any JSON")
            return Typed(AnyJson(), True, doc_of(node))
        solid = fitting(solid, kinds, self.look)
        if not solid:
            self.note(node, "opaque-never", f"no {keyword} fits the type beside it; any JSON")
            return Typed(AnyJson(), True, doc_of(node))
        shared = {key: item for key, item in node.value.items() if key in _SHARED}
        beside = bool(shared.keys() - {"type"})
        if len(solid) == 1:
            only = with_members(solid[0], shared) if beside else solid[0]
            typed = self.type_of(only, hint, role)
            nullable = nullable or (typed.nullable and (null or isinstance(typed.type, AnyJson)))
            return Typed(typed.type, nullable, doc_of(node) or typed.doc)
        listed = listed_words(solid, self._target)
        if listed and not beside:
            name = self._name(node, hint)
            enum = Enum(
                name=name,
                values=listed,
                doc=doc_of(node),
                uri=node.uri,
                names=type_names(node),
                names_of_values=(*value_names(node.value, listed), *branch_names(solid)),
            )
            return Typed(self._register(node, enum), nullable, doc_of(node))
        plain = plain_kinds(node, self.look)
        if plain:
            return self._plain_choice(node, plain, hint, role)
        found = self._union(node, keyword, solid, hint, nullable=nullable)
        return found if null else replace(found, nullable=False)

    def _plain_choice(self, node: Node, kinds: tuple[str, ...], hint: str, role: Role) -> Typed:
        """Return the type of a choice among values of one type: what stands beside it says it."""
        self.note(node, "choice", "a choice of values of one type is a writer's promise, no union")
        return Typed(self._single(node, kinds[0], hint, role), "null" in kinds, doc_of(node))

    def _union(
        self, node: Node, keyword: str, solid: list[Node], hint: str, *, nullable: bool
    ) -> Typed:
        name = self._name(node, hint)
        shared = {key: item for key, item in node.value.items() if key in _SHARED}
        told = discriminator(self.store, node, solid, self._followed, self.look)
        whole: Struct | None = None
        # Known before its branches are, so that a branch may lead back here.
        self._by_uri[node.uri] = Typed(Ref(name), nullable)
        if shared.keys() - {"type"}:
            solid = [with_members(item, shared) for item in solid]
            if "properties" in shared:
                whole = self._members_of(node, name, "type")
        hints = [f"{name}{hint}" for hint in branch_hints([item.value for item in solid])]
        resolved = [self.type_of(*item) for item in zip(solid, hints, strict=True)]
        union = Union(
            name=name,
            kind="typed",
            branches=tuple(
                Branch("", item.type, type_names(part))
                for item, part in zip(resolved, solid, strict=True)
            ),
            doc=doc_of(node),
            uri=node.uri,
            names=type_names(node),
        )
        nullable = nullable or any(item.nullable for item in resolved)
        self._by_uri[node.uri] = Typed(Ref(name), nullable)
        type_ = self._register(node, union)
        rest = [index for index, item in enumerate(solid) if excludes(item, self._target)]
        self.unions.add(
            name,
            Pending(
                node,
                Hints(
                    any_of=keyword == "anyOf",
                    rest=rest[0] if len(rest) == 1 else None,
                    tag=told[0] if told else "",
                    words=told[1] if told else (),
                    listed=tuple(listed_marks(item, self.look) for item in solid),
                ),
                nullable,
                whole,
            ),
        )
        return Typed(type_, nullable, doc_of(node))

    def _followed(self, node: Node) -> Node:
        return followed(node, self._target)

    def look(self, branch: Node) -> Json:
        """Return what a branch says, behind its references, with each `allOf` folded."""
        return self.merged(self._followed(branch)).value

    def _name(self, node: Node, hint: str) -> str:
        """Return the name of a type: its title, or the place where it stands if that is taken."""
        title = node.value.get("title")
        name = rooted(title) if isinstance(title, str) and title else hint
        given = dict(type_names(node)).get("*", "")
        name = given or name or hint
        if not name:
            raise refuse(node.file, node.pointer, "name-missing", "the type needs a usable title")
        for chosen in (name, hint, f"{hint}Member") if node.pointer and not given else (name,):
            known = self._named.setdefault(chosen, node)
            if known.uri == node.uri or alike(known.value, node.value):
                if chosen != name:
                    self.note(
                        node,
                        "title-shared",
                        f"{name!r} is {self._named[name].uri}, so this type is called {chosen!r}; "
                        'a "title" of its own names it',
                    )
                return chosen
        return name

    def _register(self, node: Node, found: TypeDef) -> Type:
        known = self.types.get(found.name)
        if known is not None and known.uri != found.uri and not same_but_words(known, found):
            message = (
                f"the name {found.name!r} is taken by {known.uri}, which differs: "
                'give one of them a `title` of its own, or add "x-name": "' + f'{found.name}2"'
            )
            raise refuse(node.file, node.pointer, "name-clash", message)
        if known is None:
            self.types[found.name] = found
            if not self._stands_there(node):
                self.folded.append(node)
        return Ref(found.name)

    def _stands_there(self, node: Node) -> bool:
        """Whether a schema that was read is what its place in the files says by itself."""
        place = self.store.find(node.file, node.pointer)
        if place is None:
            return False
        said = self._within[-1][0] if self._within else node.value
        return said is place.value or self.merged(place).value == node.value
