"""Rules over single schemas: documentation, bounds, constants, patterns, defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from wiregen.errors import join_pointer
from wiregen.ir import AnyJson, Struct
from wiregen.lint.model import Context, Finding
from wiregen.load import Node, walk
from wiregen.words import word_set

Json = Any
SAFE = 2**53 - 1
FORMATS = word_set(
    "date-time date time duration email idn-email hostname ipv4 ipv6 uri uri-reference iri uuid "
    "json-pointer regex"
)
_NORMATIVE = re.compile(r"\b(MUST|SHALL|SHOULD|REQUIRED)\b")
_REQ = re.compile(r"\bREQ-[A-Z]+-\d+\b")
# Constructs that the regex engines of the five languages read differently or not at all.
_UNPORTABLE = (
    (re.compile(r"\(\?"), "groups that begin with (?"),
    (re.compile(r"\\[1-9]"), "back references"),
    (re.compile(r"\\[dDwWsSbB]"), "classes such as \\d, whose meaning varies beyond ASCII"),
    (re.compile(r"\\[pPxucAzZGK]"), "escapes that not every engine has"),
    (re.compile(r"[*+?}]\+"), "possessive quantifiers"),
    (re.compile(r"\[\[:|\[\^?\]|&&|--|~~"), "set notation"),
)


def _at(node: Node, message: str, *segments: str) -> Finding:
    return Finding(node.file, join_pointer(node.pointer, *segments), message)


def _is(node: Node, kind: str) -> bool:
    kinds = node.value.get("type")
    return kinds == kind or (isinstance(kinds, list) and kind in kinds)


def description_missing(context: Context) -> Iterator[Finding]:
    """Every type and every member says what it is."""
    for item in context.spec.types:
        if not item.doc:
            yield Finding(*context.place(item.uri), f"{item.name} has no description")
        if isinstance(item, Struct):
            for field in item.fields:
                if not field.doc:
                    here = context.member(item, field.wire)
                    yield Finding(here.file, here.pointer, f"{field.wire!r} has no description")


def description_form(context: Context) -> Iterator[Finding]:
    """A description is a sentence: it ends with a full stop and has no line of its own."""
    for node in context.schemas:
        text = node.value.get("description")
        if isinstance(text, str) and text.strip() and not text.strip().endswith((".", "!", "?")):
            yield _at(node, "a description ends with a full stop", "description")


def must_without_req(context: Context) -> Iterator[Finding]:
    """A rule (MUST, SHALL, SHOULD) in a description names its REQ id."""
    for node in context.schemas:
        text = node.value.get("description")
        if isinstance(text, str) and _NORMATIVE.search(text) and not _REQ.search(text):
            yield _at(node, "a normative sentence needs a REQ id", "description")


def title_missing(context: Context) -> Iterator[Finding]:
    """Every object with members and every enum has a title, so that no name depends on place."""
    for node in context.schemas:
        named = node.value.get("properties") or "enum" in node.value
        constraint = node.pointer.rsplit("/", 2)[-2:-1] in (["anyOf"], ["oneOf"], ["allOf"])
        if named and "title" not in node.value and not constraint:
            yield _at(node, "an object or enum needs a title")


def integer_unbounded(context: Context) -> Iterator[Finding]:
    """Every integer has bounds that a double keeps exact."""
    for node in context.schemas:
        if not _is(node, "integer") or "const" in node.value or "enum" in node.value:
            continue
        if "minimum" not in node.value and "exclusiveMinimum" not in node.value:
            yield _at(node, "an integer needs a minimum")
        if "maximum" not in node.value and "exclusiveMaximum" not in node.value:
            yield _at(node, "an integer needs a maximum")


def integer_too_wide(context: Context) -> Iterator[Finding]:
    """No bound of an integer lies beyond 2^53 - 1."""
    for node in context.schemas:
        if not _is(node, "integer"):
            continue
        for keyword in ("minimum", "maximum"):
            bound = node.value.get(keyword)
            if isinstance(bound, int | float) and abs(bound) > SAFE:
                yield _at(node, f"{keyword} lies beyond 2^53 - 1", keyword)


def bounds_order(context: Context) -> Iterator[Finding]:
    """No lower bound lies above its upper bound."""
    pairs = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))
    for node in context.schemas:
        for low, high in pairs:
            below, above = node.value.get(low), node.value.get(high)
            if isinstance(below, int | float) and isinstance(above, int | float) and below > above:
                yield _at(node, f"{low} lies above {high}", low)


def tristate_unexplained(context: Context) -> Iterator[Finding]:
    """A member that may be absent and may be null says what null means."""
    for struct in context.spec.structs:
        for field in struct.fields:
            if field.presence != "tristate" or isinstance(field.type, AnyJson):
                continue
            if "null" not in field.doc.lower():
                here = context.member(struct, field.wire)
                message = f"{field.wire!r} may be absent and null: say what null means"
                yield Finding(here.file, here.pointer, message)


def single_enum(context: Context) -> Iterator[Finding]:
    """An enum of one value without a title is a const."""
    for node in context.schemas:
        values = node.value.get("enum")
        if isinstance(values, list) and len(values) == 1 and "title" not in node.value:
            yield _at(node, "an enum of one value is a const", "enum")


def enum_repeats(context: Context) -> Iterator[Finding]:
    """No enum lists a value twice."""
    for node in context.schemas:
        values = node.value.get("enum")
        if isinstance(values, list) and len({repr(item) for item in values}) < len(values):
            yield _at(node, "an enum lists a value twice", "enum")


def pattern_portable(context: Context) -> Iterator[Finding]:
    """A pattern means the same in the regex engines of all five languages."""
    for node in context.schemas:
        pattern = node.value.get("pattern")
        if not isinstance(pattern, str):
            continue
        try:
            re.compile(pattern)
        except re.error as err:
            yield _at(node, f"not a regular expression: {err}", "pattern")
            continue
        for shape, words in _UNPORTABLE:
            if shape.search(pattern):
                yield _at(node, f"not portable: {words}", "pattern")


def pattern_anchored(context: Context) -> Iterator[Finding]:
    """A pattern is anchored at both ends, so that it speaks of the whole value."""
    for node in context.schemas:
        pattern = node.value.get("pattern")
        if isinstance(pattern, str) and not (pattern.startswith("^") and pattern.endswith("$")):
            yield _at(node, "anchor the pattern with ^ and $", "pattern")


def format_known(context: Context) -> Iterator[Finding]:
    """A format is one that JSON Schema defines."""
    for node in context.schemas:
        found = node.value.get("format")
        if isinstance(found, str) and found not in FORMATS:
            yield _at(node, f"{found!r} is no format of JSON Schema", "format")


def default_valid(context: Context) -> Iterator[Finding]:
    """Defaults and examples are values that their own schema accepts."""
    for node in context.schemas:
        listed = [("default", node.value["default"])] if "default" in node.value else []
        examples = node.value.get("examples")
        listed += [("examples", item) for item in examples] if isinstance(examples, list) else []
        bare = {key: item for key, item in node.value.items() if key not in ("default", "examples")}
        if not listed or any(isinstance(v, dict) and "$ref" in v for _, v, _ in walk(bare)):
            continue
        for keyword, value in listed:
            if not _fits(bare, value):
                yield _at(node, f"{keyword} holds {value!r}, which the schema refuses", keyword)


def _fits(schema: Json, value: Json) -> bool:
    try:
        return bool(Draft202012Validator(schema).is_valid(value))
    except (re.error, RecursionError):  # a pattern that is not understood asks for nothing
        return True


def default_on_required(context: Context) -> Iterator[Finding]:
    """A required member has no default."""
    for struct in context.spec.structs:
        for field in struct.fields:
            if field.required and field.has_default:
                here = context.member(struct, field.wire)
                message = f"{field.wire!r} is required and has a default"
                yield Finding(here.file, here.pointer, message)


def required_undeclared(context: Context) -> Iterator[Finding]:
    """Every required member is declared."""
    for node in context.schemas:
        required, members = node.value.get("required"), node.value.get("properties")
        if isinstance(required, list) and isinstance(members, dict):
            for wire in required:
                if wire not in members and not _constrains(node):
                    yield _at(node, f"{wire!r} is required and not declared", "required")


def _constrains(node: Node) -> bool:
    return any(f"/{word}/" in node.pointer for word in ("anyOf", "oneOf", "allOf"))


def keyword_untyped(context: Context) -> Iterator[Finding]:
    """What the generated types cannot say is known: one finding per opaque place."""
    for item in context.spec.diagnostics:
        yield Finding(item.file, item.pointer, f"{item.message} [{item.rule}]")
