"""The `discriminator` of a union: the member that names a branch, and the words that mean each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wiregen.errors import SpecError, pointer_path
from wiregen.load import Node, Store

Json = Any


def discriminator(
    store: Store,
    node: Node,
    branches: list[Node],
    followed: Callable[[Node], Node],
    merged: Callable[[Node], Json],
) -> tuple[str, tuple[tuple[str, ...], ...]] | None:
    """Return the member that `discriminator` names, and the words of every branch.

    It stands at the union, or as a plain name in the schema that all branches share.
    """
    found = node.value.get("discriminator")
    if found is None:
        values = [merged(followed(item)) for item in branches]
        told = {value["discriminator"] for value in values if _named_at(value)}
        found = told.pop() if len(told) == 1 and all(map(_named_at, values)) else None
    member = found.get("propertyName") if isinstance(found, dict) else found
    if not isinstance(member, str):
        return None
    return member, mapped_words(store, node, found, branches, followed)


def mapped_words(
    store: Store,
    node: Node,
    said: Json,
    branches: list[Node],
    followed: Callable[[Node], Node],
) -> tuple[tuple[str, ...], ...]:
    """Return the words of every branch, by the `mapping` of a `discriminator` or by its name."""
    mapping = said.get("mapping") if isinstance(said, dict) else None
    pairs = mapping.items() if isinstance(mapping, dict) else ()
    words: list[tuple[str, ...]] = []
    for item in branches:
        target = followed(item).uri
        own = [
            word for word, ref in pairs if isinstance(ref, str) and _means(store, node, ref, target)
        ]
        words.append(tuple(own) or (_last_name(item),))
    return tuple(words)


def _means(store: Store, node: Node, ref: str, target: str) -> bool:
    """Whether a word of a `mapping` stands for a schema: by its place or by its name."""
    if "/" not in ref and "#" not in ref and "." not in ref:
        return target.rsplit("/", maxsplit=1)[-1] == ref
    try:
        return store.resolve(node, store.absolute(node, ref)).uri == target
    except SpecError:
        return False


def _named_at(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get("discriminator"), str)


def _last_name(branch: Node) -> str:
    """Return the name of the schema that a branch refers to; its title where it stands inline."""
    ref = branch.value.get("$ref", "") if isinstance(branch.value, dict) else ""
    if isinstance(ref, str) and "/" in ref:
        return pointer_path("/" + ref.rsplit("/", maxsplit=1)[-1])[-1]
    return str(branch.value.get("title", "")) if isinstance(branch.value, dict) else ""
