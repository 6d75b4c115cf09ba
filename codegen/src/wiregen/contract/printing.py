"""The files that the tables fill, by language."""

from __future__ import annotations

from wiregen.config import Target
from wiregen.contract import print_csharp, print_go, print_python, print_rust, print_typescript
from wiregen.ir import Spec
from wiregen.naming import pascal


def contract_files(spec: Spec, target: Target) -> dict[str, str]:
    """Return the files of a language's wire room that come from the tables alone."""
    match target.lang:
        case "python":
            return print_python.files(spec.contract)
        case "go":
            return print_go.files(spec.contract, target.options.get("package", "wire"))
        case "csharp":
            return print_csharp.files(
                spec.contract, target.options.get("namespace", pascal(spec.title))
            )
        case "rust":
            return print_rust.files(spec.contract)
        case "typescript":
            return print_typescript.files(spec.contract)
    return {}
