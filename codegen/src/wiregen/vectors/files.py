"""Judge the cases by the schema and print them, one file a message."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wiregen import api
from wiregen.errors import refuse
from wiregen.graph import neighbours, reach
from wiregen.ir import Message, Operation, Ref, Spec, Struct, TypeDef
from wiregen.normalise import View
from wiregen.printed import printed
from wiregen.shapes import Fault, Repairer
from wiregen.vectors.cases import Case, CaseMaker, spelled
from wiregen.vectors.samples import Sampler, put
from wiregen.vectors.validity import Validity

Json = Any
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.",
    re.DOTALL,
)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,80}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_FLAT = re.compile(r"^(minimal|full|reversed|extra|mirror)|=(absent|null)$")


@dataclass(frozen=True, slots=True)
class Judged:
    """A case with its verdicts."""

    case: Case
    strict: bool
    reader: bool
    fault: Fault | None
    encoded: Json
    flat: Json


class Judge:
    """Gives the verdicts of a specification; the schemas and our own check must agree."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.repairer = Repairer(spec.shapes, spec.union_shapes)
        self._views: dict[View, Validity] = {}

    def _fits(self, view: View, struct: Struct, text: str, tree: Json) -> bool:
        if view not in self._views:
            self._views[view] = Validity(self.spec, view)
        return self._views[view].fits(struct.name, text, tree)

    def judge(self, case: Case, struct: Struct, message: Message | None) -> Judged:
        """Return the verdicts of a case of one struct."""
        mended = mend_text(case.text)
        tree = case.tree if mended is case.text else json.loads(mended)
        written = struct.direction == "write"
        strict = self._fits("strict", struct, case.text, case.tree)
        reader = self._fits("open" if written else "reader", struct, mended, tree)
        if written:
            return Judged(case, strict, reader, None, case.tree, None)
        mirrors = message.mirrors if message else ()
        encoded = self.repairer.repair(tree, struct.name, mirrors)
        fault = self.repairer.check(encoded, struct.name, mirrors)
        if (fault is None) != reader:
            file, _, pointer = struct.uri.partition("#")
            said = f"the reader view and the check disagree on {case.text[:200]}"
            raise refuse(file, pointer, "vectors-disagree", said)
        flat = None
        if message is not None and fault is None and _FLAT.search(case.id):
            flat = api.flat(self.spec, message.wire, encoded)
        return Judged(case, strict, reader, fault, encoded, flat)


def mend_text(text: str) -> str:
    """Replace lone surrogate escapes as every client does before its second look."""
    if "\\u" not in text:
        return text
    return _ESCAPE.sub(lambda m: "\\ufffd" if len(m.group()) == 6 else m.group(), text)


def vector_files(spec: Spec) -> dict[str, str]:
    """Return every vector file by its path below the vectors folder."""
    spec = printed(spec)
    maker = _Maker(spec, Sampler(spec), Judge(spec))
    files: dict[str, str] = {}
    reached: set[str] = set()
    for message in (*spec.events, *spec.actions):
        head = {"role": message.role, "message": message.wire, "type": message.name}
        rows = list(maker.message(message))
        if message.role == "event":
            rows += maker.unknown(message)
        files[f"{message.role}s/{_file(message.wire)}.json"] = _print(head, rows)
        reached.add(message.name)
    for operation in spec.operations:
        if operation.result is not None and operation.result.at:
            name = operation.result.type.name
            head = {
                "role": "result",
                "action": operation.action,
                "event": operation.result.event,
                "at": "".join("/" + part for part in operation.result.at),
                "type": name,
            }
            rows = list(maker.result(operation))
            files[f"results/{_file(operation.action)}.json"] = _print(head, rows)
            reached.add(name)
    for struct in _roots(spec, reached):
        head = {"role": "type", "type": struct.name}
        rows = [_row(one) for one in maker.judged(struct, None)]
        files[f"types/{_file(struct.name)}.json"] = _print(head, rows)
    files["frames.json"] = _print({"role": "frame"}, list(_frames(spec)))
    files["README.md"] = (Path(__file__).parent / "format.md").read_text(encoding="utf-8")
    return files


