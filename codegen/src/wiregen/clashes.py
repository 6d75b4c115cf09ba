"""Names of a specification that would be one and the same identifier in a language."""

from __future__ import annotations

from collections.abc import Iterator

from wiregen.errors import join_pointer
from wiregen.ir import Role, Spec, Struct
from wiregen.naming import Lang, collisions, enum_member, member_name, type_name

Clash = tuple[str, str, str]
"""File, JSON Pointer, and what is wrong."""


def clashes(spec: Spec, lang: Lang) -> Iterator[Clash]:
    """Yield every pair of types, members or values that share a name."""
    yield from _types(spec, lang)
    for struct in spec.structs:
        members = {field.wire: member_name(lang, field.wire) for field in struct.fields}
        for identifier, sources in collisions(lang, members).items():
            file, _, pointer = struct.uri.partition("#")
            where = join_pointer(pointer, "properties", sources[1])
            yield file, where, _said(sources, identifier, lang)
    for enum in spec.enums:
        values = {value: enum_member(lang, enum.name, value) for value in enum.values}
        for identifier, sources in collisions(lang, values).items():
            file, _, pointer = enum.uri.partition("#")
            yield file, pointer, _said(sources, identifier, lang)


def _types(spec: Spec, lang: Lang) -> Iterator[Clash]:
    roles: dict[str, Role] = {
        item.name: item.role if isinstance(item, Struct) else "type" for item in spec.types
    }
    if lang == "rust":  # one module for each role
        groups = [{n for n in roles if roles[n] == r} for r in ("event", "action")]
        groups.append({n for n in roles if roles[n] not in ("event", "action")})
    else:
        groups = [set(roles)]
    for group in groups:
        named = {n: type_name(lang, n, roles[n]) for n in sorted(group)}
        places = {n: spec.type(n).uri for n in group}
        if lang == "go":  # the values of enums stand beside types
            for enum in spec.enums:
                for value in enum.values:
                    source = f"{enum.name} {value!r}"
                    named.setdefault(source, enum_member(lang, enum.name, value))
                    places.setdefault(source, enum.uri)
        for identifier, sources in collisions(lang, named).items():
            if any(source in roles for source in sources):
                file, _, pointer = places[sources[1]].partition("#")
                yield file, pointer, _said(sources, identifier, lang)


def _said(sources: tuple[str, ...], identifier: str, lang: str) -> str:
    return f"{' and '.join(sources)} are both {identifier} in {lang}"
