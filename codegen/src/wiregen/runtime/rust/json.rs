
//! Raw JSON, three-state members, and how structs are read and written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::mend::Kind;

/// Any JSON value, kept byte for byte as it was received.
#[derive(Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The text of the value.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Parses the value into a type of your own.
    ///
    /// # Errors
    /// The value does not have the shape of `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.get())
    }

    /// The value as a tree; `Null` when a number in it is beyond what a tree can hold.
    pub fn to_value(&self) -> serde_json::Value {
        self.parse().unwrap_or_default()
    }

    /// Keeps anything that can be written as JSON.
    ///
    /// # Errors
    /// The value cannot be written as JSON.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        serde_json::value::to_raw_value(value).map(Self)
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        let text = RawValue::from_string(value.to_string());
        Self(text.unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }
}

impl From<JsonObject> for Json {
    fn from(object: JsonObject) -> Self {
        object.0
    }
}

/// A JSON object, kept byte for byte as it was received.
#[derive(Clone)]
pub struct JsonObject(Json);

impl JsonObject {
    /// Keeps anything that is written as a JSON object.
    ///
    /// # Errors
    /// The value cannot be written as JSON, or is no object.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        Self::checked(Json::from_serialize(value)?)
    }

    /// The members as a tree.
    pub fn to_map(&self) -> serde_json::Map<String, serde_json::Value> {
        self.parse().unwrap_or_default()
    }

    fn checked<E: de::Error>(json: Json) -> Result<Self, E> {
        if json.get().starts_with('{') { Ok(Self(json)) } else { Err(E::custom("not an object")) }
    }
}

impl Deref for JsonObject {
    type Target = Json;

    fn deref(&self) -> &Json {
        &self.0
    }
}

impl Default for JsonObject {
    fn default() -> Self {
        Self(Json::from(serde_json::Value::Object(serde_json::Map::new())))
    }
}

impl From<serde_json::Map<String, serde_json::Value>> for JsonObject {
    fn from(map: serde_json::Map<String, serde_json::Value>) -> Self {
        Self(Json::from(serde_json::Value::Object(map)))
    }
}

#[allow(unused_macros)] // a specification need not have such members
macro_rules! raw_json {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.get())
            }
        }

        impl PartialEq for $name {
            /// Equal as trees: the order of members and the spelling of numbers do not count.
            fn eq(&self, other: &Self) -> bool {
                self.get() == other.get() || self.to_value() == other.to_value()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.raw().serialize(serializer)
            }
        }
    };
}

raw_json!(Json);
raw_json!(JsonObject);

impl Json {
    fn raw(&self) -> &RawValue {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::checked(Json::deserialize(deserializer)?)
    }
}

/// A member that may be absent, null, or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Field<T> {
    /// The member is not there.
    #[default]
    Absent,
    /// The member is there and null.
    Null,
    /// The member has a value.
    Value(T),
}

impl<T> Field<T> {
    /// Whether the member is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value by reference.
    pub fn as_ref(&self) -> Field<&T> {
        match self {
            Self::Absent => Field::Absent,
            Self::Null => Field::Null,
            Self::Value(value) => Field::Value(value),
        }
    }

    /// The value; none when the member is absent or null.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }
}

impl<T> From<Option<T>> for Field<T> {
    /// A member that is there: null, or a value.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }
}

/// A value that holds raw JSON, which may be asked for its kind.
pub(crate) trait Kinded {
    /// Whether all raw JSON in it is of one of some kinds; null where it may be is left out.
    fn is_of(&self, kinds: &[Kind]) -> bool;
}

impl Kinded for Json {
    fn is_of(&self, kinds: &[Kind]) -> bool {
        Kind::of(self.get()).is_one_of(kinds)
    }
}

impl<T: Kinded> Kinded for Option<T> {
    fn is_of(&self, kinds: &[Kind]) -> bool {
        self.as_ref().is_none_or(|it| it.is_of(kinds))
    }
}

impl<T: Kinded> Kinded for Field<T> {
    fn is_of(&self, kinds: &[Kind]) -> bool {
        self.as_ref().value().is_none_or(|it| it.is_of(kinds))
    }
}

impl<T: Kinded> Kinded for Vec<T> {
    fn is_of(&self, kinds: &[Kind]) -> bool {
        self.iter().all(|it| it.is_of(kinds))
    }
}