def _file(word: str) -> str:
    """Return the name of a file for a word: the word itself where every system takes it as one."""
    if _PLAIN.fullmatch(word):
        return word
    kept = _UNSAFE.sub("-", word).strip("-.")[:60]
    return f"{kept or 'message'}-{hashlib.sha256(word.encode()).hexdigest()[:8]}"


def _roots(spec: Spec, reached: set[str]) -> Iterator[Struct]:
    """Structs that no message leads to, each unless an earlier one leads to it."""
    types = {item.name: item for item in spec.types}
    seen = reach(types, reached)
    loose = [item for item in spec.structs if item.name not in seen]
    held = {name for item in loose for name in _led(types, item) if name != item.name}
    for item in sorted(loose, key=lambda item: item.name in held):
        if item.name not in seen:
            seen |= reach(types, [item.name])
            yield item


def _led(types: dict[str, TypeDef], item: TypeDef) -> set[str]:
    """Return the structs that a type leads to directly, or through unions alone."""
    found: set[str] = set()
    todo, met = neighbours(item), {item.name}
    while todo:
        name = todo.pop()
        if isinstance(types[name], Struct):
            found.add(name)
        elif name not in met:
            met.add(name)
            todo += neighbours(types[name])
    return found


def _row(one: Judged, *, written: bool = False) -> Json:
    """Return what the file says of a case; `encoded` only when it differs from the frame."""
    row: Json = {"id": one.case.id, "text": one.case.text, "strict": one.strict}
    if written:
        return {**row, "open": one.reader}
    row["outcome"] = "good" if one.reader else "broken"
    if one.fault is not None:
        row["problem"] = {"kind": one.fault.kind, "pointer": one.fault.pointer}
    elif one.encoded is not one.case.tree and not _equal(one.encoded, one.case.tree):
        row["encoded"] = one.encoded
    if one.flat is not None:
        row["flat"] = one.flat
    return row


def _equal(one: Json, two: Json) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Prints the cases of one specification, each with its verdicts."""

    spec: Spec
    sampler: Sampler
    judge: Judge

    def judged(self, struct: Struct, message: Message | None) -> Iterator[Judged]:
        """Yield every case of a struct, each id once."""
        seen: set[str] = set()
        for case in CaseMaker(self.sampler, struct, message).cases():
            if case.id not in seen:
                seen.add(case.id)
                yield self.judge.judge(case, struct, message)

    def message(self, message: Message) -> Iterator[Json]:
        """Yield the rows of an action or an event."""
        for one in self.judged(self.spec.struct(message.name), message):
            yield _row(one, written=message.role == "action")

    def result(self, operation: Operation) -> Iterator[Json]:
        """Yield the rows of a result, each in the event that carries it."""
        result = operation.result
        assert result is not None
        carrier = self.sampler.minimal(Ref(self.spec.event(result.event).name))
        frame = spelled(put(carrier, result.at, "@@result@@"))
        for one in self.judged(self.spec.struct(result.type.name), None):
            row = _row(one)
            row["text"] = frame.replace('"@@result@@"', one.case.text)
            if one.fault is not None:
                at = "".join("/" + part for part in result.at)
                row["problem"] = {"kind": one.fault.kind, "pointer": at + one.fault.pointer}
            elif "encoded" not in row:
                row["encoded"] = one.encoded
            yield row

    def unknown(self, message: Message) -> list[Json]:
        """Return the rows of words that look like an event's and are none."""
        tree = self.sampler.full(Ref(message.name))
        tag = self.spec.event_tag
        word = _unheard(self.spec, f"{message.wire}_next")
        plain = spelled({**tree, tag: word})
        said = f"{json.dumps(tag, ensure_ascii=False)} : {json.dumps(word, ensure_ascii=False)}"
        last = "v" if tag == "u" else "u"  # of two members of one name the last one counts
        odd = f'{{ "n": 12345678901234567890123, "e":1.50E+2, {said}, "{last}":"\\u0041\\/" }}'
        rows = [("type", plain, word), ("type-odd", odd, word)]
        cased = message.wire.upper()
        if all(cased != event.wire for event in self.spec.events):
            upper = json.dumps({**tree, tag: cased}, separators=(",", ":"))
            rows.append(("type-case", upper, cased))
        return [
            {"id": f"unknown={name}", "text": text, "outcome": "unknown", "wireType": wire}
            for name, text, wire in rows
        ]


