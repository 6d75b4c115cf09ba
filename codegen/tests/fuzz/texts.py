"""Names and texts that generated code has trouble with: each may stand anywhere in a document."""

from __future__ import annotations

import random
import unicodedata
from itertools import chain

from wiregen.naming import LANGS
from wiregen.reserved import RESERVED, TAKEN, VALUES, reserved_types

KEYWORDS = sorted(set(chain.from_iterable(RESERVED.values())))
# What the generated runtimes and the languages call their own things.
OWN = sorted(
    set(chain.from_iterable(reserved_types(lang) for lang in LANGS))
    | set(chain.from_iterable(TAKEN.values()))
    | set(chain.from_iterable(VALUES.values()))
)
MEMBERS = [
    "__proto__",
    "constructor",
    "prototype",
    "hasOwnProperty",
    "toString",
    "valueOf",
    "toJSON",
    "then",
    "arguments",
    "eval",
    "__init__",
    "__class__",
    "__dict__",
    "__slots__",
    "__doc__",
    "__eq__",
    "mro",
    "self",
    "cls",
    "model_config",
    "model_fields",
    "model_dump",
    "copy",
    "json",
    "dict",
    "schema",
    "fields",
    "validate",
    "raw",
    "type",
    "action",
    "event",
    "data",
    "value",
    "values",
    "error",
    "errors",
    "message",
    "id",
    "name",
    "key",
    "kind",
    "tag",
    "get",
    "set",
    "add",
    "item",
    "items",
    "len",
    "str",
    "int",
    "bool",
    "list",
    "map",
    "unknown",
    "known",
    "Unknown",
    "UNKNOWN",
    "equals",
    "Equals",
    "GetType",
    "GetHashCode",
    "MemberwiseClone",
    "Finalize",
    "record",
    "init",
    "value__",
    "String",
    "Int32",
    "nil",
    "iota",
    "any",
    "error",
    "init",
    "main",
    "new",
    "default",
    "clone",
    "into",
    "from",
    "try_from",
    "to_string",
    "fmt",
    "serialize",
    "deserialize",
    "drop",
    "r#type",
    "hashCode",
    "Self",
    "Raw",
    "ToString",
    "Clone",
    "Deconstruct",
    "EqualityContract",
    "PrintMembers",
    "op_Equality",
    "get_Id",
    "set_Id",
    "Item",
    "__new__",
    "__getattr__",
    "__annotations__",
    "__module__",
    "model_post_init",
    "model_extra",
    "RawJSON",
    "EventType",
    "GoString",
    "default_",
    "type_",
    "as_str",
    "as_ref",
    "borrow",
    "r_type",
    "none",
    "some",
    "ok",
    "err",
]
LETTERS = [*"abcdefghijklmnopqrstuvwxyzABXYZ", *"0129", "aB", "Ab", "a_b", "A_B", "aBC", "aB1"]
DIGITS = ["2fa", "200", "0", "1a", "3D", "007", "a1b2", "1_000", "9lives", "2-step", "٣", "x²", "½"]
SIGNS = [
    *"_-+*/.,:;#@$%&!?^~=<>|()[]{}", " ", "", "__", "--", "a-b", "a b", "a.b", "a/b",
    "a~b", "@type",
    "#ref", "$ref", "$id", "x-y", "+1", "-1", ">=", "<=", "≥", "≠", "a+b", "a_", "_a", "_1",
]  # fmt: skip
SCRIPTS = [
    "名前", "種類", "имя", "όνομα", "שלום", "نام", "नाम", "ชื่อ", "이름", "μg", "µg", "ß",
    "straße", "İ", "ı",
    "ſ", "ǅ", "ﬁn", "Ⅷ", "ª", "e\u0301", "é", "a\u0327b", "ñandú", "🙂", "👩\u200d💻",
    "a🙂b", "𝒳", "𐐀", "Ω",
    "\u2126", "\u212a", "\u212b", "ａｂ", "１２", "१२", "𝟘", "①", "ⅻ", "º", "ʰ", "ς", "Σ", "ǈ",
    "ᄀ", "a\u20dd", "\u0301", "a\u0301\u0327", "fin", "ⓐ", "ﷺ", "\u3164", "\u3164a", "𞤀", "ა", "Ა",
    "℘", "ℵ", "゛", "·", "a·b", "\u200d", "\u00ad",
]  # fmt: skip
ENDS = [
    "*/", "/*", "//", "*/ code /*", '"', "'", "`", '"""', "'''", "```", "```rust\nfn main(){}\n```",
    "]]>", "<![CDATA[", "-->", "<!--", "</summary>", "</script>", "<script>alert(1)</script>",
    "<b>", "&amp;", "&", "a<T>&b", "{{", "}}", "{% raw %}", "{{ 7 * 7 }}", "${x}",
    "#{x}", "%s", "%",
    "\\", "\\n", "\\u0041", "\\x", "\\\"", "{0}", "{", "}", "#", "# noqa", "// nolint", "#![x]",
    "//go:build ignore", "/// <see cref=\"X\"/>", "@deprecated", "{@link x}",
    "r#\"x\"#", "$\"{x}\"",
    '#"', '"#', '"##', '$"', '@"', '$"""', '"""\\', "\\" + '"' * 3, "${", "#{", "??/", "<%", "%>",
    "{%", "%}", "{#", "#}", "{% endraw %}", "{% endraw %}{{ 1 }}", "--!>", "<!DOCTYPE html>",
    "&#65;", "*\\/", "//\\", "#if", "#region", "#pragma", "//!", "///", "/**", "/*!",
    "\\N{DIGIT ONE}",
    "'static",
    "[link](javascript:alert(1))", "a|b", "|a|", "* a", "a'b\"c`d",
]  # fmt: skip
BREAKS = [
    "\n", "\r", "\r\n", "\t", "\v", "\f", "\x00", "\x01", "\x1b[31m", "\x7f", "\x85", "\u2028",
    "\u2029", "\u202e", "\u2066", "\u200f", "\ufeff", "\ufffe", "\uffff", "a\nb", "a\npanic(1)\n//",
    "a\r\nfunc X() {}", "a\u2028let x = 1;", "\n\n", "a\\\nb",
    "\u061c", "\u200e", "\u00a0", "\u2003", "\u3000", "\u2060", "\ud800", "\U000e0041",
    "\ufeffa", "a\x00b", "\u202ea",
]  # fmt: skip
PLAIN = [
    "id",
    "name",
    "kind",
    "status",
    "user",
    "order",
    "item",
    "chat",
    "room",
    "text",
    "note",
    "count",
    "total",
    "price",
    "page",
    "state",
    "reason",
    "level",
    "code",
    "start",
    "stop",
    "open",
    "close",
    "read",
    "write",
    "send",
    "ask",
    "tell",
    "part",
    "step",
    "lap",
    "score",
    "team",
]
KINDS = (KEYWORDS, OWN, MEMBERS, LETTERS, DIGITS, SIGNS, SCRIPTS, ENDS, BREAKS)
EVERY = tuple(chain.from_iterable(KINDS))


