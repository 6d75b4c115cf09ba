"""The files that the tables fill, by language."""

from __future__ import annotations

from wiregen.config import Target
from wiregen.emit import (
    _contract_csharp,
    _contract_go,
    _contract_python,
    _contract_rust,
    _contract_typescript,
)
from wiregen.ir import Spec
from wiregen.naming import pascal


def contract_files(spec: Spec, target: Target) -> dict[str, str]:
    """Return the files of a language's wire room that come from the tables alone."""
    match target.lang:
        case "python":
            return _contract_python.files(spec.contract)
        case "go":
            return _contract_go.files(spec.contract, target.options.get("package", "wire"))
        case "csharp":
            return _contract_csharp.files(
                spec.contract, target.options.get("namespace", pascal(spec.title))
            )
        case "rust":
            wires = tuple(event.wire for event in spec.events)
            tight = target.options.get("dead_code") == "deny"
            return _contract_rust.files(spec.contract, wires, tight)
        case "typescript":
            return _contract_typescript.files(spec.contract)
    return {}