def _frames(spec: Spec) -> Iterator[Json]:
    tag = json.dumps(spec.event_tag, ensure_ascii=False)
    first = json.dumps(spec.events[0].wire, ensure_ascii=False)
    new = _unheard(spec, "x-new")
    malformed = {
        "empty": "",
        "blank": " \n",
        "text": "hello",
        "cut": f"{{{tag}:{first}",
        "trailing": f"{{{tag}:{first}}} x",
        "trailing-comma": f"{{{tag}:{first},}}",
        "single-quotes": f"{{{_single(tag)}:{_single(first)}}}",
        "comment": f"{{{tag}:{first}/* c */}}",
        "nan": f'{{{tag}:{first},"x":NaN}}',
        "infinity": f'{{{tag}:{first},"x":-Infinity}}',
        "unknown-nan": f'{{{tag}:"{new}","x":NaN}}',
        "byte-order-mark": f"\ufeff{{{tag}:{first}}}",
        "control-character": f'{{{tag}:{first},"x":"a\nb"}}',
        "leading-zero": f'{{{tag}:{first},"x":01}}',
        "bare-point": f'{{{tag}:{first},"x":1.}}',
        "bad-escape": f'{{{tag}:{first},"x":"\\q"}}',
        "array": f"[{{{tag}:{first}}}]",
        "string": f"{first}",
        "number": "1",
        "null": "null",
        "no-type": "{}",
        "type-null": f"{{{tag}:null}}",
        "type-number": f"{{{tag}:1}}",
        "type-object": f'{{{tag}:{{"a":1}}}}',
        "type-array": f"{{{tag}:[{first}]}}",
        "type-nested": f'{{"data":{{{tag}:{first}}}}}',
    }
    for name, text in malformed.items():
        yield {"id": f"malformed={name}", "text": text, "outcome": "malformed"}
    unknown = {
        "plain": f'{{{tag}:"{new}"}}',
        "empty-type": f'{{{tag}:""}}' if _unheard(spec, "") == "" else "",
        "the-reserved-word": f'{{{tag}:"unknown"}}',
        "not-finite-text": f'{{{tag}:"{new}","x":"NaN Infinity"}}',
        "surrogates": f'{{{tag}:"{new}","x":"\\ud800 \\\\ud800"}}',
        "escaped-type": f'{{"{_spelled_out(spec.event_tag)}":"x-\\u006e{new[3:]}"}}',
        "space": f' \t\r\n{{ {tag} :\n"{new}" }}\n',
    }
    for name, text in unknown.items():
        if text:
            wire = json.loads(text)[spec.event_tag]
            yield {"id": f"unknown={name}", "text": text, "outcome": "unknown", "wireType": wire}


def _unheard(spec: Spec, word: str) -> str:
    """Return a word that no event has, this one unless an event has it."""
    while any(word == event.wire for event in spec.events):
        word += "_next"
    return word


def _single(text: str) -> str:
    return "'" + text[1:-1] + "'"


def _spelled_out(word: str) -> str:
    """Return a member's name with its first character as an escape."""
    rest = json.dumps(word[1:], ensure_ascii=False)[1:-1]
    first = word[:1]
    return (json.dumps(first)[1:-1] if first > "\uffff" else f"\\u{ord(first):04x}") + rest


def _print(head: Json, rows: list[Json]) -> str:
    """Print a file with one vector a line, so that a change of one shows as one."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    opening = json.dumps(head, ensure_ascii=False)[:-1]
    return f'{opening}, "vectors": [\n' + ",\n".join(lines) + "\n]}\n"
