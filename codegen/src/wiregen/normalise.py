"""Print the specification as one JSON Schema, in three views, with every type under its own name.

`strict` is the spec as written. `open` is the same with closed objects opened: what a server
asks of an action. `reader` is what a client takes: open, null = absent at optional members, a
mirrored required member satisfied by either copy, enums as plain strings, no bounds, no formats.
"""

from __future__ import annotations

import re
from typing import Any, Literal
from urllib.parse import quote

from wiregen.alternatives import followed, plain_kinds
from wiregen.ir import Message, Mirror, Path, Ref, Spec, Type, Union
from wiregen.keywords import alias_of, is_pure, only_constrain, only_null
from wiregen.load import Node
from wiregen.merge import listed_values
from wiregen.naming import escaped
from wiregen.resolve import Resolver
from wiregen.unions import mark_value
from wiregen.words import word_set

Json = Any
View = Literal["strict", "open", "reader"]
VIEWS: tuple[View, ...] = ("strict", "open", "reader")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ONE = word_set(
    "items additionalProperties not if then else contains propertyNames unevaluatedProperties "
    "unevaluatedItems"
)
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})
_DROPPED = frozenset({"$id", "$schema", "$comment", "$anchor", "$defs", "definitions", "default"})
# A dynamic one leads where it leads by itself: all names are of one document here.
_REFS = frozenset({"$ref", "$dynamicRef"})
_CLOSERS = frozenset({"additionalProperties", "unevaluatedProperties"})
_PROMISES = word_set(
    "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern "
    "minItems maxItems uniqueItems minProperties maxProperties format not if then else "
    "dependentRequired dependentSchemas contains minContains maxContains propertyNames"
)
# Not reflected in the types of a reader, so that the view does not ask for it either.
_UNTYPED = word_set(
    "patternProperties prefixItems unevaluatedItems unevaluatedProperties $dynamicRef $recursiveRef"
)
_ANY = frozenset(
    {"opaque-null", "opaque-union", "opaque-untyped", "opaque-recursion", "opaque-never"}
)
_INTEGERS = ("integer", ["integer"], ["integer", "null"], ["null", "integer"])
_KIND = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


def bundle(spec: Spec, view: View) -> Json:
    """Return all messages and named types of ``spec`` as `$defs` of one schema."""
    hoister = _Hoister(spec, view)
    for item in spec.types:
        hoister.named(item.name)
    return {"$schema": DIALECT, "$defs": dict(sorted(hoister.defs.items()))}


def message_schema(spec: Spec, message: Message, view: View) -> Json:
    """Return a self-contained schema of one message."""
    return type_schema(spec, message.name, view)


def type_schema(spec: Spec, name: str, view: View) -> Json:
    """Return a self-contained schema of one named type."""
    hoister = _Hoister(spec, view)
    hoister.named(name)
    return {
        "$schema": DIALECT,
        "$ref": f"#/$defs/{quote(name)}",
        "$defs": dict(sorted(hoister.defs.items())),
    }


