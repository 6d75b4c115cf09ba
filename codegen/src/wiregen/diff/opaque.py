"""What the comparison must know of unions that cannot be told apart."""

from __future__ import annotations

from wiregen.ir import Spec


def one_of_alike(spec: Spec) -> bool:
    """Whether there is a `oneOf` whose branches cannot be told apart."""
    noted = [it for it in spec.diagnostics if it.rule == "opaque-union"]
    alike = (spec.read.get(f"{it.file}#{it.pointer}") for it in noted)
    return any(node and isinstance(node.value, dict) and "oneOf" in node.value for node in alike)
