"""The same action in five languages, as the generated wire rooms spell it."""

from __future__ import annotations

import json
import re
from typing import Any

from wiregen.ir import Const, Field, Message, Ref, Spec
from wiregen.naming import camel, member_name, type_name
from wiregen.reserved import Lang

TITLES: dict[Lang, tuple[str, str]] = {
    "python": ("Python", "python"),
    "typescript": ("TypeScript", "ts"),
    "go": ("Go", "go"),
    "csharp": ("C#", "csharp"),
    "rust": ("Rust", "rust"),
}


def tabs(spec: Spec, action: Message, frame: dict[str, Any]) -> list[str]:
    """Return one tab a language that builds ``frame``; what is not plain is a variable there."""
    lines: list[str] = []
    struct = spec.struct(action.name)
    given = [
        (field, frame[field.wire])
        for field in struct.fields
        if field.wire != action.tag and field.wire in frame
    ]
    for lang, (title, fence) in TITLES.items():
        code = _PRINTERS[lang](type_name(lang, action.name, "action"), action, given)
        lines += [f'=== "{title}"', "", f"    ```{fence}"]
        lines += [f"    {line}" for line in code]
        lines += ["    ```", ""]
    return lines


def _plain(field: Field, value: Any) -> bool:
    return isinstance(value, str | bool | int) and not isinstance(field.type, Ref)


def _value(lang: Lang, field: Field, value: Any) -> str:
    """Print a plain value, else the variable that holds it."""
    if not _plain(field, value):
        return camel(field.wire) if lang == "go" else member_name(_LOCALS[lang], field.wire)
    if lang == "python" and isinstance(value, bool):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def _python(name: str, _: Message, given: list[tuple[Field, Any]]) -> list[str]:
    inner = [
        f"    {member_name('python', f.wire)}={_value('python', f, value)}," for f, value in given
    ]
    return [f"{name}(", *inner, ")"] if inner else [f"{name}()"]


def _typescript(name: str, action: Message, given: list[tuple[Field, Any]]) -> list[str]:
    inner = [f"  {_key(f.wire)}: {_value('typescript', f, value)}," for f, value in given]
    head = f"const frame: {name} = {{"
    return [head, f"  {_key(action.tag)}: {json.dumps(action.wire)},", *inner, "};"]


def _key(wire: str) -> str:
    return wire if _IDENTIFIER.fullmatch(wire) else json.dumps(wire, ensure_ascii=False)


def _go(name: str, _: Message, given: list[tuple[Field, Any]]) -> list[str]:
    inner = []
    for field, value in given:
        if isinstance(field.type, Const):  # written by the type itself
            continue
        text = _value("go", field, value)
        # An optional scalar whose zero value means something is a pointer; strings are not.
        boxed = not field.required and not isinstance(value, str)
        inner.append(f"\t{member_name('go', field.wire)}: {f'new({text})' if boxed else text},")
    return [f"{name}{{", *inner, "}"] if inner else [f"{name}{{}}"]


def _csharp(name: str, _: Message, given: list[tuple[Field, Any]]) -> list[str]:
    inner = [
        f"    {member_name('csharp', f.wire)} = {_value('csharp', f, value)}," for f, value in given
    ]
    return [f"new {name}", "{", *inner, "}"] if inner else [f"new {name}()"]


def _rust(name: str, _: Message, given: list[tuple[Field, Any]]) -> list[str]:
    required = [_value("rust", f, v) for f, v in given if f.required]
    optional = [
        f"    .{member_name('rust', f.wire)}({_value('rust', f, value)})"
        for f, value in given
        if not f.required
    ]
    return [f"action::{name}::new({', '.join(required)})", *optional]


_LOCALS: dict[Lang, Lang] = {
    "python": "python",
    "typescript": "typescript",
    "csharp": "typescript",
    "rust": "rust",
}
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_PRINTERS = {
    "python": _python,
    "typescript": _typescript,
    "go": _go,
    "csharp": _csharp,
    "rust": _rust,
}