class _Hoister:
    def __init__(self, spec: Spec, view: View) -> None:
        self.spec = spec
        self.view = view
        self.defs: dict[str, Json] = {}
        self.names = {item.uri: item.name for item in spec.types}
        self.messages = {item.name: item for item in (*spec.events, *spec.actions)}
        self.unions = {item.uri: item for item in spec.unions}
        self.structs = {Ref(item.name) for item in spec.structs}
        self.resolver = Resolver(spec.store)
        self._places: dict[str, str] = {}
        self._within: list[tuple[Json, str]] = []
        self.any = {f"{d.file}#{d.pointer}" for d in spec.noted if d.rule in _ANY}
        self.large = {f"{d.file}#{d.pointer}" for d in spec.noted if d.rule == "opaque-integer"}
        self.loose = {
            f"{d.file}#{d.pointer}"
            for d in spec.noted
            if d.rule == "opaque-branches" and view == "reader"
        }

    def named(self, name: str) -> None:
        """Add the definition of a named type."""
        if name in self.defs:
            return
        node = self._node(self.spec.type(name).uri)
        if node is None:  # the type was folded out of an allOf and has no place of its own
            return
        self.defs[name] = True
        message = self.messages.get(name)
        around, self._within = self._within, []  # a definition is the same wherever it is met
        if message is not None and self.view == "reader":
            self.defs[name] = self._event(node, message)
        else:
            self.defs[name] = self._rewrite(node, None, ())
        self._within = around

    def _node(self, uri: str) -> Node | None:
        file, _, pointer = uri.partition("#")
        folded: Node | None = self.spec.folded.get(uri)
        return folded or self.spec.store.find(file, pointer)

    def _ref(self, node: Node, ref: str, path: Path | None, mirrors: tuple[Mirror, ...]) -> Json:
        target = self.spec.store.resolve(node, ref)
        if path and any(m.nested[: len(path)] == path != m.nested for m in mirrors):
            # A shared type that holds a mirrored place here only: this event gets its own.
            return self._rewrite(target, path, mirrors)
        if target.uri in self.names:
            name = self.names[target.uri]
            self.named(name)
        else:
            name = self._unnamed(target.uri)
            if name not in self.defs:
                self.defs[name] = True
                self.defs[name] = self._rewrite(target, None, ())
        return {"$ref": f"#/$defs/{quote(name)}"}

    def _unnamed(self, uri: str) -> str:
        """Return the name of a schema that is no type; a sign alone may tell two places apart."""
        if uri not in self._places:
            name = re.sub(r"[^A-Za-z0-9]+", "_", uri).strip("_")
            taken = {*self._places.values(), *self.names.values()}
            if name in taken:
                name = re.sub(r"[^A-Za-z0-9]", lambda sign: f"_{ord(sign.group()):x}_", uri)
            self._places[uri] = escaped(name, taken, "_")
        return self._places[uri]

    def _event(self, node: Node, message: Message) -> Json:
        out = self._rewrite(node, (), message.mirrors, message.tag)
        null = {path for fact in message.accessors if fact.nullable for path in fact.places}
        rules = [
            rule
            for mirror in message.mirrors
            for rule in _mirror_rules(mirror, mirror.nested in null)
        ]
        if rules:
            out["allOf"] = [*out.get("allOf", []), *rules]
        return out

    def _rewrite(
        self, node: Node, path: Path | None, mirrors: tuple[Mirror, ...], tag: str = ""
    ) -> Json:
        if self.view == "reader" and (node.uri in self.any or node.value is False):
            return True
        if not isinstance(node.value, dict):
            return node.value
        hoisted = "$ref" in node.value and is_pure(node.value)
        within = () if hoisted else self._within
        met = any(raw == node.value and uri != node.uri for raw, uri in within)
        if met and not self.spec.store.holds(node):
            return self._again(node)
        folded = self._folded(node)
        if folded is not node and {"anyOf", "oneOf"} & folded.value.keys():
            again = self._union_again(folded)
            if again is not None:
                return again
        self._within.append((node.value, node.uri))
        made = self._rewritten(folded, path, mirrors, tag)
        self._within.pop()
        return made

    def _union_again(self, node: Node) -> Json | None:
        """Return a reference to the union that a schema is, met again below a branch of it."""
        if node.uri in self.unions or self.view != "reader":
            return None
        for uri, union in self.unions.items():
            found = self._node(uri)
            if found is not None and found.value == node.value:
                self.named(union.name)
                return {"$ref": f"#/$defs/{quote(union.name)}"}
        return None

    def _again(self, node: Node) -> Json:
        """Return a reference to the type of a schema that an `allOf` puts inside of itself."""
        for uri, name in self.names.items():
            found = self._node(uri)
            if found is not None and found.value == node.value:
                self.named(name)
                return {"$ref": f"#/$defs/{quote(name)}"}
        # What stands beside a reference says nothing here: else it would be a type of its own.
        return self._ref(node, node.value["$ref"], None, ()) if "$ref" in node.value else True

    def _rewritten(
        self, node: Node, path: Path | None, mirrors: tuple[Mirror, ...], tag: str
    ) -> Json:
        value = node.value
        reader = self.view == "reader"
        union = self.unions.get(node.uri) if reader else None
        plain = self._plain(node) if reader and union is None else ()
        told = union is not None or bool(plain) or node.uri in self.loose
        out: dict[str, Json] = {}
        for key, item in value.items():
            if key in _DROPPED or key.startswith("x-") or self._relaxed(key, item, value):
                continue
            if key in ("oneOf", "anyOf") and told:
                continue
            if reader and self._untyped(key, value):
                continue
            if key in _REFS:
                out.update(self._ref(node, item, path, mirrors))
            elif key in _ONE:
                out[key] = self._rewrite(node.child(key), None, ())
            elif key in _LISTS:
                word = "anyOf" if key == "oneOf" and self.view == "reader" else key
                parts = (node.child(key, index) for index in range(len(item)))
                out[word] = [self._part(part, path, mirrors) for part in parts]
            elif key == "properties":
                out[key] = self._properties(node, path, mirrors, tag)
            elif key in _MAPS:
                out[key] = {name: self._rewrite(node.child(key, name), None, ()) for name in item}
            else:
                out[key] = item
        if plain:
            out["type"] = plain[0] if len(plain) == 1 else list(plain)
        if reader:
            self._relax(node, out, path, mirrors)
            if node.uri in self.loose and not self._admits_null(value):
                out["type"] = "object"
        return out if union is None else self._union(node, union, out)

    def _part(self, node: Node, path: Path | None = None, mirrors: tuple[Mirror, ...] = ()) -> Json:
        """Return a branch, or a part of an `allOf`; null by another name is null."""
        if self.view == "reader" and only_null(followed(node, self.spec.store.resolve).value):
            return {"type": "null"}
        return self._rewrite(node, path, mirrors)

    def _plain(self, node: Node) -> tuple[str, ...]:
        """Return the JSON types of a choice that is read as values of one type."""
        if {"const", "enum"} & node.value.keys():
            return ()
        return plain_kinds(node, self.resolver.look) or ()

    def _admits_null(self, value: Json) -> bool:
        """Whether null fits a branch of a union of which only the members beside it are typed."""
        kinds = [
            part.get("type", "null") if isinstance(part, dict) else "null"
            for key in ("oneOf", "anyOf")
            for part in value.get(key, ())
        ]
        return any("null" in kind for kind in kinds)

    def _untyped(self, key: str, value: Json) -> bool:
        """Whether a reader's types say nothing of a keyword here."""
        if key == "items":
            return "prefixItems" in value
        if key == "additionalProperties":
            return bool(value.get("properties"))
        return key in _UNTYPED

    def _folded(self, node: Node) -> Node:
        """Return a schema as the reader view sees it: `allOf` and `$ref` with siblings as one."""
        if self.view != "reader":
            return node
        place = alias_of(node.value)
        if place is not None:
            return node.child(*place)
        if "$ref" in node.value and is_pure(node.value):
            return node
        return self.resolver.merged(node)

    def _union(self, node: Node, union: Union, out: dict[str, Json]) -> Json:
        """Say how a reader chooses the branch, which is stricter than trying them all."""
        if union.kind == "typed":
            word = "oneOf" if "oneOf" in node.value else "anyOf"
            nodes = [node.child(word, index) for index in range(len(node.value[word]))]
            out["anyOf"] = [self._part(item) for item in nodes]
            if any(branch.type in self.structs for branch in union.branches):
                out.pop("additionalProperties", None)  # beside members they are not typed
        else:
            marks = [mark_value(union, branch) for branch in union.branches]
            branches = [self._branch(branch.type) for branch in union.branches]
            out["type"] = "object"
            # The members beside the branches are members of every branch.
            for key in ("properties", "required", "additionalProperties"):
                out.pop(key, None)
            rules = _tagged(union.tag or "", marks, branches)
            out["allOf"] = rules if union.kind == "tagged" else _keyed(marks, branches)
        if union.kind == "tagged":
            tag = union.tag or ""
            out["required"] = list(dict.fromkeys([*out.get("required", []), tag]))
            out["properties"] = {**out.get("properties", {}), tag: {"type": union.tag_kind}}
        return {"anyOf": [out, {"type": "null"}]} if union.null else out

    def _branch(self, type_: Type) -> Json:
        assert isinstance(type_, Ref)
        self.named(type_.name)
        return {"$ref": f"#/$defs/{quote(type_.name)}"}

    def _relaxed(self, key: str, item: Json, value: Json) -> bool:
        """Whether the view leaves a keyword out."""
        if self.view == "strict":
            return False
        if key in _CLOSERS and item is False:
            return True
        if self.view == "open":
            return key == "format"
        if key in ("anyOf", "oneOf"):
            return only_constrain(item, value.get("properties", {}))
        return key in _PROMISES or key in ("enum", "const")

    def _relax(
        self, node: Node, out: dict[str, Json], path: Path | None, mirrors: tuple[Mirror, ...]
    ) -> None:
        """Replace enum and const by their types; drop what a reader need not find."""
        value = node.value
        if "enum" in value or "const" in value:
            out.pop("type", None)
            kinds = sorted({_KIND[type(item)] for item in listed_values(value)})
            if kinds not in ([], ["null"]):  # only null: any JSON, as `type: null` is
                out["type"] = kinds[0] if len(kinds) == 1 else kinds
        if "properties" in value and not {"type", "enum", "const"} & value.keys():
            out["type"] = "object"
        if out.get("type") in _INTEGERS and node.uri not in self.large:
            out |= {"minimum": -(2**63), "maximum": 2**63 - 1}
        if "required" not in value:
            return
        mirrored = set()
        if path is not None:
            mirrored = {m.nested[-1] for m in mirrors if m.nested[:-1] == path}
            mirrored |= {m.top[0] for m in mirrors if not path}
        out["required"] = [
            wire
            for wire in value["required"]
            if wire in value.get("properties", {})  # what has no type is not looked for
            and wire not in mirrored
            and not self._reader_optional(node, wire)
        ]

    def _reader_optional(self, node: Node, wire: str) -> bool:
        schema = node.value.get("properties", {}).get(wire)
        return isinstance(schema, dict) and schema.get("x-reader-optional") is True

    def _properties(
        self, node: Node, path: Path | None, mirrors: tuple[Mirror, ...], tag: str
    ) -> Json:
        out: dict[str, Json] = {}
        required = node.value.get("required", [])
        for wire in node.value["properties"]:
            here = None if path is None else (*path, wire)
            child = node.child("properties", wire)
            if tag and wire == tag:
                word = self._folded(child).value
                out[wire] = {"const": word.get("const", word.get("enum", [None])[0])}
                out[wire]["type"] = "string"
                continue
            schema = self._rewrite(child, here, mirrors)
            top = not path and any(mirror.top == (wire,) for mirror in mirrors)
            left_out = wire not in required or self._reader_optional(node, wire)
            if self.view == "reader" and (left_out or (path is not None and top)):
                schema = _or_null(schema)
            out[wire] = schema
        return out


