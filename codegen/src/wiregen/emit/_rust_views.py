"""What the templates of the Rust wire room print: every name and type decided."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RustField:
    """One member of a struct, fully decided."""

    name: str
    wire: str
    type: str
    mode: str
    doc: tuple[str, ...]
    secret: bool
    kinds: str = ""


@dataclass(frozen=True, slots=True)
class Setter:
    """One parameter of a constructor, or one chained setter."""

    name: str
    param: str
    convert: str
    same: bool
    doc: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RustStruct:
    """A struct with its constructor; `open` structs keep members they do not know."""

    name: str
    doc: tuple[str, ...]
    fields: tuple[RustField, ...]
    required: tuple[Setter, ...]
    setters: tuple[Setter, ...]
    open: bool
    writes: bool
    secret: bool
    tag: str | None
    wire: str | None
    request_id: str
    id_name: str
    shape: str
    needed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RustAccessor:
    """One fact of an event: its method and how the method reads it."""

    name: str
    wire: str
    returns: str
    body: str
    fact: str
    doc: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RustStream:
    """An event whose frames differ in one text and in numbers: what they are, where they lie."""

    text: str
    numbers: tuple[str, ...]
    text_places: str
    number_places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RustEvent:
    """An event: a variant of the union and the struct behind it."""

    name: str
    wire: str
    doc: tuple[str, ...]
    shape: str
    accessors: tuple[RustAccessor, ...]
    request_id: str
    correlation: str
    terminal: bool
    secret: bool
    streams: RustStream | None = None


@dataclass(frozen=True, slots=True)
class RustUnion:
    """An enum over the branches of a union; an `open` one keeps what is of no branch."""

    name: str
    doc: tuple[str, ...]
    shape: str
    branches: tuple[tuple[str, str, str, str], ...]
    open: bool


@dataclass(frozen=True, slots=True)
class RustCall:
    """An action with one answer: the event that carries it and the way to its typed result."""

    action: str
    event: str
    output: str
    shape: str
    accessor: str
    at: str
    typed: bool


def viewed(base: str) -> tuple[str, str]:
    """Return the type that an accessor gives out and how it comes from a reference."""
    if base == "String":
        return "&str", "as_str"
    if base in ("i64", "f64", "bool"):
        return base, "copied"
    if base.startswith("Vec<"):
        return f"&[{base[4:-1]}]", "as_slice"
    return f"&{base}", ""


def direct(place: str, project: str) -> str:
    if project == "copied":
        return place
    return f"{place}.{project}()" if project else f"&{place}"


def project_option(project: str) -> str:
    """Return the projection of an optional reference."""
    if project == "copied":
        return ".copied()"
    owner = {"as_str": "String::as_str", "as_slice": "Vec::as_slice"}.get(project)
    return f".map({owner})" if owner else ""


def fallback(project: str) -> str:
    """A required fact was seen by the decoder at one of its places; say so where it is not."""
    if project in ("as_str", "copied", "as_slice"):
        return "unwrap_or_default()"
    return 'expect("the decoder saw it")'
