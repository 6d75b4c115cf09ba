"""The one name table: wire words to identifiers of five languages. Collisions are refused."""

from __future__ import annotations

import re
from typing import Literal

from wiregen.ir import Role
from wiregen.words import word_set

Lang = Literal["python", "typescript", "go", "csharp", "rust"]
LANGS: tuple[Lang, ...] = ("python", "typescript", "go", "csharp", "rust")

# Words that Go writes in capitals.
GO_INITIALISMS = word_set(
    "acl api ascii cpu css dns eof guid html http https id ip json llm otp qps ram rpc sla smtp "
    "sms sql ssh tcp tls ttl udp ui uid uuid uri url utf8 vm xml"
)

_PYTHON = word_set(
    "False None True and as assert async await break class continue def del elif else except "
    "finally for from global if import in is lambda nonlocal not or pass raise return try while "
    "with yield"
)
_TYPESCRIPT = word_set(
    "await break case catch class const continue debugger default delete do else enum export "
    "extends false finally for function if implements import in instanceof interface let new null "
    "package private protected public return static super switch this throw true try typeof var "
    "void while with yield"
)
_GO = word_set(
    "break case chan const continue default defer else fallthrough for func go goto if import "
    "interface map package range return select struct switch type var"
)
_CSHARP = word_set(
    "abstract as base bool break byte case catch char checked class const continue decimal default "
    "delegate do double else enum event explicit extern false finally fixed float for foreach goto "
    "if implicit in int interface internal is lock long namespace new null object operator out "
    "override params private protected public readonly ref return sbyte sealed short sizeof "
    "stackalloc static string struct switch this throw true try typeof uint ulong unchecked unsafe "
    "ushort using virtual void volatile while"
)
_RUST = word_set(
    "abstract as async await become box break const continue crate do dyn else enum extern false "
    "final fn for gen if impl in let loop macro match mod move mut override priv pub ref return "
    "self Self static struct super trait true try type typeof unsafe unsized use virtual where "
    "while yield"
)
RESERVED: dict[Lang, frozenset[str]] = {
    "python": _PYTHON,
    "typescript": _TYPESCRIPT,
    "go": _GO,
    "csharp": _CSHARP,
    "rust": _RUST,
}

# Members that every generated type has already, in the casing of the language.
_TAKEN: dict[Lang, frozenset[str]] = {
    "go": word_set("ActionName EventType GoString MarshalJSON RawJSON String UnmarshalJSON"),
    "rust": word_set("clone extra facts from_json new raw to_json"),
}

