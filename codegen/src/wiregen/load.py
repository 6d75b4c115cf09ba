"""Read specification files: strict JSON and YAML 1.2, duplicate keys refused, refs resolved."""

from __future__ import annotations

import hashlib
import json
import math
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from wiregen.drafts import is_older, modern, whole
from wiregen.errors import SpecError, join_pointer, pointer_path, refuse
from wiregen.references import References, file_of, shown

Json = Any
MAX_DEPTH = 200
MAX_VALUES = 2_000_000
"""Values in one file, aliases of YAML counted as often as they are named."""
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Duplicate(dict[str, Json]):
    """A JSON object that repeats a key; found and reported with its pointer after the parse."""

    key = ""


def _pairs(items: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(items)
    if len(found) == len(items):
        return found
    marked = _Duplicate(found)
    seen: set[str] = set()
    marked.key = next(key for key, _ in items if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return marked


def _constant(word: str) -> Json:
    raise ValueError(f"{word} is not JSON")


def walk(value: Json, pointer: str = "", depth: int = 0) -> Iterator[tuple[str, Json, int]]:
    """Yield every value below ``value`` with its JSON Pointer and depth, parents first."""
    yield pointer, value, depth
    if depth > MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, join_pointer(pointer, key), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, join_pointer(pointer, index), depth + 1)


def parse_json(text: str, name: str) -> Json:
    """Parse strict JSON; the error names ``name`` and the JSON Pointer or the line."""
    try:
        value = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
    except json.JSONDecodeError as err:
        where = f"line {err.lineno}, column {err.colno}"
        raise refuse(name, "", "load-syntax", f"not JSON at {where}: {err.msg}") from err
    except ValueError as err:
        raise refuse(name, "", "load-syntax", f"not JSON: {err}") from err
    except RecursionError as err:
        raise refuse(name, "", "load-depth", "nested too deeply") from err
    _sound(value, name)
    return value


def _sound(value: Json, name: str) -> None:
    """Refuse what JSON cannot hold, what is too deep and what is too much."""
    todo: list[tuple[Json, int]] = [(value, 0)]
    count = 0
    while todo:
        item, depth = todo.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise refuse(name, "", "load-depth", f"nested deeper than {MAX_DEPTH} levels")
        if count > MAX_VALUES:
            raise refuse(name, "", "load-size", f"more than {MAX_VALUES} values (a YAML bomb?)")
        if fault := _fault(item):
            pointer = next(where for where, found, _ in walk(value) if found is item)
            raise refuse(name, pointer, *fault)
        if isinstance(item, dict):
            todo += [(below, depth + 1) for below in item.values()]
        elif isinstance(item, list):
            todo += [(below, depth + 1) for below in item]


def _fault(item: Json) -> tuple[str, str] | None:
    """Return rule and message of a value that no JSON text in UTF-8 stands for."""
    if isinstance(item, _Duplicate):
        return "load-duplicate-key", f"the key {item.key!r} occurs twice"
    if isinstance(item, dict):
        if any(not isinstance(key, str) for key in item):
            return "load-syntax", "a key is not a string; quote it"
        if any(map(_SURROGATE.search, item)):
            return "load-surrogate", "a key holds half of a surrogate pair"
    elif isinstance(item, str):
        if _SURROGATE.search(item):
            return "load-surrogate", "the text holds half of a surrogate pair"
    elif isinstance(item, float):
        if not math.isfinite(item):
            return "load-number", "the number is none that a double can hold"
    elif item is not None and not isinstance(item, bool | int | list):
        kind = type(item).__name__
        return "load-syntax", f"a {kind} is no JSON; quote it"
    return None


class _Constructor(SafeConstructor):
    """Reads a date as the text that it is in JSON."""


def _as_written(constructor: SafeConstructor, node: Any) -> Json:
    return constructor.construct_scalar(node)


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _as_written)


def parse_yaml(text: str, name: str) -> Json:
    """Parse YAML 1.2 into plain JSON values; the error names ``name`` and the line."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        value = yaml.load(text)
    except MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        line = f"line {mark.line + 1}" if mark else "unknown line"
        rule = "load-duplicate-key" if "duplicate key" in str(err.problem) else "load-syntax"
        problem = str(err.problem or err.context).split("\n", maxsplit=1)[0]
        raise refuse(name, "", rule, f"not YAML 1.2 at {line}: {problem}") from err
    except (YAMLError, ValueError, RecursionError) as err:
        first = str(err).split("\n", maxsplit=1)[0]
        raise refuse(name, "", "load-syntax", f"not YAML 1.2: {first}") from err
    _sound(value, name)
    return value


def read_text(path: Path, name: str) -> str:
    """Read a UTF-8 file; a missing, unreadable or mis-encoded one is refused by name."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as err:
        raise refuse(name, "", "load-missing-file", "the file does not exist") from err
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "not UTF-8"
        raise refuse(name, "", "load-unreadable", f"cannot be read: {reason}") from err


@dataclass(frozen=True, slots=True)
class Node:
    """A value inside a file: where it is and what it is."""

    file: str
    pointer: str
    value: Json

    @property
    def uri(self) -> str:
        """File and pointer; equal for equal targets."""
        return f"{self.file}#{self.pointer}"

    def child(self, *segments: str | int) -> Node:
        """Return a node below this one; the caller knows that it is there."""
        value = self.value
        for segment in segments:
            value = value[segment]
        return Node(self.file, join_pointer(self.pointer, *segments), value)


