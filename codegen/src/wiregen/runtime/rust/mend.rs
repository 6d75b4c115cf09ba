
//! The one repair pass over a frame that strict decoding refused, and the search for its fault.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::events::Problem;
use super::json::Key;

/// What a reader asks of one value. Words and bounds are the writer's promises and not asked.
pub(crate) enum Check {
    /// Anything.
    Any,
    /// Exactly this string.
    Word(&'static str),
    /// An object with these members, and others.
    Struct(&'static Shape),
    /// An array of such items; null where the flag says so.
    Array(&'static Check, bool),
    /// An object of such values; null where the flag says so.
    Map(&'static Check, bool),
    /// A value of one of these kinds.
    Kinds(&'static [Kind]),
    // only with unions {
    /// A value of one branch.
    Union(&'static UnionShape),
    // }
}
// only with unions {

/// How the branch of a union is told.
pub(crate) enum UnionKind {
    /// By the value of that kind at this member.
    #[allow(dead_code)]
    Tagged(&'static str, Kind),
    /// By the first key that is there.
    #[allow(dead_code)] // a specification need not use every kind
    Keyed,
    /// By the kind of JSON.
    #[allow(dead_code)]
    Typed,
}

/// The branches of a union by their marks.
pub(crate) struct UnionShape {
    pub(crate) kind: UnionKind,
    pub(crate) branches: &'static [(&'static str, Check)],
}

/// Why a value can be of no branch, and at which member.
type NoBranch = (&'static str, &'static str);

impl UnionShape {
    fn chosen(&self, text: &str) -> Result<Option<&'static (&'static str, Check)>, NoBranch> {
        match self.kind {
            UnionKind::Typed => {
                let kind = Kind::of(text);
                let fits = |mark: &str| mark == kind.word() || (mark == "number" && kind.is_whole());
                self.branches.iter().find(|(mark, _)| fits(mark)).map(Some).ok_or(("type", ""))
            }
            UnionKind::Keyed => {
                let members: Members<'_> = serde_json::from_str(text).map_err(|_| ("type", ""))?;
                let has = |mark: &str| members.0.iter().any(|(name, _)| name == mark);
                Ok(self.branches.iter().find(|(mark, _)| has(mark)))
            }
            UnionKind::Tagged(tag, kind) => {
                let members: Members<'_> = serde_json::from_str(text).map_err(|_| ("type", ""))?;
                let found = members.0.iter().find(|(name, _)| name == tag);
                let (_, raw) = found.ok_or(("missing", tag))?;
                let word = kind.word_of(raw.get()).ok_or(("type", tag))?;
                Ok(self.branches.iter().find(|(mark, _)| *mark == word))
            }
        }
    }

    /// The mark of the branch of a value; none for one that this version does not know.
    pub(crate) fn mark(&self, text: &str) -> Result<Option<&'static str>, NoBranch> {
        self.chosen(text).map(|found| found.map(|(mark, _)| *mark))
    }

    fn choose(&self, text: &str) -> Result<Option<&'static Check>, NoBranch> {
        self.chosen(text).map(|found| found.map(|(_, check)| check))
    }
}

impl Kind {
    /// The word of a tag of this kind: a string itself, else its JSON.
    fn word_of(self, text: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Integer if Self::of(text).is_whole() => Some(integer(text)),
            _ if Self::of(text) != self => None,
            Self::String => serde_json::from_str::<String>(text).ok().map(Cow::Owned),
            _ => Some(Cow::Borrowed(text)),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Number => "number",
            Self::Integer | Self::Large => "integer",
            Self::Boolean => "boolean",
            Self::Null => "null",
            Self::Huge => "huge",
        }
    }
}
// }


/// A kind of JSON value; an integer is a number without a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code)] // a specification need not use every kind
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Integer,
    /// An integer that 64 bits do not hold.
    Large,
    Boolean,
    Null,
    /// A number that no `f64` holds.
    Huge,
}

