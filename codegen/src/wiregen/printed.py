"""What is printed of a specification: what messages and results lead to, what `x-emit` names."""

from __future__ import annotations

from dataclasses import replace

from wiregen.graph import reach
from wiregen.ir import Spec


def printed(spec: Spec) -> Spec:
    """Return the specification without the types that no code, vector or table is made for.

    These are components that no action, event or result leads to; `x-emit` at a component keeps
    it, with all that it holds. Pages, `diff` and `lint` look at all types.
    """
    roots = [item.name for item in (*spec.events, *spec.actions)]
    roots += [item.result.type.name for item in spec.operations if item.result]
    kept = reach({item.name: item for item in spec.types}, [*roots, *spec.asked])
    if len(kept) == len(spec.types):
        return spec
    types = tuple(item for item in spec.types if item.name in kept)
    return replace(
        spec,
        types=types,
        shapes=tuple(item for item in spec.shapes if item.name in kept),
        union_shapes=tuple(item for item in spec.union_shapes if item.name in kept),
        _by_name={item.name: item for item in types},
    )
