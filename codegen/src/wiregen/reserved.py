"""Words that a name in the generated code must not be: of the language, and of what is printed.

What a language's templates name themselves is found by reading them, so that no list of it can be
out of date.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal

from wiregen.words import word_set

Lang = Literal["python", "typescript", "go", "csharp", "rust"]
TEMPLATES = Path(__file__).parent / "templates"
RUNTIME = Path(__file__).parent / "runtime"

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
TAKEN: dict[Lang, frozenset[str]] = {
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
        "Error Client Turn Conversation Options Event Action Opt Pong Problem ProblemKind "
        "DecodeError UnknownEvent UnknownBranch CallAction DecodeEvent EncodeAction EncodeEvent "
        "ErrMalformedFrame ErrorKind Facts Null ProblemKindMissing ProblemKindType QuestionKind "
        "Some TypeUnknown"
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

# Members that every C# object has: what a class of tables declares may not hide them.
OBJECT_MEMBERS = word_set(
    "Equals Finalize GetHashCode GetType MemberwiseClone ReferenceEquals ToString"
)
# Members that every C# record has already. No type is called so either: inside of a record the
# name is the member.
RECORD_MEMBERS = word_set(
    "Clone EqualityContract Equals Extra Finalize GetHashCode GetType Guarded MemberwiseClone "
    "PrintMembers ReadFrom ReferenceEquals ToJson ToString TypeLabel Unlisted Unset WriteMembers "
    "WriteTo"
)
# The same of records that are an action or an event.
MESSAGE_MEMBERS = word_set(
    "Action AnsweredBy Bound CorrelationId Flatten IsReceived Member Raw Received Type WriteFacts"
)

# Members that every generated enum has already.
VALUES: dict[Lang, frozenset[str]] = {
    "csharp": word_set(
        "Clone Deconstruct Equals GetHashCode GetType IsKnown MemberwiseClone PrintMembers "
        "ReferenceEquals ToString Value"
    ),
    "rust": frozenset({"Unknown"}),
}
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}", re.DOTALL)
_PARTS = re.compile(r'\{% include "([^"]+)" %\}\n')
_PRINTED = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_STRINGS = r'"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|`[^`]*`'
_QUOTED = re.compile(_STRINGS)
_QUOTED_ONCE = re.compile(_STRINGS + r"|'(?:\\.|[^'\\\n])*'")
_COMMENTS: dict[Lang, re.Pattern[str]] = {
    "python": re.compile(r"#.*"),
    **dict.fromkeys(("typescript", "go", "csharp", "rust"), re.compile(r"/\*[\s\S]*?\*/|//.*")),
}
# A name of its own: no part of one that is printed, no member of something else.
_NAME = re.compile(r"(?<![\w\0.])(?<!::)[A-Z]\w*(?![\w\0])")
# In C# members are named like types: only what stands where a type does.
_TYPE = re.compile(
    r"(?<![\w\0.])(?:(?:new|:|class|record|struct|enum|delegate) +([A-Z]\w*)(?![\w\0])"
    r"|([A-Z]\w*)(?=[.<>\[?]|\??(?:\[\])? +\w))"
)


_DECLARED = re.compile(r"\b(?:const|function|func|var|let|type|def|fn) ([a-z]\w*)(?![\w\0])")


def _sources(lang: Lang) -> list[Path]:
    """Return what is printed into a room of a language: templates, and runtime files."""
    folders = (TEMPLATES / lang, RUNTIME / lang)
    return sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir())


def _whole(path: Path) -> str:
    """Return the text of a source with the parts that a template is put together from."""
    text = path.read_text(encoding="utf-8")
    return _PARTS.sub(lambda found: _whole(path.with_name(found[1])), text)


@cache
def printed_names(lang: Lang, *files: str) -> frozenset[str]:
    """Return the names of types, constants and functions that a language's templates print.

    With ``files`` those of these templates alone.
    """
    found: set[str] = set()
    for path in _sources(lang):
        if files and path.name not in files:
            continue
        text = _PRINTED.sub("\0", _JINJA.sub("", _whole(path)))
        quoted = _QUOTED_ONCE if lang in ("python", "typescript") else _QUOTED
        text = quoted.sub("", _COMMENTS[lang].sub("", quoted.sub('""', text)))
        if lang == "csharp":
            found.update(name for pair in _TYPE.findall(text) for name in pair if name)
        else:
            found.update(_NAME.findall(text))
    return frozenset(found)


@cache
def printed_words(lang: Lang, *files: str) -> frozenset[str]:
    """Return the names in small letters that these templates of a language declare."""
    found: set[str] = set()
    for name in files:
        text = _PRINTED.sub("\0", _JINJA.sub("", _whole(TEMPLATES / lang / name)))
        found.update(_DECLARED.findall(text))
    return frozenset(found)


@cache
def reserved_types(lang: Lang) -> frozenset[str]:
    """Return the names that no type of a document may have."""
    members = RECORD_MEMBERS | MESSAGE_MEMBERS if lang == "csharp" else frozenset()
    return RESERVED_TYPES[lang] | printed_names(lang) | members
