"""Reading YAML with lines: every fault names its file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError


class CaseError(Exception):
    """Input of ours is malformed. The text names file and line, and is all a user sees."""


class Lines(dict[tuple[Any, ...], int]):
    """Line of every node of a document, by its path."""

    def at(self, path: tuple[Any, ...]) -> int:
        """Line of the node at ``path``, or of its nearest ancestor that has one."""
        while path and path not in self:
            path = path[:-1]
        return self.get(path, 1)


def _plain(node: Any, path: tuple[Any, ...], lines: Lines) -> Any:
    if isinstance(node, CommentedMap):
        lines.setdefault(path, node.lc.line + 1)
        for key in node:
            lines[(*path, key)] = node.lc.key(key)[0] + 1
        return {str(key): _plain(value, (*path, key), lines) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        lines.setdefault(path, node.lc.line + 1)
        for index in range(len(node)):
            lines[(*path, index)] = node.lc.item(index)[0] + 1
        return [_plain(value, (*path, index), lines) for index, value in enumerate(node)]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def load_yaml_lines(path: Path) -> tuple[Any, Lines]:
    """Read one YAML 1.2 document; duplicate keys are refused. Returns it with its lines."""
    reader = YAML(typ="rt")
    reader.allow_duplicate_keys = False
    try:
        node = reader.load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CaseError(f"{path}: not UTF-8") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise CaseError(f"{path}:{line}: {error.problem or error.context}") from None
    except YAMLError as error:
        raise CaseError(f"{path}: {str(error).splitlines()[0]}") from None
    lines = Lines()
    return _plain(node, (), lines), lines


def load_yaml(path: Path) -> Any:
    """Read one YAML 1.2 document."""
    return load_yaml_lines(path)[0]
