"""Rules over files and lists: what drifts apart when one of two places changes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wiregen.errors import join_pointer
from wiregen.ir import Const, Field, Message, Path, Ref, Struct
from wiregen.lint.model import Context, Finding
from wiregen.load import read_text
from wiregen.naming import pascal

_SENTENCE = re.compile(r"\b(MUST|SHALL|SHOULD)\b")
_REQ = re.compile(r"\bREQ-[A-Z]+-\d+\b")
_DECLARED = re.compile(r"^\s*[-*]\s+\*\*(REQ-[A-Z]+-\d+)\*\*")
_SCHEMA_NAME = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*\.schema\.(json|ya?ml)$")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_orphan(context: Context) -> Iterator[Finding]:
    """Every schema file is reached from the document.

    A folder with a document of its own is another specification, such as a released version.
    """
    known = set(context.schema_files)
    others = [path.parent for path in context.folder.glob("*/**/asyncapi.*")]
    for path in sorted(context.folder.rglob("*.schema.json")):
        name = path.relative_to(context.folder).as_posix()
        if name not in known and not any(other in path.parents for other in others):
            yield Finding(name, "", "no message and no other schema refers to this file")


def file_name(context: Context) -> Iterator[Finding]:
    """Schema files are named in kebab-case and end with .schema.json or .schema.yaml."""
    for name in context.schema_files:
        if not _SCHEMA_NAME.match(name.rsplit("/", maxsplit=1)[-1]):
            yield Finding(name, "", "name the file in-kebab-case.schema.json (or .yaml)")


def file_id(context: Context) -> Iterator[Finding]:
    """A file's `$id` ends with its own path, and no two files share one."""
    seen: dict[str, str] = {}
    for name in context.schema_files:
        found = _at_root(context, name, "$id")
        if not isinstance(found, str):
            yield Finding(name, "", "the file has no $id")
        elif not found.endswith(f"/{name}"):
            yield Finding(name, "/$id", f"the $id does not end with /{name}")
        elif seen.setdefault(found, name) != name:
            yield Finding(name, "/$id", f"{seen[found]} has the same $id")


def _at_root(context: Context, name: str, word: str) -> object:
    """Return a word at the root of a schema file; a schema may be true or false alone."""
    value = context.store.document(name).value
    return value.get(word) if isinstance(value, dict) else None


def file_dialect(context: Context) -> Iterator[Finding]:
    """A file's `$schema` is JSON Schema 2020-12."""
    for name in context.schema_files:
        if _at_root(context, name, "$schema") != DIALECT:
            yield Finding(name, "/$schema", f"$schema must be {DIALECT}")


def message_unused(context: Context) -> Iterator[Finding]:
    """Components, channels and operations list the same messages."""
    root = context.root.value
    used = {item.node.uri: item.wire for item in context.document.messages}
    for key in root.get("components", {}).get("messages", {}):
        if _landed(context, "components", "messages", key) not in used:
            pointer = join_pointer("/components/messages", key)
            yield Finding(context.name, pointer, "no operation sends or receives this message")
    if not str(root.get("asyncapi")).startswith("3."):
        return
    listed: set[str] = set()
    for channel, value in root.get("channels", {}).items():
        keys = value.get("messages", {}) if isinstance(value, dict) else {}
        listed |= {_landed(context, "channels", channel, "messages", key) for key in keys}
    for uri, wire in sorted(used.items(), key=lambda item: item[1]):
        channel = next(iter(root.get("channels", {})), "")
        if uri not in listed:
            pointer = join_pointer("/channels", channel, "messages")
            yield Finding(context.name, pointer, f"the channel does not list {wire!r}")


def _landed(context: Context, *place: str) -> str:
    """Return where a message of the document stands, behind its references."""
    node = context.root.child(*place)
    for _ in range(16):
        if not isinstance(node.value, dict) or not isinstance(node.value.get("$ref"), str):
            break
        node = context.store.resolve(node, node.value["$ref"])
    return node.uri


def message_title(context: Context) -> Iterator[Finding]:
    """The title of a message's schema is its wire name in Pascal case."""
    for message in (*context.spec.events, *context.spec.actions):
        if message.name != pascal(message.wire):
            message_text = f"the title of {message.wire!r} should be {pascal(message.wire)!r}"
            yield Finding(message.file, "/title", message_text)


def message_similar(context: Context) -> Iterator[Finding]:
    """No two messages have names that differ in case or separators alone."""
    seen: dict[str, Message] = {}
    for message in (*context.spec.events, *context.spec.actions):
        other = seen.setdefault(f"{message.role}:{pascal(message.wire)}", message)
        if other is not message:
            yield Finding(message.file, "", f"{message.wire!r} and {other.wire!r} are too alike")