impl Kind {
    /// The kind of a text that is known to be one JSON value.
    pub(crate) fn of(text: &str) -> Self {
        match text.as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::String,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            _ => Self::of_number(text),
        }
    }

    fn of_number(text: &str) -> Self {
        let whole = integer(text);
        if !text.parse::<f64>().is_ok_and(f64::is_finite) {
            Self::Huge
        } else if whole.parse::<i64>().is_ok() {
            Self::Integer
        } else if is_integer(&whole) {
            Self::Large
        } else {
            Self::Number
        }
    }

    /// Whether a value of this kind is one of some kinds; an integer is a number, too.
    pub(crate) fn is_one_of(self, kinds: &[Self]) -> bool {
        kinds.contains(&self) || (self.is_whole() && kinds.contains(&Self::Number))
    }

    fn is_whole(self) -> bool {
        matches!(self, Self::Integer | Self::Large)
    }
}

/// One row of a repair table.
pub(crate) struct Member {
    pub(crate) wire: &'static str,
    pub(crate) required: bool,
    pub(crate) nullable: bool,
    pub(crate) check: Check,
}

/// The repair table of one struct, in the order in which faults are looked for.
pub(crate) struct Shape {
    pub(crate) members: &'static [Member],
}

/// The same fact at two places; `fill` copies the top one down, `needed` asks for one of them.
pub(crate) struct Mirror {
    pub(crate) nested: &'static [&'static str],
    pub(crate) top: &'static str,
    pub(crate) fill: bool,
    pub(crate) needed: bool,
}

/// An event: its table and its mirrors.
pub(crate) struct EventShape {
    pub(crate) shape: &'static Shape,
    pub(crate) mirrors: &'static [Mirror],
}

/// Repairs a text by its tables: null at optional members goes, whole numbers become integers
/// where integers are due, a missing nested mirror is filled from the top. Free-form values stay
/// byte for byte.
pub(crate) fn mend(text: &str, shape: &'static Shape, mirrors: &[Mirror]) -> Result<String, Problem> {
    let broken = |_| Problem { kind: "type", pointer: String::new() };
    let raw: &RawValue = serde_json::from_str(text).map_err(broken)?;
    let whole = Check::Struct(shape);
    let mut tree = Node::build(raw.get(), &whole);
    for mirror in mirrors.iter().filter(|mirror| mirror.fill) {
        tree.fill(mirror);
    }
    tree.check(&whole, &mut String::new())?;
    for mirror in mirrors.iter().filter(|mirror| mirror.needed) {
        if tree.at(mirror.nested).is_none() && tree.at(&[mirror.top]).is_none() {
            return Err(Problem { kind: "missing", pointer: format!("/{}", mirror.top) });
        }
    }
    let mut out = String::with_capacity(text.len());
    tree.write(&mut out);
    Ok(out)
}

/// The value of a string member of an object, the last one where there are several.
pub(crate) fn last_string(text: &str, wire: &str) -> Option<String> {
    member(text, wire).and_then(|raw| serde_json::from_str(raw).ok())
}

/// The text of a member of an object, the last one where there are several.
pub(crate) fn member<'a>(text: &'a str, wire: &str) -> Option<&'a str> {
    let members: Members<'_> = serde_json::from_str(text).ok()?;
    members.0.into_iter().find(|(name, _)| name == wire).map(|(_, raw)| raw.get())
}

/// Replaces the escapes of lone surrogates by U+FFFD; pairs and escaped backslashes stay.
pub(crate) fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    if !text.as_bytes().contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut out: Option<String> = None;
    let (mut at, mut copied) = (0, 0);
    let bytes = text.as_bytes();
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'\\')) {
        let start = at + found;
        at = start + 2;
        let Some(unit) = escaped_unit(text, start) else { continue };
        at = start + 6;
        if (0xD800..0xDC00).contains(&unit)
            && escaped_unit(text, at).is_some_and(|low| (0xDC00..0xE000).contains(&low))
        {
            at += 6;
        } else if (0xD800..0xE000).contains(&unit) {
            let out = out.get_or_insert_default();
            out.push_str(&text[copied..start]);
            out.push_str("\\ufffd");
            copied = at;
        }
    }
    match out {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(&text[copied..]);
            Cow::Owned(out)
        }
    }
}

