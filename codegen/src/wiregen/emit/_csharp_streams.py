"""View models of the C# table of streamed events: what differs from frame to frame of one turn."""

from __future__ import annotations

from dataclasses import dataclass

from wiregen.emit._csharp_structs import StructView
from wiregen.emit._csharp_types import quoted
from wiregen.ir import Const, Message, Path, Ref, Scalar, Spec, Struct

_STREAMS = "streams"


@dataclass(frozen=True, slots=True)
class StreamView:
    """An event of which a turn has many: its changing places, and the record made anew."""

    record: str
    places: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Leaf:
    path: Path
    part: str
    """`Id`, `Text`, `Number`; the empty word for a place that never changes."""


def stream_views(spec: Spec, views: dict[str, StructView]) -> tuple[StreamView, ...]:
    """Return the streamed events that hold one text, their id and numbers, and nothing else."""
    found = []
    for event in spec.events:
        if event.turn != _STREAMS:
            continue
        leaves = _leaves(spec, spec.struct(event.name), event, ())
        if leaves is None or _texts(event, leaves) != 1:
            continue
        numbers = [leaf.path for leaf in leaves if leaf.part == "Number"]
        found.append(
            StreamView(
                record=views[event.name].name,
                places=tuple(_place(leaf, numbers) for leaf in leaves if leaf.part),
                members=_members(spec, views, event.name, "model", (), leaves, numbers),
            )
        )
    return tuple(found)


def _leaves(spec: Spec, struct: Struct, event: Message, at: Path) -> list[_Leaf] | None:
    """Return the places of the scalars of a struct; None when it holds anything else."""
    if struct.recursive:
        return None
    found: list[_Leaf] = []
    for field in struct.fields:
        path = (*at, field.wire)
        if not at and field.wire == event.tag:
            continue
        if isinstance(field.type, Const):
            found.append(_Leaf(path, ""))
        elif isinstance(field.type, Scalar) and field.type.kind in ("string", "integer"):
            text = "Id" if path in spec.correlation else "Text"
            found.append(_Leaf(path, text if field.type.kind == "string" else "Number"))
        elif isinstance(field.type, Ref) and isinstance(spec.type(field.type.name), Struct):
            inner = _leaves(spec, spec.struct(field.type.name), event, path)
            if inner is None:
                return None
            found += inner
        else:
            return None
    return found


def _texts(event: Message, leaves: list[_Leaf]) -> int:
    """Return how many different texts there are; the copies of a mirror are one."""
    tops = {mirror.nested: mirror.top for mirror in event.mirrors}
    return len({tops.get(leaf.path, leaf.path) for leaf in leaves if leaf.part == "Text"})


def _place(leaf: _Leaf, numbers: list[Path]) -> str:
    path = ", ".join(quoted(segment) for segment in leaf.path)
    index = numbers.index(leaf.path) if leaf.part == "Number" else 0
    return f"new([{path}], FramePart.{leaf.part}, {index})"


def _members(
    spec: Spec,
    views: dict[str, StructView],
    name: str,
    source: str,
    at: Path,
    leaves: list[_Leaf],
    numbers: list[Path],
) -> tuple[str, ...]:
    """Return the members of a `with` expression that makes a struct anew from its model."""
    by_path = {leaf.path: leaf for leaf in leaves}
    made = []
    for member in views[name].members:
        path = (*at, member.wire)
        place = f"{source}.{member.name}"
        field = spec.struct(name).field(member.wire)
        assert field is not None
        if isinstance(field.type, Ref):
            inner = _members(spec, views, field.type.name, place, path, leaves, numbers)
            value = f"{place} with {{ {', '.join(inner)} }}"
        else:
            leaf = by_path.get(path)
            if leaf is None or not leaf.part:
                continue
            index = numbers.index(path) if leaf.part == "Number" else 0
            value = {"Id": "facts.Id", "Text": "facts.Text"}.get(
                leaf.part, f"facts.Numbers[{index}]"
            )
        made.append(
            f"{member.name} = {value}"
            if member.due
            else f"{member.name} = {place} is null ? null : {value}"
        )
    return tuple(made)