def _tagged(tag: str, marks: list[Json], branches: list[Json]) -> list[Json]:
    return [
        {
            "if": {"type": "object", "required": [tag], "properties": {tag: {"const": mark}}},
            "then": branch,
        }
        for mark, branch in zip(marks, branches, strict=True)
    ]


def _keyed(marks: list[str], branches: list[Json]) -> list[Json]:
    """Return rules by which the first branch counts whose key is there."""
    rules: list[Json] = []
    for index, (mark, branch) in enumerate(zip(marks, branches, strict=True)):
        earlier = [{"required": [key]} for key in marks[:index]]
        chosen: Json = {"type": "object", "required": [mark]}
        if earlier:
            chosen["not"] = {"anyOf": earlier}
        rules.append({"if": chosen, "then": branch})
    return rules


def _or_null(schema: Json) -> Json:
    if not isinstance(schema, dict) or not schema:
        return schema
    kinds = schema.get("type")
    others = set(schema) & {"$ref", "allOf", "anyOf", "oneOf", "not"}
    if kinds is None or others:
        return {"anyOf": [schema, {"type": "null"}]}
    listed = [kinds] if isinstance(kinds, str) else list(kinds)
    return {**schema, "type": [*listed, *([] if "null" in listed else ["null"])]}


def _present(path: Path, or_null: bool) -> Json:
    """Return a schema that asks for a member; with ``or_null`` a null counts as absent."""
    inner: Json = {"not": {"type": "null"}} if or_null else {}
    for segment in reversed(path):
        inner = {"type": "object", "properties": {segment: inner}, "required": [segment]}
    return inner


def _mirror_rules(mirror: Mirror, nullable: bool) -> list[Json]:
    places = (mirror.nested, mirror.top)
    either = {"anyOf": [_present(place, or_null=not nullable) for place in places]}
    rules: list[Json] = []
    if mirror.needed:
        rules.append(either)
    if mirror.fill and len(mirror.nested) > 1:
        rules.append({"if": _present(mirror.nested[:-1], True), "then": either})
    return rules


__all__ = ["VIEWS", "View", "bundle", "message_schema", "type_schema"]
