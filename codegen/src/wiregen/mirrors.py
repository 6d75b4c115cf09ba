"""Facts of an event: which places mirror each other, and the flat accessors over them."""

from __future__ import annotations

from dataclasses import dataclass

from wiregen.errors import join_pointer, pointer_path, refuse
from wiregen.ir import Accessor, Field, Mirror, Path, Ref, Struct, TypeDef
from wiregen.load import Node


@dataclass(frozen=True, slots=True)
class Facts:
    """What `x-mirrors` and `x-payload` of one event amount to."""

    mirrors: tuple[Mirror, ...]
    payloads: tuple[Path, ...]
    accessors: tuple[Accessor, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """A member inside an event; `sure` when it is required, and no object around it may miss."""

    field: Field
    sure: bool


class FactReader:
    """Reads the facts of one event struct; every fault names the schema file."""

    def __init__(
        self,
        node: Node,
        struct: Struct,
        types: dict[str, TypeDef],
        correlation: tuple[Path, ...],
    ) -> None:
        self.node = node
        self.struct = struct
        self.types = types
        self.correlation = correlation

    def read(self) -> Facts:
        """Return mirrors, payload containers and accessors; refuse clashes and dangling places."""
        raw = self.node.value.get("x-mirrors", {})
        if not isinstance(raw, dict):
            raise self._fault("/x-mirrors", "must be an object {nested pointer: top pointer}")
        mirrors = tuple(
            self._mirror(nested, str(top), join_pointer("/x-mirrors", nested))
            for nested, top in raw.items()
        )
        listed = self.node.value.get("x-payload", [])
        if not isinstance(listed, list):
            raise self._fault("/x-payload", "must be a list of pointers")
        payloads = tuple(pointer_path(str(item)) for item in listed)
        for path in payloads:
            if self._struct_at(path) is None:
                raise self._fault("/x-payload", f"{'/'.join(path)!r} is no object with members")
        return Facts(mirrors, payloads, self._accessors(mirrors, payloads))

    def _fault(self, pointer: str, message: str) -> Exception:
        return refuse(self.node.file, self.node.pointer + pointer, "accessor-place", message)

    def _member(self, path: Path) -> _Place | None:
        struct: Struct | None = self.struct
        place: _Place | None = None
        sure = True
        for segment in path:
            field = struct.field(segment) if struct else None
            if field is None:
                return None
            place = _Place(field, sure and field.required)
            sure = place.sure and field.read_required and not field.nullable
            found = self.types.get(field.type.name) if isinstance(field.type, Ref) else None
            struct = found if isinstance(found, Struct) else None
        return place

    def _struct_at(self, path: Path) -> Struct | None:
        place = self._member(path)
        if place is None or not isinstance(place.field.type, Ref):
            return None
        found = self.types.get(place.field.type.name)
        return found if isinstance(found, Struct) else None

    def _mirror(self, nested: str, top: str, pointer: str) -> Mirror:
        here, there = pointer_path(nested), pointer_path(top)
        inner, outer = self._member(here), self._member(there)
        if inner is None or outer is None or len(here) < 2 or len(there) != 1:
            message = f"{nested!r} and {top!r} must be a nested and a top-level member of the event"
            raise self._fault(pointer, message)
        if inner.field.type != outer.field.type or inner.field.nullable != outer.field.nullable:
            raise self._fault(pointer, f"{nested!r} and {top!r} have different types")
        return Mirror(
            nested=here,
            top=there,
            fill=inner.field.required,
            needed=inner.sure or outer.sure,
            guard=outer.sure and not inner.sure,
        )

    def _accessors(
        self, mirrors: tuple[Mirror, ...], payloads: tuple[Path, ...]
    ) -> tuple[Accessor, ...]:
        tops = {mirror.top: mirror for mirror in mirrors}
        nested = {mirror.nested for mirror in mirrors}
        containers = {path[:1] for path in payloads} | {path[:1] for path in nested}
        found: list[Accessor] = []
        for field in self.struct.fields:
            path: Path = (field.wire,)
            if path in tops:
                found.append(self._mirrored(tops[path]))
            elif path not in containers:
                found.append(self._plain(path, (path,)))
        for container in payloads:
            members = self._struct_at(container)
            assert members is not None
            for field in members.fields:
                path = (*container, field.wire)
                if path not in nested and path not in payloads and not self._leads(path, payloads):
                    found.append(self._plain(path, self._places(path, mirrors)))
        self._refuse_clashes(found, {path[0] for path in containers})
        return tuple(found)

    def _leads(self, path: Path, payloads: tuple[Path, ...]) -> bool:
        """Whether a member is only the way to a payload container."""
        return any(other[: len(path)] == path for other in payloads)

    def _mirrored(self, mirror: Mirror) -> Accessor:
        place = self._member(mirror.nested)
        assert place is not None
        places: tuple[Path, ...] = (mirror.nested, mirror.top)
        if set(places) <= set(self.correlation):  # the id that is shown is the one that routes
            places = tuple(item for item in self.correlation if item in places)
        return Accessor(
            name=mirror.nested[-1],
            type=place.field.type,
            optional=not mirror.needed,
            nullable=place.field.nullable,
            places=places,
            doc=place.field.doc,
        )

    def _places(self, path: Path, mirrors: tuple[Mirror, ...]) -> tuple[Path, ...]:
        """Return the place itself and its twin when an object around it is mirrored."""
        for mirror in mirrors:
            if path[: len(mirror.nested)] == mirror.nested:
                return (path, mirror.top + path[len(mirror.nested) :])
        return (path,)

    def _plain(self, path: Path, places: tuple[Path, ...]) -> Accessor:
        place = self._member(path)
        assert place is not None
        return Accessor(
            name=path[-1],
            type=place.field.type,
            optional=not (place.sure and place.field.read_required),
            nullable=place.field.nullable,
            places=places,
            doc=place.field.doc,
        )

    def _refuse_clashes(self, found: list[Accessor], containers: set[str]) -> None:
        seen: dict[str, Accessor] = {}
        for item in found:
            if item.name in containers:
                message = f"the fact {item.name!r} is called like a container of the event"
                raise refuse(self.node.file, self.node.pointer, "accessor-clash", message)
            other = seen.setdefault(item.name, item)
            if other is not item:
                places = " and ".join("/" + "/".join(one.places[0]) for one in (other, item))
                message = f"two facts would be called {item.name!r}: {places}"
                raise refuse(self.node.file, self.node.pointer, "accessor-clash", message)
