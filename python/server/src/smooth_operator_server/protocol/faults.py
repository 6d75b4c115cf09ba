"""What a schema has against a value, in one sentence that never repeats the value."""

from __future__ import annotations

import jsonschema_rs


def describe(fault: jsonschema_rs.ValidationError) -> str:
    """Say where (JSON Pointer) and why a value is not acceptable."""
    pointer = "".join(f"/{step}" for step in fault.instance_path)
    here = pointer or "the whole"
    match fault.kind.name, fault.kind.value:
        case "required", missing:
            return f"{pointer}/{missing} is required"
        case "additionalProperties", unexpected:
            return f"{pointer}/{unexpected[0]} is not known"
        case "type", types:
            wanted = " or ".join(types if isinstance(types, list) else [types])
            return f"{here} must be of type {wanted}"
        case "enum", words:
            return f"{here} must be one of {', '.join(map(str, words))}"
        case "anyOf" | "oneOf" as keyword, _:
            return f"{here} fits none of the allowed forms ({keyword})"
        case "propertyNames", _:
            return f"{here} has a name that propertyNames does not allow"
        case keyword, bound:
            return f"{here} breaks the bound {keyword} {bound}"
