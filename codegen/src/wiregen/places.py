"""Where a schema stands that an `allOf` put together, so that what is said of it can be found."""

from __future__ import annotations

from wiregen.errors import Diagnostic, join_pointer, pointer_path
from wiregen.load import Node, Store, walk


class Places:
    """The places of the objects of all files, by the objects themselves."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, Node] = {}
        self._files: set[str] = set()

    def of(self, node: Node) -> Node:
        """Return the place in a file that a schema was written at.

        One that several schemas were folded into stands where they are folded; a member of several
        at the first of them.
        """
        there = self._store.find(node.file, node.pointer)
        if there is not None and (there.value is node.value or not isinstance(node.value, dict)):
            return node
        known = self._at(node.value)
        if known is None and there is None:
            inner = node.value.values() if isinstance(node.value, dict) else ()
            lists = [
                it for found in inner for it in (found if isinstance(found, list) else [found])
            ]
            known = next(filter(None, map(self._at, lists)), None)
        return known or (node if there is not None else self._around(node))

    def _at(self, value: object) -> Node | None:
        """Return where an object stands in a file; None when it stands in none."""
        if not isinstance(value, dict):
            return None
        for name in self._store.names():
            if name not in self._files:
                self._files.add(name)
                for pointer, found, _ in walk(self._store.document(name).value):
                    if isinstance(found, dict):
                        self._known.setdefault(id(found), Node(name, pointer, found))
        found = self._known.get(id(value))
        return found if found is not None and found.value is value else None

    def _around(self, node: Node) -> Node:
        """Return the nearest place around one that is none."""
        path = pointer_path(node.pointer)
        for count in range(len(path) - 1, 0, -1):
            there = self._store.find(node.file, join_pointer("", *path[:count]))
            if there is not None:
                return there
        return Node(node.file, "", None)


class Notes:
    """What was found that types cannot say, each once, by a place that is in a file."""

    def __init__(self, store: Store) -> None:
        self._places = Places(store)
        self.found: list[Diagnostic] = []
        self.folded: list[Diagnostic] = []
        """The same, by the places of the schemas as they were folded together."""

    def add(self, node: Node, rule: str, message: str, below: str = "") -> None:
        """Record what a rule says of a schema, or of its member ``below``."""
        self.folded.append(Diagnostic(node.file, node.pointer, rule, message, "info"))
        place = self._places.of(node)
        pointer = join_pointer(place.pointer, *([below] if below else []))
        found = Diagnostic(place.file, pointer, rule, message, "info")
        if found not in self.found:
            self.found.append(found)
