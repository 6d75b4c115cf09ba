"""wiregen: one AsyncAPI 3 document in, the wire layer of five languages out.

The stable Python interface is :mod:`wiregen.api`; its names are repeated here.
"""

from wiregen.api import (
    accessors,
    check,
    flat,
    load_spec,
    reader_bundle,
    reader_schema,
    repair,
    repair_type,
    strict_bundle,
    strict_schema,
)
from wiregen.errors import Diagnostic, SpecError
from wiregen.ir import Accessor, Spec

__version__ = "0.1.0"

__all__ = [
    "Accessor",
    "Diagnostic",
    "Spec",
    "SpecError",
    "accessors",
    "check",
    "flat",
    "load_spec",
    "reader_bundle",
    "reader_schema",
    "repair",
    "repair_type",
    "strict_bundle",
    "strict_schema",
]