impl<T: Kinded> Kinded for BTreeMap<String, T> {
    fn is_of(&self, kinds: &[Kind]) -> bool {
        self.values().all(|it| it.is_of(kinds))
    }
}

/// Refuses raw JSON of other kinds than these.
#[allow(dead_code)] // a specification need not have such members
pub(crate) fn of_kinds<T: Kinded, E: de::Error>(value: &T, kinds: &[Kind]) -> Result<(), E> {
    if value.is_of(kinds) { Ok(()) } else { Err(E::custom("another kind of JSON")) }
}

/// Members that the specification does not know, as received.
pub type Extra = BTreeMap<String, Json>;

/// A decoded frame: the typed body, the text as received, and the text after the repair pass
/// where that was needed. Cheap to clone.
pub(crate) struct Received<T>(Arc<Kept<T>>);

pub(crate) struct Kept<T> {
    pub(crate) body: T,
    pub(crate) raw: Box<str>,
    pub(crate) mended: Option<Box<str>>,
}

impl<T> Received<T> {
    pub(crate) fn new(body: T, raw: &str, mended: Option<Box<str>>) -> Self {
        Self(Arc::new(Kept { body, raw: raw.into(), mended }))
    }

    pub(crate) fn encoded(&self) -> &str {
        self.0.mended.as_deref().unwrap_or(&self.0.raw)
    }
}

impl<T> Clone for Received<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Received<T> {
    type Target = Kept<T>;

    fn deref(&self) -> &Kept<T> {
        &self.0
    }
}

/// Collects the facts of an event under the wire's words.
#[derive(Default)]
pub(crate) struct Facts(BTreeMap<&'static str, Json>);

impl Facts {
    pub(crate) fn value<T: Serialize>(&mut self, word: &'static str, value: T) {
        if let Ok(json) = Json::from_serialize(&value) {
            self.0.insert(word, json);
        }
    }

    pub(crate) fn option<T: Serialize>(&mut self, word: &'static str, value: Option<T>) {
        if let Some(value) = value {
            self.value(word, value);
        }
    }

    pub(crate) fn field<T: Serialize>(&mut self, word: &'static str, value: Field<T>) {
        match value {
            Field::Absent => {}
            Field::Null => self.value(word, ()),
            Field::Value(value) => self.value(word, value),
        }
    }

    pub(crate) fn finish(self) -> JsonObject {
        JsonObject::from_serialize(&self.0).unwrap_or_default()
    }
}

/// A member's name, borrowed where the text has no escapes.
pub(crate) struct Key<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// An integer of 64 bits; a whole number written with a fraction is left to the repair pass.
pub(crate) struct Int(pub(crate) i64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntVisitor;
        impl Visitor<'_> for IntVisitor {
            type Value = Int;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer")
            }

            fn visit_i64<E>(self, value: i64) -> Result<Int, E> {
                Ok(Int(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Int, E> {
                i64::try_from(value).map(Int).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(IntVisitor)
    }
}

/// Refuses the word of another event: of several members of one name the last one counts.
#[allow(dead_code)] // where events are read only
pub(crate) fn same_word<E: de::Error>(found: &Key<'_>, word: &str) -> Result<(), E> {
    if found.0 == word { Ok(()) } else { Err(E::custom("the word of another event")) }
}

/// Reads a struct from an object: null counts only where the mode says so, the last of several
/// members of one name wins, and members that are not listed go to `extra` where there is one.
macro_rules! read_object {
    ($name:ident $(keeping $extra:ident)? $(tagged $tag:literal = $word:literal)? {
        $($wire:literal => $field:ident: $mode:ident $(of $kinds:expr)?),* $(,)?
    }) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ObjectVisitor;
                impl<'de> serde::de::Visitor<'de> for ObjectVisitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object, ", stringify!($name)))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<$name, A::Error> {
                        $(let mut $field = None;)*
                        $(let mut $extra = $crate::wire::json::Extra::new();)?
                        while let Some(key) = map.next_key::<$crate::wire::json::Key<'de>>()? {
                            match key.0.as_ref() {
                                $($wire => $field = Some($crate::wire::json::read_member!($mode, map)),)*
                                $($tag => $crate::wire::json::same_word(&map.next_value()?, $word)?,)?
                                _ => $crate::wire::json::read_rest!(map, key $(, $extra)?),
                            }
                        }
                        let made = $name {
                            $($field: $crate::wire::json::end_member!($mode, $field, $wire),)*
                            $($extra,)?
                        };
                        $($($crate::wire::json::of_kinds(&made.$field, $kinds)?;)?)*
                        Ok(made)
                    }
                }
                deserializer.deserialize_map(ObjectVisitor)
            }
        }
    };
}