class Draw(random.Random):
    """Draws names and texts; most names are plain, so that a document has few of the hostile."""

    hostile = 0.35

    def name(self) -> str:
        """Return what something may be called."""
        if self.random() > self.hostile:
            return self.choice(PLAIN) if self.random() < 0.6 else self._joined()
        found = self.choice(self.choice(KINDS))
        if self.random() < 0.2:
            found = self.choice((f"{found}{self.choice(PLAIN)}", f"{self.choice(PLAIN)}{found}"))
        return found * 90 if self.random() < 0.005 else found

    def _joined(self) -> str:
        sign = self.choice(("_", "-", "", ".", " "))
        two = (self.choice(PLAIN), self.choice(PLAIN))
        return two[0] + two[1].capitalize() if sign == "" else sign.join(two)

    def text(self) -> str:
        """Return a description, or any other text that people write."""
        parts = [self.name() for _ in range(self.randint(1, 5))]
        return self.choice((" ", "\n", "")).join(parts)

    def names(self, least: int, most: int) -> list[str]:
        """Return different names."""
        found = [self.name() for _ in range(self.randint(least, most))]
        if most > 1 and found and self.random() < 0.04:
            found += self.choices(_likes(found[0]), k=2)
        return list(dict.fromkeys(found))[: max(most, 1)]


def _likes(name: str) -> list[str]:
    """Return names that differ from one by case, signs or the form of a letter alone."""
    return [
        name.upper(),
        name.lower(),
        name.capitalize(),
        name.swapcase(),
        f"{name}_",
        f"_{name}",
        f"{name}-",
        name.replace("_", "-"),
        name.replace("_", ""),
        unicodedata.normalize("NFKC", name),
        unicodedata.normalize("NFD", name),
    ]
