"""Reading YAML with lines: every fault names its file and line.

libyaml reads the text, fast; what a plain word means (``yes`` is a text, ``012`` a number) is
decided here by YAML 1.2's core schema.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from conform.home import HOME

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NULL = frozenset(["", "~", "null", "Null", "NULL"])
BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
PLAIN = (None, "")
DEEPEST = 200
LONGEST = 200  # characters of what a schema says against a value


class CaseError(Exception):
    """Input of ours is malformed. The text names file and line, and is all a user sees."""


class Lines(dict[tuple[Any, ...], int]):
    """Line of every node of a document, by its path."""

    def at(self, path: tuple[Any, ...]) -> int:
        """Line of the node at ``path``, or of its nearest ancestor that has one."""
        while path and path not in self:
            path = path[:-1]
        return self.get(path, 1)


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style not in PLAIN:
        return text
    if text in NULL:
        return None
    if text in BOOL:
        return BOOL[text]
    if INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if FLOAT.fullmatch(text) else text


class _Reader:
    """Turns the nodes of one document into plain values, and keeps their lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = Lines()

    def _refuse(self, node: yaml.Node, why: str) -> CaseError:
        return CaseError(f"{self.path}:{node.start_mark.line + 1}: {why}")

    def plain(self, node: yaml.Node, path: tuple[Any, ...] = ()) -> Any:
        """Return the value of a node."""
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if len(path) > DEEPEST:
            raise self._refuse(node, f"nested deeper than {DEEPEST} levels")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self._at(each, (*path, i)) for i, each in enumerate(node.value)]
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._refuse(key, "a key is no plain word")
            name = key.value
            if name in found:
                raise self._refuse(key, f'found duplicate key "{name}"')
            self.lines[(*path, name)] = key.start_mark.line + 1
            found[name] = self.plain(value, (*path, name))
        return found

    def _at(self, node: yaml.Node, path: tuple[Any, ...]) -> Any:
        self.lines[path] = node.start_mark.line + 1
        return self.plain(node, path)


def load_yaml_lines(path: Path) -> tuple[Any, Lines]:
    """Read one YAML 1.2 document; duplicate keys are refused. Returns it with its lines."""
    try:
        text = path.read_text(encoding="utf-8")
        node = LOADER(text).get_single_node()
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CaseError(f"{path}: not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise CaseError(f"{path}:{line}: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise CaseError(f"{path}: {str(error).splitlines()[0]}") from None
    reader = _Reader(path)
    return (None if node is None else reader.plain(node)), reader.lines


def load_yaml(path: Path) -> Any:
    """Read one YAML 1.2 document."""
    return load_yaml_lines(path)[0]


def schema_of(name: str) -> Any:
    """The schema ``schema/NAME.schema.json`` of the harness."""
    return json.loads((HOME / "schema" / f"{name}.schema.json").read_text(encoding="utf-8"))


def load_json(path: Path, schema: str) -> Any:
    """Read a JSON file that fits the schema of that name (``schema/NAME.schema.json``)."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CaseError(f"{path}: not UTF-8") from None
    except RecursionError:
        raise CaseError(f"{path}: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise CaseError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    for fault in jsonschema_rs.Draft202012Validator(schema_of(schema)).iter_errors(tree):
        pointer = "".join(f"/{each}" for each in fault.instance_path) or "the document"
        raise CaseError(f"{path}: {pointer}: {fault.message[:LONGEST]}")
    return tree