# Type names that mean something else in the language or in the hand-written rooms beside it.
RESERVED_TYPES: dict[Lang, frozenset[str]] = {
    "python": word_set(
        "AbstractSet Action ActionInfo ActionModel Annotated Answer Any BaseModel CallInfo "
        "CallModel Callable Check ClassVar Code ConfigDict CoreSchema DecodeError Discriminator "
        "Effect EffectName Enum Event EventInfo EventModel Exception Fact False Field Generic "
        "GetCoreSchemaHandler Guard JsonObject Kind KnownEvent Literal LocalEvent LookupError "
        "MISSING Machine MalformedFrame Mirror Model NoReturn None OpenStrEnum Problem "
        "RecursionError Reply Row SchemaValidator Self Set State StrEnum Tag Transition True "
        "TypeAdapter TypeAliasType TypeError TypeVar UnknownEvent ValidationError ValueError "
        "WireModel"
    ),
    "typescript": word_set(
        "Error Event Object Array Record Promise Map Json JsonObject Problem Readonly Omit Shapes "
        "Actions Results ActionName CallName EventType TurnRole ActionParams Answer Boolean Branch "
        "CallOf Check ClientAction CodeInfo Date DecodeError Effect EffectName ErrorKind EventBase "
        "Frame FrameWord Function Guard JSON KnownEvent Listed LocalWord Loose Machine "
        "MachineEvent MalformedFrame MirrorRow Number Partial Pick ReadonlyMap ReplyOf Required "
        "ResultPlace Row ServerEvent Set ShapeRow Step String Symbol Terminal Tree TypeError "
        "UnionRow UnionValue UnknownEvent UnknownView Verb View"
    ),
    "go": word_set(
        "Error Client Turn Conversation Options Event Action Opt Problem ProblemKind DecodeError "
        "UnknownEvent UnknownBranch CallAction DecodeEvent EncodeAction EncodeEvent "
        "ErrMalformedFrame ErrorKind Facts Null ProblemMissing ProblemType Some TypeUnknown"
    ),
    "csharp": word_set(
        "Object String Exception Type Action Event Check Shape Shapes ShapeField Mirror Json "
        "JsonKinds Repair Faults Decoder Surrogates Numbers Operation Operations Optional Machine "
        "Machines Transition Answer Effect Verb UnionShape Unions List Dictionary Math Enum "
        "ActionTable ArgumentException ArgumentOutOfRangeException Array ArrayBufferWriter "
        "CallAction ClientAction Convert CultureInfo DecodedFrame Delegate EffectKind Encoding "
        "ErrorCode ErrorCodes ErrorFacts ErrorKind ErrorKinds ErrorTable ErrorTerminal Events "
        "EventKind EventTable ExceptionTable FormatException FrameProblem FrozenDictionary "
        "IEnumerable IReadOnlyDictionary IReadOnlyList InvalidOperationException "
        "JavaScriptEncoder JsonDocument JsonDocumentOptions JsonElement JsonException JsonMarshal "
        "JsonReaderOptions JsonTokenType JsonValueKind JsonWriterOptions JsonWriting "
        "KeyNotFoundException MachineEvent MachineGuards MachineWords Memory Nullable "
        "PlainEncoder ReadOnlyDictionary ReadOnlyMemory ReadOnlySpan Record Rune ServerEvent Span "
        "SpecHash SpecVersion StringComparer StringComparison StringBuilder System Task "
        "UnionKind UnionShapes UnknownBranch UnknownEvent Utf8JsonReader Utf8JsonWriter ValueType "
        "WireCodec WireFault WireObject"
    ),
    "rust": word_set(
        "Option Result Vec Box String Self Json JsonObject Field Extra Facts Received BTreeMap "
        "Absent Action Answer Any Arc Borrowed Call Check Clone Copy Cow Debug DecodeError Default "
        "Deref Deserialize DeserializeOwned Deserializer Display Effect Eq Err ErrorKind Event "
        "EventShape EventType Fn FnMut FnOnce Formatter From Hash IgnoredAny Into IntoIterator "
        "Iterator Kind Kinds Leaf Machine Map MapAccess Mirror None Ok Ord Output Owned "
        "PartialEq PartialOrd Peek Problem RawValue Row Send Serialize SerializeMap Serializer "
        "Shape Sized Some Sync ToString UnionShape Unknown UnknownEvent Unread Value Verb Visitor "
        "Word"
    ),
}

# Members that every generated enum has already.
_VALUES: dict[Lang, frozenset[str]] = {
    "csharp": word_set(
        "Clone Equals GetHashCode GetType IsKnown MemberwiseClone PrintMembers ReferenceEquals "
        "ToString Value"
    ),
    "rust": frozenset({"Unknown"}),
}
_SIGNS = {
    "*": "star",
    "+": "plus",
    "-": "minus",
    "<": "less",
    ">": "greater",
    "=": "equal",
    "/": "slash",
    "|": "pipe",
    "&": "and",
    "!": "bang",
    "?": "question",
    "%": "percent",
    ".": "dot",
    ",": "comma",
    ":": "colon",
    ";": "semicolon",
    "#": "hash",
    "@": "at",
    "$": "dollar",
    "^": "caret",
    "~": "tilde",
    "_": "underscore",
    " ": "space",
}

# Ends the name of an action whose word is an event's as well.
TWIN = ".action"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SUFFIX = {"event": "Event", "action": "Action", "result": "", "type": ""}


