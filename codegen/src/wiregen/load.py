"""Read specification files: strict JSON and YAML 1.2, duplicate keys refused, refs resolved."""

from __future__ import annotations

import hashlib
import json
import math
import posixpath
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from wiregen.drafts import is_older, modern
from wiregen.errors import join_pointer, pointer_path, refuse

Json = Any
MAX_DEPTH = 200
MAX_VALUES = 2_000_000
"""Values in one file, aliases of YAML counted as often as they are named."""
_STORE = "store:"
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


def parse_yaml(text: str, name: str) -> Json:
    """Parse YAML 1.2 into plain JSON values; the error names ``name`` and the line."""
    yaml = YAML(typ="safe", pure=True)
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
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError as err:
        raise refuse(name, "", "load-missing-file", "the file does not exist") from err
    except (OSError, UnicodeDecodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "not UTF-8"
        raise refuse(name, "", "load-unreadable", f"cannot be read: {reason}") from err


def _is_remote(path: str) -> bool:
    try:
        return bool(urllib.parse.urlsplit(path).scheme)
    except ValueError:  # such as a broken IPv6 host
        return True


def absolute_ref(file: str, ref: str) -> str:
    """Rewrite a ref written in ``file`` so that it means the same from any file of the store."""
    path, _, fragment = ref.partition("#")
    if _is_remote(path):
        return ref
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else file
    return f"{_STORE}{joined}#{fragment}"


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
        self._ids: dict[str, Node] = {}

    def document(self, name: str) -> Node:
        """Return the root of a file, named by its path relative to the folder."""
        if name not in self._documents:
            text = read_text(self.root / name, name)
            parse = parse_json if name.endswith(".json") else parse_yaml
            self._texts[name] = text
            value = parse(text, name)
            self._documents[name] = modern(value) if is_older(value) else value
            self._index(Node(name, "", self._documents[name]))
        return Node(name, "", self._documents[name])

    def _index(self, root: Node) -> None:
        for pointer, value, _ in walk(root.value):
            if isinstance(value, dict) and isinstance(value.get("$id"), str):
                base = value["$id"].split("#", maxsplit=1)[0]
                self._ids.setdefault(base, Node(root.file, pointer, value))

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

    def resolve(self, origin: Node, ref: str) -> Node:
        """Follow ``ref`` as written at ``origin``; a remote or dangling one is refused."""
        path, _, fragment = ref.partition("#")
        target = self._target(origin, path, ref)
        fragment = urllib.parse.unquote(fragment)
        if fragment and not fragment.startswith("/"):
            return self._anchor(target, fragment, origin, ref)
        value = target.value
        pointer = target.pointer
        for segment in pointer_path(fragment):
            if isinstance(value, dict) and segment in value:
                value = value[segment]
            elif isinstance(value, list) and segment.isdigit() and int(segment) < len(value):
                value = value[int(segment)]
            else:
                message = f"$ref {ref!r} leads nowhere: {target.file} has no {fragment!r}"
                raise refuse(origin.file, origin.pointer, "ref-dangling", message)
            pointer = join_pointer(pointer, segment)
        return Node(target.file, pointer, value)

    def _target(self, origin: Node, path: str, ref: str) -> Node:
        if not path:
            return self.document(origin.file)
        if path in self._ids:
            return self._ids[path]
        if path.startswith(_STORE):
            return self._file(origin, self.root / urllib.parse.unquote(path[len(_STORE) :]), ref)
        if _is_remote(path):
            message = f"$ref {ref!r} is remote; only files of the specification are read"
            raise refuse(origin.file, origin.pointer, "ref-remote", message)
        joined = (self.root / origin.file).parent / urllib.parse.unquote(path)
        return self._file(origin, joined, ref)

    def _file(self, origin: Node, path: Path, ref: str) -> Node:
        try:
            resolved = path.resolve()
            there = resolved.is_file()
        except (OSError, ValueError) as err:  # a zero byte, a name that is too long
            message = f"$ref {ref[:80]!r} is no name of a file"
            raise refuse(origin.file, origin.pointer, "ref-dangling", message) from err
        if not resolved.is_relative_to(self.root):
            message = f"$ref {ref!r} leaves the folder of the specification"
            raise refuse(origin.file, origin.pointer, "ref-outside", message)
        name = resolved.relative_to(self.root).as_posix()
        if not there:
            message = f"$ref {ref!r} leads nowhere: there is no file {name}"
            raise refuse(origin.file, origin.pointer, "ref-dangling", message)
        return self.document(name)

    def _anchor(self, target: Node, anchor: str, origin: Node, ref: str) -> Node:
        for pointer, value, _ in walk(target.value, target.pointer):
            if isinstance(value, dict) and anchor in (
                value.get("$anchor"),
                value.get("$dynamicAnchor"),
            ):
                return Node(target.file, pointer, value)
        message = f"$ref {ref!r} leads nowhere: {target.file} has no anchor {anchor!r}"
        raise refuse(origin.file, origin.pointer, "ref-dangling", message)