/// The code unit of an escape that starts at `start`.
fn escaped_unit(text: &str, start: usize) -> Option<u16> {
    let digits = text.get(start..start + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

/// The members of an object in their order; the last of several with one name, at the first place.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut found: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some(Key(name)) = map.next_key::<Key<'de>>()? {
                    let value = map.next_value()?;
                    match found.iter_mut().find(|(other, _)| *other == name) {
                        Some(slot) => slot.1 = value,
                        None => found.push((name, value)),
                    }
                }
                Ok(Members(found))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// A value, opened as far as the tables look into it.
#[derive(Clone)]
enum Node<'a> {
    Leaf(Cow<'a, str>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    Array(Vec<Node<'a>>),
}

impl<'a> Node<'a> {
    fn build(text: &'a str, check: &Check) -> Self {
        match check {
            Check::Struct(shape) => Self::open(text, |name, raw| {
                match shape.members.iter().find(|row| row.wire == name) {
                    Some(row) if raw == "null" => {
                        (row.required || row.nullable).then_some(Self::Leaf(Cow::Borrowed(raw)))
                    }
                    Some(row) => Some(Self::build(raw, &row.check)),
                    None => Some(Self::Leaf(Cow::Borrowed(raw))),
                }
            }),
            Check::Map(values, _) => Self::open(text, |_, raw| Some(Self::build(raw, values))),
            Check::Array(items, _) => match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(found) => {
                    Self::Array(found.iter().map(|raw| Self::build(raw.get(), items)).collect())
                }
                Err(_) => Self::Leaf(Cow::Borrowed(text)),
            },
            // only with unions {
            Check::Union(union) => match union.choose(text) {
                Ok(Some(check)) => Self::build(text, check),
                _ => Self::Leaf(Cow::Borrowed(text)),
            },
            // }
Check::Kinds([Kind::Integer]) => Self::Leaf(integer(text)),
            Check::Any | Check::Word(_) | Check::Kinds(_) => Self::Leaf(Cow::Borrowed(text)),
        }
    }

    fn open(text: &'a str, build: impl Fn(&str, &'a str) -> Option<Self>) -> Self {
        match serde_json::from_str::<Members<'a>>(text) {
            Ok(members) => Self::Object(
                members
                    .0
                    .into_iter()
                    .filter_map(|(name, raw)| build(&name, raw.get()).map(|node| (name, node)))
                    .collect(),
            ),
            Err(_) => Self::Leaf(Cow::Borrowed(text)),
        }
    }

    fn at(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match self {
            Self::Object(members) => {
                members.iter().find(|(name, _)| name == first)?.1.at(rest)
            }
            Self::Leaf(_) | Self::Array(_) => None,
        }
    }

    fn at_mut(&mut self, path: &[&str]) -> Option<&mut Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match self {
            Self::Object(members) => {
                members.iter_mut().find(|(name, _)| name == first)?.1.at_mut(rest)
            }
            Self::Leaf(_) | Self::Array(_) => None,
        }
    }

    fn fill(&mut self, mirror: &Mirror) {
        let Some((last, way)) = mirror.nested.split_last() else { return };
        let Some(top) = self.at(&[mirror.top]).cloned() else { return };
        if self.at(mirror.nested).is_none()
            && let Some(Self::Object(members)) = self.at_mut(way)
        {
            members.push((Cow::Borrowed(last), top));
        }
    }

    fn check(&self, check: &Check, at: &mut String) -> Result<(), Problem> {
        let fits = match check {
            Check::Any => true,
            Check::Word(word) => match self {
                Self::Leaf(text) => serde_json::from_str::<String>(text).is_ok_and(|it| it == *word),
                Self::Object(_) | Self::Array(_) => false,
            },
            Check::Kinds(kinds) => self.kind().is_one_of(kinds),
            Check::Struct(shape) => return self.check_struct(shape, at),
            // only with unions {
            Check::Union(union) => {
                let mut text = String::new();
                self.write(&mut text);
                return match union.choose(&text) {
                    Ok(Some(check)) => self.check(check, at),
                    Ok(None) => Ok(()),
                    Err((kind, tag)) => {
                        if !tag.is_empty() {
                            push(at, tag);
                        }
                        Err(Problem { kind, pointer: at.clone() })
                    }
                };
            }
            // }
Check::Map(values, nullable) => match self {
                Self::Object(members) => {
                    return each(members.iter().map(|(name, node)| (name.as_ref().to_owned(), node)), values, *nullable, at);
                }
                Self::Leaf(_) | Self::Array(_) => false,
            },
            Check::Array(items, nullable) => match self {
                Self::Array(found) => {
                    let numbered = found.iter().enumerate().map(|(n, node)| (n.to_string(), node));
                    return each(numbered, items, *nullable, at);
                }
                Self::Leaf(_) | Self::Object(_) => false,
            },
        };
        if fits { Ok(()) } else { Err(Problem { kind: "type", pointer: at.clone() }) }
    }

    fn check_struct(&self, shape: &Shape, at: &mut String) -> Result<(), Problem> {
        let Self::Object(members) = self else {
            return Err(Problem { kind: "type", pointer: at.clone() });
        };
        for row in shape.members {
            let here = at.len();
            push(at, row.wire);
            match members.iter().find(|(name, _)| name == row.wire) {
                None if row.required => {
                    return Err(Problem { kind: "missing", pointer: at.clone() });
                }
                None => {}
                Some((_, node)) if row.nullable && node.kind() == Kind::Null => {}
                Some((_, node)) => node.check(&row.check, at)?,
            }
            at.truncate(here);
        }
        Ok(())
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Object(_) => Kind::Object,
            Self::Array(_) => Kind::Array,
            Self::Leaf(text) => Kind::of(text),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Leaf(text) => out.push_str(text),
            Self::Object(members) => {
                out.push('{');
                for (index, (name, node)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(&serde_json::to_string(name).unwrap_or_default());
                    out.push(':');
                    node.write(out);
                }
                out.push('}');
            }
            Self::Array(items) => {
                out.push('[');
                for (index, node) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    node.write(out);
                }
                out.push(']');
            }
        }
    }
}

fn each<'n, 'a: 'n>(
    nodes: impl Iterator<Item = (String, &'n Node<'a>)>,
    check: &Check,
    nullable: bool,
    at: &mut String,
) -> Result<(), Problem> {
    for (name, node) in nodes {
        if nullable && node.kind() == Kind::Null {
            continue;
        }
        let here = at.len();
        push(at, &name);
        node.check(check, at)?;
        at.truncate(here);
    }
    Ok(())
}

fn push(pointer: &mut String, name: &str) {
    pointer.push('/');
    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
}

fn is_integer(text: &str) -> bool {
    text != "-0" && !text.contains(['.', 'e', 'E'])
}

/// A whole number as an integer; everything else as it is.
fn integer(text: &str) -> Cow<'_, str> {
    let number = text.as_bytes().first().is_some_and(|c| c.is_ascii_digit() || *c == b'-');
    match text.parse::<f64>() {
        Ok(0.0) if number && !is_integer(text) => Cow::Borrowed("0").into_owned().into(),
        Ok(value) if number && !is_integer(text) && value.fract() == 0.0 && value.is_finite() => {
            Cow::Owned(format!("{value:.0}"))
        }
        _ => Cow::Borrowed(text),
    }
}
