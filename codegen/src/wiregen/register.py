"""The register of names: what a specification's types, members, values and words are called.

For each language and scope every name that is printed is claimed here. Names of a document that
fall together are told apart by their signs (`@type` beside `type` is `at_type`); what is still one
name is refused with the `x-name` that would help. Nothing is ever numbered.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from wiregen.errors import Diagnostic, SpecError, join_pointer
from wiregen.graph import renamed, renamed_type
from wiregen.ir import (
    Accessor,
    Branch,
    Check,
    Enum,
    Field,
    Message,
    Names,
    Operation,
    Ref,
    Role,
    Shape,
    Spec,
    Struct,
    TypeDef,
    Union,
    UnionShape,
)
from wiregen.naming import (
    TWIN,
    collisions,
    enum_member,
    go_exported,
    identifier,
    lettered,
    member_name,
    snake,
    spelled,
    type_name,
    upper,
    word_name,
)
from wiregen.reserved import Lang
from wiregen.scripts import plain_letters

_ALL = "*"


def localised(spec: Spec, lang: str) -> Spec:
    """Return the specification as it is named in one language.

    Raises:
        SpecError: two things have one name; says which line tells them apart.
    """
    register = _Register(spec, cast("Lang", lang))
    found = register.spec_()
    if register.faults:
        raise SpecError(*register.faults)
    return found


def clashes(spec: Spec, lang: Lang) -> tuple[Diagnostic, ...]:
    """Return what has one and the same name in a language."""
    register = _Register(spec, lang)
    register.spec_()
    return tuple(register.faults)


def named_in(names: Names, lang: str) -> str:
    """Return what `x-name` says for a language; empty when it says nothing."""
    found = dict(names)
    return found.get(lang, found.get(_ALL, ""))


@dataclass(frozen=True, slots=True)
class _Named:
    """One thing that gets a name: where it stands, what it is called so far, by whom."""

    source: str
    place: str
    word: str
    given: bool


class _Register:
    def __init__(self, spec: Spec, lang: Lang) -> None:
        self.spec = spec
        self.lang = lang
        self.faults: list[Diagnostic] = []
        self.letters = plain_letters(spec, lang)

    def spec_(self) -> Spec:
        """Return the specification with its names; what falls together is in ``faults``."""
        types = {item.name: self._inner(item) for item in self.spec.types}
        names = self._type_names(types)
        self._package(types, names)
        done = [renamed(replace(types[name], name=names[name]), names) for name in types]
        done.sort(key=lambda item: item.name)
        return replace(
            self.spec,
            types=tuple(done),
            actions=self._messages(self.spec.actions, names, types),
            events=self._messages(self.spec.events, names, types),
            operations=tuple(_operation(item, names) for item in self.spec.operations),
            shapes=tuple(_shape(item, names) for item in self.spec.shapes),
            union_shapes=tuple(_union_shape(item, names) for item in self.spec.union_shapes),
            _by_name={item.name: item for item in done},
        )

    # --- words

    def _word(self, word: str) -> str:
        """Return a word in the letters that the language takes without a warning."""
        if not self.letters:
            return word
        return "".join(self.letters.get(char, char) for char in unicodedata.normalize("NFKC", word))

    def _told(
        self, items: Iterable[_Named], made: Callable[[str], str], what: str
    ) -> dict[str, str]:
        """Return a word for every source, so that no two make one identifier."""
        listed = list(items)
        words = {item.source: self._word(item.word) for item in listed}
        by_source = {item.source: item for item in listed}
        for group in collisions({s: made(word) for s, word in words.items()}).values():
            for source in group:
                if not by_source[source].given:
                    words[source] = self._word(spelled(by_source[source].word))
        for name, group in collisions({s: made(word) for s, word in words.items()}).items():
            self._refuse(by_source[group[0]], by_source[group[1]], name, what)
        return words

    def _refuse(self, one: _Named, two: _Named, name: str, what: str) -> None:
        file, _, pointer = two.place.partition("#")
        line = json.dumps({self.lang: f"{name}2"}, ensure_ascii=False)
        if what == "values":
            line = json.dumps({two.source: {self.lang: f"{name}2"}}, ensure_ascii=False)
        key = "x-names" if what == "values" else "x-name"
        said = (
            f"the {what} {one.source!r} and {two.source!r} would both be {name} in {self.lang}; "
            f'add "{key}": {line} here, or one name for all languages'
        )
        self.faults.append(Diagnostic(file, pointer, "name-collision", said))

    # --- inside types

    def _inner(self, item: TypeDef) -> TypeDef:
        if isinstance(item, Struct):
            return self._struct(item)
        if isinstance(item, Enum):
            return self._enum(item)
        return self._union(item)

    def _struct(self, item: Struct) -> Struct:
        named = [self._field_named(item, field) for field in item.fields]
        words = self._told(named, lambda word: member_name(self.lang, word), "members")
        fields = tuple(replace(field, label=words[field.wire]) for field in item.fields)
        return replace(item, fields=fields)

    def _field_named(self, owner: Struct, field: Field) -> _Named:
        given = named_in(field.names, self.lang)
        if field.wire in (self.spec.event_tag, self.spec.action_tag) and owner.role != "type":
            given = field.wire  # one name in all messages
        file, _, pointer = owner.uri.partition("#")
        place = f"{file}#{join_pointer(pointer, 'properties', field.wire)}"
        return _Named(field.wire, place, given or field.wire, bool(given))

    def _enum(self, item: Enum) -> Enum:
        given = dict(item.names_of_values)
        named = [
            _Named(value, item.uri, word or value, bool(word))
            for value in item.values
            for word in (named_in(given.get(value, ()), self.lang),)
        ]
        words = self._told(named, lambda word: enum_member(self.lang, item.name, word), "values")
        return replace(item, labels=tuple(words[value] for value in item.values))

    def _union(self, item: Union) -> Union:
        named = [
            _Named(f"{branch.mark}", item.uri, word or str(branch.mark), bool(word))
            for branch in item.branches
            for word in (named_in(branch.names, self.lang),)
        ]
        words = self._told(named, lambda word: enum_member(self.lang, item.name, word), "branches")
        branches = tuple(replace(b, label=words[f"{b.mark}"]) for b in item.branches)
        return replace(item, branches=branches)

    # --- types

    def _type_names(self, types: Mapping[str, TypeDef]) -> dict[str, str]:
        named = [
            _Named(name, item.uri, word or name, bool(word))
            for name, item in types.items()
            for word in (named_in(item.names, self.lang),)
        ]
        if self.lang != "rust":
            return self._told(named, lambda word: word, "types") | self._roles(named, types)
        return self._told(named, lambda word: word, "types")

    def _roles(self, named: list[_Named], types: Mapping[str, TypeDef]) -> dict[str, str]:
        """Refuse two types whose names are one by the suffixes of their roles."""
        words = {item.source: self._word(item.word) for item in named}
        made = {s: type_name(self.lang, word, _role(types[s])) for s, word in words.items()}
        by_source = {item.source: item for item in named}
        for name, group in collisions(made).items():
            # A type steps aside for a message, which is known by its word.
            rest = [source for source in group if _role(types[source]) in ("event", "action")]
            loose = [source for source in group if source not in rest]
            if len(rest) <= 1 and len(loose) <= (0 if not rest else 1):
                continue
            if len(rest) == 1 and len(loose) == 1 and not by_source[loose[0]].given:
                words[loose[0]] += "Type"
                continue
            self._refuse(by_source[group[0]], by_source[group[1]], name, "types")
        return words

    def _package(self, types: Mapping[str, TypeDef], names: dict[str, str]) -> None:
        """Make the names of types free of all else that stands beside them."""
        taken = set(self._constants(types, names))
        messages = {item.name for item in (*self.spec.events, *self.spec.actions)}
        shown = {self._printed(types, name, names[name]) for name in messages if name in types}
        for name in sorted(types):
            aside = name not in messages and self.lang == "rust"
            for _ in range(8):
                derived = self._derived(types[name], names[name])
                printed = self._printed(types, name, names[name])
                if not derived & taken and not (aside and printed in shown):
                    break
                names[name] += "Type"
            taken |= derived

    def _printed(self, types: Mapping[str, TypeDef], name: str, word: str) -> str:
        return type_name(self.lang, word, _role(types[name]))

    def _constants(self, types: Mapping[str, TypeDef], names: Mapping[str, str]) -> list[str]:
        """Return what stands beside types in a package, made from words and values."""
        if self.lang != "go":
            return []
        found = ["Type" + word_name("go", names.get(e.name, e.name)) for e in self.spec.events]
        for name, item in types.items():
            if isinstance(item, Enum):
                found += [enum_member("go", names[name], word) for word in item.labels]
            elif isinstance(item, Union):
                owner = type_name("go", names[name], "type")
                found += [
                    owner + identifier("go", go_exported(lettered(b.word)), "X")
                    for b in item.branches
                ]
        return found

    def _derived(self, item: TypeDef, word: str) -> set[str]:
        """Return the names that a type leads to in the scope of a package."""
        role = _role(item)
        name = type_name(self.lang, word, role)
        if self.lang == "rust":  # tables are named in capitals
            bare = identifier("rust", snake(word).upper(), "X")
            ending = "_UNION" if isinstance(item, Union) else ""
            more = {f"{bare}_EVENT"} if role == "event" else set()
            return {f"{bare}{ending}", *more}
        if self.lang == "typescript":
            more = {f"{upper(word)}_VALUES"} if isinstance(item, Enum) else set()
            if isinstance(item, Union):
                more = {f"{name}Branch", f"which{name}"}
            return {name, *more}
        return {name}

    # --- what leads to types

    def _messages(
        self,
        items: tuple[Message, ...],
        names: Mapping[str, str],
        types: Mapping[str, TypeDef],
    ) -> tuple[Message, ...]:
        wires = {item.wire: word_name(self.lang, self._word(item.wire)) for item in items}
        alike = {wire for group in collisions(wires).values() for wire in group}
        named = [
            _Named(item.wire, struct.uri, word or (names[item.name] if aside else item.wire), given)
            for item in items
            for struct in (types[item.name],)
            for word in (named_in(struct.names, self.lang),)
            for aside in (item.wire in alike,)  # then its title tells it apart
            for given in (bool(word) or aside,)
        ]
        words = self._told(named, lambda word: word_name(self.lang, word), "messages")
        made = (self._message(item, names, types) for item in items)
        return tuple(replace(item, label=words[item.wire]) for item in made)

    def _message(
        self, item: Message, names: Mapping[str, str], types: Mapping[str, TypeDef]
    ) -> Message:
        accessors = item.accessors
        if accessors:
            struct = types[item.name]
            assert isinstance(struct, Struct)
            named = [self._fact(one, struct, types) for one in accessors]
            words = self._told(named, lambda word: member_name(self.lang, word), "facts")
            accessors = tuple(
                replace(one, label=words[one.name], type=renamed_type(one.type, names))
                for one in accessors
            )
        return replace(item, name=names[item.name], accessors=accessors)

    def _fact(self, item: Accessor, struct: Struct, types: Mapping[str, TypeDef]) -> _Named:
        """Return a fact as its member is called at its first place."""
        owner: Struct | None = struct
        field: Field | None = None
        uri = struct.uri
        for segment in item.places[0]:
            field = owner.field(segment) if owner else None
            uri = owner.uri if owner else uri
            found = types.get(field.type.name) if field and isinstance(field.type, Ref) else None
            owner = found if isinstance(found, Struct) else None
        given = named_in(field.names, self.lang) if field else ""
        file, _, pointer = uri.partition("#")
        place = f"{file}#{join_pointer(pointer, 'properties', item.places[0][-1])}"
        return _Named(item.name, place, given or item.name, bool(given))


def _role(item: TypeDef) -> Role:
    return item.role if isinstance(item, Struct) else "type"


def _operation(item: Operation, names: Mapping[str, str]) -> Operation:
    if item.result is None:
        return item
    named = Ref(names.get(item.result.type.name, item.result.type.name))
    return replace(item, result=replace(item.result, type=named))


def _shape(item: Shape, names: Mapping[str, str]) -> Shape:
    fields = tuple(replace(field, check=_check(field.check, names)) for field in item.fields)
    return Shape(names[item.name], fields)


def _union_shape(item: UnionShape, names: Mapping[str, str]) -> UnionShape:
    branches = tuple((mark, _check(check, names)) for mark, check in item.branches)
    return replace(item, name=names[item.name], branches=branches)


def _check(item: Check, names: Mapping[str, str]) -> Check:
    inner = None if item.item is None else _check(item.item, names)
    return replace(item, ref=names.get(item.ref, item.ref), item=inner)


__all__ = ["TWIN", "Branch", "clashes", "localised", "named_in"]