#[allow(unused_macros)] // a specification need not have such members
macro_rules! read_member {
    (required, $map:ident) => { $map.next_value()? };
    (optional, $map:ident) => { $map.next_value()? };
    (required_int, $map:ident) => { $map.next_value::<$crate::wire::json::Int>()?.0 };
    (optional_int, $map:ident) => { $map.next_value::<$crate::wire::json::Int>()?.0 };
    (tristate, $map:ident) => { $crate::wire::json::Field::from($map.next_value::<Option<_>>()?) };
    (tristate_int, $map:ident) => {
        $crate::wire::json::Field::from(
            $map.next_value::<Option<$crate::wire::json::Int>>()?.map(|it| it.0),
        )
    };
}

#[allow(unused_macros)] // a specification need not have such members
macro_rules! end_member {
    (required, $field:ident, $wire:literal) => {
        $field.ok_or_else(|| serde::de::Error::missing_field($wire))?
    };
    (required_int, $field:ident, $wire:literal) => {
        $field.ok_or_else(|| serde::de::Error::missing_field($wire))?
    };
    (optional, $field:ident, $wire:literal) => { $field };
    (optional_int, $field:ident, $wire:literal) => { $field };
    (tristate, $field:ident, $wire:literal) => { $field.unwrap_or_default() };
    (tristate_int, $field:ident, $wire:literal) => { $field.unwrap_or_default() };
}

#[allow(unused_macros)] // a specification need not have such members
macro_rules! read_rest {
    ($map:ident, $key:ident) => {{
        $map.next_value::<serde::de::IgnoredAny>()?;
    }};
    ($map:ident, $key:ident, $extra:ident) => {{
        let value = $map.next_value()?;
        $extra.insert($key.0.into_owned(), value);
    }};
}

/// Writes a struct as an object in the order of the specification; what is absent is left out.
#[allow(unused_macros)] // a specification need not have such members
macro_rules! write_object {
    ($name:ident $(tagged $tag:literal = $word:literal)? $(keeping $extra:ident)? {
        $($wire:literal => $field:ident: $mode:ident $(of $kinds:expr)?),* $(,)?
    }) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                #[allow(unused_mut)] // an object may have no members
                let mut map = serializer.serialize_map(None)?;
                $(map.serialize_entry($tag, $word)?;)?
                $($crate::wire::json::write_member!($mode, map, $wire, &self.$field);)*
                $(for (name, value) in &self.$extra {
                    map.serialize_entry(name, value)?;
                })?
                map.end()
            }
        }
    };
}

#[allow(unused_macros)] // a specification need not have such members
macro_rules! write_member {
    (required, $map:ident, $wire:literal, $value:expr) => {
        $map.serialize_entry($wire, $value)?
    };
    (required_int, $map:ident, $wire:literal, $value:expr) => {
        $map.serialize_entry($wire, $value)?
    };
    (optional, $map:ident, $wire:literal, $value:expr) => {
        if let Some(value) = $value {
            $map.serialize_entry($wire, value)?;
        }
    };
    (optional_int, $map:ident, $wire:literal, $value:expr) => {
        $crate::wire::json::write_member!(optional, $map, $wire, $value)
    };
    (tristate, $map:ident, $wire:literal, $value:expr) => {
        match $value {
            $crate::wire::json::Field::Absent => {}
            $crate::wire::json::Field::Null => $map.serialize_entry($wire, &())?,
            $crate::wire::json::Field::Value(value) => $map.serialize_entry($wire, value)?,
        }
    };
    (tristate_int, $map:ident, $wire:literal, $value:expr) => {
        $crate::wire::json::write_member!(tristate, $map, $wire, $value)
    };
}

#[allow(unused_imports)]
pub(crate) use {
    end_member, read_member, read_object, read_rest, write_member, write_object,
};