class Store:
    """The files of a specification below one folder, parsed once, and the refs between them."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._documents: dict[str, Json] = {}
        self._texts: dict[str, str] = {}
        self._found: dict[str, Node] = {}
        self.references = References()
        self._by_id: dict[str, str] | None = None

    def document(self, name: str) -> Node:
        """Return the root of a file, named by its path relative to the folder."""
        if name not in self._documents:
            text = read_text(self.root / name, name)
            value = _parsed(text, name)
            self._texts[name] = text
            value = whole(modern(value) if is_older(value) else value)
            self._documents[name] = value
            self.references.settle(name, value, self._is_file, self._is_id)
            self.references.add(name, value)
        return Node(name, "", self._documents[name])

    def _is_file(self, name: str) -> bool:
        try:
            return not name.startswith("..") and (self.root / name).is_file()
        except (OSError, ValueError):  # a zero byte, a name that is too long
            return False

    def _is_id(self, uri: str) -> bool:
        return self._file_with(uri) is not None

    def names(self) -> tuple[str, ...]:
        """Names of the files read so far, sorted."""
        return tuple(sorted(self._documents))

    def digest(self) -> str:
        """SHA-256 over names and texts of the files read so far."""
        digest = hashlib.sha256()
        for name in sorted(self._texts):
            text = self._texts[name].encode()
            digest.update(f"{name}\0{len(text)}\0".encode() + text)
        return digest.hexdigest()

    def find(self, file: str, pointer: str) -> Node | None:
        """Return what stands at a place of a file; None when there is nothing."""
        value = self.document(file).value
        for segment in pointer_path(pointer):
            if isinstance(value, dict) and segment in value:
                value = value[segment]
            elif isinstance(value, list) and segment.isdigit() and int(segment) < len(value):
                value = value[int(segment)]
            else:
                return None
        return Node(file, pointer, value)

    def holds(self, node: Node) -> bool:
        """Whether a schema is what a file says at its place, not one that was folded together."""
        place = self.find(node.file, node.pointer)
        return place is not None and place.value is node.value

    def resolve(self, origin: Node, ref: str) -> Node:
        """Follow ``ref`` as it stands at ``origin``; a remote or dangling one is refused."""
        known = self._found.get(ref)
        if known is None:
            known = self._found[ref] = self._resolved(origin, ref)
        return known

    def absolute(self, origin: Node, ref: str) -> str:
        """Return a reference that stands in no `$ref`, as one from anywhere."""
        return self.references.from_file(origin.file, ref, self._is_file, self._is_id)

    def _resolved(self, origin: Node, ref: str) -> Node:
        bare, _, fragment = ref.partition("#")
        file = None if self.references.knows(bare) else file_of(bare)
        if file is None and not self.references.knows(bare):
            file = self._file_with(bare)
            if file is None:
                message = f"$ref {ref!r} is remote; only files are read: keep a copy here"
                raise refuse(origin.file, origin.pointer, "ref-remote", message)
        if file is not None:
            self._read(origin, file, ref)
        found = self.references.lookup(ref)
        if found is None:
            what = (
                f"has no {fragment!r}"
                if fragment.startswith("/")
                else f"has no anchor {fragment!r}"
            )
            message = f"$ref {shown(ref)!r} leads nowhere: {shown(bare)} {what}"
            raise refuse(origin.file, origin.pointer, "ref-dangling", message)
        return Node(*found)

    def beside(self, origin: Node, name: str) -> str:
        """Return the file that a word names relative to its own; refused as a `$ref` would be."""
        found = posixpath.normpath(posixpath.join(posixpath.dirname(origin.file), name))
        self._there(origin, found, f"{name[:80]!r}")
        return found

    def _read(self, origin: Node, name: str, ref: str) -> None:
        """Read the file that a reference names, unless it was read."""
        if name not in self._documents:
            self._there(origin, name, f"$ref {shown(ref)!r}")
            self.document(name)

    def _there(self, origin: Node, name: str, said: str) -> None:
        """Refuse a file that is not there, or lies outside of the folder."""
        try:
            resolved = (self.root / name).resolve()
            there = resolved.is_file()
        except (OSError, ValueError) as err:  # a zero byte, a name that is too long
            message = f"{said[:90]} is no name of a file"
            raise refuse(origin.file, origin.pointer, "ref-dangling", message) from err
        if not resolved.is_relative_to(self.root):
            message = (
                f"{said} leaves the folder of the specification; "
                "name the folder around both: --root DIR"
            )
            raise refuse(origin.file, origin.pointer, "ref-outside", message)
        if not there:
            message = f"{said} leads nowhere: there is no file {name}"
            raise refuse(origin.file, origin.pointer, "ref-dangling", message)

    def _file_with(self, id_: str) -> str | None:
        """Return the file of the folder that gives a schema this id, whatever was read before."""
        if self._by_id is None:
            self._by_id = {}
            for path in sorted(self.root.rglob("*")):
                name = path.relative_to(self.root).as_posix()
                if path.suffix not in (".json", ".yaml", ".yml") or not path.is_file():
                    continue
                try:
                    value = _parsed(read_text(path, name), name)
                except SpecError:  # said when the file itself is meant
                    continue
                for found in sorted(self.references.ids(name, value)):
                    self._by_id.setdefault(found, name)
        return self._by_id.get(id_)


def _parsed(text: str, name: str) -> Json:
    return parse_json(text, name) if name.endswith(".json") else parse_yaml(text, name)
