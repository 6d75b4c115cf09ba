"""Where the secrets of a specification (`x-secret`) lie, as places that a log strikes out."""

from __future__ import annotations

from wiregen.graph import reach, referenced
from wiregen.ir import Array, Map, Message, Path, Spec, Struct


def secret_places(spec: Spec, message: Message) -> tuple[Path, ...]:
    """Return the places of secrets in a message; of a list, a map or a union of them the whole.

    A mirrored fact is secret at both of its places. An event counts what the results of the calls
    hold that it may carry.
    """
    found = list(places_below(spec, message.name))
    for item in spec.operations:
        if item.result is not None and item.result.event == message.wire and item.result.at:
            below = places_below(spec, item.result.type.name)
            found += [(*item.result.at, *place) for place in below]
    for mirror in message.mirrors:
        for here, there in ((mirror.nested, mirror.top), (mirror.top, mirror.nested)):
            known = [place for place in found if place[: len(here)] == here]
            found += [(*there, *place[len(here) :]) for place in known]
    return tuple(dict.fromkeys(found))


def secret_table(spec: Spec, messages: tuple[Message, ...]) -> dict[str, tuple[Path, ...]]:
    """Return wire name -> places of the messages that have secrets."""
    found = {item.wire: secret_places(spec, item) for item in messages}
    return {wire: places for wire, places in found.items() if places}


def holds_secret(spec: Spec, name: str) -> bool:
    """Whether a type, or one that it leads to, has a secret."""
    types = {item.name: item for item in spec.types}
    inside = (types[inner] for inner in reach(types, [name]))
    return any(field.secret for item in inside if isinstance(item, Struct) for field in item.fields)


def places_below(spec: Spec, struct: str, above: frozenset[str] = frozenset()) -> tuple[Path, ...]:
    """Return the places below a struct; what lies in itself again is secret as a whole."""
    found: list[Path] = []
    above |= {struct}
    for field in spec.struct(struct).fields:
        name = referenced(field.type)
        if not field.secret and (name is None or not holds_secret(spec, name)):
            continue
        below: tuple[Path, ...] = ((),)
        if not field.secret and name is not None and not isinstance(field.type, Array | Map):
            target = spec.type(name)
            if isinstance(target, Struct) and name not in above:
                below = places_below(spec, name, above)
        found += [(field.wire, *place) for place in below]
    return tuple(found)
