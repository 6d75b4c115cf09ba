"""The same action in five languages, as the generated wire rooms spell it."""

from __future__ import annotations

import json
from typing import Any

from wiregen.ir import Field, Message, Ref, Spec
from wiregen.naming import Lang, member_name, type_name

TITLES: dict[Lang, tuple[str, str]] = {
    "python": ("Python", "python"),
    "typescript": ("TypeScript", "ts"),
    "go": ("Go", "go"),
    "csharp": ("C#", "csharp"),
    "rust": ("Rust", "rust"),
}


def tabs(spec: Spec, action: Message, frame: dict[str, Any]) -> list[str]:
    """Return one tab a language that builds ``frame``, whose members are plain values."""
    lines: list[str] = []
    struct = spec.struct(action.name)
    given = [
        (field, frame[field.wire])
        for field in struct.fields
        if field.wire != action.tag and _plain(field, frame.get(field.wire))
    ]
    for lang, (title, fence) in TITLES.items():
        code = _PRINTERS[lang](type_name(lang, action.name, "action"), action, given)
        lines += [f'=== "{title}"', "", f"    ```{fence}"]
        lines += [f"    {line}" for line in code]
        lines += ["    ```", ""]
    return lines


def _plain(field: Field, value: Any) -> bool:
    return isinstance(value, str | bool | int) and not isinstance(field.type, Ref)


def _python(name: str, _: Message, given: list[tuple[Field, Any]]) -> list[str]:
    inner = [f"    {member_name('python', f.wire)}={_py(value)}," for f, value in given]
    return [f"{name}(", *inner, ")"]


def _py(value: Any) -> str:
    return repr(value) if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)


def _typescript(name: str, action: Message, given: list[tuple[Field, Any]]) -> list[str]:
    inner = [f"  {f.wire}: {json.dumps(value, ensure_ascii=False)}," for f, value in given]
    head = f'const frame: {name} = {{\n  {action.tag}: "{action.wire}",'
    return [*head.splitlines(), *inner, "};"]


def _go(name: str, _: Message, given: list[tuple[Field, Any]]) -> list[str]:
    inner = []
    for field, value in given:
        text = json.dumps(value, ensure_ascii=False)
        # An optional scalar whose zero value means something is a pointer; strings are not.
        boxed = not field.required and not isinstance(value, str)
        inner.append(f"\t{member_name('go', field.wire)}: {f'new({text})' if boxed else text},")
    return [f"{name}{{", *inner, "}"]


def _csharp(name: str, _: Message, given: list[tuple[Field, Any]]) -> list[str]:
    inner = [
        f"    {member_name('csharp', f.wire)} = {json.dumps(value, ensure_ascii=False)},"
        for f, value in given
    ]
    return [f"new {name}", "{", *inner, "}"]


def _rust(name: str, _: Message, given: list[tuple[Field, Any]]) -> list[str]:
    required = [json.dumps(v, ensure_ascii=False) for f, v in given if f.required]
    optional = [
        f"    .{member_name('rust', f.wire)}({json.dumps(value, ensure_ascii=False)})"
        for f, value in given
        if not f.required
    ]
    return [f"action::{name}::new({', '.join(required)})", *optional]


_PRINTERS = {
    "python": _python,
    "typescript": _typescript,
    "go": _go,
    "csharp": _csharp,
    "rust": _rust,
}