def action_open(context: Context) -> Iterator[Finding]:
    """Actions and the objects inside them are closed, so that a typo is found by the writer."""
    for struct in context.spec.structs:
        if struct.direction == "write" and not struct.closed:
            file, pointer = context.place(struct.uri)
            yield Finding(file, pointer, f"{struct.name} is written and not closed")


def reply_missing(context: Context) -> Iterator[Finding]:
    """Every action has at least one event that answers it."""
    for item in context.document.operations:
        if not item.replies:
            yield Finding(item.node.file, item.node.pointer, f"nothing answers {item.action!r}")


def result_missing(context: Context) -> Iterator[Finding]:
    """A call, which is an action of no turn, has a typed result."""
    turns = {message.wire: message.turn for message in context.spec.actions}
    for item in context.document.operations:
        if turns.get(item.action) is None and item.result is None:
            message = f"the call {item.action!r} has no x-result"
            yield Finding(item.node.file, item.node.pointer, message)


def terminal_missing(context: Context) -> Iterator[Finding]:
    """An action that opens a turn is answered by an event that ends it."""
    ends = {e.wire for e in context.spec.events if e.turn in ("terminal", "terminal_by_code")}
    turns = {message.wire: message.turn for message in context.spec.actions}
    for item in context.document.operations:
        if turns.get(item.action) == "opens" and not ends & set(item.replies):
            message = f"no reply of {item.action!r} ends the turn"
            yield Finding(item.node.file, item.node.pointer, message)


def event_unanswering(context: Context) -> Iterator[Finding]:
    """Every event that speaks of a turn answers some action."""
    replies = {wire for item in context.document.operations for wire in item.replies}
    for message in context.spec.events:
        if message.turn is not None and message.wire not in replies:
            yield Finding(message.file, "", f"no operation lists {message.wire!r} as a reply")


def mirror_undeclared(context: Context) -> Iterator[Finding]:
    """A member that stands at the top and inside a payload object is declared as a mirror."""
    for message in context.spec.events:
        struct = context.spec.struct(message.name)
        tops = {field.wire: field for field in struct.fields}
        known = {mirror.nested for mirror in message.mirrors}
        for field in struct.fields:
            inner = context.spec.type(field.type.name) if isinstance(field.type, Ref) else None
            for member in inner.fields if isinstance(inner, Struct) else ():
                twin = tops.get(member.wire)
                same = twin is not None and twin.type == member.type and twin is not field
                if same and (field.wire, member.wire) not in known:
                    words = f"{member.wire!r} stands at the top and in {field.wire!r}: x-mirrors"
                    yield Finding(message.file, f"/properties/{field.wire}", words)


def fact_unreachable(context: Context) -> Iterator[Finding]:
    """Every member of an event's payload is reached by an accessor."""
    for message in context.spec.events:
        reached = {place for item in message.accessors for place in item.places}
        containers = {path[:n] for path in reached for n in range(1, len(path))}
        struct = context.spec.struct(message.name)
        todo: list[tuple[Path, Field]] = [((field.wire,), field) for field in struct.fields]
        for path, field in todo:
            if path in reached:
                continue
            inner = context.spec.type(field.type.name) if isinstance(field.type, Ref) else None
            if path in containers and isinstance(inner, Struct):
                todo += [((*path, one.wire), one) for one in inner.fields]
            elif not isinstance(field.type, Const):
                place = "/" + "/".join(path)
                yield Finding(message.file, "", f"no accessor leads to {place}: x-payload")


def _pages(context: Context) -> Iterator[tuple[str, int, str]]:
    """Yield name, number and text of every line of the Markdown pages of a specification."""
    for path in sorted(context.folder.glob("*.md")):
        lines = read_text(path, path.name).splitlines() if path.is_file() else ()
        for number, line in enumerate(lines, 1):
            yield path.name, number, line


def sentence_without_req(context: Context) -> Iterator[Finding]:
    """A rule in a list of a Markdown page of the specification names its REQ id."""
    for name, number, line in _pages(context):
        rule = line.lstrip().startswith(("- ", "* ")) and _SENTENCE.search(line)
        if rule and not _REQ.search(line):
            yield Finding(name, "", f"line {number}: a normative sentence needs a REQ id")


def req_repeated(context: Context) -> Iterator[Finding]:
    """A REQ id is given to one sentence."""
    seen: dict[str, str] = {}
    for name, number, line in _pages(context):
        match = _DECLARED.match(line)
        if match:
            here = f"{name} line {number}"
            if seen.setdefault(match.group(1), here) != here:
                words = f"line {number}: {match.group(1)} is taken by {seen[match.group(1)]}"
                yield Finding(name, "", words)