def words(name: str) -> tuple[str, ...]:
    """Split any casing into lower-case words: ``requestId`` -> ``("request", "id")``.

    Digits join the word before them, so that ``utf8`` stays one word.
    """
    found: list[str] = []
    for part in _WORD.finditer(name):
        text = part.group().lower()
        if text.isdigit() and found and part.start() > 0 and name[part.start() - 1].isalnum():
            found[-1] += text
        else:
            found.append(text)
    return tuple(found)


def pascal(name: str) -> str:
    """``stream_token`` -> ``StreamToken``."""
    return "".join(word[:1].upper() + word[1:] for word in words(name))


def camel(name: str) -> str:
    """``stream_token`` -> ``streamToken``."""
    text = pascal(name)
    return text[:1].lower() + text[1:]


def snake(name: str) -> str:
    """``requestId`` -> ``request_id``."""
    return "_".join(words(name))


def upper(name: str) -> str:
    """``requestId`` -> ``REQUEST_ID``."""
    return snake(name).upper()


def kebab(name: str) -> str:
    """``requestId`` -> ``request-id``."""
    return "-".join(words(name))


def go_exported(name: str) -> str:
    """``requestId`` -> ``RequestID``: Go's casing with its initialisms."""
    return "".join(
        word.upper() if word in GO_INITIALISMS else word[:1].upper() + word[1:]
        for word in words(name)
    )


def _valid(text: str, fallback: str) -> str:
    if not text:
        return fallback
    return f"{fallback}{text}" if text[0].isdigit() else text


def type_name(lang: Lang, name: str, role: Role) -> str:
    """Name of a type: ``StreamToken`` of role event -> ``StreamTokenEvent`` (Go: ``StreamToken``).

    Go and Rust tell roles apart by package or module and take no suffix, unless the bare name is
    taken in the language.
    """
    twin = name.endswith(TWIN)
    name = name.removesuffix(TWIN)
    if lang == "go":
        base = _valid(go_exported(name), "X")
        taken = twin or base in RESERVED_TYPES[lang]
        return base + (_SUFFIX[role] or "Type") if taken else base
    base = _valid(pascal(name), "X")
    if lang != "rust" and not (role == "event" and base.endswith("Event")):
        base += _SUFFIX[role]
    return base + "Type" if base in RESERVED_TYPES[lang] else base


def member_name(lang: Lang, wire: str) -> str:
    """Name of a field, property or parameter: ``requestId``, ``from`` -> ``request_id``, ``from_``.

    TypeScript keeps the wire's word as it is; it quotes what is no identifier.
    """
    if lang == "typescript":
        return wire
    if lang == "go":
        text = _valid(go_exported(wire), "X")
        return f"{text}_" if text in _TAKEN[lang] else text
    if lang == "csharp":
        return _valid(pascal(wire), "X")
    text = _valid(snake(wire), "x_")
    return f"{text}_" if text in RESERVED[lang] | _TAKEN.get(lang, frozenset()) else text


def enum_member(lang: Lang, enum: str, value: str) -> str:
    """Name of one enum value; TypeScript has none and gives the value itself."""
    if lang == "typescript":
        return value
    value = _spelled(value)
    if lang == "python":
        text = _valid(upper(value), "V_")
        taken = text.lower() in _PYTHON or text in ("UNKNOWN", "MRO", "IS_KNOWN")
        return f"{text}_" if taken else text
    if lang == "go":
        return type_name("go", enum, "type") + _valid(go_exported(value), "X")
    text = _valid(pascal(value), "V")
    return f"{text}_" if text in RESERVED[lang] | _VALUES.get(lang, frozenset()) else text


def _spelled(value: str) -> str:
    """Spell out the signs of a value that holds nothing else, or that begins with plus or minus."""
    if words(value):
        return {"+": "plus ", "-": "minus "}.get(value[0], "") + value
    named = (_SIGNS.get(sign, f"u{ord(sign):04x}") for sign in value)
    return " ".join(named) or "empty"


def collisions(_lang: str, names: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Group sources (key) that share an identifier (value): identifier -> sources, two or more."""
    groups: dict[str, list[str]] = {}
    for source, identifier in names.items():
        groups.setdefault(identifier, []).append(source)
    return {key: tuple(group) for key, group in groups.items() if len(group) > 1}
