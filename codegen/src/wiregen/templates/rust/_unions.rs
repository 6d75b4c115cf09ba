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
