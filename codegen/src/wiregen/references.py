"""Where a `$ref` leads: ids, anchors and files of every draft, by the `referencing` library."""

from __future__ import annotations

import posixpath
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import referencing.exceptions
from referencing import Anchor, Registry, Resource, Specification

Json = Any
_Anchor: Any = Anchor  # the types of the library do not tell their arguments
_Specification: Any = Specification
Known = Callable[[str], bool]
"""Whether a file, or an id, is one of the folder's."""
ROOT = "file:///"
# Below these keys lie values, not schemas.
DATA = frozenset({"const", "enum", "default", "examples", "example"})
NAMED = frozenset(
    {"properties", "patternProperties", "definitions", "$defs", "schemas", "dependentSchemas"}
)


def uri_of(file: str) -> str:
    """Return the URI under which a file of the folder is known."""
    return ROOT + urllib.parse.quote(file)


def file_of(uri: str) -> str | None:
    """Return the file that a URI without a fragment names; None for a remote one."""
    return urllib.parse.unquote(uri.removeprefix(ROOT)) if uri.startswith(ROOT) else None


def shown(ref: str) -> str:
    """Return a reference as a person would write it."""
    return urllib.parse.unquote(ref.removeprefix(ROOT))


def _id_of(contents: Json) -> str | None:
    found = contents.get("$id") if isinstance(contents, dict) else None
    if not isinstance(found, str):
        return None
    bare = found.split("#", maxsplit=1)[0]
    return bare or None


def _anchors_in(specification: Specification[Json], contents: Json) -> Iterable[Anchor[Json] | Any]:
    """Return the anchors at a schema: of 2019-09 and later, and an `$id` of a fragment before."""
    if not isinstance(contents, dict):
        return []
    names = [contents.get("$anchor"), contents.get("$dynamicAnchor")]
    old = contents.get("$id")
    if isinstance(old, str) and "#" in old and not old.endswith("#"):
        names.append(old.split("#", maxsplit=1)[1])
    resource = specification.create_resource(contents)
    return [_Anchor(name=name, resource=resource) for name in names if isinstance(name, str)]


def _below(contents: Json) -> Iterator[Json]:
    items = contents.items() if isinstance(contents, dict) else enumerate(contents)
    for key, value in items:
        if isinstance(value, dict | list) and key not in DATA:
            yield value


def _stay(segments: Any, resolver: Any, subresource: Any) -> Any:
    del segments, subresource
    return resolver


def _inside(contents: Json) -> Iterable[Json]:
    return _below(contents) if isinstance(contents, dict | list) else ()


ANY_DRAFT: Specification[Json] = _Specification(
    name="any draft",
    id_of=_id_of,
    subresources_of=_inside,
    anchors_in=_anchors_in,
    maybe_in_subresource=_stay,
)


class References:
    """The documents of a folder by their URIs, and every place in them by its value."""

    def __init__(self) -> None:
        self._registry: Registry[Json] = Registry()
        self._places: dict[int, tuple[str, str]] = {}
        self._ids: set[str] = set()

    def add(self, file: str, value: Json) -> None:
        """Take in a file; its references become absolute (see `settle`)."""
        self._registry = self._registry.with_resource(
            uri_of(file), ANY_DRAFT.create_resource(value)
        )
        todo: list[tuple[Json, str]] = [(value, "")]
        while todo:
            item, pointer = todo.pop()
            if not isinstance(item, dict | list):
                continue
            self._places.setdefault(id(item), (file, pointer))
            pairs = item.items() if isinstance(item, dict) else enumerate(item)
            todo += [(below, f"{pointer}/{_escaped(str(key))}") for key, below in pairs]

    def settle(self, file: str, value: Json, exists: Known, known: Known) -> None:
        """Write every reference of a file as an absolute one, by the `$id` around it.

        Where no file gives a schema an id of that name, the file that lies there is meant.
        """
        self._ids |= self.ids(file, value)
        todo: list[tuple[Json, str, bool]] = [(value, uri_of(file), False)]
        met: set[int] = set()  # an alias of YAML is one value at many places
        while todo:
            item, base, names = todo.pop()
            if id(item) in met and isinstance(item, dict | list):
                continue
            met.add(id(item))
            if isinstance(item, list):
                todo += [(below, base, False) for below in item]
                continue
            if not isinstance(item, dict):
                continue
            if not names and (own := _id_of(item)):
                base = urllib.parse.urljoin(base, own)
            for key in ("$ref", "$dynamicRef"):
                if not names and isinstance(item.get(key), str):
                    item[key] = self._absolute(file, base, item[key], exists, known)
            todo += [
                (below, base, key in NAMED and not names)
                for key, below in item.items()
                if names or key not in DATA
            ]

    def _absolute(self, file: str, base: str, ref: str, exists: Known, known: Known) -> str:
        path, mark, fragment = ref.partition("#")
        if ref[:5].lower() == "file:":  # of a machine, and none of the folder
            return f"FILE:{ref[5:]}"
        try:
            joined = urllib.parse.urljoin(base, path) if path else base
            remote = bool(urllib.parse.urlsplit(path).scheme)
        except ValueError:  # such as a broken IPv6 host
            return ref
        beside = posixpath.normpath(
            posixpath.join(posixpath.dirname(file), urllib.parse.unquote(path))
        )
        ours = base == uri_of(file) or exists(beside)
        if path and not remote and joined not in self._ids and (ours or not known(joined)):
            joined = ROOT + urllib.parse.quote(beside)
        return f"{joined}{mark}{fragment}"

    def from_file(self, file: str, ref: str, exists: Known, known: Known) -> str:
        """Return a reference as if it stood at the root of a file."""
        return self._absolute(file, uri_of(file), ref, exists, known)

    def ids(self, file: str, value: Json) -> set[str]:
        """Return the absolute ids that a file gives its schemas."""
        found: set[str] = set()
        todo: list[tuple[Json, str]] = [(value, uri_of(file))]
        while todo:
            item, base = todo.pop()
            if own := _id_of(item):
                try:
                    base = urllib.parse.urljoin(base, own)
                except ValueError:
                    continue
                found.add(base)
            if isinstance(item, dict | list):
                todo += [(below, base) for below in _below(item)]
        return found

    def knows(self, uri: str) -> bool:
        """Whether a URI without a fragment is the id of a schema of a known file."""
        return uri in self._ids

    def lookup(self, uri: str) -> tuple[str, str, Json] | None:
        """Return file, pointer and value at an absolute reference; None where nothing is."""
        bare, _, fragment = uri.partition("#")
        try:
            found = self._registry.get_or_retrieve(bare)
            self._registry = found.registry
            if fragment.startswith("/"):
                resolver = self._registry.resolver(bare)
                value = found.value.pointer(fragment, resolver).contents
            elif fragment:
                name = urllib.parse.unquote(fragment)
                value = self._registry.anchor(bare, name).value.resource.contents
            else:
                value = found.value.contents
        except (referencing.exceptions.Unresolvable, LookupError, ValueError, TypeError):
            return None
        place = self._places.get(id(value)) if isinstance(value, dict | list) else None
        if place is not None:
            return (*place, value)
        file = file_of(bare)
        if file is not None and not fragment:
            return file, "", value
        above = self.lookup(bare) if fragment.startswith("/") else None
        if above is None:
            return None
        return above[0], above[1] + urllib.parse.unquote(fragment), value


def _escaped(segment: str) -> str:
    return segment.replace("~", "~0").replace("/", "~1")


__all__ = ["ANY_DRAFT", "DATA", "NAMED", "References", "Resource", "file_of", "shown", "uri_of"]
